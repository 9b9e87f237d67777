//! A packet of a set.

use super::arena::{Assignment, Set};
use super::code::Code;
use super::compile::Space;
use crate::dialect::Family;
use crate::meaning::Field;
use crate::packet::{Connection, Layout, Link, Owner, Packet, PacketType, Path, Tcp, Transport};
use crate::value::ct_state::CtState;
use crate::value::mac::Mac;

impl Space {
    /// A packet of a set, on this path; `None` if the set is empty, or if no packet can be written that has these fields.
    ///
    /// What the space leaves open is chosen so that it looks familiar. Whoever relies on the packet asks the simulator.
    pub fn witness(&self, set: Set, path: Path) -> Option<Packet> {
        let values = self.arena.any(set)?;
        self.packet(&values, path)
    }

    /// A packet of a set that `draw` chooses: it gives random bits, at each step one that matters.
    pub fn draw(&self, set: Set, path: Path, draw: &mut dyn FnMut() -> bool) -> Option<Packet> {
        let mut values = Assignment::default();
        (0..self.variables()).for_each(|var| values.set(var, draw()));
        let mut at = set;
        if at.is_empty() {
            return None;
        }
        while let Some((var, low, high)) = self.arena.split(at) {
            let one = if low.is_empty() { true } else { !high.is_empty() && draw() };
            values.set(var, one);
            at = if one { high } else { low };
        }
        self.packet(&values, path)
    }

    /// The packet of an assignment.
    pub fn packet(&self, values: &Assignment, path: Path) -> Option<Packet> {
        Picture { space: self, values }.packet(path)
    }
}

/// An assignment, read as a packet.
struct Picture<'a> {
    space: &'a Space,
    values: &'a Assignment,
}

