//! What targets do to a packet.

use std::cell::OnceCell;

use super::bytes::mss;
use super::counts;
use super::hash;
use super::machine::{Machine, Value};
use super::test::Why;
use super::tracked::Tracked;
use super::{Verdict, nat};
use crate::dialect::Family;
use crate::ext::Hook;
use crate::meaning::{Answer, Effect, Field};
use crate::packet::Connection;
use crate::packet::bytes::{put, u8_at, u16_at};
use crate::packet::checksum;
use crate::packet::mend::mend;
use crate::value::ct_state::CtState;
use crate::value::proto::{ICMPV6, SCTP, TCP, UDP, UDPLITE};

/// What comes after a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum After<'a> {
    /// The next rule.
    Next,
    /// Back to the calling chain.
    Return,
    /// The table ends.
    End(Verdict),
    Unknown(Why<'a>),
}

/// Whether a rule with this effect leaves everything as it is that conditions look at.
pub(super) fn is_harmless(effect: &Effect) -> bool {
    matches!(effect, Effect::Continue(_) | Effect::Rewrite(_))
}

/// What a target does that neither drops the packet nor changes sets.
pub(super) fn apply<'a>(effect: &'a Effect, machine: &mut Machine<'_>) -> After<'a> {
    match effect {
        Effect::Accept => After::End(Verdict::Accept),
        Effect::Reject(answer) => After::End(Verdict::Reject(*answer)),
        Effect::Return => After::Return,
        Effect::Continue(_) | Effect::Rewrite(_) => After::Next,
        Effect::Needs(need) => After::Unknown(Why::Need(need)),
        Effect::Nat(it) => nat::translate(machine, it),
        Effect::Netmap { network, mask } => nat::netmap(machine, *network, *mask),
        _ => rewrite(effect, machine),
    }
}

fn rewrite<'a>(effect: &'a Effect, machine: &mut Machine<'_>) -> After<'a> {
    match effect {
        // A TCP segment without its whole header is dropped.
        Effect::Write { field: field @ Field::TcpFlags, .. } if machine.value(*field) == Value::Absent => {
            return After::End(Verdict::Drop);
        }
        Effect::Write { field, clear, flip } => change(machine, *field, |was| (was & !clear) ^ flip),
        Effect::Add { field, amount } => {
            // INVARIANT: a field of eight bits.
            change(machine, *field, |was| {
                u128::from((was as i16).saturating_add(*amount).clamp(0, 255).unsigned_abs())
            });
        }
        Effect::Copy { from, take, shift, to, clear, flip } => {
            let places = u32::from(shift.unsigned_abs());
            match machine.value(*from) {
                Value::Is(value) => {
                    let bits = value & take;
                    let moved = if shift.is_negative() { bits >> places } else { bits << places };
                    change(machine, *to, |was| ((was & !clear) ^ moved ^ flip) & u128::from(u32::MAX));
                }
                Value::Unknown(why) => lose(machine, *to, why),
                _ => {}
            }
        }
        Effect::Hash(wanted) => match hash::mark(machine, wanted) {
            Ok(None) => {}
            Ok(Some(mark)) => change(machine, Field::Mark, |_| u128::from(mark)),
            Err(why) => lose(machine, Field::Mark, why),
        },
        Effect::Overwrite(field) => {
            lose(machine, *field, "a rule gave it a value that the rule does not tell")
        }
        // The first word counts.
        Effect::Track { .. } if machine.untracked || !machine.connection.is_none() => {}
        Effect::Track { untracked: true, .. } => machine.untracked = true,
        Effect::Track { .. } => machine.connection = Tracked::template(),
        Effect::Intercept { clear, flip } => match machine.packet.facts.socket {
            Some(true) => {
                machine.mark = (machine.mark & !clear) ^ flip;
                return After::End(Verdict::Accept);
            }
            Some(false) => return After::End(Verdict::Drop),
            None => {
                let why = "whether a transparent socket waits for the packet is not told";
                return After::Unknown(Why::Text(why));
            }
        },
        Effect::Mss(wanted) => return clamp(machine, *wanted),
        Effect::StripOptions(options) => return strip(machine, options),
        Effect::Prefix { source, from, to } => {
            let address = if *source { machine.heads.source } else { machine.heads.destination };
            match nat::prefix(address, *from, *to) {
                Some(new) => {
                    nat::put_bare_address(machine, *source, new);
                    nat::put_bounced(machine, *source, *from, *to);
                }
                // The kernel tells no sender of its own.
                None if machine.hook == Hook::Output => return After::End(Verdict::Drop),
                None => return After::End(Verdict::Reject(Answer::Icmp(4, 0))),
            }
        }
        // The others were done before; a new one must be taught here.
        _ => return After::Unknown(Why::Text("what the target does is not modelled")),
    }
    After::Next
}

