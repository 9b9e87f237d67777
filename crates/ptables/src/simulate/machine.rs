//! A packet on its way: what conditions see of it now, after what rules have done to it.

use super::bytes::{self, Ancillary, header_set};
use super::content::Bytes;
use super::counts;
use super::index::{Names, Values};
use super::tracked::Tracked;
use crate::dialect::Family;
use crate::ext::Hook;
use crate::meaning::Field;
use crate::packet::bytes::{u8_at, u16_at, u32_at};
use crate::packet::{Connection, Owner, Packet, PacketType, Path, View};
use crate::value::ct_state::CtState;
use crate::value::iface::Iface;
use crate::value::proto::AH;

/// A field of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Is(u128),
    Absent,
    /// The packet is dropped by a mere look at it.
    Torn,
    /// Nobody says, and why.
    Unknown(&'static str),
}

/// What every rule looks at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub(super) proto: Option<u8>,
    pub(super) transport: usize,
    pub(super) fragment: u16,
    pub(super) source: u128,
    pub(super) destination: u128,
    pub(super) ports: Option<(u16, u16)>,
    /// The first port alone, of a header in which the second one may be cut off.
    source_port: Option<u16>,
    /// Bytes of the transport header and of what follows.
    pub(super) left: usize,
}

/// The packet, its connection, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Machine<'p> {
    pub(super) packet: &'p Packet,
    pub(super) family: Family,
    /// Whether nf_tables asks.
    pub(super) nft: bool,
    pub(super) bytes: Bytes<'p>,
    pub(super) heads: Heads,
    /// What indexes look at.
    pub(super) values: Values,
    pub(super) mark: u32,
    /// As the link layer told it, until `cluster` changes it.
    pub(super) packet_type: PacketType,
    pub(super) hook: Hook,
    /// The way that it takes: as it was told, or as routes say.
    pub(super) path: Path,
    /// The interface that it leaves through, as far as it is known.
    pub(super) out: Option<Iface>,
    /// For indexes, the classes of the interface that it came through, of that, and of none.
    classes: [u16; 3],
    /// The address of an interface that the next translation takes, if routes say it.
    pub(super) own_address: Option<u128>,
    /// Its connection.
    pub(super) connection: Tracked<'p>,
    /// Status bits of the connection that this packet set: which translations are settled.
    pub(super) settled: u32,
    pub(super) untracked: bool,
    /// States that the connection may have or not: an address that nobody tells may be the one that it was.
    pub(super) unsure: u128,
    /// Fields that have a value that nobody can tell any more.
    pub(super) lost: Vec<(Field, &'static str)>,
    /// Bytes that the connection has carried with this packet; `None` where tracking does not count it.
    pub(super) carried: Option<u64>,
    /// Counts changes of what the index of a chain looks at.
    pub(super) epoch: u32,
}

impl Heads {
    #[inline]
    fn of(family: Family, bytes: &[u8], nft: bool) -> Heads {
        Heads::new(&if nft { View::of_nft(family, bytes) } else { View::new(family, bytes) })
    }

    fn new(view: &View<'_>) -> Heads {
        let bytes = view.transport_bytes();
        let has_ports = matches!(view.proto, Some(6 | 17 | 33 | 132 | 136));
        let source_port = u16_at(bytes, 0).filter(|_| has_ports);
        Heads {
            proto: view.proto,
            transport: view.transport,
            fragment: view.fragment,
            source: view.source(),
            destination: view.destination(),
            ports: source_port.zip(u16_at(bytes, 2)),
            source_port,
            left: bytes.len(),
        }
    }
}

