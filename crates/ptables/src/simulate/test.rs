//! Conditions, compiled, and asked of a packet.

use super::bytes::{
    Seen, chunks_match, dccp_option, eui64, numbers_match, options_match, route_matches, run, segments_match,
    tcp_option, text_matches,
};
use super::hash::{node, take_for_own};
use super::machine::{BRIDGE, Machine, Value};
use super::memory::{Memory, Recall, Slot};
use crate::dialect::Family;
use crate::meaning::{Field, Header, Need, Pred};
use crate::value::iface::Iface;

/// A condition. What depends on earlier packets has a place in the memory. Small, for there are many: what most rules ask
/// stands here, the rest elsewhere.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// As those of [`Pred`], if the numbers are no larger.
    Range(Field, u64, u64),
    Bits(Field, u64, u64),
    AnyBit(Field, u64),
    Pred(Box<Pred>),
    Need(usize, Box<Need>),
    Not(Box<Test>),
    All(Box<[Test]>),
    Any(Box<[Test]>),
    /// A rule that was not understood.
    Opaque,
}

/// What a condition says of a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tri<'a> {
    Yes,
    No,
    /// Nobody can tell.
    Unknown(Why<'a>),
    /// The kernel drops the packet when it looks.
    Drop,
    /// It drops the packet, but takes the condition for true: the rule may still match and count.
    YesDrop,
    /// It drops the packet if it looks, which nobody can tell; and whether the rule counts then.
    MayDrop(Why<'a>, bool),
    /// Nobody can tell, nor whether it drops the packet.
    Lost(Why<'a>),
}

/// Why something is not decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Why<'a> {
    Text(&'static str),
    Need(&'a Need),
}

impl From<bool> for Tri<'_> {
    fn from(yes: bool) -> Self {
        if yes { Tri::Yes } else { Tri::No }
    }
}

impl From<Seen> for Tri<'_> {
    fn from(seen: Seen) -> Self {
        match seen {
            Seen::Yes => Tri::Yes,
            Seen::No => Tri::No,
            Seen::Drop => Tri::Drop,
        }
    }
}

impl Test {
    /// Compiles a condition; `slots` are the places of the memory that are taken so far.
    pub(super) fn new(pred: Pred, slots: &mut Vec<Slot>) -> Test {
        match pred {
            Pred::Not(inner) => Test::Not(Box::new(Test::new(*inner, slots))),
            Pred::All(all) => Test::All(all.into_iter().map(|it| Test::new(it, slots)).collect()),
            Pred::Any(all) => Test::Any(all.into_iter().map(|it| Test::new(it, slots)).collect()),
            Pred::Needs(need) => {
                let place = slots.len();
                slots.push(Slot::Fresh);
                Test::Need(place, Box::new(need))
            }
            pred => Test::of(pred),
        }
    }

    /// A condition about the packet alone.
    fn of(pred: Pred) -> Test {
        let small = |number: u128| u64::try_from(number).ok();
        let found = match &pred {
            Pred::Range(field, low, high) => {
                small(*low).zip(small(*high)).map(|(low, high)| Test::Range(*field, low, high))
            }
            Pred::Bits(field, mask, value) => {
                small(*mask).zip(small(*value)).map(|(mask, value)| Test::Bits(*field, mask, value))
            }
            Pred::AnyBit(field, mask) => small(*mask).map(|mask| Test::AnyBit(*field, mask)),
            _ => None,
        };
        found.unwrap_or_else(|| Test::Pred(Box::new(pred)))
    }

    /// Asks it. What has a place in the memory is changed, unless something before it is undecided: then what it held is
    /// lost.
    pub(super) fn ask<'a>(&'a self, machine: &mut Machine<'_>, memory: &mut Memory, sure: bool) -> Tri<'a> {
        match self {
            Test::Range(name, low, high) => range(machine, *name, u128::from(*low), u128::from(*high)),
            Test::Bits(name, mask, value) => bits(machine, *name, u128::from(*mask), u128::from(*value)),
            Test::AnyBit(name, mask) => any_bit(machine, *name, u128::from(*mask)),
            Test::Pred(pred) => ask(pred, machine, sure),
            Test::Need(at, need) => remember(*at, need, machine, memory, sure),
            Test::Not(inner) => match inner.ask(machine, memory, sure) {
                Tri::Yes => Tri::No,
                Tri::No if inner.has_no_protocol(machine) => Tri::No,
                Tri::No => Tri::Yes,
                // What searches a header says no when it drops the packet, and that is inverted.
                Tri::Drop if inner.searches() => Tri::YesDrop,
                other => other,
            },
            Test::All(all) => every(all, machine, memory, sure),
            Test::Any(all) => {
                let mut answer = Tri::No;
                for it in all {
                    // What remembers stands beside no other condition.
                    match it.ask(machine, memory, sure) {
                        Tri::No => {}
                        Tri::Unknown(why) => answer = Tri::Unknown(why),
                        end => return end,
                    }
                }
                answer
            }
            Test::Opaque => Tri::Unknown(Why::Text("the rule is not understood")),
        }
    }

    /// What it needs to know of earlier packets: that is asked beside no other condition.
    pub(super) fn need(&mut self) -> Option<&mut Need> {
        match self {
            Test::Need(_, need) => Some(need),
            _ => None,
        }
    }

    /// Whether it asks for a protocol that nf_tables does not find: then the rule fails, inverted or not.
    fn has_no_protocol(&self, machine: &Machine<'_>) -> bool {
        machine.nft && machine.heads.proto.is_none() && matches!(self, Test::Range(Field::Proto, ..))
    }

    fn searches(&self) -> bool {
        matches!(self, Test::Pred(pred) if matches!(**pred, Pred::DccpOption(_) | Pred::Chunks(_)))
    }
}

/// Whether those of the first 32 hold whose bit is set, asked in order.
#[inline]
pub(super) fn every_of<'a>(
    tests: &'a [Test],
    mut wanted: u32,
    machine: &mut Machine<'_>,
    memory: &mut Memory,
) -> Tri<'a> {
    let some = std::iter::from_fn(|| {
        let next = tests.get(wanted.trailing_zeros() as usize);
        wanted &= wanted.wrapping_sub(1);
        next
    });
    every(some, machine, memory, true)
}

