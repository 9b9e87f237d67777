//! What connection tracking knows of a packet.

use crate::source::Text;
use crate::value::ct_state::CtState;

/// The connection of a packet, as the hooks see it when the packet comes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// New, established, related, invalid or untracked. With the last two, nothing else counts.
    pub state: CtState,
    /// Whether the packet goes in the direction of replies.
    pub reply: bool,
    /// The first packet as it came, before any translation.
    pub original: Tuple,
    /// What replies look like before they are translated back.
    pub reply_tuple: Tuple,
    /// Status bits of the kernel: expected 1, seen reply 2, assured 4, confirmed 8, source translated 16,
    /// destination translated 32, source NAT done 128, destination NAT done 256.
    pub status: u32,
    /// Connection mark.
    pub mark: u32,
    /// Seconds until the entry ends; `None` if nobody says.
    pub expires: Option<u32>,
    /// Packets and bytes that it had carried before this packet, in the direction of its first packet and in that of
    /// replies. `None` if nobody says; of a connection that begins with this packet it is nothing.
    pub counts: Option<[Count; 2]>,
    /// Connection labels, one bit each.
    pub labels: u128,
    /// Name of the helper, if there is one.
    pub helper: Option<Text>,
    /// Zone.
    pub zone: u16,
}

/// What a connection has carried in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Their bytes, from their IP headers on.
    pub bytes: u64,
}

/// The ends of a connection in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tuple {
    /// Source address; an IPv4 address in the low 32 bits.
    pub source: u128,
    /// Destination address.
    pub destination: u128,
    /// Source port; the identifier of an ICMP echo; 0 where the protocol has none.
    pub source_port: u16,
    /// Destination port; type and code (high and low byte) of ICMP; 0 where the protocol has none.
    pub destination_port: u16,
    /// Protocol.
    pub proto: u8,
}

impl Tuple {
    /// A tuple.
    pub const fn new(proto: u8, source: (u128, u16), destination: (u128, u16)) -> Tuple {
        Tuple {
            source: source.0,
            destination: destination.0,
            source_port: source.1,
            destination_port: destination.1,
            proto,
        }
    }

    /// The other direction. An ICMP echo request becomes its reply.
    #[must_use]
    pub fn reversed(self) -> Tuple {
        let mut tuple = Tuple::new(
            self.proto,
            (self.destination, self.destination_port),
            (self.source, self.source_port),
        );
        if let 1 | 58 = self.proto {
            let [kind, code] = self.destination_port.to_be_bytes();
            let kind = match (self.proto, kind) {
                (1, 8) => 0,
                (1, 0) => 8,
                (1, 13) => 14,
                (1, 14) => 13,
                (1, 15) => 16,
                (1, 16) => 15,
                (1, 17) => 18,
                (1, 18) => 17,
                (58, 128) => 129,
                (58, 129) => 128,
                (58, 139) => 140,
                (58, 140) => 139,
                (_, other) => other,
            };
            tuple.source_port = self.source_port;
            tuple.destination_port = u16::from_be_bytes([kind, code]);
        }
        tuple
    }
}

impl Connection {
    /// Status bit: another connection expected this one.
    pub const EXPECTED: u32 = 1;
    /// Status bit: a reply was seen.
    pub const SEEN_REPLY: u32 = 2;
    /// Status bit: it is kept when the table is full.
    pub const ASSURED: u32 = 4;
    /// Status bit: its first packet passed the machine.
    pub const CONFIRMED: u32 = 8;
    /// Status bit: the source is translated.
    pub const SOURCE_NAT: u32 = 16;
    /// Status bit: the destination is translated.
    pub const DESTINATION_NAT: u32 = 32;

    /// A connection in a state, whose first packet looked like this one; nothing is translated.
    pub fn new(state: CtState, original: Tuple) -> Connection {
        let status = match state {
            CtState::Established => Connection::SEEN_REPLY | Connection::ASSURED | Connection::CONFIRMED,
            CtState::Related => Connection::EXPECTED,
            _ => 0,
        };
        Connection {
            state,
            reply: false,
            original,
            reply_tuple: original.reversed(),
            status,
            mark: 0,
            expires: None,
            counts: None,
            labels: 0,
            helper: None,
            zone: 0,
        }
    }

    /// Whether there is an entry at all: not for invalid and untracked packets.
    pub fn is_tracked(&self) -> bool {
        !matches!(self.state, CtState::Invalid | CtState::Untracked)
    }
}
