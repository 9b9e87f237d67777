//! Sets of assignments to numbered variables, as shared decision diagrams with complement edges.
//!
//! An edge is a number: the place of a node, and in its lowest bit whether the set is complemented. A node tests its
//! variable; lower variables are tested first, the edge for 1 is never complemented, and no two nodes are equal. So two sets
//! are equal exactly if their edges are.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

/// A set of one [`Arena`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Set(u32);

impl Set {
    /// Everything.
    pub const ALL: Set = Set(0);
    /// Nothing.
    pub const NONE: Set = Set(1);

    /// What is not in it.
    #[must_use]
    pub const fn not(self) -> Set {
        Set(self.0 ^ 1)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == Set::NONE.0
    }

    /// Whether everything is in it.
    pub const fn is_all(self) -> bool {
        self.0 == Set::ALL.0
    }

    const fn place(self) -> usize {
        (self.0 >> 1) as usize
    }

    const fn inverted(self) -> u32 {
        self.0 & 1
    }
}

/// The sets became larger than was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLarge {
    /// Nodes that were allowed.
    pub nodes: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sets of packets need more than the {} nodes that are allowed", self.nodes)
    }
}

impl std::error::Error for TooLarge {}

#[derive(Clone, Copy, Debug)]
struct Node {
    var: u32,
    low: Set,
    high: Set,
}

/// The variable of the one leaf: behind all others.
const LEAF: Node = Node { var: u32::MAX, low: Set::ALL, high: Set::ALL };

/// The first sizes of the tables; powers of two.
const FIRST_TABLE: usize = 1 << 12;
const LARGEST_CACHE: usize = 1 << 21;

/// Hashes edges; nobody chooses them to do harm.
#[derive(Clone, Copy, Debug, Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        let mixed = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

/// Results for sets that were met before.
type Memo = HashMap<Set, Set, BuildHasherDefault<Mixer>>;

/// Values of variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    bits: Vec<u64>,
}

impl Assignment {
    /// The value of a variable; 0 unless it was set.
    #[inline]
    pub fn get(&self, var: u32) -> bool {
        self.bits.get(var as usize / 64).is_some_and(|word| word >> (var % 64) & 1 == 1)
    }

    /// Sets a variable.
    pub fn set(&mut self, var: u32, value: bool) {
        let at = var as usize / 64;
        if self.bits.len() <= at {
            self.bits.resize(at + 1, 0);
        }
        if let Some(word) = self.bits.get_mut(at) {
            *word = *word & !(1 << (var % 64)) | u64::from(value) << (var % 64);
        }
    }
}

/// Where sets live.
#[derive(Clone, Debug)]
pub struct Arena {
    nodes: Vec<Node>,
    /// Open addressing: places of nodes, 0 for free.
    table: Vec<u32>,
    /// Direct mapped: two sets and their intersection; an entry of twice everything is free.
    cache: Vec<[Set; 3]>,
    limit: usize,
}