impl Picture<'_> {
    /// The values that a field may have; `None` if it is absent or not told.
    fn range(&self, field: Field) -> Option<(u128, u128)> {
        let dim = self.space.fields.get(&field)?;
        dim.values(dim.number(&|var| self.values.get(var)))
    }

    /// A value of a field: the first of `wanted` that is possible, else the lowest.
    fn value(&self, field: Field, wanted: &[u128]) -> Option<u128> {
        let (low, high) = self.range(field)?;
        let fit = wanted.iter().copied().find(|it| (low..=high).contains(it));
        Some(fit.unwrap_or(low))
    }

    fn value_or(&self, field: Field, wanted: &[u128]) -> u128 {
        self.value(field, wanted).or(wanted.first().copied()).unwrap_or(0)
    }

    fn address(&self, field: Field, wanted: u128) -> u128 {
        match self.range(field) {
            None => wanted,
            Some((low, high)) if (low..=high).contains(&wanted) => wanted,
            // The first address of a network is none of a machine.
            Some((low, high)) if low < high && low & 0xff == 0 => low + 1,
            Some((low, _)) => low,
        }
    }

    fn proto(&self) -> u8 {
        let icmp = if self.space.family == Family::V4 { 1 } else { 58 };
        let familiar = [6, 17, icmp, 50, 2, 4, 89];
        // INVARIANT: the field has eight bits.
        self.value_or(Field::Proto, &familiar) as u8
    }

    fn state(&self) -> Option<u128> {
        self.value(Field::CtState, &[])
    }

    /// The flags of a segment: the first of these that has all bits that are told apart, else no others than those.
    fn flags(&self, familiar: &[u128]) -> u128 {
        let told = match self.space.fields.get(&Field::TcpFlags).map(|it| &it.code) {
            Some(Code::Bits { places, .. }) => places.iter().fold(0, |sum, bit| sum | 1 << bit),
            _ => return self.value_or(Field::TcpFlags, familiar),
        };
        let own = self.value_or(Field::TcpFlags, &[]);
        familiar.iter().copied().find(|it| it & told == own).unwrap_or(own)
    }

    fn transport(&self, proto: u8) -> Transport {
        let port = |field, wanted| self.value_or(field, wanted) as u16;
        let source = port(Field::SourcePort, &[40000]);
        let destination = port(Field::DestinationPort, &[80, 40001]);
        match proto {
            6 => {
                let began = self.state().is_none_or(|it| it & CtState::New as u128 != 0);
                let familiar: [u128; 4] = if began { [2, 16, 18, 24] } else { [16, 2, 18, 24] };
                let flags = self.flags(&familiar) as u8;
                Transport::Tcp(Tcp { source, destination, flags, window: 65535, ..Tcp::default() })
            }
            17 => Transport::Udp { source, destination },
            136 => Transport::UdpLite { source, destination, coverage: 0 },
            132 => Transport::Sctp { source, destination, tag: 0 },
            33 => Transport::Dccp { source, destination, kind: 0, rest: vec![0; 4] },
            1 | 58 => {
                let echo = if proto == 1 { 8 } else { 128 };
                let kind = self.value_or(Field::IcmpType, &[echo]) as u8;
                let code = self.value_or(Field::IcmpCode, &[0]) as u8;
                Transport::Icmp { kind, code, rest: 1 }
            }
            50 => Transport::Esp { spi: self.value_or(Field::Spi, &[256]) as u32, sequence: 1 },
            _ => Transport::None,
        }
    }

    fn packet(&self, path: Path) -> Option<Packet> {
        let family = self.space.family;
        let (here, there) = match family {
            Family::V4 => (0xc000_0207, 0xc633_6402),
            Family::V6 => (0x2001_0db8 << 96 | 7, 0x2001_0db8_0001 << 80 | 2),
        };
        let proto = self.proto();
        let later = self.space.fragments && self.value(Field::LaterFragment, &[]) == Some(1);
        let mut layout = Layout {
            source: self.address(Field::Source, here),
            destination: self.address(Field::Destination, there),
            tos: self.value_or(Field::Tos, &[0]) as u8,
            hop_limit: self.value_or(Field::HopLimit, &[64, 255]) as u8,
            proto,
            transport: if later { Transport::None } else { self.transport(proto) },
            ..Layout::default()
        };
        if later && family == Family::V6 {
            layout.extensions.push((44, vec![0, 8, 0, 0, 0, 1, 0]));
        } else if later {
            layout.fragment = 1;
        }
        if layout.transport == Transport::None {
            layout.payload = vec![0; 24];
        }
        if let Some((low, high)) = self.range(Field::Length) {
            let length = layout.to_bytes(family).ok()?.len() as u128;
            if !(low..=high).contains(&length) {
                let more = usize::try_from(low.checked_sub(length)?).ok()?;
                layout.payload.resize(layout.payload.len() + more, 0);
            }
        }
        let mut packet = Packet::new(family, &layout, path).ok()?;
        let name = |(dim, names): &(super::code::Dim, super::names::Names)| {
            let last = names.classes.len().saturating_sub(1);
            names.example((dim.number(&|var| self.values.get(var)) as usize).min(last))
        };
        if path != Path::Output {
            packet.in_iface = Some(name(&self.space.ins)?);
        }
        if path != Path::Input {
            packet.out_iface = Some(name(&self.space.outs)?);
        }
        self.surroundings(&mut packet);
        self.connection(&mut packet);
        Some(packet)
    }

    fn surroundings(&self, packet: &mut Packet) {
        packet.mark = self.value_or(Field::Mark, &[0]) as u32;
        packet.packet_type = match self.value(Field::PacketType, &[0]) {
            Some(1) => PacketType::Broadcast,
            Some(2) => PacketType::Multicast,
            Some(3) => PacketType::OtherHost,
            _ => PacketType::Host,
        };
        if let Some(mac) = self.value(Field::MacSource, &[]) {
            let mut bytes = [0; 6];
            bytes.copy_from_slice(mac.to_be_bytes().last_chunk::<6>().unwrap_or(&[0; 6]));
            packet.link = Some(Link { source: Mac(bytes), destination: Mac([2, 0, 0, 0, 0, 1]) });
        }
        let owner = [Field::Uid, Field::Gid].map(|it| self.value(it, &[0]));
        if packet.path == Path::Output && (owner[0].is_some() || owner[1].is_some()) {
            let [uid, gid] = owner.map(|it| it.unwrap_or(0) as u32);
            packet.owner = Some(Owner { uid, gid });
        }
        let flag = |field| self.value(field, &[]).map(|it| it != 0);
        let number = |field| self.value(field, &[0]).map(|it| it as u32);
        packet.facts.source_type = self.value(Field::SourceType, &[2]).map(|it| it as u16);
        packet.facts.destination_type = self.value(Field::DestinationType, &[2]).map(|it| it as u16);
        packet.facts.reverse_path = flag(Field::ReversePath);
        packet.facts.socket = flag(Field::SocketWaits);
        packet.facts.ipsec = flag(Field::Ipsec);
        packet.facts.realm = number(Field::Realm);
        packet.facts.in_group = number(Field::InGroup);
        packet.facts.out_group = number(Field::OutGroup);
        packet.facts.cpu = number(Field::Cpu);
        for (name, var) in &self.space.sets {
            packet.sets.push((name.clone(), self.values.get(*var)));
        }
    }

    fn connection(&self, packet: &mut Packet) {
        let Some(bits) = self.state() else { return };
        let states =
            [CtState::Invalid, CtState::New, CtState::Established, CtState::Related, CtState::Untracked];
        let Some(state) = states.into_iter().find(|it| bits & *it as u128 != 0) else { return };
        let mut it = Connection::new(state, packet.tuple());
        it.mark = self.value_or(Field::ConnMark, &[0]) as u32;
        if self.value(Field::CtDirection, &[0]) == Some(1) {
            it.reply = true;
            std::mem::swap(&mut it.original, &mut it.reply_tuple);
        }
        if let Some(status) = self.value(Field::CtStatus, &[u128::from(it.status)]) {
            it.status = status as u32;
        }
        for (bit, status) in
            [(CtState::Snat, Connection::SOURCE_NAT), (CtState::Dnat, Connection::DESTINATION_NAT)]
        {
            if bits & bit as u128 != 0 {
                it.status |= status;
            }
        }
        it.labels = self.value_or(Field::CtLabels, &[0]);
        it.expires = self.value(Field::CtExpire, &[60]).map(|it| it as u32);
        let address = |field, known: u128| self.value(field, &[known]).unwrap_or(known);
        it.original.source = address(Field::CtOrigSource, it.original.source);
        it.original.destination = address(Field::CtOrigDestination, it.original.destination);
        it.reply_tuple.source = address(Field::CtReplySource, it.reply_tuple.source);
        it.reply_tuple.destination = address(Field::CtReplyDestination, it.reply_tuple.destination);
        packet.entry = Some(Box::new(it));
    }
}
