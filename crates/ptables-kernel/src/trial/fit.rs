//! What of a packet can be made in a scratch namespace, and what not.

use std::io;

use ptables::dialect::Family;
use ptables::meaning::{Effect, Field};
use ptables::model::{Jump, Ruleset};
use ptables::packet::{Packet, PacketType, Path};
use ptables::value::ct_state::CtState;

use crate::wire::world::{Link, MARK_BITS, Path as Way, Wire, World};

/// Whether an interface of this name can be made.
pub(super) fn is_device(name: &str) -> bool {
    name != "lo"
        && !name.is_empty()
        && !name.contains(['/', '+', ':', '"', '%'])
        && name.chars().all(|it| it.is_ascii_graphic())
}

/// Why no packet can be sent through rules: the namespace keeps some bits of the mark for itself.
pub(super) fn unfit_rules(ruleset: &Ruleset) -> Option<&'static str> {
    let writes = |effect: &Effect| match effect {
        Effect::Write { field: Field::Mark | Field::ConnMark, flip, .. } => {
            flip & !u128::from(MARK_BITS) != 0
        }
        Effect::Intercept { flip, .. } => flip & !MARK_BITS != 0,
        Effect::Copy { from, to, take, shift, .. } => {
            let moved = if *shift < 0 { take >> shift.unsigned_abs() } else { take << shift.unsigned_abs() };
            [from, to].iter().any(|it| matches!(it, Field::Mark | Field::ConnMark))
                && *shift != 0
                && moved & !u128::from(MARK_BITS) != 0
        }
        Effect::Hash(it) => u64::from(it.offset) + u64::from(it.modulus) > u64::from(MARK_BITS) + 1,
        _ => false,
    };
    let mut jumps = ruleset.rules().filter_map(|(.., rule)| rule.as_typed()).map(|it| &it.jump);
    let any = jumps.any(|it| matches!(it, Jump::Target(target) if writes(&target.effect(ruleset.context))));
    any.then_some("a rule sets bits of a mark above 0xffffff, which the namespace keeps for itself")
}

/// Why a packet cannot be sent as it is told.
pub(super) fn unfit(packet: &Packet, devices: &[String]) -> Option<&'static str> {
    let facts = &packet.facts;
    let routed_by_kernel = packet.path != Path::Output;
    let known = |iface: Option<ptables::value::iface::Iface>| {
        iface.is_none_or(|it| devices.iter().any(|name| name.as_bytes() == it.as_bytes()))
    };
    Some(match packet {
        _ if !known(packet.in_iface) || !known(packet.out_iface) => {
            "its interface cannot be made: it is the loopback interface, or has an odd name"
        }
        _ if routed_by_kernel && packet.in_iface.is_none() => {
            "the interface that it comes through is not told"
        }
        _ if packet.path != Path::Input && packet.out_iface.is_none() => {
            "the interface that it leaves through is not told"
        }
        _ if packet.routed => "its way is left to routes, which the namespace does not have",
        _ if packet.mark & !MARK_BITS != 0 => "its mark has bits above 0xffffff",
        _ if packet.entry.as_ref().is_some_and(|it| it.mark & !MARK_BITS != 0) => {
            "the mark of its connection has bits above 0xffffff"
        }
        _ if facts.now.is_some() => "the kernel has its own clock",
        _ if !packet.sets.is_empty() => "what is in sets is told by their contents here",
        _ if facts.source_type.is_some() || facts.destination_type.is_some() => {
            "kinds of addresses follow from the routes of the namespace"
        }
        _ if facts.reverse_path.is_some() || facts.realm.is_some() => "it tells what routes say",
        _ if facts.in_group.is_some() || facts.out_group.is_some() => "it tells the groups of interfaces",
        _ if facts.cpu.is_some() || facts.cgroup.is_some() => "it tells the processor or the control group",
        _ if facts.socket == Some(true) => "no socket waits in the namespace",
        _ if facts.ipsec == Some(true) => "there is no IPsec in the namespace",
        _ if [facts.bridge_in, facts.bridge_out].iter().flatten().any(|it| !it.is_any()) => {
            "there is no bridge in the namespace"
        }
        _ if packet.packet_type == PacketType::OtherHost => "what is sent to another machine reaches no rule",
        _ if packet.packet_type != PacketType::Host && packet.path != Path::Input => {
            "what is sent to all is not forwarded"
        }
        _ if packet.link.is_some_and(|it| it.destination.0 != [0; 6]) => {
            "the destination Ethernet address is that of the namespace"
        }
        _ if is_fragment(packet) => "the kernel may wait for the other fragments",
        _ if routed_by_kernel && is_dropped_by_routing(packet) => {
            "the kernel drops such addresses between the hooks, whatever rules say"
        }
        _ => return None,
    })
}

fn is_fragment(packet: &Packet) -> bool {
    let view = packet.view();
    match packet.family() {
        Family::V4 => packet
            .to_bytes()
            .get(6..8)
            .is_some_and(|it| matches!(it, [high, low] if high & 0x3f != 0 || *low != 0)),
        Family::V6 => view.extension(44).is_some(),
    }
}

fn is_dropped_by_routing(packet: &Packet) -> bool {
    let view = packet.view();
    match packet.family() {
        Family::V4 => {
            [view.source(), view.destination()].iter().any(|it| matches!(it >> 24, 0 | 127 | 224..))
        }
        Family::V6 => [view.source(), view.destination()]
            .iter()
            .any(|it| it >> 120 == 0xff || it >> 118 == 0xfe80 >> 6 || *it <= 1),
    }
}

/// How a packet goes into the namespace; `None` if its interface is not there.
pub(super) fn wire<'p>(
    packet: &'p Packet,
    devices: &[String],
    world: &mut World,
) -> io::Result<Option<Wire<'p>>> {
    let number = |iface: Option<ptables::value::iface::Iface>| match iface {
        None => Some(0),
        Some(it) => devices.iter().position(|name| name.as_bytes() == it.as_bytes()),
    };
    let (Some(input), Some(output)) = (number(packet.in_iface), number(packet.out_iface)) else {
        return Ok(None);
    };
    let owner = match packet.owner {
        None => 0,
        Some(it) => world.add_owner(it.uid, it.gid)?,
    };
    Ok(Some(Wire {
        path: match packet.path {
            Path::Input => Way::Input,
            Path::Forward => Way::Forward,
            Path::Output => Way::Output,
        },
        input,
        output,
        mark: packet.mark,
        mac: packet.link.map_or([2, 0, 0, 0, 0, 9], |it| it.source.0),
        link: match packet.packet_type {
            PacketType::Broadcast => Link::Broadcast,
            PacketType::Multicast => Link::Multicast,
            _ => Link::Host,
        },
        owner,
        untracked: packet.entry.as_ref().is_some_and(|it| it.state == CtState::Untracked),
        packet: packet.to_bytes(),
    }))
}
