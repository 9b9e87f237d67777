//! The entry of connection tracking that a packet is told to belong to.

use std::net::IpAddr;

use ptables::dialect::Family;
use ptables::packet::{Connection, Packet, Tuple};
use ptables::value::addr;
use ptables::value::ct_state::CtState;

use crate::wire::conntrack::{ASSURED, CONFIRMED, Entry, Nat, Ports, SEEN_REPLY, Tuple as KernelTuple};

/// The entry to put there before the packet; none for packets that begin a connection, or belong to none.
///
/// # Errors
/// Why such an entry cannot be made.
pub(super) fn of(packet: &Packet) -> Result<Option<Entry>, &'static str> {
    let Some(known) = packet.entry.as_deref() else { return Ok(None) };
    let mut alone = packet.clone();
    alone.entry = None;
    let own = alone.connection();
    let plain = known.mark == 0 && known.labels == 0 && known.helper.is_none() && known.zone == 0;
    match known.state {
        CtState::Untracked => return Ok(None),
        CtState::Invalid if own.state == CtState::Invalid => return Ok(None),
        CtState::Invalid => return Err("the kernel takes such a packet for the first of a connection"),
        CtState::New if plain && own.state == CtState::New && known.original == own.original => {
            return Ok(None);
        }
        CtState::Related => return Err("there is no connection that could have expected it"),
        CtState::Established | CtState::New => {}
        _ => return Err("such a state of a connection cannot be made"),
    }
    if known.zone != 0 || known.helper.is_some() || known.expires.is_some() || known.counts.is_some() {
        return Err("an entry with a zone, a helper, a time or counts cannot be made");
    }
    let v6 = packet.family() == Family::V6;
    let proto = known.original.proto;
    if !(matches!(proto, 6 | 17 | 136) || proto == if v6 { 58 } else { 1 } && is_echo(known)) {
        return Err("an entry of this protocol cannot be made");
    }
    let there = if known.reply { known.reply_tuple } else { known.original };
    if there != packet.tuple() {
        return Err("the packet is not one of the connection that it is told to belong to");
    }
    let seen = known.state == CtState::Established;
    let turned = known.original.reversed();
    let nat = match (known.reply_tuple.destination, known.reply_tuple.source) {
        _ if known.reply_tuple == turned => None,
        (_, source) if source == turned.source && known.reply_tuple.source_port == turned.source_port => {
            let it = known.reply_tuple;
            Some((
                true,
                it.destination,
                if it.destination_port == turned.destination_port { 0 } else { it.destination_port },
            ))
        }
        (destination, _)
            if destination == turned.destination
                && known.reply_tuple.destination_port == turned.destination_port =>
        {
            let it = known.reply_tuple;
            Some((false, it.source, if it.source_port == turned.source_port { 0 } else { it.source_port }))
        }
        _ => return Err("an entry that is translated at both ends cannot be made"),
    };
    if nat.is_some() && packet.path == ptables::packet::Path::Output {
        return Err("a translated packet of the output path would take another way");
    }
    let address = |it: u128| addr::ip(packet.family(), it);
    Ok(Some(Entry {
        original: tuple(known.original, &address),
        reply: tuple(turned, &address),
        status: CONFIRMED | if seen { SEEN_REPLY | ASSURED } else { 0 },
        tcp_state: (proto == 6).then_some(if seen { 3 } else { 1 }),
        mark: known.mark,
        timeout: 600,
        master: None,
        labels: known.labels,
        helper: None,
        nat: nat.map(|(source, to, port)| Nat { source, address: address(to), port }),
    }))
}

fn is_echo(known: &Connection) -> bool {
    let [kind, _] = known.original.destination_port.to_be_bytes();
    matches!((known.original.proto, kind), (1, 8 | 13 | 15 | 17) | (58, 128 | 139))
}

fn tuple(it: Tuple, address: &impl Fn(u128) -> IpAddr) -> KernelTuple {
    let ports = match it.proto {
        1 | 58 => {
            let [kind, code] = it.destination_port.to_be_bytes();
            Ports::Icmp(it.source_port, kind, code)
        }
        _ => Ports::Ports(it.source_port, it.destination_port),
    };
    KernelTuple { source: address(it.source), destination: address(it.destination), proto: it.proto, ports }
}