/// Whether all hold, asked in order.
#[inline]
pub(super) fn every<'a>(
    tests: impl IntoIterator<Item = &'a Test>,
    machine: &mut Machine<'_>,
    memory: &mut Memory,
    sure: bool,
) -> Tri<'a> {
    let mut answer = Tri::Yes;
    for it in tests {
        let next = it.ask(machine, memory, sure && matches!(answer, Tri::Yes | Tri::YesDrop));
        answer = match (answer, next) {
            (answer, Tri::Yes) => answer,
            (Tri::Yes, Tri::YesDrop | Tri::Unknown(_)) => next,
            // Whatever follows, the packet is dropped; whether the rule counts is open.
            (Tri::YesDrop, Tri::No | Tri::Drop) => return Tri::Drop,
            (Tri::YesDrop | Tri::MayDrop(..), Tri::Unknown(why)) => return Tri::Lost(why),
            // Whether it is looked at, and drops the packet, depends on what is undecided.
            (Tri::Unknown(why), Tri::YesDrop) => Tri::MayDrop(why, true),
            (Tri::Unknown(why), Tri::Drop) | (Tri::MayDrop(why, _), Tri::No | Tri::Drop) => {
                return Tri::MayDrop(why, false);
            }
            (answer, Tri::YesDrop | Tri::Unknown(_)) => answer,
            (_, end) => return end,
        };
    }
    answer
}

fn field<'a>(machine: &Machine<'_>, field: Field, holds: impl FnOnce(u128) -> bool) -> Tri<'a> {
    if machine.nft
        && let Some(why) = machine.is_unclear(field)
    {
        return Tri::Unknown(Why::Text(why));
    }
    match machine.value(field) {
        Value::Is(value) => holds(value).into(),
        Value::Absent => Tri::No,
        Value::Torn => Tri::Drop,
        Value::Unknown(why) => Tri::Unknown(Why::Text(why)),
    }
}

/// Whether an interface has such a name.
pub(super) fn iface_matches(wanted: &Iface, name: &Iface) -> bool {
    match wanted.stem() {
        (stem, true) => name.as_bytes().starts_with(stem),
        (_, false) => name == wanted,
    }
}

fn iface<'a>(wanted: &Iface, name: Result<Option<&Iface>, &'static str>) -> Tri<'a> {
    match name {
        Ok(Some(name)) => iface_matches(wanted, name).into(),
        // Without an interface the kernel compares with an empty name.
        Ok(None) => iface_matches(wanted, &Iface::ANY).into(),
        Err(why) => Tri::Unknown(Why::Text(why)),
    }
}

