//! Which rules of a chain can match a packet at all: a set of rules for each interval of each field that most rules name
//! (Lakshman and Stiliadis, "High-speed policy-based packet forwarding", 1998).
//!
//! The index only leaves rules out that do not match for certain; the others are asked in full.

use std::net::IpAddr;

use super::machine::{Heads, Machine};
use super::test::iface_matches;
use crate::dialect::Family;
use crate::meaning::{Field, Pred};
use crate::value::addr;
use crate::value::iface::Iface;

/// Shorter chains are faster without.
const SHORTEST: usize = 6;
/// Intervals of a field; neighbours are joined beyond that, so that memory stays proportional to the rules.
const MOST: usize = 1024;
/// Source, destination, source port, destination port, protocol.
const FIELDS: [Field; 5] =
    [Field::Source, Field::Destination, Field::SourcePort, Field::DestinationPort, Field::Proto];

/// Bits of a set of rules, 64 in a word.
type Set = Box<[u64]>;

/// The index of a chain.
#[derive(Clone, Debug)]
pub(super) struct Index {
    words: usize,
    fields: Vec<Intervals>,
    ifaces: Vec<Names>,
}

/// Rules by the value of one field.
#[derive(Clone, Debug)]
struct Intervals {
    field: Field,
    /// First value of each interval but the first, which begins at 0.
    bounds: Box<[u128]>,
    /// The rules of each interval, one set after the other.
    sets: Set,
}

/// Rules by an interface.
#[derive(Clone, Debug)]
struct Names {
    incoming: bool,
    /// Rules that name no interface, or not this way.
    others: Set,
    named: Vec<(Iface, Set)>,
}

/// Sets of rules for one packet; all of them hold a rule that can match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidates<'a> {
    sets: [&'a [u64]; 7],
    count: usize,
    /// The word that is looked at, and what is left of it.
    at: usize,
    rest: u64,
    words: usize,
}

impl Index {
    /// Indexes a chain by the conditions of its rules; `None` if it is not worth it.
    pub(super) fn new(family: Family, rules: &[&[Pred]]) -> Option<Index> {
        if rules.len() < SHORTEST {
            return None;
        }
        let words = rules.len().div_ceil(64);
        let fields: Vec<Intervals> = FIELDS
            .into_iter()
            .filter_map(|field| {
                let wanted: Vec<Option<(u128, u128)>> = rules
                    .iter()
                    .map(|preds| preds.iter().find_map(|pred| interval(family, field, pred)))
                    .collect();
                Intervals::new(field, &wanted, words)
            })
            .collect();
        let ifaces: Vec<Names> =
            [true, false].into_iter().filter_map(|it| Names::new(it, rules, words)).collect();
        if fields.is_empty() && ifaces.is_empty() { None } else { Some(Index { words, fields, ifaces }) }
    }

    /// The rules, from this one on, that can match.
    pub(super) fn candidates(&self, machine: &Machine<'_>, from: usize) -> Candidates<'_> {
        let mut found = Candidates { sets: [&[]; 7], count: 0, at: from / 64, rest: 0, words: self.words };
        for it in &self.fields {
            if let Some(value) = value(machine, it.field) {
                found.add(it.set(value, self.words));
            }
        }
        for it in &self.ifaces {
            let name = if it.incoming { machine.in_iface() } else { machine.out_iface() };
            let Ok(name) = name else { continue };
            let name = name.map_or(&b""[..], Iface::as_bytes);
            let mut sets =
                it.named.iter().filter(|(wanted, _)| iface_matches(wanted, name)).map(|(_, set)| set);
            match (sets.next(), sets.next()) {
                (None, _) => found.add(&it.others),
                (Some(only), None) => found.add(only),
                // Several patterns fit: nothing is left out for this interface.
                _ => {}
            }
        }
        found.rest = found.word(found.at) & (u64::MAX << (from % 64));
        found
    }
}

impl<'a> Candidates<'a> {
    fn add(&mut self, set: &'a [u64]) {
        if let Some(place) = self.sets.get_mut(self.count) {
            *place = set;
            self.count += 1;
        }
    }

