//! Which rules of a chain can match a packet at all: a set of rules for each interval of each field that most rules name
//! (Lakshman and Stiliadis, "High-speed policy-based packet forwarding", 1998).
//!
//! The index only leaves rules out that do not match for certain; the others are asked in full.

use std::collections::HashMap;

use super::bounds::Bounds;
use super::machine::{Heads, Machine};
use super::test::iface_matches;
use crate::dialect::Family;
use crate::meaning::{Field, Header, Pred};
use crate::value::iface::Iface;

/// Shorter chains are faster without.
const SHORTEST: usize = 6;
/// Intervals of a field that may be told apart in any case, and words for the sets of a field: beyond both, neighbours are
/// joined, so that memory stays proportional to the rules.
const INTERVALS: usize = 1024;
const WORDS: usize = 1 << 18;
/// Source, destination, source port, destination port, protocol.
const FIELDS: [Field; 5] =
    [Field::Source, Field::Destination, Field::SourcePort, Field::DestinationPort, Field::Proto];

/// How a set of rules is laid out: a rule is a bit of its words. Each has an overview, whose bits say which parts of the set hold
/// a rule at all. Only these parts are kept: most sets hold few rules, and what is small stays in the cache. Where one word is
/// enough, the overview is that word, and no part is kept.
#[derive(Clone, Copy, Debug)]
struct Shape {
    words: usize,
    /// Words of a part, of which there are at most 64.
    part: usize,
}

/// Sets of rules by their numbers, each once.
#[derive(Clone, Debug)]
struct Sets {
    shape: Shape,
    words: Vec<u64>,
    heads: Vec<Head>,
}

/// What a set holds.
#[derive(Clone, Copy, Debug)]
struct Head {
    overview: u64,
    /// Where its words begin.
    start: usize,
}

/// Sets of rules, while they are collected.
struct Collected {
    sets: Sets,
    known: HashMap<Box<[u64]>, u32>,
}

/// The index of a chain.
#[derive(Clone, Debug)]
pub(super) struct Index {
    fields: Vec<Intervals>,
    ifaces: Vec<Names>,
    sets: Sets,
}

/// Rules by the value of one field.
#[derive(Clone, Debug)]
struct Intervals {
    /// Its place in [`FIELDS`].
    field: usize,
    bounds: Bounds,
    /// For each interval, the number of its set.
    sets: Box<[u32]>,
    /// Whether no intervals were joined.
    exact: bool,
}

/// Rules by an interface.
#[derive(Clone, Debug)]
struct Names {
    incoming: bool,
    /// The set of rules that name no interface, or not this way.
    others: u32,
    /// The set of rules that can match each name that a rule tells whole, at a place that its bits tell or behind it; half of the
    /// places are free.
    whole: Box<[Option<(u128, u32)>]>,
    /// The same for each pattern; these are looked at for other names.
    open: Vec<(Iface, u32)>,
}

/// Sets of rules for one packet; all of them hold a rule that can match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidates<'a> {
    index: &'a Index,
    /// Numbers of the sets.
    sets: [u32; 7],
    count: u32,
    /// Parts that are not looked at yet; rules, where the sets have no overview.
    parts: u64,
    /// The next word of the part that is looked at, and the end of that part.
    next: u32,
    end: u32,
    /// What is left of the word before.
    rest: u64,
    /// Rules before this one are left out.
    from: u32,
    /// Whether the packet has all that the index looks at.
    complete: bool,
}