fn bridge<'a>(wanted: &Iface, name: Option<Iface>) -> Tri<'a> {
    match name {
        Some(name) => (!name.is_any() && iface_matches(wanted, &name)).into(),
        None => Tri::Unknown(Why::Text(BRIDGE)),
    }
}

fn range<'a>(machine: &Machine<'_>, name: Field, low: u128, high: u128) -> Tri<'a> {
    let holds = |it| (low..=high).contains(&it);
    match at_hand(machine, name) {
        Some(value) => holds(value).into(),
        // A rule that asks for a protocol which nf_tables does not find fails.
        None if machine.nft && name == Field::Proto => Tri::No,
        None => field(machine, name, holds),
    }
}

fn bits<'a>(machine: &Machine<'_>, name: Field, mask: u128, value: u128) -> Tri<'a> {
    let holds = |it| it & mask == value;
    match at_hand(machine, name) {
        Some(value) => holds(value).into(),
        None => field(machine, name, holds),
    }
}

/// The commonest fields, without the way over all of them.
#[inline]
fn at_hand(machine: &Machine<'_>, name: Field) -> Option<u128> {
    let heads = &machine.heads;
    match name {
        Field::Proto => heads.proto.map(u128::from),
        Field::Source if machine.lost.is_empty() => Some(heads.source),
        Field::Destination if machine.lost.is_empty() => Some(heads.destination),
        _ => None,
    }
}

fn any_bit<'a>(machine: &Machine<'_>, name: Field, mask: u128) -> Tri<'a> {
    if name == Field::CtState && machine.unsure & mask != 0 {
        return match field(machine, Field::CtState, |it| it & mask & !machine.unsure != 0) {
            Tri::No => Tri::Unknown(Why::Text("whether the connection is translated is not told")),
            other => other,
        };
    }
    field(machine, name, |it| it & mask != 0)
}

/// What depends on earlier packets, or on sets.
fn remember<'a>(
    at: usize,
    need: &'a Need,
    machine: &mut Machine<'_>,
    memory: &mut Memory,
    sure: bool,
) -> Tri<'a> {
    match need {
        Need::Set(test) => match memory.sets.ask(test, machine, sure) {
            Ok(Some(yes)) => yes.into(),
            Ok(None) => Tri::Unknown(Why::Need(need)),
            Err(why) => Tri::Unknown(Why::Text(why)),
        },
        need => match memory.ask(at, need, machine, sure) {
            Recall::Is(yes) => yes.into(),
            Recall::Unknown => Tri::Unknown(Why::Need(need)),
            Recall::NoRoom => Tri::Lost(Why::Text(
                "whether there is room in the table, for want of which packets are dropped",
            )),
        },
    }
}

fn ask<'a>(pred: &'a Pred, machine: &mut Machine<'_>, sure: bool) -> Tri<'a> {
    match pred {
        Pred::True => Tri::Yes,
        Pred::False => Tri::No,
        Pred::Range(name, low, high) => range(machine, *name, *low, *high),
        Pred::Bits(name, mask, value) => bits(machine, *name, *mask, *value),
        Pred::AnyBit(name, mask) => any_bit(machine, *name, *mask),
        Pred::InIface(wanted) => iface(wanted, machine.in_iface()),
        Pred::OutIface(wanted) => iface(wanted, machine.out_iface()),
        Pred::Header(it) => header(machine, *it),
        _ => ask_more(pred, machine, sure),
    }
}

