//! Conditions in words: what was asked, and what the packet says.

use std::borrow::Cow;

use super::machine::{Machine, Value};
use super::memory::Memory;
use super::test::{Test, Tri};
use crate::meaning::{Field, Need, Pred};
use crate::value::addr;
use crate::value::ct_state::CtStates;

/// Why a rule matched: one sentence a condition.
pub(super) fn hits(tests: &[Test], machine: &Machine<'_>) -> Vec<String> {
    tests.iter().filter_map(|test| sentence(test, machine)).collect()
}

/// Why a rule did not match: the first condition that fails. What is remembered of earlier packets has changed by now, so it
/// is told without being asked again.
pub(super) fn miss(tests: &[Test], machine: &Machine<'_>) -> Option<String> {
    let mut copy = machine.clone();
    let failed = tests.iter().find(|test| match test {
        Test::Need(..) => true,
        test => test.ask(&mut copy, &mut Memory::default(), false) != Tri::Yes,
    });
    failed.and_then(|test| sentence(test, machine))
}

fn sentence(test: &Test, machine: &Machine<'_>) -> Option<String> {
    if let Some(pred) = as_pred(test) {
        return leaf(&pred, machine, false);
    }
    Some(match test {
        Test::Need(_, need) => match &**need {
            Need::Set(test) => {
                let mut dirs = Vec::new();
                test.dirs.push(&mut dirs);
                format!("asked is the set {} by {}", test.name.to_lossy(), String::from_utf8_lossy(&dirs))
            }
            need => need.to_string(),
        },
        Test::Not(inner) => match as_pred(inner) {
            Some(pred) => leaf(&pred, machine, true)?,
            None => format!("not: {}", sentence(inner, machine)?),
        },
        Test::All(all) => join(all, machine, " and ")?,
        Test::Any(all) => join(all, machine, " or ")?,
        _ => "the rule is not understood".to_owned(),
    })
}

/// The condition, if it is about the packet alone.
fn as_pred(test: &Test) -> Option<Cow<'_, Pred>> {
    match test {
        Test::Range(field, low, high) => {
            Some(Cow::Owned(Pred::Range(*field, u128::from(*low), u128::from(*high))))
        }
        Test::Bits(field, mask, value) => {
            Some(Cow::Owned(Pred::Bits(*field, u128::from(*mask), u128::from(*value))))
        }
        Test::AnyBit(field, mask) => Some(Cow::Owned(Pred::AnyBit(*field, u128::from(*mask)))),
        Test::Pred(pred) => Some(Cow::Borrowed(pred)),
        _ => None,
    }
}

fn join(all: &[Test], machine: &Machine<'_>, word: &str) -> Option<String> {
    let parts: Vec<String> = all.iter().filter_map(|test| sentence(test, machine)).collect();
    if parts.is_empty() { None } else { Some(parts.join(word)) }
}

