//! Sets of assignments to numbered variables, as shared decision diagrams with complement edges.
//!
//! An edge is a number: the place of a node, and in its lowest bit whether the set is complemented. A node tests its
//! variable; lower variables are tested first, the edge for 1 is never complemented, and no two nodes are equal. So two sets
//! are equal exactly if their edges are.

use std::fmt;

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

/// Where sets live.
#[derive(Clone, Debug)]
pub struct Arena {
    nodes: Vec<Node>,
    /// Open addressing: places of nodes, 0 for free.
    table: Vec<u32>,
    /// Direct mapped: two sets and their intersection; an entry of twice everything is free.
    cache: Vec<[Set; 3]>,
    /// The same of three sets and what [`either`](Arena::either) made of them.
    choices: Vec<[Set; 4]>,
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
            choices: vec![[Set::ALL; 4]; FIRST_TABLE],
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
        let size = size.min(LARGEST_CACHE);
        if self.cache.len() < size {
            let old = std::mem::replace(&mut self.cache, vec![[Set::ALL; 3]; size]);
            for entry in old.into_iter().filter(|it| *it != [Set::ALL; 3]) {
                let slot = self.slot(entry[0], entry[1]);
                if let Some(free) = self.cache.get_mut(slot) {
                    *free = entry;
                }
            }
            let old = std::mem::replace(&mut self.choices, vec![[Set::ALL; 4]; size]);
            for entry in old.into_iter().filter(|it| *it != [Set::ALL; 4]) {
                let slot = self.choice_slot(entry[0], entry[1], entry[2]);
                if let Some(free) = self.choices.get_mut(slot) {
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
}

mod change;
mod look;

pub use change::Vars;
pub use look::Assignment;
#[cfg(test)]
mod tests;
