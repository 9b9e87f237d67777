//! What a set was before rules changed fields: the packets that are in the set after the change.

use std::collections::HashMap;

use super::arena::{Set, TooLarge};
use super::census::{UNTRACKED, top};
use super::code::{Code, Dim};
use super::compile::Space;
use crate::meaning::Field;
use crate::value::ct_state::CtState;

/// Packets for which a change whose outcome nobody can tell leads into a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Whatever comes out.
    pub surely: Set,
    /// With some outcome.
    pub perhaps: Set,
}

impl Dim {
    /// Its variables, each with its bit of a number.
    fn constant(&self, number: u128) -> HashMap<u32, Set> {
        let bit = |at: u32| if number >> at & 1 == 1 { Set::ALL } else { Set::NONE };
        (0..self.width).map(|at| (self.first + self.width - 1 - at, bit(at))).collect()
    }

    /// The number in the variables for a value.
    fn number_of(&self, value: u128) -> Option<u128> {
        match &self.code {
            Code::Cells { starts, top, .. } => {
                let class = starts.partition_point(|it| *it <= value.min(*top)).saturating_sub(1);
                Some(class as u128)
            }
            Code::List(classes) => classes.iter().position(|it| it.contains(&value)).map(|it| it as u128),
            Code::Bits { places, absent } => {
                let bits = places.iter().fold(0, |sum, place| sum << 1 | value >> place & 1);
                Some(bits | u128::from(*absent) << places.len())
            }
            Code::Count(_) => Some(value),
        }
    }
}

