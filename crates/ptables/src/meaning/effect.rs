//! What targets do.

use super::{Field, Need};
use crate::source::Text;
use crate::value::set_dirs::SetDirs;

/// What a target does with a packet.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// The packet passes this table.
    Accept,
    /// The packet is dropped in silence.
    Drop,
    /// The packet is dropped and its sender told.
    Reject(Answer),
    /// Back to the calling chain, or to the policy.
    Return,
    /// The next rule, after a side effect that no packet shows: a log line, a list entry.
    Continue(&'static str),
    /// The next rule, after the packet was put into sets or taken out of them.
    Sets(Vec<SetChange>),
    /// The next rule, after a field was rewritten: its bits in `clear` become 0, then those in `flip` are toggled.
    Write {
        /// Which field.
        field: Field,
        /// Bits set to 0 first.
        clear: u128,
        /// Bits toggled then.
        flip: u128,
    },
    /// The next rule, after a field was made from another: `to` becomes `(to & !clear) ^ shifted(from & take) ^ flip`.
    /// Nothing happens where one of them is absent.
    Copy {
        /// Where bits come from.
        from: Field,
        /// Which bits of it.
        take: u128,
        /// Places that they are shifted to the left; to the right if negative. Bits above the field are lost.
        shift: i8,
        /// Where they go.
        to: Field,
        /// Its bits set to 0 first.
        clear: u128,
        /// Bits toggled besides.
        flip: u128,
    },
    /// The next rule, after a number was added to a field of eight bits; it stops at 0 and 255.
    Add {
        /// Which field.
        field: Field,
        /// How much.
        amount: i16,
    },
    /// The next rule, after the mark got a number that follows from a hash. It stays where what is hashed is not there.
    Hash(Box<HashMark>),
    /// The next rule, after a field got a value that the rule does not tell, such as a hash.
    Overwrite(Field),
    /// The next rule, after something else of the packet was changed, which no condition looks at; the text says what.
    Rewrite(&'static str),
    /// Several, one after the other; only such that go on to the next rule.
    Sequence(Vec<Effect>),
    /// The next rule, after the maximum segment size of TCP was lowered to this, and added to a header without one. A packet
    /// with a broken TCP header is dropped. `None`: to what the path takes.
    Mss(Option<u16>),
    /// The next rule, after these options of TCP were overwritten by padding. A packet with a broken TCP header is dropped.
    StripOptions(Vec<u8>),
    /// The next rule, after a prefix of the address was replaced and the address adjusted so that checksums stay (RFC 6296).
    /// A packet whose address cannot be adjusted is dropped, and its sender told (ICMPv6, a wrong header field) but in OUTPUT.
    Prefix {
        /// Whether the source is rewritten, or the destination.
        source: bool,
        /// Old prefix and its mask.
        from: (u128, u128),
        /// New prefix and its mask.
        to: (u128, u128),
    },
    /// With a transparent socket of this machine that waits for the packet, the packet is marked and passes the table; else
    /// it is dropped.
    Intercept {
        /// Bits of the mark set to 0 first.
        clear: u32,
        /// Bits toggled then.
        flip: u32,
    },
    /// The network of an address is replaced and its host part kept; the table ends. The destination in PREROUTING and
    /// OUTPUT, the source elsewhere.
    Netmap {
        /// The new network.
        network: u128,
        /// Its mask.
        mask: u128,
    },
    /// What becomes of the packet depends on something that no packet carries.
    Needs(Need),
    /// The connection's addresses are rewritten; the table ends.
    Nat(Nat),
    /// How connection tracking treats the packet; the next rule follows.
    Track {
        /// The packet is not tracked.
        untracked: bool,
        /// Its connection is looked up in a zone other than the default one.
        zone: bool,
    },
}

/// What `HMARK` hashes, and the number that it makes of it: `hash * modulus / 2^32 + offset`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashMark {
    /// Bits of the source address that are hashed.
    pub source: u128,
    /// Bits of the destination address that are hashed.
    pub destination: u128,
    /// Bits of the ports that are hashed, the source port in the upper half; or those of an SPI.
    pub ports: u32,
    /// Bits that are set in the ports before.
    pub set: u32,
    /// Bits of the protocol that are hashed.
    pub proto: u32,
    /// Where the hash begins.
    pub random: u32,
    /// How many numbers there are.
    pub modulus: u32,
    /// The first of them.
    pub offset: u32,
    /// Addresses and ports are those of the connection: its first source, and the source of its replies.
    pub conntrack: bool,
}

impl HashMark {
    /// A hash of nothing.
    pub fn new(modulus: u32, random: u32) -> HashMark {
        HashMark { modulus, random, ..HashMark::default() }
    }
}

/// What a rejected sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// An ICMP (or ICMPv6) error of this type and code.
    Icmp(u8, u8),
    /// A TCP reset.
    TcpReset,
}

/// A packet is put into a set, or taken out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetChange {
    /// Name of the set.
    pub name: Text,
    /// Which side of the packet each part of an entry is made of.
    pub dirs: SetDirs,
    /// It is put in, else taken out.
    pub add: bool,
    /// An entry that is there is made anew.
    pub exist: bool,
    /// Seconds until a new entry goes; `None`: as the set says.
    pub timeout: Option<u32>,
}

/// How addresses are rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Nat {
    /// Whether the source is rewritten, or the destination.
    pub source: bool,
    /// First and last new address; `None` keeps it.
    pub addresses: Option<(u128, u128)>,
    /// First and last new port; `None` keeps it where possible.
    pub ports: Option<(u16, u16)>,
    /// The old port that becomes the first new one, the next the second; `None` where any new port may be taken.
    pub base: Option<u16>,
    /// The new address is that of an interface: the outgoing one (MASQUERADE) or the incoming one (REDIRECT).
    pub of_interface: bool,
}

impl Nat {
    /// A rewriting of the source, or of the destination, that changes nothing yet.
    pub const fn new(source: bool) -> Nat {
        Nat { source, addresses: None, ports: None, base: None, of_interface: false }
    }
}
