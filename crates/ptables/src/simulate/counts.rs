//! What a connection has carried.

use super::machine::{Machine, Value};
use crate::dialect::Family;
use crate::meaning::Field;
use crate::packet::bytes::u8_at;
use crate::packet::{Connection, Count, View};
use crate::value::proto::{ICMP, ICMPV6, TCP};

/// The bytes of the packet, if tracking counts it for its connection, which is of this protocol: an ICMP error belongs to one, and is
/// not.
pub(super) fn counted(machine: &Machine<'_>, proto: u8) -> Option<u64> {
    let (seen, at) = header(machine);
    let kind = u8_at(&machine.bytes, at).unwrap_or(0);
    let is_error = match (machine.family, seen) {
        (Family::V4, Some(ICMP)) => matches!(kind, 3 | 4 | 5 | 11 | 12),
        (Family::V6, Some(ICMPV6)) => kind < 128,
        _ => false,
    };
    let counts = !is_error && Some(proto) == seen;
    counts.then_some(machine.bytes.len() as u64)
}

/// One of the numbers that `connbytes` looks at.
pub(super) fn value(machine: &Machine<'_>, connection: &Connection, field: Field) -> Value {
    if machine.connection.is_template() {
        return Value::Absent;
    }
    let (proto, at) = header(machine);
    let flags = u8_at(&machine.bytes, at + 13).unwrap_or(0);
    if proto == Some(TCP) && flags & 2 != 0 && connection.status & Connection::CONFIRMED != 0 {
        return Value::Unknown(
            "whether tracking counts a SYN of a connection that it knows depends on its state",
        );
    }
    // Of a connection that is not in the table yet this is the first packet.
    let fresh = connection.status & Connection::CONFIRMED == 0;
    let Some(mut counts) = connection.counts.or(fresh.then_some([Count::default(); 2])) else {
        return Value::Unknown("how much the connection has carried is not told");
    };
    if let Some(bytes) = machine.carried
        && let Some(count) = counts.get_mut(usize::from(connection.reply))
    {
        count.packets = count.packets.wrapping_add(1);
        count.bytes = count.bytes.wrapping_add(bytes);
    }
    let [there, back] = counts;
    let both = Count {
        packets: there.packets.wrapping_add(back.packets),
        bytes: there.bytes.wrapping_add(back.bytes),
    };
    let average = |it: Count| it.bytes.checked_div(it.packets).unwrap_or(0);
    Value::Is(u128::from(match field {
        Field::CtOrigPackets => there.packets,
        Field::CtOrigBytes => there.bytes,
        Field::CtOrigAverage => average(there),
        Field::CtReplyPackets => back.packets,
        Field::CtReplyBytes => back.bytes,
        Field::CtReplyAverage => average(back),
        Field::CtPackets => both.packets,
        Field::CtBytes => both.bytes,
        _ => average(both),
    }))
}

/// The protocol as connection tracking sees it, behind an authentication header and a routing header of two bytes too, and where
/// its header begins.
#[inline]
fn header(machine: &Machine<'_>) -> (Option<u8>, usize) {
    if machine.nft || machine.heads.proto.is_none() {
        let view = View::tracked(machine.family, &machine.bytes);
        return (view.proto, view.transport);
    }
    (machine.heads.proto, machine.heads.transport)
}
