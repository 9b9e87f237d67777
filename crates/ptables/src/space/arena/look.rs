//! What is in a set: single assignments.

use super::{Arena, Set, TooLarge};

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

impl Arena {
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
