//! Rewriting of addresses.

use super::Verdict;
use super::effect::{After, lose, write};
use super::machine::Machine;
use super::test::Why;
use crate::dialect::Family;
use crate::ext::Hook;
use crate::meaning::{Field, Nat};
use crate::packet::bytes::{put, u8_at, u128_at};
use crate::packet::{Connection, Path, View};
use crate::value::ct_state::CtState;
use crate::value::proto::{DCCP, GRE, ICMPV6};

/// Status bits: translation of the source, or of the destination, was settled.
const SETTLED: [u32; 2] = [128, 256];

/// Whether a packet's connection is looked up in the nat table: one that begins and is not settled yet.
pub(super) fn begins(machine: &Machine<'_>) -> bool {
    machine.connection.state().is_some_and(|(state, status)| {
        let [source, destination] = SETTLED;
        let settled = if of_source(machine.hook) { source } else { destination };
        matches!(state, CtState::New | CtState::Related)
            && (status | machine.settled) & (Connection::CONFIRMED | settled) == 0
    })
}

/// Whether a hook translates sources.
fn of_source(hook: Hook) -> bool {
    matches!(hook, Hook::Postrouting | Hook::Input)
}

/// After the nat table: nothing more is chosen in this direction.
pub(super) fn settle(machine: &mut Machine<'_>) {
    let [source, destination] = SETTLED;
    let bit = if of_source(machine.hook) { source } else { destination };
    machine.settled |= bit;
}

/// Whether a header can be translated; a packet of which it cannot is dropped. Only GRE has such: a whole header must be
/// there, and for another destination a version that the kernel knows.
fn is_translatable(machine: &Machine<'_>, source: bool) -> bool {
    // As connection tracking finds it.
    let view = View::tracked(machine.family, &machine.bytes);
    view.proto != Some(GRE)
        || matches!(view.transport_bytes(), [_, version, _, _, _, _, _, _, ..] if source || version & 7 < 2)
}

/// A later packet of a translated connection: rewritten as the first one was, or back. Returns whether it passes.
pub(super) fn follow(machine: &mut Machine<'_>) -> bool {
    let Some(it) = machine.connection.known() else { return true };
    let source = of_source(machine.hook);
    // What translates the source of the first packet translates the destination of replies.
    let bit = if source != it.reply { Connection::SOURCE_NAT } else { Connection::DESTINATION_NAT };
    if it.status & bit == 0 {
        // Of an ICMP error about one of its packets the ends are others.
        return true;
    }
    let target = if it.reply { it.original } else { it.reply_tuple }.reversed();
    if source {
        put_end(machine, true, target.source, Some(target.source_port));
    } else {
        put_end(machine, false, target.destination, Some(target.destination_port));
    }
    is_translatable(machine, source)
}

/// What comes after a translation, for a packet with such an address before.
fn passed<'a>(machine: &Machine<'_>, source: bool, had: u128, unknown: bool) -> After<'a> {
    let has = if source { machine.heads.source } else { machine.heads.destination };
    match is_translatable(machine, source) {
        false if unknown => After::Unknown(Why::Text("whether the address changes is not told")),
        false if had != has => After::End(Verdict::Drop),
        _ => After::End(Verdict::Accept),
    }
}

