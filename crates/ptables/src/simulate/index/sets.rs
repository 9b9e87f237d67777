//! Which rules of a chain can match a packet at all: a set of rules for each interval of each field that most rules name
//! (Lakshman and Stiliadis, "High-speed policy-based packet forwarding", 1998).
//!
//! The index only leaves rules out that do not match for certain; the others are asked in full.

use std::collections::HashMap;

use super::bounds::{Bounds, starts};
use super::{Entry, FIELDS, IN, Names, OUT, Wanted, largest};
use crate::dialect::Family;
use crate::simulate::machine::Machine;
use crate::value::iface::Iface;

/// Intervals of a field that may be told apart in any case, and words for the sets of a field: beyond both, neighbours are
/// joined, so that memory stays proportional to the rules.
const INTERVALS: usize = 1024;
const WORDS: usize = 1 << 18;

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
pub(in crate::simulate) struct Fields {
    fields: Vec<Intervals>,
    ifaces: Vec<Classes>,
    sets: Sets,
    /// For each rule, the conditions that are left to be asked.
    left: Box<[u32]>,
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
struct Classes {
    incoming: bool,
    /// For each class of names, the number of its set.
    sets: Box<[u32]>,
}

/// Sets of rules for one packet; all of them hold a rule that can match.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Candidates<'a> {
    index: &'a Fields,
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

impl Fields {
    /// Indexes a chain; `None` if it is not worth it.
    pub(super) fn new(family: Family, names: &Names, wanted: &[Wanted]) -> Option<Fields> {
        let words = wanted.len().div_ceil(64);
        let shape = Shape { words, part: words.div_ceil(64) };
        let sets = Sets { shape, words: Vec::new(), heads: Vec::new() };
        let mut sets = Collected { sets, known: HashMap::new() };
        let field = |place| Intervals::new((place, largest(family)), wanted, &mut sets);
        let fields: Vec<Intervals> = (0..FIELDS.len()).filter_map(field).collect();
        let classes = |incoming| Classes::new(incoming, names, wanted, &mut sets);
        let ifaces: Vec<Classes> = [true, false].into_iter().filter_map(classes).collect();
        if fields.is_empty() && ifaces.is_empty() {
            return None;
        }
        let exact = fields.iter().filter(|it| it.exact).map(|it| it.field);
        let known = exact.chain(ifaces.iter().map(|it| if it.incoming { IN } else { OUT }));
        let known = known.fold(0, |sum, place| sum | 1 << place);
        let left = wanted.iter().map(|it| it.left(known)).collect();
        Some(Fields { fields, ifaces, sets: sets.sets, left })
    }

    /// The rules, from this one on, that can match.
    pub(in crate::simulate) fn candidates(&self, machine: &Machine<'_>, from: usize) -> Candidates<'_> {
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
            let class = if it.incoming { machine.in_class() } else { machine.out_class() };
            match class {
                Some(class) => found.add(it.sets.get(usize::from(class)).copied().unwrap_or(0)),
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
    type Item = Entry;
    #[inline]
    fn next(&mut self) -> Option<Entry> {
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
        let rule = (self.next - 1) * 64 + bit;
        let left = self.index.left.get(rule as usize).filter(|_| self.complete);
        Some(Entry { rule, left: left.copied().unwrap_or(u32::MAX) })
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
    fn new((field, most): (usize, u128), wanted: &[Wanted], all: &mut Collected) -> Option<Intervals> {
        let ranges = || wanted.iter().map(|it| it.ranges.get(field).copied().flatten());
        if ranges().flatten().count() * 8 < wanted.len() {
            return None;
        }
        let mut bounds = starts(ranges().flatten(), most);
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
        for (rule, range) in ranges().enumerate() {
            let (first, last) = match range {
                None => (0, count),
                Some((low, high)) if low > high => continue,
                Some((low, high)) => (bounds.place(low), bounds.place(high)),
            };
            for set in sets.chunks_exact_mut(size).take(last + 1).skip(first) {
                set_bit(set, rule);
            }
        }
        let sets = sets.chunks_exact(size).map(|set| all.add(set)).collect();
        Some(Intervals { field, bounds, sets, exact })
    }
}

impl Classes {
    fn new(incoming: bool, names: &Names, wanted: &[Wanted], all: &mut Collected) -> Option<Classes> {
        let place = usize::from(!incoming);
        let told: Vec<Option<Iface>> =
            wanted.iter().map(|it| it.ifaces.get(place).copied().flatten()).collect();
        if told.iter().all(Option::is_none) {
            return None;
        }
        let set = |class| {
            let mut set = vec![0; all.sets.shape.words];
            for (rule, iface) in told.iter().enumerate() {
                if iface.is_none_or(|it| names.fits(class, &it)) {
                    set_bit(&mut set, rule);
                }
            }
            all.add(&set)
        };
        Some(Classes { incoming, sets: (0..names.count()).map(set).collect() })
    }
}