impl<'p> Machine<'p> {
    // Where it is called once, it is made where it stays; it is large.
    #[inline(always)]
    pub(super) fn new(packet: &'p Packet, nft: bool, names: &Names) -> Machine<'p> {
        let class = |it: &Option<Iface>| it.as_ref().map_or(0, |it| names.class(it));
        let heads = Heads::of(packet.family(), packet.to_bytes(), nft);
        Machine {
            packet,
            family: packet.family(),
            nft,
            bytes: Bytes::Told(packet.to_bytes()),
            heads,
            values: Values::new(&heads),
            mark: packet.mark,
            packet_type: packet.packet_type,
            hook: Hook::Prerouting,
            path: packet.path,
            out: packet.out_iface,
            classes: [class(&packet.in_iface), class(&packet.out_iface), names.none()],
            own_address: None,
            connection: Tracked::Nothing,
            settled: 0,
            untracked: false,
            unsure: 0,
            lost: Vec::new(),
            carried: None,
            epoch: 0,
        }
    }

    /// The packet as it is now.
    pub(super) fn into_packet(self) -> Packet {
        let mut packet = self.packet.clone();
        if let Bytes::Changed(bytes) = &self.bytes {
            packet.replace_bytes(bytes);
        }
        packet.mark = self.mark;
        packet.path = self.path;
        packet.out_iface = self.out;
        packet.routed = false;
        if self.untracked {
            packet.entry = Some(Box::new(Connection::new(CtState::Untracked, packet.tuple())));
        } else if let Some(connection) = self.connection.get().filter(|_| !self.connection.is_template()) {
            let mut connection = connection.clone();
            connection.status |= self.settled;
            packet.entry = Some(Box::new(connection));
        }
        packet
    }

    pub(super) fn view(&self) -> View<'_> {
        View::new(self.family, &self.bytes)
    }

    /// After the bytes were changed.
    pub(super) fn refresh(&mut self) {
        self.heads = Heads::of(self.family, &self.bytes, self.nft);
        self.values = Values::new(&self.heads);
        self.lost.iter().for_each(|(field, _)| self.values.forget(*field));
        // What indexes have chosen so far may be wrong.
        self.epoch += 1;
    }

    /// From now on nobody can tell this field.
    pub(super) fn lose(&mut self, field: Field, why: &'static str) {
        // Who loses what an index looks at ends the table: no choice of rules that was made before goes on.
        self.lost.push((field, why));
        self.values.forget(field);
    }

    /// The transport header, whatever fragment it is.
    pub(super) fn transport(&self) -> &[u8] {
        self.bytes.get(self.heads.transport..).unwrap_or_default()
    }