/// From now on nobody can tell this field.
pub(super) fn lose(machine: &mut Machine<'_>, field: Field, why: &'static str) {
    machine.lose(field, why);
}

/// Changes a field, if it is there.
fn change(machine: &mut Machine<'_>, field: Field, new: impl FnOnce(u128) -> u128) {
    let Value::Is(was) = machine.value(field) else { return };
    let new = new(was);
    let byte = new as u8;
    let family = machine.family;
    match field {
        Field::Mark => machine.mark = new as u32,
        // It stays there for other packets.
        Field::ConnMark if machine.connection.is_template() => {
            lose(machine, field, "it was written before the connection was looked up");
        }
        Field::ConnMark => {
            if let Some(connection) = machine.connection.to_mut() {
                connection.mark = new as u32;
            }
        }
        _ if new == was => {}
        Field::HopLimit => write(machine, if family == Family::V4 { 8 } else { 7 }, &[byte]),
        Field::Tos if family == Family::V4 => write(machine, 1, &[byte]),
        Field::Tos => {
            let first = u8_at(&machine.bytes, 0).unwrap_or(0) & 0xf0 | byte >> 4;
            let second = u8_at(&machine.bytes, 1).unwrap_or(0) & 0x0f | byte << 4;
            write(machine, 0, &[first, second]);
        }
        Field::TcpFlags => write(machine, machine.heads.transport + 13, &[byte]),
        _ => lose(machine, field, "a rule changed it"),
    }
}

/// Lowers the hop limit from this value, and mends the sum of the header by the difference, as the kernel does.
pub(super) fn lower_hop_limit(machine: &mut Machine<'_>, hops: u8) {
    let sum = u16_at(&machine.bytes, 10).unwrap_or(0);
    let bytes = machine.bytes.to_mut();
    if machine.family == Family::V6 {
        return put(bytes, 7, &[hops.wrapping_sub(1)]);
    }
    put(bytes, 8, &[hops.wrapping_sub(1)]);
    let (mended, carry) = sum.overflowing_add(0x100);
    let mended = mended.wrapping_add(u16::from(carry));
    put(bytes, 10, &(if mended == u16::MAX { 0 } else { mended }).to_be_bytes());
}

/// Writes over bytes of the packet, and mends its checksums by the difference.
pub(super) fn write(machine: &mut Machine<'_>, at: usize, new: &[u8]) {
    let end = at + new.len();
    let (start, stop) = (at & !1, end.next_multiple_of(2));
    let old = machine.bytes.get(start..stop).unwrap_or_default().to_vec();
    put(machine.bytes.to_mut(), at, new);
    let now = machine.bytes.get(start..stop).unwrap_or_default().to_vec();
    mend_all(machine, at, &old, &now);
    machine.refresh();
}

/// Mends the checksums of a packet in which words at a place have changed.
fn mend_all(machine: &mut Machine<'_>, at: usize, old: &[u8], new: &[u8]) {
    let (transport, v4) = (machine.heads.transport, machine.family == Family::V4);
    if v4 && at < transport {
        mend_at(machine, 10, old, new);
    }
    // The transport's covers the addresses too.
    if at < if v4 { 12 } else { 8 } {
        return;
    }
    let place = match machine.heads.proto {
        Some(TCP) => 16,
        Some(UDP | UDPLITE) => 6,
        Some(ICMPV6) => 2,
        Some(SCTP) => {
            let bytes = machine.bytes.to_mut().get_mut(transport..).unwrap_or_default();
            put(bytes, 8, &[0; 4]);
            let sum = checksum::crc32c(bytes).to_le_bytes();
            return put(bytes, 8, &sum);
        }
        // The kernel (since 6.16) does not know the checksum of DCCP.
        _ => return,
    };
    let is_udp = place == 6;
    if is_udp && u16_at(&machine.bytes, transport + place) == Some(0) {
        return;
    }
    mend_at(machine, transport + place, old, new);
    if is_udp && u16_at(&machine.bytes, transport + place) == Some(0) {
        // A UDP checksum of 0 would mean that there is none.
        put(machine.bytes.to_mut(), transport + place, &[0xff, 0xff]);
    }
}

fn mend_at(machine: &mut Machine<'_>, place: usize, old: &[u8], new: &[u8]) {
    if let Some(check) = u16_at(&machine.bytes, place) {
        put(machine.bytes.to_mut(), place, &mend(check, old, new).to_be_bytes());
    }
}

