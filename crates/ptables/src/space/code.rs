//! Codes: the classes of a field's values, as numbers in a few variables.

use super::arena::{Arena, Set, TooLarge};
use super::census::{Asked, UNTRACKED};
use crate::value::ct_state::CtState;

/// A field of the space: its variables and what they stand for.
#[derive(Clone, Debug)]
pub(super) struct Dim {
    /// Its first variable, that of the highest bit.
    pub(super) first: u32,
    /// How many variables there are.
    pub(super) width: u32,
    pub(super) code: Code,
}

/// What the number in the variables of a field means.
#[derive(Clone, Debug)]
pub(super) enum Code {
    /// Classes of neighbouring values: class i begins at `starts[i]`; behind the last, one for "absent".
    Cells { starts: Vec<u128>, top: u128, absent: bool },
    /// Values one by one, in classes.
    List(Vec<Vec<u128>>),
    /// Bits of the value, highest first; with `absent`, a variable before them says whether the field is there.
    Bits { places: Vec<u32>, absent: bool },
    /// Numbers that something else gives a meaning to.
    Count(u32),
}

impl Code {
    /// The code for what is asked of a field.
    pub(super) fn of(asked: &Asked, top: u128, absent: bool) -> Code {
        let masks = asked.masks.iter().fold(0, |sum, it| sum | it);
        let bits = (asked.bits | masks) & top;
        if bits == 0 {
            let mut starts = asked.cuts.clone();
            starts.push(0);
            starts.sort_unstable();
            starts.dedup();
            return Code::Cells { starts, top, absent };
        }
        let wanted = if asked.cuts.is_empty() { bits } else { top };
        let places = (0..128).rev().filter(|bit| wanted >> bit & 1 == 1).collect();
        Code::Bits { places, absent }
    }

    /// The code of connection states: one state, and whether addresses are translated.
    pub(super) fn states(asked: &Asked) -> Code {
        let plain =
            [CtState::Invalid, CtState::Untracked, CtState::New, CtState::Established, CtState::Related];
        let translated = [0, CtState::Snat as u128, CtState::Dnat as u128];
        let both = CtState::Snat as u128 | CtState::Dnat as u128;
        let mut classes: Vec<(Vec<bool>, Vec<u128>)> = Vec::new();
        for state in plain {
            for more in translated.into_iter().chain([both]) {
                let value = state as u128 | more;
                if state as u128 & UNTRACKED != 0 && more != 0 {
                    continue;
                }
                let says: Vec<bool> = asked.masks.iter().map(|mask| value & mask != 0).collect();
                match classes.iter_mut().find(|it| it.0 == says) {
                    Some(class) => class.1.push(value),
                    None => classes.push((says, vec![value])),
                }
            }
        }
        Code::List(classes.into_iter().map(|it| it.1).collect())
    }

    /// How many variables it takes.
    pub(super) fn width(&self) -> u32 {
        let count = match self {
            Code::Cells { starts, absent, .. } => starts.len() + usize::from(*absent),
            Code::List(classes) => classes.len(),
            Code::Count(count) => *count as usize,
            Code::Bits { places, absent } => return places.len() as u32 + u32::from(*absent),
        };
        usize::BITS - count.saturating_sub(1).leading_zeros()
    }

    /// How many classes there are, where they are numbered.
    pub(super) fn classes(&self) -> u32 {
        match self {
            Code::Cells { starts, absent, .. } => starts.len() as u32 + u32::from(*absent),
            Code::List(classes) => classes.len() as u32,
            Code::Count(count) => *count,
            Code::Bits { .. } => 0,
        }
    }
}

impl Dim {
    /// The classes from one to another. Numbers above the last class stand for it too.
    pub(super) fn classes(&self, arena: &mut Arena, low: u32, high: u32) -> Result<Set, TooLarge> {
        let last = self.code.classes().saturating_sub(1);
        if low > high {
            return Ok(Set::NONE);
        }
        let high = if high >= last { u32::MAX } else { high };
        self.between(arena, u128::from(low), u128::from(high))
    }

    /// Where the number in the variables lies between two.
    fn between(&self, arena: &mut Arena, low: u128, high: u128) -> Result<Set, TooLarge> {
        let (mut least, mut most) = (Set::ALL, Set::ALL);
        for bit in 0..self.width {
            let var = self.first + self.width - 1 - bit;
            least = if low >> bit & 1 == 1 {
                arena.choose(var, Set::NONE, least)?
            } else {
                arena.choose(var, least, Set::ALL)?
            };
            most = if high >> bit & 1 == 1 {
                arena.choose(var, Set::ALL, most)?
            } else {
                arena.choose(var, most, Set::NONE)?
            };
        }
        arena.and(least, most)
    }

