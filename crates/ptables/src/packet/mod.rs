//! Layer 2. A packet on its way through the hooks: its bytes, and what the machine knows besides.
//!
//! The bytes are the truth: [`View`] finds headers in them as the kernel does, [`Layout`] is their fields for those who
//! make packets. `tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new` is how people write one ([`Packet::parse`]).

pub mod bytes;
pub mod checksum;
mod connection;
mod layout;
pub mod mend;
mod names;
mod parse;
mod print;
mod sctp;
mod view;
mod words;

pub use connection::{Connection, Count, Tuple};
pub use layout::{Layout, Tcp, Transport};
pub use view::{View, is_extension};

use std::fmt;

use crate::dialect::Family;
use crate::source::Text;
use crate::value::ct_state::CtState;
use crate::value::iface::Iface;
use crate::value::mac::Mac;
use bytes::{u8_at, u16_at};

/// A packet, and what the machine knows of it where it enters its first hook.
///
/// In `forward` the hop limit is the one that the packet came with: the kernel lowers it between PREROUTING and FORWARD.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Packet {
    family: Family,
    bytes: Vec<u8>,
    /// Which way through the machine it takes.
    pub path: Path,
    /// Interface that it came through; none in `output`.
    pub in_iface: Option<Iface>,
    /// Interface that it leaves through; none in `input`.
    pub out_iface: Option<Iface>,
    /// Ethernet source and destination; none on links without them, and in `output`.
    pub link: Option<Link>,
    /// To whom the link layer sent it.
    pub packet_type: PacketType,
    /// Packet mark.
    pub mark: u32,
    /// Who owns the socket that sends it; none for packets that come from elsewhere.
    pub owner: Option<Owner>,
    /// Its connection; `None` for what connection tracking makes of a packet that belongs to no entry: see
    /// [`Packet::connection`].
    pub entry: Option<Box<Connection>>,
    /// What else the machine knows; `None` in each where nobody says.
    pub facts: Facts,
    /// Whether routes say where it goes ([`Packet::parse_routed`]): then `path` tells only whether it comes through an interface
    /// or is sent by this machine.
    pub routed: bool,
    /// Names of sets, and whether rules that look the packet up there find it.
    pub sets: Vec<(Text, bool)>,
}

/// The way of a packet through the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// From an interface to a socket: PREROUTING, INPUT.
    Input,
    /// From an interface to another: PREROUTING, FORWARD, POSTROUTING.
    Forward,
    /// From a socket to an interface: OUTPUT, POSTROUTING.
    Output,
}

/// Ethernet addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Source.
    pub source: Mac,
    /// Destination.
    pub destination: Mac,
}

/// To whom the link layer sent a packet; the discriminant is the kernel's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// To this machine; packets that it sends itself are so too.
    #[default]
    Host = 0,
    /// To all.
    Broadcast = 1,
    /// To a group.
    Multicast = 2,
    /// To another machine.
    OtherHost = 3,
}

/// User and group of a sending socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What a machine knows of a packet beyond its bytes. A condition on something that is `None` is undecided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Kinds of the source address as bits of `addrtype`: unicast 2, local 4, broadcast 8, anycast 16, multicast 32,
    /// blackhole 64, unreachable 128, prohibit 256.
    pub source_type: Option<u16>,
    /// Kinds of the destination address.
    pub destination_type: Option<u16>,
    /// Whether the reverse path leads back through the interface.
    pub reverse_path: Option<bool>,
    /// The realm of its route.
    pub realm: Option<u32>,
    /// The group of the interface that it came through.
    pub in_group: Option<u32>,
    /// The group of the interface that it leaves through.
    pub out_group: Option<u32>,
    /// The processor that handles it.
    pub cpu: Option<u32>,
    /// The class id of the sending socket's control group (`net_cls`).
    pub cgroup: Option<u32>,
    /// Whether a socket of this machine waits for it.
    pub socket: Option<bool>,
    /// Port of a bridge that it came through; [`Iface::ANY`] for none.
    pub bridge_in: Option<Iface>,
    /// Port to which the bridge passes it on; [`Iface::ANY`] for none, also where the machine routes it to a bridge.
    pub bridge_out: Option<Iface>,
    /// Whether IPsec has anything to do with it.
    pub ipsec: Option<bool>,
    /// Seconds since 1970 (UTC).
    pub now: Option<u64>,
}

