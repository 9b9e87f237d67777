//! Layer 2. What a match tests and what a target does, stated once: [`Pred`] and [`Effect`].
//!
//! A match that depends on one packet and its connection alone lowers to tests on [`Field`]s. What depends on more
//! (earlier packets, time, sets, the machine) stands as [`Pred::Needs`] with the reason, so that nobody takes it for
//! true or false. The simulator interprets these, the analyser compiles them to sets of packets.

use crate::source::Text;
use crate::value::addr::Net;
use crate::value::iface::Iface;
use crate::value::is::Compare;
use crate::value::mark::Mark;

/// A field of a packet, of its connection, or of the socket that sent it. Values are numbers of at most 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Field {
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Protocol after extension headers.
    Proto,
    /// 1 for a second or later fragment (of a datagram cut in pieces), else 0.
    LaterFragment,
    /// Source port; absent without a whole transport header.
    SourcePort,
    /// Destination port; absent without a whole transport header.
    DestinationPort,
    /// The low six TCP flags.
    TcpFlags,
    /// The MSS option of a TCP header; absent without it.
    TcpMss,
    /// Security parameter index of an AH or ESP header; absent without one.
    Spi,
    /// Bytes of the packet, from its IP header on.
    Length,
    /// TTL of IPv4, hop limit of IPv6.
    HopLimit,
    /// TOS byte of IPv4, traffic class of IPv6.
    Tos,
    /// To whom the link layer sent the packet: 0 this machine, 1 all, 2 a group, 3 another machine.
    PacketType,
    /// ICMP or ICMPv6 type.
    IcmpType,
    /// ICMP or ICMPv6 code.
    IcmpCode,
    /// Packet mark.
    Mark,
    /// Connection mark.
    ConnMark,
    /// Connection states as bits of [`CtState`](crate::value::ct_state::CtState).
    CtState,
    /// Protocol of the connection.
    CtProto,
    /// Status bits: expected 1, seen reply 2, assured 4, confirmed 8.
    CtStatus,
    /// Seconds until the connection entry ends.
    CtExpire,
    /// 0 for the direction of the first packet, 1 for replies.
    CtDirection,
    /// Source of the first packet, before any translation.
    CtOrigSource,
    /// Destination of the first packet, before any translation.
    CtOrigDestination,
    /// Source of replies.
    CtReplySource,
    /// Destination of replies.
    CtReplyDestination,
    /// Source port of the first packet; here and below: the identifier or type and code of ICMP, 0 where the protocol has
    /// none.
    CtOrigSourcePort,
    /// Destination port of the first packet.
    CtOrigDestinationPort,
    /// Source port of replies.
    CtReplySourcePort,
    /// Destination port of replies.
    CtReplyDestinationPort,
    /// Source Ethernet address.
    MacSource,
    /// User of the sending socket.
    Uid,
    /// Group of the sending socket.
    Gid,
    /// 1 if a socket of this machine sends it.
    HasSocket,
    /// Kinds of the source address as bits of `addrtype`; in IPv6 a local one is unicast too.
    SourceType,
    /// Kinds of the destination address, as above.
    DestinationType,
    /// Time to live (IPv4) or hop limit (IPv6).
    Ttl,
}

/// A condition on a packet.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Pred {
    /// Always.
    True,
    /// Never.
    False,
    /// The field is present and lies in `low..=high`.
    Range(Field, u128, u128),
    /// The field is present and equals `value` in the bits of `mask`.
    Bits(Field, u128, u128),
    /// The field is present and shares a bit with this mask.
    AnyBit(Field, u128),
    /// The packet entered through such an interface.
    InIface(Iface),
    /// The packet leaves through such an interface.
    OutIface(Iface),
    /// The TCP header holds this option.
    TcpOption(u8),
    /// The inner condition does not hold.
    Not(Box<Pred>),
    /// All hold.
    All(Vec<Pred>),
    /// One holds.
    Any(Vec<Pred>),
    /// Depends on something that no packet carries.
    Needs(Need),
}

/// What else a condition depends on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Need {
    /// How many packets came before: `limit`, `hashlimit`.
    Rate,
    /// A list that other rules fill: `recent`.
    List(Text),
    /// The content of a set, looked up by directions (`src`, `dst`).
    Set(Text, Text),
    /// The payload: `string`.
    Payload,
    /// Something else; the text says what.
    Other(&'static str),
}

impl Pred {
    /// The field equals a value.
    pub fn is(field: Field, value: u128) -> Pred {
        Pred::Range(field, value, value)
    }

    /// The field is an address of a network.
    pub fn net(field: Field, net: &Net) -> Pred {
        match net {
            Net::Any => Pred::True,
            _ => {
                let (address, mask) = net.bits();
                Pred::Bits(field, mask, address)
            }
        }
    }

    /// The field compares so with a number.
    pub fn compare(field: Field, comparison: Compare<u64>) -> Pred {
        match comparison {
            Compare::Equal(it) => Pred::is(field, u128::from(it.value)).inverted(it.inverted),
            Compare::Less(0) => Pred::False,
            Compare::Less(number) => Pred::Range(field, 0, u128::from(number - 1)),
            Compare::Greater(number) => Pred::Range(field, u128::from(number) + 1, u128::MAX),
        }
    }

    /// The field equals a mark in the bits of its mask. A mark with bits outside of its mask equals nothing.
    pub fn mark(field: Field, mark: Mark) -> Pred {
        if mark.value & !mark.mask != 0 {
            return Pred::False;
        }
        Pred::Bits(field, u128::from(mark.mask), u128::from(mark.value))
    }

    /// The opposite, if `inverted`.
    #[must_use]
    pub fn inverted(self, inverted: bool) -> Pred {
        match (inverted, self) {
            (false, pred) => pred,
            (true, Pred::Not(inner)) => *inner,
            (true, Pred::True) => Pred::False,
            (true, Pred::False) => Pred::True,
            (true, pred) => Pred::Not(Box::new(pred)),
        }
    }

    /// All of these; conditions that always hold are left out.
    pub fn all(preds: impl IntoIterator<Item = Pred>) -> Pred {
        let mut preds: Vec<Pred> = preds.into_iter().filter(|pred| *pred != Pred::True).collect();
        match preds.len() {
            0 => Pred::True,
            1 => preds.pop().unwrap_or(Pred::True),
            _ => Pred::All(preds),
        }
    }

    /// Whether the answer follows from the packet and its connection alone.
    pub fn is_exact(&self) -> bool {
        match self {
            Pred::Needs(_) => false,
            Pred::Not(inner) => inner.is_exact(),
            Pred::All(preds) | Pred::Any(preds) => preds.iter().all(Pred::is_exact),
            _ => true,
        }
    }
}

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
    /// The next rule, after a field got a value that the rule does not tell, such as a hash.
    Overwrite(Field),
    /// The next rule, after something else of the packet was changed; the text says what.
    Rewrite(&'static str),
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

/// What a rejected sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// An ICMP (or ICMPv6) error of this type and code.
    Icmp(u8, u8),
    /// A TCP reset.
    TcpReset,
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