    fn word(&self, at: usize) -> u64 {
        let sets = self.sets.iter().take(self.count);
        sets.fold(if at < self.words { u64::MAX } else { 0 }, |all, set| {
            all & set.get(at).copied().unwrap_or(0)
        })
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.rest == 0 {
            self.at += 1;
            if self.at >= self.words {
                return None;
            }
            self.rest = self.word(self.at);
        }
        let bit = self.rest.trailing_zeros();
        self.rest &= self.rest - 1;
        Some(self.at * 64 + bit as usize)
    }
}

/// The value of an indexed field; `None` where no rule may be left out by it.
fn value(machine: &Machine<'_>, field: Field) -> Option<u128> {
    let Heads { proto, source, destination, ports, whole, .. } = machine.heads;
    if !machine.lost.is_empty() && machine.lost.iter().any(|(lost, _)| *lost == field) {
        return None;
    }
    match field {
        Field::Source => Some(source),
        Field::Destination => Some(destination),
        // A look at a header that is cut off drops the packet, so those rules are asked.
        Field::SourcePort => ports.filter(|_| whole).map(|it| u128::from(it.0)),
        Field::DestinationPort => ports.filter(|_| whole).map(|it| u128::from(it.1)),
        _ => proto.map(u128::from),
    }
}

/// The values that a condition asks of a field.
fn interval(family: Family, wanted: Field, pred: &Pred) -> Option<(u128, u128)> {
    let all = match addr::ip(family, 0) {
        IpAddr::V4(_) => u128::from(u32::MAX),
        IpAddr::V6(_) => u128::MAX,
    };
    match pred {
        Pred::Range(field, low, high) if *field == wanted => Some((*low, *high)),
        Pred::Bits(field, mask, value)
            if *field == wanted && matches!(field, Field::Source | Field::Destination) =>
        {
            let hosts = !mask & all;
            // A mask with holes is no interval.
            (hosts & hosts.wrapping_add(1) == 0).then_some((*value, value | hosts))
        }
        _ => None,
    }
}

fn set_bit(set: &mut [u64], bit: usize) {
    if let Some(word) = set.get_mut(bit / 64) {
        *word |= 1 << (bit % 64);
    }
}

impl Intervals {
    fn new(field: Field, wanted: &[Option<(u128, u128)>], words: usize) -> Option<Intervals> {
        if wanted.iter().flatten().count() * 8 < wanted.len() {
            return None;
        }
        let mut bounds: Vec<u128> = wanted
            .iter()
            .flatten()
            .flat_map(|(low, high)| [Some(*low), high.checked_add(1)])
            .flatten()
            .collect();
        bounds.retain(|bound| *bound > 0);
        bounds.sort_unstable();
        bounds.dedup();
        if bounds.len() >= MOST {
            let step = bounds.len() / MOST + 1;
            bounds = bounds.into_iter().step_by(step).collect();
        }
        let mut sets = vec![0u64; (bounds.len() + 1) * words];
        for (rule, range) in wanted.iter().enumerate() {
            let (first, last) = match range {
                None => (0, bounds.len()),
                Some((low, high)) if low > high => continue,
                Some((low, high)) => (place(&bounds, *low), place(&bounds, *high)),
            };
            for set in sets.chunks_exact_mut(words).take(last + 1).skip(first) {
                set_bit(set, rule);
            }
        }
        Some(Intervals { field, bounds: bounds.into(), sets: sets.into() })
    }

    fn set(&self, value: u128, words: usize) -> &[u64] {
        let at = place(&self.bounds, value) * words;
        self.sets.get(at..at + words).unwrap_or_default()
    }
}

/// In which interval a value lies.
fn place(bounds: &[u128], value: u128) -> usize {
    bounds.partition_point(|bound| *bound <= value)
}

impl Names {
    fn new(incoming: bool, rules: &[&[Pred]], words: usize) -> Option<Names> {
        let wanted = |preds: &&[Pred]| {
            preds.iter().find_map(|pred| match pred {
                Pred::InIface(iface) if incoming => Some(*iface),
                Pred::OutIface(iface) if !incoming => Some(*iface),
                _ => None,
            })
        };
        let wanted: Vec<Option<Iface>> = rules.iter().map(wanted).collect();
        let mut names: Vec<Iface> = Vec::new();
        for name in wanted.iter().flatten() {
            if !names.contains(name) {
                names.push(*name);
            }
        }
        // With so many names, to find the right one would cost more than it saves.
        if names.is_empty() || names.len() > 16 {
            return None;
        }
        let collect = |only: Option<Iface>| {
            let mut set = vec![0u64; words];
            for (rule, name) in wanted.iter().enumerate() {
                if name.is_none() || *name == only {
                    set_bit(&mut set, rule);
                }
            }
            set.into_boxed_slice()
        };
        let named = names.into_iter().map(|name| (name, collect(Some(name)))).collect();
        Some(Names { incoming, others: collect(None), named })
    }
}