    /// Where the value lies between two. A field that is absent lies nowhere.
    pub(super) fn range(&self, arena: &mut Arena, low: u128, high: u128) -> Result<Set, TooLarge> {
        match &self.code {
            Code::Cells { starts, top, .. } => {
                if low > high || low > *top {
                    return Ok(Set::NONE);
                }
                let class = |value: u128| starts.partition_point(|it| *it <= value).saturating_sub(1) as u32;
                let (first, last) = (class(low), class(high.min(*top)));
                self.classes(arena, first, last)
            }
            Code::Bits { places, absent } => {
                let top = places.iter().fold(0u128, |sum, bit| sum | 1 << bit);
                if low > high || low > top {
                    return Ok(Set::NONE);
                }
                let skipped = u32::from(*absent);
                let dim =
                    Dim { first: self.first + skipped, width: self.width - skipped, code: Code::Count(0) };
                let within = dim.between(arena, low, high.min(top))?;
                self.there(arena, within)
            }
            Code::List(_) | Code::Count(_) => Ok(Set::ALL),
        }
    }

    /// Where the bits of `mask` equal those of `value`.
    pub(super) fn bits(&self, arena: &mut Arena, mask: u128, value: u128) -> Result<Set, TooLarge> {
        let Code::Bits { places, absent } = &self.code else { return Ok(Set::ALL) };
        let mut set = Set::ALL;
        for (at, place) in places.iter().enumerate().rev().filter(|(_, place)| mask >> **place & 1 == 1) {
            let var = self.first + u32::from(*absent) + at as u32;
            set = if value >> place & 1 == 1 {
                arena.choose(var, Set::NONE, set)?
            } else {
                arena.choose(var, set, Set::NONE)?
            };
        }
        self.there(arena, set)
    }

    /// Where one of the bits of `mask` is set.
    pub(super) fn any_bit(&self, arena: &mut Arena, mask: u128) -> Result<Set, TooLarge> {
        match &self.code {
            Code::List(classes) => {
                let mut set = Set::NONE;
                for (at, class) in classes.iter().enumerate() {
                    if class.iter().any(|value| value & mask != 0) {
                        let one = self.classes(arena, at as u32, at as u32)?;
                        set = arena.or(set, one)?;
                    }
                }
                Ok(set)
            }
            Code::Bits { .. } => {
                let none = self.bits(arena, mask, 0)?;
                self.there(arena, none.not())
            }
            // Of no bit at all.
            Code::Cells { .. } | Code::Count(_) => Ok(Set::NONE),
        }
    }

    /// Within a set, where the field is there.
    fn there(&self, arena: &mut Arena, set: Set) -> Result<Set, TooLarge> {
        match &self.code {
            Code::Bits { absent: true, .. } => {
                let present = arena.choose(self.first, Set::NONE, Set::ALL)?;
                arena.and(present, set)
            }
            _ => Ok(set),
        }
    }

    /// The number in the variables.
    pub(super) fn number(&self, values: &dyn Fn(u32) -> bool) -> u128 {
        (self.first..self.first + self.width).fold(0, |sum, var| sum << 1 | u128::from(values(var)))
    }

    /// The values that a number stands for, first and last; `None` if the field is absent.
    pub(super) fn values(&self, number: u128) -> Option<(u128, u128)> {
        let last = self.code.classes().saturating_sub(1);
        let class = number.min(u128::from(last)) as usize;
        match &self.code {
            Code::Cells { starts, top, .. } => {
                let low = *starts.get(class)?;
                Some((low, starts.get(class + 1).map_or(*top, |next| next - 1)))
            }
            Code::List(classes) => classes.get(class)?.first().map(|it| (*it, *it)),
            Code::Bits { places, absent } => {
                if *absent && number >> places.len() & 1 == 0 {
                    return None;
                }
                let value = places
                    .iter()
                    .rev()
                    .enumerate()
                    .filter(|(at, _)| number >> at & 1 == 1)
                    .fold(0u128, |sum, (_, place)| sum | 1 << place);
                Some((value, value))
            }
            Code::Count(_) => Some((number, number)),
        }
    }
}