    /// The interface that the packet came through, as this hook sees it: `Err` if nobody says.
    pub(super) fn in_iface(&self) -> Result<Option<&Iface>, &'static str> {
        let seen = match self.hook {
            Hook::Prerouting | Hook::Input | Hook::Forward => true,
            Hook::Postrouting => self.path == Path::Forward,
            Hook::Output => false,
        };
        match &self.packet.in_iface {
            _ if !seen => Ok(None),
            Some(iface) => Ok(Some(iface)),
            None => Err("the interface that the packet came through is not told"),
        }
    }

    /// The interface that the packet leaves through, as this hook sees it.
    pub(super) fn out_iface(&self) -> Result<Option<&Iface>, &'static str> {
        match &self.out {
            _ if matches!(self.hook, Hook::Prerouting | Hook::Input) => Ok(None),
            Some(iface) => Ok(Some(iface)),
            None => Err("the interface that the packet leaves through is not told"),
        }
    }

    /// Whether it has left this machine before, and comes back through the loopback interface.
    #[inline]
    pub(super) fn is_back(&self) -> bool {
        self.path != Path::Output && self.packet.in_iface == Some(Iface::LOOPBACK)
    }

    /// The port of a bridge that the packet came through, [`Iface::ANY`] for none; `None` if nobody says.
    pub(super) fn bridge_in(&self) -> Option<Iface> {
        if self.packet.path == Path::Output { Some(Iface::ANY) } else { self.packet.facts.bridge_in }
    }

    /// The port to which a bridge passes the packet on, which it chooses behind PREROUTING; where it gives a packet to the machine
    /// or its routes, rules see none.
    pub(super) fn bridge_out(&self) -> Option<Iface> {
        match self.hook {
            Hook::Prerouting | Hook::Input | Hook::Output => Some(Iface::ANY),
            Hook::Forward | Hook::Postrouting if self.bridge_in() == Some(Iface::ANY) => Some(Iface::ANY),
            Hook::Forward | Hook::Postrouting => self.packet.facts.bridge_out,
        }
    }

    /// From now on it leaves through this interface.
    pub(super) fn lead_out(&mut self, iface: Option<Iface>, names: &Names) {
        self.out = iface;
        self.classes[1] = iface.map_or(0, |it| names.class(&it));
    }

    /// The class of the interface that the packet came through, as this hook sees it; `None` if nobody says.
    #[inline]
    pub(super) fn in_class(&self) -> Option<u16> {
        let [known, _, none] = self.classes;
        self.in_iface().ok().map(|it| if it.is_some() { known } else { none })
    }

    /// The class of the interface that the packet leaves through, as this hook sees it; `None` if nobody says.
    #[inline]
    pub(super) fn out_class(&self) -> Option<u16> {
        let [_, known, none] = self.classes;
        self.out_iface().ok().map(|it| if it.is_some() { known } else { none })
    }

    /// The owner of the sending socket: `Err` if nobody says.
    fn owner(&self) -> Result<Option<Owner>, &'static str> {
        match self.packet.owner {
            None if self.packet.path == Path::Output && self.packet.facts.socket != Some(false) => {
                Err("who owns the socket that sends the packet is not told")
            }
            owner => Ok(owner),
        }
    }

    pub(super) fn value(&self, field: Field) -> Value {
        if !self.lost.is_empty()
            && let Some((_, why)) = self.lost.iter().find(|(lost, _)| *lost == field)
        {
            return Value::Unknown(why);
        }
        let heads = &self.heads;
        match field {
            Field::Source => Value::Is(heads.source),
            Field::Destination => Value::Is(heads.destination),
            Field::Proto => match heads.proto {
                Some(proto) => Value::Is(u128::from(proto)),
                None => Value::Torn,
            },
            Field::LaterFragment => Value::Is(u128::from(heads.fragment != 0)),
            // The kernel's own matches ask for a whole header first; an expression of nf_tables needs no more than this.
            Field::SourcePort => optional(heads.source_port),
            Field::DestinationPort => optional(heads.ports.map(|it| it.1)),
            Field::Mark => Value::Is(u128::from(self.mark)),
            Field::Length => Value::Is(self.bytes.len() as u128),
            Field::HopLimit => Value::Is(u128::from(self.view().hop_limit())),
            Field::Tos => Value::Is(u128::from(self.view().tos())),
            Field::CtState => Value::Is(self.state()),
            Field::PacketType => Value::Is(self.packet_type as u128),
            Field::MacSource => self.mac(),
            _ => self.transport_value(field),
        }
    }

    fn mac(&self) -> Value {
        match self.packet.link {
            // The loopback interface is no Ethernet.
            _ if self.is_back() => Value::Absent,
            Some(link) => {
                Value::Is(link.source.0.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)).into())
            }
            // No rule that asks for it stands in OUTPUT.
            None => Value::Unknown("the Ethernet addresses are not told"),
        }
    }

    /// Why a condition on a field cannot be asked with nf_tables, if so.
    pub(super) fn is_unclear(&self, field: Field) -> Option<&'static str> {
        match field {
            Field::SourcePort | Field::DestinationPort | Field::TcpFlags if self.heads.fragment != 0 => {
                Some("whether nf_tables takes a later fragment's content for a header depends on the kernel")
            }
            Field::TcpFlags if self.heads.proto == Some(6) && (14..20).contains(&self.transport().len()) => {
                Some("whether the header must be whole depends on what asks for its flags")
            }
            _ => None,
        }
    }

    /// Does what looks behind an authentication header of IPv6, which nf_tables takes for the protocol.
    #[inline]
    pub(super) fn behind<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        if self.heads.proto != Some(AH) {
            return work(self);
        }
        let nft = std::mem::replace(&mut self.nft, false);
        self.refresh();
        let done = work(self);
        self.nft = nft;
        self.refresh();
        done
    }

    /// The bits of the connection's state.
    fn state(&self) -> u128 {
        let Some((state, status)) = self.connection.state() else {
            return if self.untracked { CtState::Untracked as u128 } else { CtState::Invalid as u128 };
        };
        let bit = |bit: u32, state: CtState| if status & bit == 0 { 0 } else { state as u128 };
        state as u128
            | bit(Connection::SOURCE_NAT, CtState::Snat)
            | bit(Connection::DESTINATION_NAT, CtState::Dnat)
    }

    fn transport_value(&self, field: Field) -> Value {
        let first = self.heads.fragment == 0;
        let bytes = if first { self.transport() } else { &[] };
        let icmp = if self.family == Family::V4 { 1 } else { 58 };
        match (field, self.heads.proto) {
            // `ecn` looks at fragments too; `tcp` asks first.
            (Field::TcpFlags, Some(6)) if self.transport().len() >= 20 => {
                optional(u8_at(self.transport(), 13))
            }
            (Field::TcpMss, _) => match bytes::mss(&self.bytes, self.heads.transport) {
                Err(()) => Value::Torn,
                Ok(mss) => optional(mss.map(|it| it.1)),
            },
            (Field::IcmpType, Some(proto)) if proto == icmp => optional(u8_at(bytes, 0)),
            (Field::IcmpCode, Some(proto)) if proto == icmp => optional(u8_at(bytes, 1)),
            (Field::Spi, Some(50)) => optional(u32_at(bytes, 0)),
            (Field::Spi, Some(51)) if self.family == Family::V4 => optional(u32_at(bytes, 4)),
            (Field::AhIndex, _) => self.extension(51, |bytes| u32_at(bytes, 4).map(u128::from)),
            (Field::DccpType, Some(33)) => optional(u8_at(bytes, 8).map(|it| it >> 1 & 15)),
            (Field::IpCompIndex, Some(108)) => optional(u16_at(bytes, 2)),
            (Field::MobilityType, Some(135)) => optional(u8_at(bytes, 2)),
            _ => self.header_value(field),
        }
    }

    /// A field of an extension header.
    fn extension(&self, number: u8, read: impl FnOnce(&[u8]) -> Option<u128>) -> Value {
        let view = self.view();
        let start = view.extension(number).and_then(|(start, _)| self.bytes.get(start..));
        optional(start.and_then(read))
    }

    fn header_value(&self, field: Field) -> Value {
        let one = |bytes: &[u8], at| u8_at(bytes, at).map(u128::from);
        match field {
            Field::AhLength => self.extension(51, |it| one(it, 1).map(|it| (it + 2) * 4)),
            Field::AhReserved => self.extension(51, |it| u16_at(it, 2).map(u128::from)),
            Field::FragmentId => self.extension(44, |it| u32_at(it, 4).map(u128::from)),
            Field::FragmentField => self.extension(44, |it| u16_at(it, 2).map(u128::from)),
            Field::FragmentReserved => self.extension(44, |it| one(it, 1)),
            Field::RoutingType => self.extension(43, |it| one(it, 2)),
            Field::RoutingLeft => self.extension(43, |it| one(it, 3)),
            Field::RoutingReserved => self.extension(43, |it| u32_at(it, 4).map(u128::from)),
            Field::RoutingLength => self.extension(43, |it| one(it, 1).map(|it| (it + 1) * 8)),
            Field::Headers => optional(header_set(&self.bytes)),
            _ => self.connection_value(field),
        }
    }

    fn connection_value(&self, field: Field) -> Value {
        let Some(it) = self.connection.get() else { return self.fact(field) };
        let port = |port: u16| Value::Is(u128::from(port));
        match field {
            Field::ConnMark => Value::Is(u128::from(it.mark)),
            Field::CtProto => Value::Is(u128::from(it.original.proto)),
            Field::CtStatus => Value::Is(u128::from(it.status | self.settled)),
            Field::CtExpire => {
                it.expires.map_or(Value::Unknown("when the connection entry ends is not told"), |seconds| {
                    Value::Is(u128::from(seconds))
                })
            }
            Field::CtDirection => Value::Is(u128::from(it.reply)),
            Field::CtOrigSource => Value::Is(it.original.source),
            Field::CtOrigDestination => Value::Is(it.original.destination),
            Field::CtReplySource => Value::Is(it.reply_tuple.source),
            Field::CtReplyDestination => Value::Is(it.reply_tuple.destination),
            Field::CtOrigSourcePort => port(it.original.source_port),
            Field::CtOrigDestinationPort => port(it.original.destination_port),
            Field::CtReplySourcePort => port(it.reply_tuple.source_port),
            Field::CtReplyDestinationPort => port(it.reply_tuple.destination_port),
            Field::CtLabels => Value::Is(it.labels),
            Field::CtOrigPackets
            | Field::CtOrigBytes
            | Field::CtOrigAverage
            | Field::CtReplyPackets
            | Field::CtReplyBytes
            | Field::CtReplyAverage
            | Field::CtPackets
            | Field::CtBytes
            | Field::CtAverage => counts::value(self, it, field),
            _ => self.fact(field),
        }
    }

    fn fact(&self, field: Field) -> Value {
        let facts = &self.packet.facts;
        let told = |it: Option<u128>, why| it.map_or(Value::Unknown(why), Value::Is);
        let owner = |read: fn(Owner) -> u32| match self.owner() {
            Err(why) => Value::Unknown(why),
            Ok(owner) => owner.map_or(Value::Absent, |it| Value::Is(u128::from(read(it)))),
        };
        match field {
            Field::Uid => owner(|it| it.uid),
            Field::Gid => owner(|it| it.gid),
            Field::HasSocket => match self.owner() {
                Err(why) => Value::Unknown(why),
                Ok(owner) => Value::Is(u128::from(owner.is_some())),
            },
            Field::SourceType => {
                told(facts.source_type.map(u128::from), "the kind of the source address is not told")
            }
            Field::DestinationType => told(
                facts.destination_type.map(u128::from),
                "the kind of the destination address is not told",
            ),
            Field::Realm => told(facts.realm.map(u128::from), "the realm of the route is not told"),
            // No rule that asks for them stands where there is no such interface.
            Field::InGroup => {
                told(facts.in_group.map(u128::from), "the group of the incoming interface is not told")
            }
            Field::OutGroup => {
                told(facts.out_group.map(u128::from), "the group of the outgoing interface is not told")
            }
            Field::Cpu => told(facts.cpu.map(u128::from), "the processor is not told"),
            Field::ControlGroup => match self.owner() {
                Ok(None) => Value::Absent,
                _ => told(facts.cgroup.map(u128::from), "the control group of the socket is not told"),
            },
            // What comes back needs no path.
            Field::ReversePath if self.is_back() => Value::Is(1),
            Field::ReversePath => told(facts.reverse_path.map(u128::from), "the reverse path is not told"),
            Field::SocketWaits => {
                told(facts.socket.map(u128::from), "whether a socket waits for the packet is not told")
            }
            Field::Ipsec => told(facts.ipsec.map(u128::from), "whether IPsec is used is not told"),
            Field::HasBridgeIn => told(has_bridge(self.bridge_in()), BRIDGE),
            Field::HasBridgeOut => told(has_bridge(self.bridge_out()), BRIDGE),
            _ => Value::Absent,
        }
    }
}

/// Why a condition on bridges is not decided.
pub(super) const BRIDGE: &str = "the ports of a bridge are not told";

fn has_bridge(iface: Option<Iface>) -> Option<u128> {
    iface.map(|it| u128::from(!it.is_any()))
}

fn optional(number: Option<impl Into<u128>>) -> Value {
    number.map_or(Value::Absent, |it| Value::Is(it.into()))
}

impl Ancillary for Machine<'_> {
    fn get(&self, number: u32) -> Option<u32> {
        let told = |field| match self.value(field) {
            Value::Is(value) => u32::try_from(value).ok(),
            _ => None,
        };
        match number {
            0 => Some(if self.family == Family::V4 { 0x0800 } else { 0x86dd }),
            4 => told(Field::PacketType),
            20 => told(Field::Mark),
            36 => self.packet.facts.cpu,
            _ => None,
        }
    }
}