/// `destination port is 80, asked is 22`.
fn leaf(pred: &Pred, machine: &Machine<'_>, inverted: bool) -> Option<String> {
    let not = if inverted { "not " } else { "" };
    let shown = |field: Field, asked: String| {
        let is = match machine.value(field) {
            Value::Is(value) => show(field, value, machine),
            Value::Absent => "absent".to_owned(),
            Value::Torn => "cut off".to_owned(),
            Value::Unknown(_) => "unknown".to_owned(),
        };
        format!("{} is {is}, asked is {not}{asked}", name(field))
    };
    let text = |what: &str| {
        let it = if inverted { format!("not {what}") } else { what.to_owned() };
        Some(format!("asked is {it}"))
    };
    match pred {
        Pred::Range(field, low, high) if low == high => Some(shown(*field, show(*field, *low, machine))),
        // Whatever its value: it is there.
        Pred::Bits(_, 0, _) | Pred::Range(_, 0, 65535) if !inverted => None,
        Pred::Range(field, low, high) => Some(shown(
            *field,
            format!("{} to {}", show(*field, *low, machine), show(*field, *high, machine)),
        )),
        Pred::Bits(field @ (Field::Source | Field::Destination), mask, value) => {
            let mut out = Vec::new();
            addr::push_address(&mut out, machine.family, *value);
            addr::push_mask(&mut out, machine.family, *mask);
            Some(shown(*field, String::from_utf8_lossy(&out).into_owned()))
        }
        Pred::Bits(field, mask, value) => Some(shown(*field, format!("{value:#x} in the bits {mask:#x}"))),
        Pred::AnyBit(field, mask) => Some(shown(*field, show(*field, *mask, machine))),
        Pred::InIface(wanted) | Pred::OutIface(wanted) => {
            let incoming = matches!(pred, Pred::InIface(_));
            let (what, name) = if incoming {
                ("incoming interface", machine.in_iface())
            } else {
                ("outgoing interface", machine.out_iface())
            };
            let is = match name {
                Ok(Some(name)) => String::from_utf8_lossy(name.as_bytes()).into_owned(),
                Ok(None) => "none".to_owned(),
                Err(_) => "unknown".to_owned(),
            };
            Some(format!("{what} is {is}, asked is {not}{}", String::from_utf8_lossy(wanted.as_bytes())))
        }
        Pred::True | Pred::Header(_) => None,
        Pred::False => text("what never holds"),
        Pred::TcpOption(option) => text(&format!("TCP option {option}")),
        Pred::DccpOption(option) => text(&format!("DCCP option {option}")),
        Pred::Text(test) if test.machine => text("what the machine looks for"),
        Pred::Text(test) => text(&format!("the text `{}`", test.pattern.to_lossy().escape_debug())),
        Pred::Numbers(_) => text("what `u32` tests"),
        Pred::Program(_) => text("what the packet filter program says"),
        Pred::Chunks(_) => text("these SCTP chunks"),
        Pred::Options { .. } => text("these header options"),
        Pred::Route { .. } => text("these addresses of a route"),
        Pred::Segments(_) => text("such a segment routing header"),
        Pred::Eui64 => text("an address made from the Ethernet address"),
        Pred::Helper(_) => text("a helper"),
        Pred::SetLabel(label) => text(&format!("connection label {label}")),
        Pred::Cluster { .. } => text("a node of the cluster"),
        Pred::BridgeIn(_) | Pred::BridgeOut(_) => text("a port of a bridge"),
        _ => text("a condition"),
    }
}

fn show(field: Field, value: u128, machine: &Machine<'_>) -> String {
    let mut out = Vec::new();
    match field {
        Field::Source
        | Field::Destination
        | Field::CtOrigSource
        | Field::CtOrigDestination
        | Field::CtReplySource
        | Field::CtReplyDestination => addr::push_address(&mut out, machine.family, value),
        // INVARIANT: states are seven bits.
        Field::CtState => CtStates(value as u8).push(&mut out),
        Field::Mark | Field::ConnMark | Field::Tos | Field::CtStatus | Field::TcpFlags => {
            out = format!("{value:#x}").into_bytes();
        }
        Field::MacSource => out = format!("{value:012x}").into_bytes(),
        _ => out = value.to_string().into_bytes(),
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn name(field: Field) -> String {
    let known = match field {
        Field::Source => "source",
        Field::Destination => "destination",
        Field::Proto => "protocol",
        Field::SourcePort => "source port",
        Field::DestinationPort => "destination port",
        Field::LaterFragment => "later fragment",
        Field::TcpFlags => "TCP flags",
        Field::TcpMss => "maximum segment size",
        Field::Spi => "SPI",
        Field::HopLimit => "TTL or hop limit",
        Field::Tos => "TOS or traffic class",
        Field::CtState => "connection state",
        Field::ConnMark => "connection mark",
        Field::Uid => "user",
        Field::Gid => "group",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    // `IcmpType` becomes `icmp type`.
    let mut words = String::new();
    for (at, letter) in format!("{field:?}").chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