impl Index {
    /// Indexes a chain by the conditions of its rules; `None` if it is not worth it.
    pub(super) fn new(family: Family, rules: &[&[Pred]]) -> Option<Index> {
        if rules.len() < SHORTEST {
            return None;
        }
        let words = rules.len().div_ceil(64);
        let shape = Shape { words, part: words.div_ceil(64) };
        let sets = Sets { shape, words: Vec::new(), heads: Vec::new() };
        let mut sets = Collected { sets, known: HashMap::new() };
        let all = largest(family);
        let fields: Vec<Intervals> = FIELDS
            .into_iter()
            .enumerate()
            .filter_map(|(place, field)| {
                let wanted: Vec<Option<(u128, u128)>> = rules
                    .iter()
                    .map(|preds| preds.iter().find_map(|pred| interval(family, field, pred)))
                    .collect();
                Intervals::new((place, all), &wanted, &mut sets)
            })
            .collect();
        let mut names = |incoming| Names::new(incoming, rules, &mut sets);
        let ifaces: Vec<Names> = [true, false].into_iter().filter_map(&mut names).collect();
        if fields.is_empty() && ifaces.is_empty() {
            return None;
        }
        Some(Index { fields, ifaces, sets: sets.sets })
    }

    /// Which of the first 64 conditions of a rule hold for every packet for which the index finds it, if the packet has all
    /// that the index looks at; `preds` are those that the index was made of.
    pub(super) fn decided(&self, family: Family, preds: &[Pred]) -> u64 {
        let first = |holds: &dyn Fn(&Pred) -> bool| preds.iter().position(holds);
        let field = |field: Field| {
            let known = self.fields.iter().any(|it| it.exact && FIELDS.get(it.field) == Some(&field));
            first(&|pred| interval(family, field, pred).is_some()).filter(|_| known)
        };
        let named = |incoming| self.ifaces.iter().any(|it| it.incoming == incoming);
        let ins = first(&|pred| matches!(pred, Pred::InIface(_))).filter(|_| named(true));
        let outs = first(&|pred| matches!(pred, Pred::OutIface(_))).filter(|_| named(false));
        let proto = field(Field::Proto);
        let places = FIELDS.into_iter().filter_map(field).chain(ins).chain(outs);
        let decided = places.filter(|it| *it < 64).fold(0, |sum, it| sum | 1 << it);
        // A packet with a value for its ports has a whole header, of TCP 20 bytes and of others 8 at least.
        let ports = self
            .fields
            .iter()
            .any(|it| matches!(FIELDS.get(it.field), Some(Field::SourcePort | Field::DestinationPort)));
        let tcp = proto.and_then(|it| preds.get(it)).is_some_and(|it| *it == Pred::Range(Field::Proto, 6, 6));
        let header = first(&|pred| match pred {
            Pred::Header(Header::Transport(count)) => ports && (*count <= 8 || tcp && *count <= 20),
            Pred::Header(Header::Tcp) => ports && tcp,
            _ => false,
        });
        header.filter(|it| *it < 64).map_or(decided, |it| decided | 1 << it)
    }

    /// The rules, from this one on, that can match.
    pub(super) fn candidates(&self, machine: &Machine<'_>, from: usize) -> Candidates<'_> {
        let shape = self.sets.shape;
        let mut found = Candidates {
            index: self,
            sets: [0; 7],
            count: 0,
            parts: u64::MAX,
            next: 0,
            end: 0,
            rest: 0,
            from: from as u32,
            complete: true,
        };
        for it in &self.ifaces {
            let name = if it.incoming { machine.in_iface() } else { machine.out_iface() };
            let set = name.ok().and_then(|it_is| it.set(it_is.copied().unwrap_or(Iface::ANY)));
            match set {
                Some(set) => found.add(set),
                None => found.complete = false,
            }
            if found.parts == 0 {
                return found;
            }
        }
        for it in &self.fields {
            match machine.values.get(it.field) {
                Some(value) => found.add(it.sets.get(it.bounds.place(value)).copied().unwrap_or(0)),
                None => found.complete = false,
            }
            if found.parts == 0 {
                return found;
            }
        }
        if shape.words == 1 {
            let later = if from < 64 { u64::MAX << from } else { 0 };
            (found.rest, found.parts, found.next, found.end) = (found.parts & later, 0, 1, 1);
            return found;
        }
        let (whole, seen) =
            (u64::MAX >> (64 - shape.words.div_ceil(shape.part).clamp(1, 64)), from / 64 / shape.part);
        found.parts &= whole & if seen < 64 { u64::MAX << seen } else { 0 };
        found
    }
}

impl Candidates<'_> {
    /// Whether what the index decided of the rules need not be asked again.
    #[inline]
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    #[inline]
    fn add(&mut self, set: u32) {
        if let Some(place) = self.sets.get_mut(self.count as usize) {
            *place = set;
            self.count += 1;
            self.parts &= self.index.sets.heads.get(set as usize).map_or(0, |it| it.overview);
        }
    }

