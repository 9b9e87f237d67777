//! Sets of other sets: choices, projections, images.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::{Arena, Set, TooLarge, mix};

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

/// Some of the variables.
#[derive(Clone, Debug)]
pub struct Vars {
    chosen: Vec<bool>,
    /// Behind it none is chosen.
    end: u32,
    /// From here on all are chosen.
    tail: u32,
}

impl Vars {
    /// Of `count` variables, which are all that sets test, those that `is` says.
    pub fn new(count: u32, is: impl Fn(u32) -> bool) -> Vars {
        let chosen: Vec<bool> = (0..count).map(is).collect();
        let behind = |wanted: bool| chosen.iter().rposition(|it| *it == wanted).map_or(0, |at| at as u32 + 1);
        let (end, tail) = (behind(true), behind(false));
        Vars { chosen, end, tail }
    }

    fn has(&self, var: u32) -> bool {
        self.chosen.get(var as usize) == Some(&true)
    }
}

/// What variables are replaced by.
struct Image<'a> {
    by: &'a HashMap<u32, Set>,
    /// Behind it nothing is replaced.
    end: u32,
}

impl Arena {
    /// `yes` within `which`, `no` outside.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn either(&mut self, which: Set, yes: Set, no: Set) -> Result<Set, TooLarge> {
        if which.is_all() || yes == no {
            return Ok(yes);
        }
        if which.is_empty() {
            return Ok(no);
        }
        if yes.is_all() || yes == which {
            return self.or(which, no);
        }
        if yes.is_empty() || yes == which.not() {
            return self.and(which.not(), no);
        }
        if no.is_all() || no == which.not() {
            return self.or(which.not(), yes);
        }
        if no.is_empty() || no == which {
            return self.and(which, yes);
        }
        // One of the four ways in which the same can be asked.
        let (which, yes, no) = if which.inverted() == 1 { (which.not(), no, yes) } else { (which, yes, no) };
        let flip = yes.inverted();
        let (yes, no) = (Set(yes.0 ^ flip), Set(no.0 ^ flip));
        let slot = self.choice_slot(which, yes, no);
        if let Some([a, b, c, result]) = self.choices.get(slot)
            && (*a, *b, *c) == (which, yes, no)
        {
            return Ok(Set(result.0 ^ flip));
        }
        let var = self.node(which).var.min(self.node(yes).var).min(self.node(no).var);
        let (which0, which1) = self.halves(which, var);
        let (yes0, yes1) = self.halves(yes, var);
        let (no0, no1) = self.halves(no, var);
        let low = self.either(which0, yes0, no0)?;
        let high = self.either(which1, yes1, no1)?;
        let result = self.choose(var, low, high)?;
        // The cache may have grown meanwhile.
        let slot = self.choice_slot(which, yes, no);
        if let Some(entry) = self.choices.get_mut(slot) {
            *entry = [which, yes, no, result];
        }
        Ok(Set(result.0 ^ flip))
    }

    pub(super) fn choice_slot(&self, which: Set, yes: Set, no: Set) -> usize {
        mix(which.0, yes.0, no.0) & (self.choices.len() - 1)
    }

    /// The assignments to which some values of these variables can be found that lie in the set.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn exists(&mut self, set: Set, gone: &Vars) -> Result<Set, TooLarge> {
        self.project(set, gone, &mut Memo::default())
    }

    fn project(&mut self, set: Set, gone: &Vars, memo: &mut Memo) -> Result<Set, TooLarge> {
        if set.is_all() || set.is_empty() {
            return Ok(set);
        }
        let var = self.node(set).var;
        if var >= gone.end {
            return Ok(set);
        }
        if var >= gone.tail {
            // It is not empty, and nothing else is asked.
            return Ok(Set::ALL);
        }
        if let Some(known) = memo.get(&set) {
            return Ok(*known);
        }
        let (low, high) = self.halves(set, var);
        let low = self.project(low, gone, memo)?;
        let result = if gone.has(var) && low.is_all() {
            low
        } else {
            let high = self.project(high, gone, memo)?;
            if gone.has(var) { self.or(low, high)? } else { self.choose(var, low, high)? }
        };
        memo.insert(set, result);
        Ok(result)
    }

    /// The set with each variable replaced by what `image` says of it; `None` keeps it.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn replace(&mut self, set: Set, image: &HashMap<u32, Set>) -> Result<Set, TooLarge> {
        let end = image.keys().max().map_or(0, |last| last + 1);
        self.compose(set, &Image { by: image, end }, &mut Memo::default())
    }

    fn compose(&mut self, set: Set, image: &Image<'_>, memo: &mut Memo) -> Result<Set, TooLarge> {
        if set.is_all() || set.is_empty() {
            return Ok(set);
        }
        let var = self.node(set).var;
        if var >= image.end {
            return Ok(set);
        }
        if let Some(known) = memo.get(&set) {
            return Ok(*known);
        }
        let (low, high) = self.halves(set, var);
        let by = image.by.get(&var).copied();
        let result = if by == Some(Set::ALL) {
            self.compose(high, image, memo)?
        } else if by == Some(Set::NONE) {
            self.compose(low, image, memo)?
        } else {
            let low = self.compose(low, image, memo)?;
            let high = self.compose(high, image, memo)?;
            let test = match by {
                Some(set) => set,
                None => self.choose(var, Set::NONE, Set::ALL)?,
            };
            self.either(test, high, low)?
        };
        memo.insert(set, result);
        Ok(result)
    }
}