fn mix(a: u32, b: u32, c: u32) -> usize {
    let one = (u64::from(a) << 32 | u64::from(b)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let two = (one ^ u64::from(c)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (two ^ two >> 32) as usize
}

impl Arena {
    /// An arena of at most so many nodes (12 bytes each, and as much again for tables).
    pub fn new(limit: usize) -> Arena {
        Arena {
            nodes: vec![LEAF],
            table: vec![0; FIRST_TABLE],
            cache: vec![[Set::ALL; 3]; FIRST_TABLE],
            limit: limit.min(1 << 30),
        }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    #[inline]
    fn node(&self, set: Set) -> Node {
        self.nodes.get(set.place()).copied().unwrap_or(LEAF)
    }

    /// The set that is `high` where the variable is 1 and `low` where it is 0; both test later variables only.
    ///
    /// # Errors
    /// [`TooLarge`], as all that makes sets.
    pub fn choose(&mut self, var: u32, low: Set, high: Set) -> Result<Set, TooLarge> {
        if low == high {
            return Ok(low);
        }
        let flip = high.inverted();
        let (low, high) = (Set(low.0 ^ flip), Set(high.0 ^ flip));
        let mask = self.table.len() - 1;
        let mut slot = mix(var, low.0, high.0) & mask;
        loop {
            let place = self.table.get(slot).copied().unwrap_or(0);
            if place == 0 {
                break;
            }
            if let Some(node) = self.nodes.get(place as usize)
                && node.var == var
                && node.low == low
                && node.high == high
            {
                return Ok(Set(place << 1 | flip));
            }
            slot = (slot + 1) & mask;
        }
        if self.nodes.len() >= self.limit {
            return Err(TooLarge { nodes: self.limit });
        }
        // INVARIANT: the limit is below 2^31.
        let place = self.nodes.len() as u32;
        self.nodes.push(Node { var, low, high });
        if let Some(free) = self.table.get_mut(slot) {
            *free = place;
        }
        if self.nodes.len() / 3 > self.table.len() / 4 {
            self.grow();
        }
        Ok(Set(place << 1 | flip))
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        let mask = size - 1;
        let mut table = vec![0; size];
        for (place, node) in self.nodes.iter().enumerate().skip(1) {
            let mut slot = mix(node.var, node.low.0, node.high.0) & mask;
            while table.get(slot).is_some_and(|it| *it != 0) {
                slot = (slot + 1) & mask;
            }
            if let Some(free) = table.get_mut(slot) {
                *free = place as u32;
            }
        }
        self.table = table;
        if self.cache.len() < size.min(LARGEST_CACHE) {
            let old = std::mem::replace(&mut self.cache, vec![[Set::ALL; 3]; size.min(LARGEST_CACHE)]);
            for entry in old.into_iter().filter(|it| *it != [Set::ALL; 3]) {
                let slot = self.slot(entry[0], entry[1]);
                if let Some(free) = self.cache.get_mut(slot) {
                    *free = entry;
                }
            }
        }
    }

    #[inline]
    fn slot(&self, a: Set, b: Set) -> usize {
        mix(a.0, b.0, 0) & (self.cache.len() - 1)
    }

    /// Both halves of a set: where the variable is 0, and where it is 1.
    #[inline]
    fn halves(&self, set: Set, var: u32) -> (Set, Set) {
        let node = self.node(set);
        if node.var != var {
            return (set, set);
        }
        let flip = set.inverted();
        (Set(node.low.0 ^ flip), Set(node.high.0 ^ flip))
    }

    /// What is in both.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn and(&mut self, a: Set, b: Set) -> Result<Set, TooLarge> {
        if a == b || b.is_all() {
            return Ok(a);
        }
        if a.is_all() {
            return Ok(b);
        }
        if a.is_empty() || b.is_empty() || a == b.not() {
            return Ok(Set::NONE);
        }
        let (a, b) = if a < b { (a, b) } else { (b, a) };
        let slot = self.slot(a, b);
        if let Some([x, y, result]) = self.cache.get(slot)
            && *x == a
            && *y == b
        {
            return Ok(*result);
        }
        let var = self.node(a).var.min(self.node(b).var);
        let ((a0, a1), (b0, b1)) = (self.halves(a, var), self.halves(b, var));
        let low = self.and(a0, b0)?;
        let high = self.and(a1, b1)?;
        let result = self.choose(var, low, high)?;
        self.remember(a, b, result);
        Ok(result)
    }

    fn remember(&mut self, a: Set, b: Set, result: Set) {
        // The cache may have grown meanwhile.
        let slot = self.slot(a, b);
        if let Some(entry) = self.cache.get_mut(slot) {
            *entry = [a, b, result];
        }
    }

    /// Whether nothing is in both. Makes no nodes.
    pub fn disjoint(&mut self, a: Set, b: Set) -> bool {
        if a.is_empty() || b.is_empty() || a == b.not() {
            return true;
        }
        if a == b || a.is_all() || b.is_all() {
            return false;
        }
        let (a, b) = if a < b { (a, b) } else { (b, a) };
        let slot = self.slot(a, b);
        if let Some([x, y, result]) = self.cache.get(slot)
            && *x == a
            && *y == b
        {
            return result.is_empty();
        }
        let var = self.node(a).var.min(self.node(b).var);
        let ((a0, a1), (b0, b1)) = (self.halves(a, var), self.halves(b, var));
        let disjoint = self.disjoint(a0, b0) && self.disjoint(a1, b1);
        if disjoint {
            self.remember(a, b, Set::NONE);
        }
        disjoint
    }

    /// Whether all of `a` is in `b`.
    pub fn within(&mut self, a: Set, b: Set) -> bool {
        self.disjoint(a, b.not())
    }

    /// What is in either.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn or(&mut self, a: Set, b: Set) -> Result<Set, TooLarge> {
        self.and(a.not(), b.not()).map(Set::not)
    }

    /// What is in `a` and not in `b`.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn minus(&mut self, a: Set, b: Set) -> Result<Set, TooLarge> {
        self.and(a, b.not())
    }

    /// `yes` within `which`, `no` outside.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn either(&mut self, which: Set, yes: Set, no: Set) -> Result<Set, TooLarge> {
        let yes = self.and(which, yes)?;
        let no = self.and(which.not(), no)?;
        self.or(yes, no)
    }

    /// The assignments to which some values of these variables can be found that lie in the set.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn exists(&mut self, set: Set, gone: &dyn Fn(u32) -> bool) -> Result<Set, TooLarge> {
        self.project(set, gone, &mut Memo::default())
    }

    fn project(&mut self, set: Set, gone: &dyn Fn(u32) -> bool, memo: &mut Memo) -> Result<Set, TooLarge> {
        if set.is_all() || set.is_empty() {
            return Ok(set);
        }
        if let Some(known) = memo.get(&set) {
            return Ok(*known);
        }
        let var = self.node(set).var;
        let (low, high) = self.halves(set, var);
        let low = self.project(low, gone, memo)?;
        let high = self.project(high, gone, memo)?;
        let result = if gone(var) { self.or(low, high)? } else { self.choose(var, low, high)? };
        memo.insert(set, result);
        Ok(result)
    }

    /// The set with each variable replaced by what `image` says of it; `None` keeps it.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn replace(&mut self, set: Set, image: &HashMap<u32, Set>) -> Result<Set, TooLarge> {
        self.compose(set, image, &mut Memo::default())
    }

    fn compose(&mut self, set: Set, image: &HashMap<u32, Set>, memo: &mut Memo) -> Result<Set, TooLarge> {
        if set.is_all() || set.is_empty() {
            return Ok(set);
        }
        if let Some(known) = memo.get(&set) {
            return Ok(*known);
        }
        let var = self.node(set).var;
        let (low, high) = self.halves(set, var);
        let low = self.compose(low, image, memo)?;
        let high = self.compose(high, image, memo)?;
        let test = match image.get(&var) {
            Some(set) => *set,
            None => self.choose(var, Set::NONE, Set::ALL)?,
        };
        let result = self.either(test, high, low)?;
        memo.insert(set, result);
        Ok(result)
    }

    /// One assignment of the set: the variables that are 1, all others are 0; `None` if it is empty. 0 is preferred.
    pub fn any(&self, set: Set) -> Option<Assignment> {
        if set.is_empty() {
            return None;
        }
        let mut found = Assignment::default();
        let mut at = set;
        while !at.is_all() {
            let var = self.node(at).var;
            let (low, high) = self.halves(at, var);
            let one = low.is_empty();
            found.set(var, one);
            at = if one { high } else { low };
        }
        Some(found)
    }

    /// A part of a set: all assignments that it holds for the same reason as [`any`](Arena::any)'s.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn part(&mut self, set: Set) -> Result<Set, TooLarge> {
        let mut way = Vec::new();
        let mut at = set;
        while let Some((var, low, high)) = self.split(at) {
            let one = low.is_empty();
            way.push((var, one));
            at = if one { high } else { low };
        }
        let mut part = at;
        for (var, one) in way.into_iter().rev() {
            part = if one { self.choose(var, Set::NONE, part)? } else { self.choose(var, part, Set::NONE)? };
        }
        Ok(part)
    }

    /// Whether an assignment is in the set.
    pub fn holds(&self, set: Set, values: &Assignment) -> bool {
        self.contains(set, &|var| values.get(var))
    }

    /// Whether an assignment is in the set; variables that are not told are 0.
    pub fn contains(&self, set: Set, values: &dyn Fn(u32) -> bool) -> bool {
        let mut at = set;
        while !at.is_all() && !at.is_empty() {
            let var = self.node(at).var;
            let (low, high) = self.halves(at, var);
            at = if values(var) { high } else { low };
        }
        at.is_all()
    }

    /// The first variable that a set tests, with what is left where it is 0 and where it is 1; `None` for all and nothing.
    pub fn split(&self, set: Set) -> Option<(u32, Set, Set)> {
        if set.is_all() || set.is_empty() {
            return None;
        }
        let var = self.node(set).var;
        let (low, high) = self.halves(set, var);
        Some((var, low, high))
    }
}

#[cfg(test)]
mod tests;