/// The protocol that GRE of version 1 holds.
const PPP: [u8; 2] = [0x88, 0x0b];

/// Why bytes are no packet, or fields no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacketError {
    /// They do not begin with an IP header of version 4 or 6.
    Version,
    /// They end before their header or before the length that it tells.
    Cut,
    /// A part does not fit its length field.
    TooLong,
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PacketError::Version => "a packet begins with an IP header of version 4 or 6",
            PacketError::Cut => "the packet ends before the length that its header tells",
            PacketError::TooLong => "a part of the packet does not fit its length field",
        })
    }
}

impl std::error::Error for PacketError {}

impl Path {
    /// All three.
    pub const ALL: [Path; 3] = [Path::Input, Path::Forward, Path::Output];

    /// `input`, `forward` or `output`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Path::Input => "input",
            Path::Forward => "forward",
            Path::Output => "output",
        }
    }
}

impl Packet {
    /// A packet of these fields, on a path, with no interface yet.
    ///
    /// # Errors
    /// [`PacketError::TooLong`] if a part does not fit its length field.
    pub fn new(family: Family, layout: &Layout, path: Path) -> Result<Packet, PacketError> {
        Ok(Packet::of(family, layout.to_bytes(family)?, path))
    }

    /// A packet of encoded bytes, which begin with an IP header. Bytes behind the length that it tells are padding and
    /// are cut off.
    ///
    /// # Errors
    /// [`PacketError::Version`] or [`PacketError::Cut`] if they are none.
    pub fn from_bytes(bytes: &[u8], path: Path) -> Result<Packet, PacketError> {
        let (family, header, length) = match u8_at(bytes, 0).map(|it| (it >> 4, it & 15)) {
            Some((4, words @ 5..)) => {
                (Family::V4, usize::from(words) * 4, usize::from(u16_at(bytes, 2).ok_or(PacketError::Cut)?))
            }
            Some((6, _)) => (Family::V6, 40, 40 + usize::from(u16_at(bytes, 4).ok_or(PacketError::Cut)?)),
            _ => return Err(PacketError::Version),
        };
        let whole = bytes.get(..length).filter(|it| it.len() >= header).ok_or(PacketError::Cut)?;
        Ok(Packet::of(family, whole.to_vec(), path))
    }

    fn of(family: Family, bytes: Vec<u8>, path: Path) -> Packet {
        Packet {
            family,
            bytes,
            path,
            in_iface: None,
            out_iface: None,
            link: None,
            packet_type: PacketType::Host,
            mark: 0,
            owner: None,
            entry: None,
            facts: Facts::default(),
            routed: false,
            sets: Vec::new(),
        }
    }

    /// Address family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The packet from its IP header on.
    pub fn to_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its fields.
    pub fn layout(&self) -> Layout {
        Layout::of(self.family, &self.bytes)
    }

    /// Replaces the bytes; the family stays.
    ///
    /// # Errors
    /// As [`Packet::from_bytes`]; [`PacketError::Version`] for the other family.
    pub fn set_bytes(&mut self, bytes: &[u8]) -> Result<(), PacketError> {
        let new = Packet::from_bytes(bytes, self.path)?;
        if new.family != self.family {
            return Err(PacketError::Version);
        }
        self.bytes = new.bytes;
        Ok(())
    }

    /// As [`set_bytes`](Packet::set_bytes), for bytes that were made from its own.
    pub(crate) fn replace_bytes(&mut self, bytes: &[u8]) {
        bytes.clone_into(&mut self.bytes);
    }