impl Space {
    /// The packets that are in `set` once the bits `clear` of a field were set to 0 and then those of `flip` toggled.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn before_write(
        &mut self,
        set: Set,
        field: Field,
        clear: u128,
        flip: u128,
    ) -> Result<Reached, TooLarge> {
        let Some(dim) = self.fields.get(&field).cloned() else { return Ok(sure(set)) };
        let all = top(field, self.family);
        if let (Code::Cells { .. }, true) = (&dim.code, clear & all == all) {
            let number = dim.number_of(flip & all).unwrap_or(0);
            return self.arena.replace(set, &dim.constant(number)).map(sure);
        }
        let Code::Bits { places, absent } = &dim.code else { return self.before_change(set, field, 0, all) };
        let mut image = HashMap::new();
        for (at, place) in places.iter().enumerate() {
            let var = dim.first + u32::from(*absent) + at as u32;
            match (clear >> place & 1 == 1, flip >> place & 1 == 1) {
                (true, one) => {
                    image.insert(var, if one { Set::ALL } else { Set::NONE });
                }
                (false, true) => {
                    let negated = self.arena.choose(var, Set::ALL, Set::NONE)?;
                    image.insert(var, negated);
                }
                (false, false) => {}
            }
        }
        let written = self.arena.replace(set, &image)?;
        self.if_there(field, written, set).map(sure)
    }

    /// Where a field belongs to a connection, nothing is written without one.
    fn if_there(&mut self, field: Field, written: Set, set: Set) -> Result<Set, TooLarge> {
        if field != Field::ConnMark {
            return Ok(written);
        }
        let tracked = self.states(UNTRACKED)?.not();
        self.arena.either(tracked, written, set)
    }

    /// The packets that are in `set` once bits of one field were copied into another, as
    /// [`Effect::Copy`](crate::meaning::Effect::Copy) says; `None` if the space does not tell these bits apart.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn before_copy(
        &mut self,
        set: Set,
        (from, take): (Field, u128),
        shift: i8,
        (to, clear, flip): (Field, u128, u128),
    ) -> Result<Option<Set>, TooLarge> {
        let Some(target) = self.fields.get(&to).cloned() else { return Ok(Some(set)) };
        let source = self.fields.get(&from).cloned();
        let (Code::Bits { places, absent: false }, Some(source)) = (&target.code, source) else {
            return Ok(None);
        };
        let Code::Bits { places: given, absent: false } = &source.code else { return Ok(None) };
        let mut image = HashMap::new();
        for (at, place) in places.iter().enumerate() {
            let var = target.first + at as u32;
            let mut bit = if clear >> place & 1 == 1 {
                Set::NONE
            } else {
                self.arena.choose(var, Set::NONE, Set::ALL)?
            };
            let origin = i64::from(*place) - i64::from(shift);
            let taken = u32::try_from(origin).ok().filter(|it| *it < 128 && take >> it & 1 == 1);
            if let Some(taken) = taken {
                let Some(known) = given.iter().position(|it| *it == taken) else { return Ok(None) };
                let other = self.arena.choose(source.first + known as u32, Set::NONE, Set::ALL)?;
                bit = self.arena.either(bit, other.not(), other)?;
            }
            image.insert(var, if flip >> place & 1 == 1 { bit.not() } else { bit });
        }
        let copied = self.arena.replace(set, &image)?;
        let tracked = self.states(UNTRACKED)?.not();
        self.arena.either(tracked, copied, set).map(Some)
    }

    /// The packets that are in `set` once a field got a value between two, which nobody can tell.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn before_change(
        &mut self,
        set: Set,
        field: Field,
        low: u128,
        high: u128,
    ) -> Result<Reached, TooLarge> {
        let Some(dim) = self.fields.get(&field).cloned() else { return Ok(sure(set)) };
        if low == high
            && let Some(number) = dim.number_of(low)
        {
            return self.arena.replace(set, &dim.constant(number)).map(sure);
        }
        let range = dim.range(&mut self.arena, low, high)?;
        let gone = |var: u32| (dim.first..dim.first + dim.width).contains(&var);
        let within = self.arena.and(set, range)?;
        let perhaps = self.exists(within, gone)?;
        let without = self.arena.and(set.not(), range)?;
        let surely = self.exists(without, gone)?.not();
        Ok(Reached { surely, perhaps })
    }

    /// The packets that are in `set` once their connection has this state.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn before_state(&mut self, set: Set, state: CtState) -> Result<Set, TooLarge> {
        let Some(dim) = self.fields.get(&Field::CtState).cloned() else { return Ok(set) };
        let number = dim.number_of(state as u128).unwrap_or(0);
        self.arena.replace(set, &dim.constant(number))
    }

    /// The packets that are in `set` once their connection is marked as translated by this bit.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn before_translation(&mut self, set: Set, bit: CtState) -> Result<Set, TooLarge> {
        let Some(dim) = self.fields.get(&Field::CtState).cloned() else { return Ok(set) };
        let Code::List(classes) = &dim.code else { return Ok(set) };
        let mut sum = Set::NONE;
        for (at, class) in classes.iter().enumerate() {
            let became = class.first().map(|it| it | bit as u128).and_then(|it| dim.number_of(it));
            let then = match became {
                Some(number) => self.arena.replace(set, &dim.constant(number))?,
                None => set,
            };
            let own = dim.classes(&mut self.arena, at as u32, at as u32)?;
            let part = self.arena.and(own, then)?;
            sum = self.arena.or(sum, part)?;
        }
        Ok(sum)
    }

    /// The variables of these fields, with what they are where the fields have these values.
    pub fn constants(&self, values: &[(Field, u128)]) -> HashMap<u32, Set> {
        let known = values.iter().filter_map(|(field, value)| {
            let dim = self.fields.get(field)?;
            Some(dim.constant(dim.number_of(*value)?))
        });
        known.flatten().collect()
    }

    /// A condition of a hook that sees no port of a bridge through which packets come (`incoming`) or are passed on.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn without_bridge(&mut self, set: Set, incoming: bool) -> Result<Set, TooLarge> {
        let (field, name) =
            if incoming { (Field::HasBridgeIn, "BridgeIn(") } else { (Field::HasBridgeOut, "BridgeOut(") };
        let mut image = self.constants(&[(field, 0)]);
        image.extend(self.flags.iter().filter(|it| it.0.starts_with(name)).map(|it| (*it.1, Set::NONE)));
        if image.is_empty() { Ok(set) } else { self.arena.replace(set, &image) }
    }

    /// A condition of a hook without such an interface: it compares with an empty name.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn without_iface(&mut self, set: Set, incoming: bool) -> Result<Set, TooLarge> {
        let dim = if incoming { &self.ins.0 } else { &self.outs.0 };
        let image = dim.constant(0);
        self.arena.replace(set, &image)
    }
}

fn sure(set: Set) -> Reached {
    Reached { surely: set, perhaps: set }
}