    #[inline]
    fn word(&self, at: usize) -> u64 {
        let sets = &self.index.sets;
        let words = self.sets.iter().take(self.count as usize);
        let all = words.fold(u64::MAX, |all, set| all & sets.word(*set, at));
        let from = self.from as usize;
        match at.cmp(&(from / 64)) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => all & u64::MAX << (from % 64),
            std::cmp::Ordering::Greater => all,
        }
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.rest == 0 {
            if self.next == self.end {
                if self.parts == 0 {
                    return None;
                }
                let Shape { words, part, .. } = self.index.sets.shape;
                let start = self.parts.trailing_zeros() as usize * part;
                self.next = start as u32;
                self.end = (start + part).min(words) as u32;
                self.parts &= self.parts - 1;
            }
            self.rest = self.word(self.next as usize);
            self.next += 1;
        }
        let bit = self.rest.trailing_zeros();
        self.rest &= self.rest - 1;
        Some((self.next - 1) as usize * 64 + bit as usize)
    }
}

/// The values of [`FIELDS`].
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
        let known = match heads.proto {
            // Who asks for the protocol drops the packet, whatever stands behind that question.
            None => 0,
            Some(_) if heads.ports.is_some() && heads.whole => 0b11111,
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

impl Sets {
    /// A word of a set.
    #[inline]
    fn word(&self, set: u32, at: usize) -> u64 {
        let Some(head) = self.heads.get(set as usize) else { return 0 };
        let (part, rest) = match self.shape.part {
            1 => (at, 0),
            size => (at / size, at % size),
        };
        if head.overview >> part & 1 == 0 {
            return 0;
        }
        let before = (head.overview & ((1 << part) - 1)).count_ones() as usize;
        self.words.get(head.start + before * self.shape.part + rest).copied().unwrap_or(0)
    }
}

/// Adds a rule to a set.
fn set_bit(set: &mut [u64], bit: usize) {
    if let Some(word) = set.get_mut(bit / 64) {
        *word |= 1 << (bit % 64);
    }
}

impl Collected {
    /// The number of a set.
    fn add(&mut self, set: &[u64]) -> u32 {
        if let Some(number) = self.known.get(set) {
            return *number;
        }
        let Sets { shape, words, heads } = &mut self.sets;
        // INVARIANT: far fewer than 2^32 sets fit into memory.
        let number = heads.len() as u32;
        let mut head = Head { overview: 0, start: words.len() };
        if let [only] = set {
            head.overview = *only;
        }
        for (at, part) in set
            .chunks(shape.part)
            .enumerate()
            .filter(|(_, it)| set.len() > 1 && it.iter().any(|word| *word != 0))
        {
            head.overview |= 1 << at;
            words.extend_from_slice(part);
        }
        heads.push(head);
        self.known.insert(set.into(), number);
        number
    }
}

impl Intervals {
    fn new(
        (field, most): (usize, u128),
        wanted: &[Option<(u128, u128)>],
        all: &mut Collected,
    ) -> Option<Intervals> {
        if wanted.iter().flatten().count() * 8 < wanted.len() {
            return None;
        }
        let mut bounds: Vec<u128> = wanted
            .iter()
            .flatten()
            .flat_map(|(low, high)| [Some(*low), high.checked_add(1)])
            .flatten()
            .collect();
        bounds.retain(|bound| (1..=most).contains(bound));
        bounds.sort_unstable();
        bounds.dedup();
        let size = all.sets.shape.words;
        let most = (WORDS / size).max(INTERVALS);
        let exact = bounds.len() < most;
        if !exact {
            let step = bounds.len() / most + 1;
            bounds = bounds.into_iter().step_by(step).collect();
        }
        let count = bounds.len();
        let bounds = Bounds::new(bounds);
        let mut sets = vec![0; (count + 1) * size];
        for (rule, range) in wanted.iter().enumerate() {
            let (first, last) = match range {
                None => (0, count),
                Some((low, high)) if low > high => continue,
                Some((low, high)) => (bounds.place(*low), bounds.place(*high)),
            };
            for set in sets.chunks_exact_mut(size).take(last + 1).skip(first) {
                set_bit(set, rule);
            }
        }
        let sets = sets.chunks_exact(size).map(|set| all.add(set)).collect();
        Some(Intervals { field, bounds, sets, exact })
    }
}

impl Names {
    fn new(incoming: bool, rules: &[&[Pred]], all: &mut Collected) -> Option<Names> {
        let wanted = |preds: &&[Pred]| {
            preds.iter().find_map(|pred| match pred {
                Pred::InIface(iface) if incoming => Some(*iface),
                Pred::OutIface(iface) if !incoming => Some(*iface),
                _ => None,
            })
        };
        let wanted: Vec<Option<Iface>> = rules.iter().map(wanted).collect();
        let mut names: Vec<Iface> = wanted.iter().flatten().copied().collect();
        names.sort_unstable_by_key(Iface::as_bits);
        names.dedup();
        if names.is_empty() {
            return None;
        }
        let mut collect = |fits: &dyn Fn(&Iface) -> bool| {
            let mut set = vec![0; all.sets.shape.words];
            for (rule, name) in wanted.iter().enumerate() {
                if name.as_ref().is_none_or(fits) {
                    set_bit(&mut set, rule);
                }
            }
            all.add(&set)
        };
        let (open, known): (Vec<Iface>, Vec<Iface>) = names.into_iter().partition(|name| name.stem().1);
        let mut whole = vec![None; (known.len() * 2).next_power_of_two()];
        for name in known {
            let set = collect(&|wanted| iface_matches(wanted, &name));
            let is_free = |at: &usize| whole.get(*at).is_some_and(Option::is_none);
            if let Some(place) = places(name, whole.len()).find(is_free).and_then(|at| whole.get_mut(at)) {
                *place = Some((name.as_bits(), set));
            }
        }
        let open = open.into_iter().map(|name| (name, collect(&|wanted| *wanted == name))).collect();
        Some(Names { incoming, others: collect(&|_| false), whole: whole.into(), open })
    }

    /// The set of rules that can match an interface; `None` where none is left out.
    #[inline]
    fn set(&self, name: Iface) -> Option<u32> {
        let bits = name.as_bits();
        let known = places(name, self.whole.len()).map_while(|at| self.whole.get(at).copied().flatten());
        if let Some((_, set)) = known.into_iter().find(|it| it.0 == bits) {
            return Some(set);
        }
        let mut fit = self.open.iter().filter(|(pattern, _)| iface_matches(pattern, &name));
        match (fit.next(), fit.next()) {
            (None, _) => Some(self.others),
            (Some((_, only)), None) => Some(*only),
            _ => None,
        }
    }
}

/// Where a name is looked for among so many places, a power of two.
#[inline]
fn places(name: Iface, count: usize) -> impl Iterator<Item = usize> {
    let bits = name.as_bits();
    let mixed = ((bits >> 64) as u64 ^ (bits as u64).rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let first = (mixed >> 40) as usize;
    (0..count).map(move |more| first.wrapping_add(more) & (count - 1))
}