/// DNAT, SNAT, REDIRECT, MASQUERADE.
pub(super) fn translate<'a>(machine: &mut Machine<'_>, nat: &Nat) -> After<'a> {
    let source = nat.source;
    let had = if source { machine.heads.source } else { machine.heads.destination };
    let (field, port_field) = if source {
        (Field::Source, Field::SourcePort)
    } else {
        (Field::Destination, Field::DestinationPort)
    };
    let mut address = Some(had);
    if nat.of_interface {
        address = own_address(machine, source);
    } else if let Some((first, last)) = nat.addresses {
        address = (first == last).then_some(first);
    }
    let mut moved = false;
    let port = match (new_port(machine, nat), nat.ports) {
        (Some(port), _) => Some(port),
        (None, Some(_)) if ports(machine).is_some() => {
            // The old one is none of them.
            moved = true;
            let why = "the port is chosen among several";
            lose(machine, port_field, why);
            lose(machine, if source { Field::CtReplyDestinationPort } else { Field::CtReplySourcePort }, why);
            None
        }
        (None, _) => None,
    };
    match address {
        Some(new) => put_end(machine, source, new, port),
        None => {
            let why = if nat.of_interface {
                "the address of the interface is not told"
            } else {
                "the address is chosen among several"
            };
            lose(machine, field, why);
            forget_kind(machine, source);
            put_end(machine, source, had, port);
        }
    }
    remember(machine, source, address.is_none(), moved);
    passed(machine, source, had, address.is_none())
}

/// The address that REDIRECT and MASQUERADE choose, if it is known.
fn own_address(machine: &Machine<'_>, source: bool) -> Option<u128> {
    if source || machine.packet.path != Path::Output {
        return machine.own_address;
    }
    Some(if machine.family == Family::V4 { 0x7f00_0001 } else { 1 })
}

/// The ports of a packet, as far as translation knows any: the kernel (since 6.16) knows none of DCCP.
fn ports(machine: &Machine<'_>) -> Option<(u16, u16)> {
    machine.heads.ports.filter(|_| machine.heads.proto != Some(DCCP))
}

/// The new port; `None` if it stays or is chosen among several.
fn new_port(machine: &Machine<'_>, nat: &Nat) -> Option<u16> {
    let (low, high) = nat.ports?;
    let (source, destination) = ports(machine)?;
    let had = if nat.source { source } else { destination };
    if low == high {
        return Some(low);
    }
    if let Some(base) = nat.base {
        let count = u32::from(high.saturating_sub(low)) + 1;
        // INVARIANT: less than `count`, which fits.
        return Some(low.wrapping_add((u32::from(had.wrapping_sub(base)) % count) as u16));
    }
    // A port of the range is kept.
    (low..=high).contains(&had).then_some(had)
}

/// NETMAP.
pub(super) fn netmap<'a>(machine: &mut Machine<'_>, network: u128, mask: u128) -> After<'a> {
    let source = of_source(machine.hook);
    let had = if source { machine.heads.source } else { machine.heads.destination };
    put_end(machine, source, had & !mask | network & mask, None);
    remember(machine, source, false, false);
    passed(machine, source, had, false)
}

/// Notes in the connection what was chosen. `unknown`: an address that nobody tells; `moved`: another port, which nobody tells.
fn remember(machine: &mut Machine<'_>, source: bool, unknown: bool, moved: bool) {
    let (from, to) = (machine.heads.source, machine.heads.destination);
    let ports = ports(machine);
    let Some(it) = machine.connection.to_mut() else { return };
    let was = it.reply_tuple;
    if source {
        it.reply_tuple.destination = from;
        it.reply_tuple.destination_port = ports.map_or(was.destination_port, |it| it.0);
    } else {
        it.reply_tuple.source = to;
        it.reply_tuple.source_port = ports.map_or(was.source_port, |it| it.1);
    }
    if unknown || moved || it.reply_tuple != was {
        it.status |= if source { Connection::SOURCE_NAT } else { Connection::DESTINATION_NAT };
    }
    if unknown {
        machine.unsure |= if source { CtState::Snat } else { CtState::Dnat } as u128;
        let field = if source { Field::CtReplyDestination } else { Field::CtReplySource };
        lose(machine, field, "the translated address is not told");
    }
}

/// Writes an address and, where there is one, a port.
fn put_end(machine: &mut Machine<'_>, source: bool, address: u128, port: Option<u16>) {
    put_address(machine, source, address);
    let (Some(port), Some(_)) = (port, ports(machine)) else { return };
    let at = machine.heads.transport + if source { 0 } else { 2 };
    write(machine, at, &port.to_be_bytes());
}