/// Lowers the maximum segment size, or adds it to a header of a SYN without data.
fn clamp<'a>(machine: &mut Machine<'_>, wanted: Option<u16>) -> After<'a> {
    // The rule has asked for flags, so this is no later fragment.
    let at = machine.heads.transport;
    let Ok(had) = mss(&machine.bytes, at) else { return After::End(Verdict::Drop) };
    let unknown = "it was lowered to what the path takes";
    let wanted = match (wanted, had) {
        (Some(wanted), _) => wanted,
        (None, Some(_)) => {
            lose(machine, Field::TcpMss, unknown);
            return After::Next;
        }
        // An option is added in any case, and nobody tells its value.
        (None, None) => {
            let before = machine.bytes.len();
            let after = clamp(machine, Some(u16::MAX));
            if machine.bytes.len() != before {
                lose(machine, Field::TcpMss, unknown);
            }
            return after;
        }
    };
    let header = usize::from(u8_at(&machine.bytes, at + 12).unwrap_or(0) >> 4) * 4;
    match had {
        Some((_, had)) if had <= wanted => {}
        Some((place, had)) => {
            let new = wanted.to_be_bytes();
            put(machine.bytes.to_mut(), place, &new);
            // At an odd place too the kernel takes it for a word, and leaves a wrong checksum.
            mend_at(machine, at + 16, &had.to_be_bytes(), &new);
        }
        None if machine.bytes.len() > at + header || header >= 60 => {}
        None => {
            // What everybody takes, whatever the rule says (RFC 9293, RFC 8200).
            let most = if machine.family == Family::V4 { 536 } else { 1220 };
            let [high, low] = wanted.min(most).to_be_bytes();
            let option = [2, 4, high, low];
            let mut bytes = machine.bytes.to_vec();
            // INVARIANT: a header is not longer than 60 bytes.
            let long = header as u16;
            let check = u16_at(&bytes, at + 16).unwrap_or(0);
            let check = mend(check, &long.to_be_bytes(), &long.wrapping_add(4).to_be_bytes());
            put(&mut bytes, at + 16, &mend(check, &[0; 4], &option).to_be_bytes());
            bytes.splice(at + 20..at + 20, option);
            machine.bytes.replace(bytes);
            let offset = u8_at(&machine.bytes, at + 12).unwrap_or(0);
            write(machine, at + 12, &[offset.wrapping_add(0x10)]);
            let place = if machine.family == Family::V4 { 2 } else { 4 };
            let length = u16_at(&machine.bytes, place).unwrap_or(0).wrapping_add(4);
            write(machine, place, &length.to_be_bytes());
        }
    }
    After::Next
}

/// Overwrites TCP options by padding.
fn strip<'a>(machine: &mut Machine<'_>, options: &[u8]) -> After<'a> {
    let start = machine.heads.transport;
    if machine.heads.fragment != 0 {
        return After::Next;
    }
    let header = usize::from(u8_at(&machine.bytes, start + 12).unwrap_or(0) >> 4) * 4;
    if header < 20 || machine.bytes.len() < start + header {
        return After::End(Verdict::Drop);
    }
    let mut bytes = machine.bytes.to_vec();
    let mut at = 20;
    while at + 1 < header {
        let kind = u8_at(&bytes, start + at).unwrap_or(0);
        let length = usize::from(u8_at(&bytes, start + at + 1).unwrap_or(0));
        let size = if kind < 2 { 1 } else { length.max(1) };
        if at + size > header {
            break;
        }
        if options.contains(&kind) {
            bytes.iter_mut().skip(start + at).take(size).for_each(|byte| *byte = 1);
        }
        at += size;
    }
    let options = start + 20;
    let new = bytes.get(options..start + header).unwrap_or_default();
    if !machine.bytes.get(options..).unwrap_or_default().starts_with(new) {
        write(machine, options, new);
    }
    After::Next
}

/// Before the first hook: a packet that comes through the loopback interface has left through it, and brings along what tracking
/// found then. Its translation is settled (semantics 17).
pub(super) fn bring_along(machine: &mut Machine<'_>) {
    if machine.is_back() {
        track(machine);
        if !machine.connection.is_none() {
            machine.settled |= Connection::CONFIRMED;
        }
    }
}

/// The connection that a packet gets when tracking looks at it.
pub(super) fn track(machine: &mut Machine<'_>) {
    let is_known = !machine.connection.is_none() && !machine.connection.is_template();
    if machine.untracked || is_known {
        return;
    }
    machine.connection = Tracked::Nothing;
    let packet = machine.packet;
    let (state, proto) = match &packet.entry {
        Some(entry) => (entry.state, entry.original.proto),
        None => packet.begins(),
    };
    match state {
        CtState::Untracked => machine.untracked = true,
        CtState::Invalid => {}
        _ => {
            machine.carried = counts::counted(machine, proto);
            machine.connection = match &packet.entry {
                Some(entry) => Tracked::Told(entry),
                None => Tracked::Begun(packet, OnceCell::new()),
            };
        }
    }
}
