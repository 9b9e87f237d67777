//! A set, told field by field.

use super::arena::{Arena, Set, TooLarge};
use super::code::{Code, Dim};
use super::compile::Space;
use super::names::Name;
use crate::meaning::Field;
use crate::value::addr::push_range;

/// The values of one field of the packets of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// `source`, `destination`, `protocol` …
    pub field: &'static str,
    /// Its values, ranges as they are written.
    pub values: Vec<String>,
    /// Ranges of numbers, first and last; empty for names.
    pub ranges: Vec<(u128, u128)>,
}

/// A set, told field by field: each field alone, so the set may hold less than their product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Region {
    /// Fields that do not take all their values.
    pub spans: Vec<Span>,
    /// Whether the set is the product of its fields.
    pub exact: bool,
}

/// Fields that are told, in this order.
const TOLD: [(Field, &str); 9] = [
    (Field::Source, "source"),
    (Field::Destination, "destination"),
    (Field::Proto, "protocol"),
    (Field::SourcePort, "source port"),
    (Field::DestinationPort, "destination port"),
    (Field::IcmpType, "icmp type"),
    (Field::CtState, "state"),
    (Field::Mark, "mark"),
    (Field::LaterFragment, "fragment"),
];

const STATES: [(u128, &str); 5] =
    [(1, "invalid"), (2, "new"), (4, "established"), (8, "related"), (16, "untracked")];

impl Space {
    /// The fields of a set; `within` is what is taken for granted.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn region(&mut self, set: Set, within: Set) -> Result<Region, TooLarge> {
        let mut region = Region::default();
        let mut product = within;
        for (field, name) in TOLD {
            let Some(dim) = self.fields.get(&field).cloned() else { continue };
            if let Some((one, classes)) = self.projected(set, within, &dim)? {
                product = self.arena.and(product, one)?;
                let ranges = ranges(&dim, &classes);
                let values = ranges.iter().map(|it| self.written(field, *it)).collect();
                region.spans.push(Span { field: name, values, ranges });
            }
        }
        for (incoming, name) in [(true, "in"), (false, "out")] {
            let (dim, names) = if incoming { self.ins.clone() } else { self.outs.clone() };
            if let Some((one, classes)) = self.projected(set, within, &dim)? {
                product = self.arena.and(product, one)?;
                let names = classes.iter().filter_map(|at| names.classes.get(*at as usize));
                region.spans.push(Span {
                    field: name,
                    values: names.map(shown).collect(),
                    ranges: Vec::new(),
                });
            }
        }
        region.exact = product == self.arena.and(set, within)?;
        Ok(region)
    }

    /// The classes of a field in a set, unless they are all that there are in `within`.
    fn projected(&mut self, set: Set, within: Set, dim: &Dim) -> Result<Option<(Set, Vec<u128>)>, TooLarge> {
        let own = |var: u32| (dim.first..dim.first + dim.width).contains(&var);
        let one = self.exists(set, |var| !own(var))?;
        let all = self.exists(within, |var| !own(var))?;
        if self.arena.within(all, one) {
            return Ok(None);
        }
        let count = match dim.code {
            Code::Bits { .. } if dim.width > 12 => return Ok(None),
            Code::Bits { .. } => 1 << dim.width,
            _ => u128::from(dim.code.classes()),
        };
        let has = |arena: &Arena, number: u128| {
            let value = |var: u32| number >> (dim.first + dim.width - 1 - var) & 1 == 1;
            arena.contains(one, &|var| own(var) && value(var))
        };
        let mut classes: Vec<u128> = (0..count).filter(|it| has(&self.arena, *it)).collect();
        // Numbers above the last class stand for it too.
        if let (Some(last), false) = (count.checked_sub(1), matches!(dim.code, Code::Bits { .. })) {
            let last_class = dim.classes(&mut self.arena, last as u32, last as u32)?;
            if classes.last() != Some(&last) && !self.arena.disjoint(one, last_class) {
                classes.push(last);
            }
        }
        Ok(Some((one, classes)))
    }

    /// A range of values, as it is written.
    fn written(&self, field: Field, (low, high): (u128, u128)) -> String {
        match field {
            Field::Source | Field::Destination => {
                let mut out = Vec::new();
                push_range(&mut out, self.family, low, high);
                String::from_utf8_lossy(&out).into_owned()
            }
            Field::Proto if low == high => match low {
                1 => "icmp".to_owned(),
                6 => "tcp".to_owned(),
                17 => "udp".to_owned(),
                58 => "icmpv6".to_owned(),
                132 => "sctp".to_owned(),
                other => other.to_string(),
            },
            Field::CtState => {
                let state = STATES.iter().find(|it| it.0 & low != 0).map_or("none", |it| it.1);
                let translated = [(32, " snat"), (64, " dnat")].into_iter().filter(|it| low & it.0 != 0);
                state.to_owned() + &translated.map(|it| it.1).collect::<String>()
            }
            Field::Mark if low == high => format!("{low:#x}"),
            Field::LaterFragment => if low == 1 { "later" } else { "first or none" }.to_owned(),
            _ if low == high => low.to_string(),
            _ => format!("{low}-{high}"),
        }
    }
}

/// The values of these classes, neighbours joined.
fn ranges(dim: &Dim, classes: &[u128]) -> Vec<(u128, u128)> {
    let mut ranges: Vec<(u128, u128)> = Vec::new();
    let all: Vec<(u128, u128)> = match &dim.code {
        Code::List(lists) => {
            let known = classes.iter().filter_map(|at| lists.get(*at as usize));
            known.flatten().map(|it| (*it, *it)).collect()
        }
        _ => classes.iter().filter_map(|it| dim.values(*it)).collect(),
    };
    let joins = !matches!(dim.code, Code::List(_));
    for (low, high) in all {
        match ranges.last_mut() {
            Some(last) if joins && last.1.checked_add(1) == Some(low) => last.1 = high,
            _ => ranges.push((low, high)),
        }
    }
    ranges
}

fn shown(name: &Name) -> String {
    match name {
        Name::Nothing => "none".to_owned(),
        Name::One(name) => String::from_utf8_lossy(name.as_bytes()).into_owned(),
        Name::Stem(stem) if stem.is_empty() => "others".to_owned(),
        Name::Stem(stem) => format!("{}+", String::from_utf8_lossy(stem)),
    }
}
