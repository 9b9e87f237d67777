//! Which rules of a chain can match a packet at all.
//!
//! An index only leaves rules out that do not match for certain; the others are asked in full, but for the conditions that it has
//! decided. Most chains have a tree of questions about fields ([`tree`]); where that would be too large, each field has its sets
//! of rules ([`sets`]).

mod bounds;
mod names;
mod sets;
mod tree;

pub(super) use names::Names;
pub(super) use sets::{Candidates, Fields};
pub(super) use tree::{Entry, Tree};

use super::machine::Heads;
use crate::dialect::Family;
use crate::meaning::{Field, Header, Pred};
use crate::value::iface::Iface;

/// Shorter chains are faster without.
const SHORTEST: usize = 6;
/// Fields that are numbers, by their places.
const FIELDS: [Field; 5] =
    [Field::Source, Field::Destination, Field::SourcePort, Field::DestinationPort, Field::Proto];
const SOURCE_PORT: usize = 2;
const DESTINATION_PORT: usize = 3;
const PROTO: usize = 4;
/// The interfaces have the places behind them.
const IN: usize = 5;
const OUT: usize = 6;
const PLACES: usize = 7;

/// The index of a chain.
#[derive(Clone, Debug)]
pub(super) enum Index {
    Tree(Tree),
    Sets(Fields),
}

impl Index {
    /// Indexes a chain by the conditions of its rules; `None` if it is not worth it.
    pub(super) fn new(family: Family, names: &Names, rules: &[Conditions<'_>]) -> Option<Index> {
        if rules.len() < SHORTEST {
            return None;
        }
        let wanted: Vec<Wanted> = rules.iter().map(|it| Wanted::new(family, it)).collect();
        match Tree::new(family, names, &wanted) {
            Some(tree) => Some(Index::Tree(tree)),
            None => Fields::new(family, names, &wanted).map(Index::Sets),
        }
    }
}

/// The conditions of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions<'a> {
    /// Those of which one that fails lets the rule be passed over: the first of all.
    pub(super) plain: &'a [Pred],
    /// How many there are in all.
    pub(super) count: usize,
}

/// What a rule asks of the places that indexes know.
#[derive(Clone, Debug)]
struct Wanted {
    ranges: [Option<(u128, u128)>; FIELDS.len()],
    ifaces: [Option<Iface>; 2],
    /// The condition that asks for each place: one of the first 32, by its bit.
    bits: [u32; PLACES],
    /// The condition that asks for a whole header, if a value for a port decides it, and if that and the protocol do.
    header: [u32; 2],
    count: usize,
}

impl Wanted {
    fn new(family: Family, it: &Conditions<'_>) -> Wanted {
        let preds = it.plain;
        let mut wanted = Wanted {
            ranges: [None; FIELDS.len()],
            ifaces: [None; 2],
            bits: [0; PLACES],
            header: [0; 2],
            count: it.count,
        };
        let mut is_tcp = false;
        for (at, pred) in preds.iter().enumerate() {
            let bit = if at < 32 { 1 << at } else { 0 };
            let place = match pred {
                Pred::InIface(iface) => wanted.ask_iface(0, *iface),
                Pred::OutIface(iface) => wanted.ask_iface(1, *iface),
                pred => wanted.ask_range(family, pred),
            };
            if let Some(place) = place.and_then(|it| wanted.bits.get_mut(it)) {
                *place = bit;
            }
            is_tcp |= *pred == Pred::Range(Field::Proto, 6, 6) && wanted.bits.get(PROTO) == Some(&bit);
        }
        // A packet with a value for its ports has a whole header, of TCP 20 bytes and of others 8 at least.
        let header = |fits: &dyn Fn(&Header) -> bool| {
            let at = preds.iter().position(|pred| matches!(pred, Pred::Header(it) if fits(it)));
            at.filter(|it| *it < 32).map_or(0, |it| 1 << it)
        };
        let short = header(&|it| matches!(it, Header::Transport(count) if *count <= 8));
        let whole = |it: &Header| match it {
            Header::Transport(count) => *count <= 20,
            Header::Tcp => true,
            _ => false,
        };
        wanted.header = [short, if is_tcp { header(&whole) } else { short }];
        wanted
    }

