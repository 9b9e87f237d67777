//! What is asked of routes, and what they answer.

use crate::dialect::Family;
use crate::packet::Packet;
use crate::value::iface::Iface;

/// What the kernel looks at when it looks for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Address family.
    pub family: Family,
    /// Source address, as a number.
    pub source: u128,
    /// Destination address, as a number.
    pub destination: u128,
    /// Packet mark.
    pub mark: u32,
    /// The interface that the packet came through; `None` for one that this machine sends.
    pub from: Option<Iface>,
    /// Of a packet that this machine sends: whether its source address is settled, as it is once the packet is made.
    /// A socket that is not bound to an address is routed without one first.
    pub is_made: bool,
}

impl Query {
    /// For a packet as it is told.
    pub fn of(packet: &Packet) -> Query {
        let view = packet.view();
        Query {
            family: packet.family(),
            source: view.source(),
            destination: view.destination(),
            mark: packet.mark,
            from: packet.in_iface,
            is_made: false,
        }
    }
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// To this machine.
    Local,
    /// Out through an interface.
    Out {
        /// The interface.
        iface: Iface,
        /// The router that is next, if there is one.
        gateway: Option<u128>,
    },
    /// Nowhere.
    Refused(Refusal),
}

/// Why a packet goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No route: the sender is told.
    NoRoute,
    /// `unreachable`: the sender is told.
    Unreachable,
    /// `prohibit`: the sender is told.
    Prohibit,
    /// `blackhole`: dropped in silence.
    Blackhole,
    /// The machine does not forward: dropped in silence.
    NotForwarding,
    /// An address that may not come from outside, or the reverse path filter: dropped in silence.
    Martian,
}

impl Refusal {
    /// In one line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refusal::NoRoute => "there is no route to its destination",
            Refusal::Unreachable => "its route is `unreachable`",
            Refusal::Prohibit => "its route is `prohibit`",
            Refusal::Blackhole => "its route is `blackhole`",
            Refusal::NotForwarding => "the machine does not forward",
            Refusal::Martian => "its source address may not come that way",
        }
    }

    /// Type and code of the ICMP error that tells the sender; `None` if nobody does.
    pub const fn answer(self, family: Family) -> Option<(u8, u8)> {
        Some(match (self, family) {
            (Refusal::NoRoute, Family::V4) => (3, 0),
            (Refusal::Unreachable, Family::V4) => (3, 1),
            (Refusal::Prohibit, Family::V4) => (3, 13),
            (Refusal::NoRoute | Refusal::Unreachable, Family::V6) => (1, 0),
            (Refusal::Prohibit, Family::V6) => (1, 1),
            (Refusal::Blackhole | Refusal::NotForwarding | Refusal::Martian, _) => return None,
        })
    }
}