    /// What the kernel sees of it.
    pub fn view(&self) -> View<'_> {
        View::new(self.family, &self.bytes)
    }

    /// Its ends, as connection tracking reads them.
    pub fn tuple(&self) -> Tuple {
        self.tuple_of(&View::tracked(self.family, &self.bytes))
    }

    fn tuple_of(&self, view: &View<'_>) -> Tuple {
        let proto = view.proto.unwrap_or(0);
        let bytes = view.transport_bytes();
        let two = |at| u16_at(bytes, at).unwrap_or(0);
        let (source_port, destination_port) = match (proto, self.family) {
            (6 | 17 | 132 | 136, _) => (two(0), two(2)),
            (1, Family::V4) | (58, Family::V6) => (two(4), two(0)),
            // The call of version 1.
            (47, _) if two(0) & 7 == 1 && bytes.len() >= 8 => (0, two(6)),
            _ => (0, 0),
        };
        Tuple::new(proto, (view.source(), source_port), (view.destination(), destination_port))
    }

    /// Its connection: what [`entry`](Packet::entry) says, else what tracking makes of a packet without an entry, which
    /// begins a connection unless no connection can begin so.
    pub fn connection(&self) -> Connection {
        match &self.entry {
            Some(entry) => (**entry).clone(),
            None => {
                let view = View::tracked(self.family, &self.bytes);
                Connection::new(self.first_state(&view), self.tuple_of(&view))
            }
        }
    }

    /// What tracking makes of a packet without an entry: its state and its protocol.
    pub(crate) fn begins(&self) -> (CtState, u8) {
        let view = View::tracked(self.family, &self.bytes);
        (self.first_state(&view), view.proto.unwrap_or(0))
    }

    /// The state of a packet that belongs to no entry (kernel defaults: lenient TCP pick-up, unchecked checksums).
    fn first_state(&self, view: &View<'_>) -> CtState {
        let bytes = view.transport_bytes();
        let kind = u8_at(bytes, 0);
        let new = match (view.proto, self.family) {
            (None, _) | (Some(59), Family::V6) => false,
            // A later fragment is put together with the others before it is looked at.
            _ if view.fragment != 0 => true,
            (Some(6), _) => self.first_tcp(bytes).unwrap_or(false),
            (Some(17), _) => {
                u16_at(bytes, 4).is_some_and(|length| (8..=bytes.len()).contains(&usize::from(length)))
            }
            // Its checksum is a must, and the part that it covers lies within the datagram.
            (Some(136), _) => u16_at(bytes, 4).zip(u16_at(bytes, 6)).is_some_and(|(coverage, sum)| {
                sum != 0 && (coverage == 0 || (8..=bytes.len()).contains(&usize::from(coverage)))
            }),
            // Of GRE, version 1 must hold PPP, unless it is cut off before its call.
            (Some(47), _) => {
                !matches!(bytes, [_, version, a, b, _, _, _, _, ..] if version & 7 == 1 && [*a, *b] != PPP)
            }
            (Some(1), Family::V4) => bytes.len() >= 8 && matches!(kind, Some(8 | 13 | 15 | 17)),
            // ICMP of the other family.
            (Some(1), Family::V6) | (Some(58), Family::V4) => false,
            // Neighbour discovery and multicast listeners are never tracked.
            (Some(58), Family::V6) => match kind {
                Some(130..=136 | 143) if bytes.len() >= 8 => return CtState::Untracked,
                kind => bytes.len() >= 8 && matches!(kind, Some(128 | 139)),
            },
            (Some(132), _) => sctp::begins(bytes),
            _ => true,
        };
        if new { CtState::New } else { CtState::Invalid }
    }

    /// Whether a TCP segment can begin a connection: SYN, or the ACK of one that is picked up on its way.
    fn first_tcp(&self, bytes: &[u8]) -> Option<bool> {
        let size = usize::from(u8_at(bytes, 12)? >> 4) * 4;
        if size < 20 || size > bytes.len() {
            return Some(false);
        }
        // ECE, CWR and PSH do not count.
        let flags = u8_at(bytes, 13)? & !(64 | 128 | 8);
        Some(matches!(flags, 2 | 34 | 16 | 48))
    }
}

#[cfg(test)]
mod tests;