/// Writes an address.
pub(super) fn put_address(machine: &mut Machine<'_>, source: bool, address: u128) {
    let had = if source { machine.heads.source } else { machine.heads.destination };
    if had != address {
        forget_kind(machine, source);
        match machine.family {
            Family::V4 => write(machine, if source { 12 } else { 16 }, &(address as u32).to_be_bytes()),
            Family::V6 => write(machine, if source { 8 } else { 24 }, &address.to_be_bytes()),
        }
    }
}

/// In an ICMPv6 error, the packet that it is about is translated back if it has such an address.
pub(super) fn put_bounced(machine: &mut Machine<'_>, source: bool, from: (u128, u128), to: (u128, u128)) {
    let is_error =
        u8_at(&machine.bytes, 6) == Some(ICMPV6) && matches!(u8_at(&machine.bytes, 40), Some(1..=4));
    // Behind two headers. The error's source is the destination of that packet.
    let at = 48 + if source { 24 } else { 8 };
    let is_there = is_error && machine.bytes.len() >= 88;
    let address = u128_at(&machine.bytes, at).filter(|it| is_there && it & from.1 == from.0 & from.1);
    if let Some(new) = address.and_then(|it| prefix(it, from, to)) {
        put(machine.bytes.to_mut(), at, &new.to_be_bytes());
    }
}

/// What kind of address it was is no longer what `addrtype` asks for.
fn forget_kind(machine: &mut Machine<'_>, source: bool) {
    let field = if source { Field::SourceType } else { Field::DestinationType };
    lose(machine, field, "the kind of the address that a rule wrote is not told");
}

/// Writes an address and leaves all checksums as they are: SNPT and DNPT mean to keep the sum.
pub(super) fn put_bare_address(machine: &mut Machine<'_>, source: bool, address: u128) {
    let had = if source { machine.heads.source } else { machine.heads.destination };
    if had != address {
        forget_kind(machine, source);
        // Only IPv6 has such targets.
        put(machine.bytes.to_mut(), if source { 8 } else { 24 }, &address.to_be_bytes());
        machine.refresh();
    }
}

/// The address with its prefix translated (RFC 6296); `None` if no word can take the difference of the sums.
pub(super) fn prefix(address: u128, from: (u128, u128), to: (u128, u128)) -> Option<u128> {
    let length = from.1.count_ones().max(to.1.count_ones());
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    // The words of an address, by how many bits stand behind them.
    let word = |bits: u128, behind: u32| (bits >> behind) as u16;
    let places = || (0..128).step_by(16);
    // Sums in one's complement, as the checksums of the transport headers are.
    let add = |one: u16, other: u16| {
        let (sum, carry) = one.overflowing_add(other);
        sum + u16::from(carry)
    };
    let sum = |bits: u128| places().map(|place| word(bits, place)).reduce(add).unwrap_or_default();
    let difference = add(sum(from.0), !sum(to.0));
    let bare = address & !mask | to.0 & mask;
    let free = |place: &u32| word(bare, *place) != u16::MAX;
    let place = if length <= 48 { 64 } else { places().take_while(|it| *it < 64).filter(free).last()? };
    let (was, new) = (word(bare, place), add(word(bare, place), difference));
    Some(bare ^ u128::from(was ^ if new == u16::MAX { 0 } else { new }) << place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::addr::{prefix_mask, strict};

    #[test]
    fn the_example_of_rfc_6296() {
        let address = |text: &str| strict(Family::V6, text.as_bytes()).unwrap();
        let net = |text: &str| (address(text), prefix_mask(Family::V6, 48));
        let new = prefix(address("fd01:203:405:1::1234"), net("fd01:203:405::"), net("2001:db8:1::"));
        assert_eq!(new, Some(address("2001:db8:1:d550::1234")));
    }
}