    /// Only the first condition on a place counts.
    fn ask_iface(&mut self, at: usize, iface: Iface) -> Option<usize> {
        let free = self.ifaces.get_mut(at).filter(|it| it.is_none())?;
        *free = Some(iface);
        Some(IN + at)
    }

    fn ask_range(&mut self, family: Family, pred: &Pred) -> Option<usize> {
        let ranges = self.ranges.iter_mut().zip(FIELDS).enumerate();
        let mut free = ranges.filter(|(_, (range, _))| range.is_none());
        free.find_map(|(at, (range, field))| {
            *range = interval(family, field, pred);
            range.map(|_| at)
        })
    }

    /// Which conditions are left to be asked if these places are decided, a bit each; all if there are too many.
    fn left(&self, decided: u8) -> u32 {
        let Some(bit) = 1_u32.checked_shl(self.count as u32) else { return u32::MAX };
        let is_decided = |place: usize| decided >> place & 1 != 0;
        let bits = self.bits.iter().enumerate().filter(|(place, _)| is_decided(*place));
        let mut decided = bits.fold(0, |sum, (_, bit)| sum | bit);
        if is_decided(SOURCE_PORT) || is_decided(DESTINATION_PORT) {
            let [ports, with_proto] = self.header;
            decided |= if is_decided(PROTO) { with_proto } else { ports };
        }
        (bit - 1) & !decided
    }

    /// Whether it asks for a place.
    fn asks(&self, place: usize) -> bool {
        match place {
            IN => self.ifaces[0].is_some(),
            OUT => self.ifaces[1].is_some(),
            place => self.ranges.get(place).is_some_and(Option::is_some),
        }
    }
}

/// The values of [`FIELDS`] of a packet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values {
    values: [u128; FIELDS.len()],
    /// By which of them rules may be left out, a bit each.
    known: u8,
}

impl Values {
    #[inline]
    pub(super) fn new(heads: &Heads) -> Values {
        let (source_port, destination_port) = heads.ports.unwrap_or_default();
        let whole = heads.left >= if heads.proto == Some(6) { 20 } else { 12 }
            || matches!(heads.proto, Some(17 | 136)) && heads.left >= 8;
        let known = match heads.proto {
            // Who asks for the protocol drops the packet, whatever stands behind that question.
            None => 0,
            Some(_) if heads.ports.is_some() && whole => 0b11111,
            // A look at a header that is cut off drops the packet, so those rules are asked.
            Some(_) => 0b10011,
        };
        let proto = u128::from(heads.proto.unwrap_or(0));
        let values = [heads.source, heads.destination, source_port.into(), destination_port.into(), proto];
        Values { values, known }
    }

    /// Without a field that nobody can tell any more.
    pub(super) fn forget(&mut self, field: Field) {
        if let Some(place) = FIELDS.iter().position(|it| *it == field) {
            self.known &= !(1 << place);
        }
    }

    #[inline]
    fn get(&self, place: usize) -> Option<u128> {
        self.values.get(place).copied().filter(|_| self.known >> place & 1 != 0)
    }
}

/// The largest address, and no other field is larger.
fn largest(family: Family) -> u128 {
    match family {
        Family::V4 => u128::from(u32::MAX),
        Family::V6 => u128::MAX,
    }
}

/// The values that a condition asks of a field.
fn interval(family: Family, wanted: Field, pred: &Pred) -> Option<(u128, u128)> {
    let all = largest(family);
    match pred {
        Pred::Range(field, low, high) if *field == wanted => Some((*low, *high)),
        Pred::Bits(field, mask, value)
            if *field == wanted && matches!(field, Field::Source | Field::Destination) =>
        {
            let hosts = !mask & all;
            // A mask with holes is no interval; a value with bits outside the mask never matches, and is asked.
            (hosts & hosts.wrapping_add(1) == 0 && value & hosts == 0).then_some((*value, value | hosts))
        }
        _ => None,
    }
}