fn ask_more<'a>(pred: &'a Pred, machine: &mut Machine<'_>, sure: bool) -> Tri<'a> {
    let transport = machine.heads.transport;
    if let Pred::Numbers(_) | Pred::Text(_) | Pred::Program(_) = pred
        && let Some((_, why)) = machine.lost.iter().find(|it| it.0.is_of_bytes())
    {
        // These look at any bytes, among them those that nobody can tell any more, or a checksum over them.
        return Tri::Unknown(Why::Text(why));
    }
    match pred {
        Pred::TcpOption(option) => tcp_option(&machine.bytes, transport, *option).into(),
        Pred::DccpOption(option) => dccp_option(&machine.bytes, transport, *option).into(),
        Pred::Numbers(tests) => numbers_match(&machine.bytes, tests).into(),
        Pred::Text(test) => match text_matches(&machine.bytes, test) {
            Some(yes) => yes.into(),
            None => Tri::Unknown(Why::Text(
                "what the machine reads behind the end depends on how the packet lies in memory",
            )),
        },
        Pred::Program(program) => match run(program, &machine.bytes, machine) {
            Some(value) => (value != 0).into(),
            None => Tri::Unknown(Why::Text("the program asks for something besides the packet's bytes")),
        },
        Pred::Chunks(wanted) => chunks_match(&machine.bytes, transport, wanted).into(),
        Pred::Options { header, length, options } => {
            options_match(&machine.view(), *header, *length, options).into()
        }
        Pred::Route { addresses, strict } => route_matches(&machine.view(), addresses, *strict).into(),
        Pred::Segments(test) => segments_match(&machine.view(), test).into(),
        Pred::Eui64 => match machine.packet.link {
            Some(link) => eui64(machine.heads.source, link.source.0).into(),
            None if machine.is_back() => eui64(machine.heads.source, [0; 6]).into(),
            None => Tri::Unknown(Why::Text("the Ethernet addresses are not told")),
        },
        Pred::Helper(name) => helper(machine, name).into(),
        Pred::SetLabel(_) if machine.connection.is_none() || machine.connection.is_template() => Tri::No,
        Pred::SetLabel(bit) => {
            set_label(machine, *bit, sure);
            Tri::Yes
        }
        Pred::Cluster { total, nodes, seed } => {
            take_for_own(machine, sure);
            match machine.connection.get() {
                None => Tri::No,
                Some(_) if machine.connection.is_template() => {
                    Tri::Unknown(Why::Text("what `cluster` makes of a template depends on the kernel"))
                }
                Some(it) => {
                    (nodes & 1 << node(machine.family, it.original.source, *seed, *total) != 0).into()
                }
            }
        }
        Pred::BridgeIn(wanted) => bridge(wanted, machine.bridge_in()),
        Pred::BridgeOut(wanted) => bridge(wanted, machine.bridge_out()),
        // The others were taken apart when they were compiled; a new one must be taught here.
        _ => Tri::Unknown(Why::Text("this condition is not modelled")),
    }
}

/// Sets a label of the connection. `sure`: whether it is certain that the rule asks.
fn set_label(machine: &mut Machine<'_>, bit: u8, sure: bool) {
    let label = 1 << bit;
    if sure && let Some(connection) = machine.connection.to_mut() {
        connection.labels |= label;
    }
    if let Some(it) = machine.connection.get()
        && it.labels & label == 0
    {
        machine.lose(Field::CtLabels, "whether the label was set is not decided");
    }
}

/// The kernel compares as much of the wanted name as the helper's own name has.
fn helper(machine: &Machine<'_>, wanted: &[u8]) -> bool {
    let known = machine.connection.get().and_then(|it| it.helper.as_ref());
    known.is_some_and(|name| wanted.is_empty() || wanted.starts_with(name))
}

fn header<'a>(machine: &Machine<'_>, header: Header) -> Tri<'a> {
    let heads = &machine.heads;
    let whole = |count: u8| match heads.fragment {
        0 if machine.transport().len() < usize::from(count) => Tri::Drop,
        0 => Tri::Yes,
        _ => Tri::No,
    };
    match header {
        Header::Transport(count) => whole(count),
        // Of IPv6 the kernel has the offset in bytes here, which is never 1.
        Header::Tcp if heads.fragment == 1 && machine.family == Family::V4 => Tri::Drop,
        Header::Tcp => whole(20),
        Header::Mobility => match whole(6) {
            Tri::Yes if machine.transport().first() != Some(&59) => Tri::Drop,
            other => other,
        },
        Header::Extension(number, count) => match machine.view().extension(number) {
            None => cut_chain(machine),
            Some((start, end)) if machine.bytes.len() < end.max(start + usize::from(count)) => Tri::Drop,
            Some(_) => Tri::Yes,
        },
    }
}

/// A packet whose chain of extension headers is cut off is dropped by who looks for one.
fn cut_chain<'a>(machine: &Machine<'_>) -> Tri<'a> {
    // Also where an authentication header is the protocol: who looks for a header goes past it.
    let view = machine.view();
    let torn = machine.family == Family::V6 && view.proto.is_none() && view.fragment == 0;
    if torn { Tri::Drop } else { Tri::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_small() {
        // What rules ask is much of what must be fetched for a packet.
        assert!(size_of::<Test>() <= 24);
    }
}
