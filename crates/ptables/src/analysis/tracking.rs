//! Before connections are tracked (semantics 17): what conditions see in the table raw, and whose word about tracking counts.

use std::collections::HashMap;

use super::course::Entry;
use super::ways::Search;
use crate::ext::Hook;
use crate::meaning::{Effect, Field, Need, Pred};
use crate::space::{Census, Set, TooLarge};
use crate::value::ct_state::CtState;
use crate::value::iface::Iface;

/// Names of what rules of the table raw may have said of a packet: the first word counts.
const UNTRACKED: &str = "a rule said that the packet is not tracked";
const TEMPLATE: &str = "a rule hung a template on the packet";

/// What a condition of the table raw is, before tracking has looked at the packet.
#[derive(Debug)]
pub(super) struct Before {
    /// If no rule has said anything of tracking.
    nothing: Pred,
    /// If a rule has said that the packet is not tracked.
    untracked: Pred,
    /// If CT has hung a template on it.
    template: Pred,
}

impl Before {
    /// `None` if the condition asks for no connection.
    pub(super) fn of(pred: &Pred) -> Option<Box<Before>> {
        let seen = |state| before(pred, state);
        let it = Before {
            nothing: seen(CtState::Invalid),
            untracked: seen(CtState::Untracked),
            template: seen(CtState::New),
        };
        (it.nothing != *pred || it.template != *pred).then(|| Box::new(it))
    }

    pub(super) fn all(&self) -> [&Pred; 3] {
        [&self.nothing, &self.untracked, &self.template]
    }

    /// Each of them changed.
    pub(super) fn map(self, change: impl Fn(Pred) -> Pred) -> Before {
        let Before { nothing, untracked, template } = self;
        Before { nothing: change(nothing), untracked: change(untracked), template: change(template) }
    }
}

/// The condition where the state is this one, and there is no connection but perhaps a template (NEW).
fn before(pred: &Pred, state: CtState) -> Pred {
    let all = |all: &[Pred]| all.iter().map(|it| before(it, state)).collect();
    match pred {
        Pred::Not(inner) => before(inner, state).inverted(true),
        Pred::All(inner) => Pred::All(all(inner)),
        Pred::Any(inner) => Pred::Any(all(inner)),
        Pred::AnyBit(Field::CtState, mask) if mask & state as u128 != 0 => Pred::True,
        Pred::AnyBit(Field::CtState, _) => Pred::False,
        Pred::Range(field, ..) | Pred::Bits(field, ..) | Pred::AnyBit(field, _)
            if !field.is_of_connection() =>
        {
            pred.clone()
        }
        Pred::Range(..)
        | Pred::Bits(..)
        | Pred::AnyBit(..)
        | Pred::Helper(_)
        | Pred::SetLabel(_)
        | Pred::Cluster { .. } => match state {
            CtState::New => Pred::Needs(Need::Other("what CT hangs on packets")),
            _ => Pred::False,
        },
        other => other.clone(),
    }
}

/// Adds what rules of the table raw say of tracking, and what tells the packets that they say it of.
pub(super) fn ask<'e>(entries: impl Iterator<Item = &'e Entry>, translates: bool, census: &mut Census) {
    let mut looks = translates;
    for entry in entries {
        looks |= entry.before.is_some();
        if let Some(Effect::Track { untracked, .. }) = entry.effect {
            looks = true;
            census.add_flag(if untracked { UNTRACKED } else { TEMPLATE });
        }
    }
    if looks {
        census.add(&Pred::InIface(Iface::LOOPBACK));
    }
}

/// States with a connection: of others nothing is left for later packets.
pub(super) const TRACKED: u128 =
    CtState::New as u128 | CtState::Established as u128 | CtState::Related as u128;

/// Tells apart what makes a difference to a word about tracking.
pub(super) fn tell_apart(census: &mut Census) {
    for mask in [CtState::Invalid as u128, TRACKED] {
        census.add(&Pred::AnyBit(Field::CtState, mask));
    }
}

impl Search<'_> {
    /// Packets that come back through the loopback interface: they have been tracked when they left.
    pub(super) fn back(&mut self, hook: Hook) -> Result<Set, TooLarge> {
        match hook {
            Hook::Prerouting | Hook::Input => self.space.iface(&Iface::LOOPBACK, true),
            _ => Ok(Set::NONE),
        }
    }

    fn said(&mut self, name: &str) -> Result<Set, TooLarge> {
        Ok(self.space.flag(name)?.unwrap_or(Set::NONE))
    }

    /// The condition of a rule of the table raw; `known` is what it would be behind tracking.
    pub(super) fn when_before(&mut self, entry: &Entry, hook: Hook, known: Set) -> Result<Set, TooLarge> {
        let Some(before) = &entry.before else { return Ok(known) };
        let mut seen = [Set::NONE; 3];
        for (set, pred) in seen.iter_mut().zip(before.all()) {
            *set = self.holds(pred, &entry.key)?;
        }
        let [nothing, untracked, template] = seen;
        let is_untracked = self.said(UNTRACKED)?;
        let is_template = self.said(TEMPLATE)?;
        let back = self.back(hook)?;
        let fresh = self.space.arena().either(is_untracked, untracked, nothing)?;
        let set = self.space.arena().either(back, known, fresh)?;
        self.space.arena().either(is_template, template, set)
    }

    /// The packets of which a word about tracking was said, or for which it comes too late.
    pub(super) fn passed_over(&mut self, hook: Hook) -> Result<Set, TooLarge> {
        let is_untracked = self.said(UNTRACKED)?;
        let is_template = self.said(TEMPLATE)?;
        let said = self.space.arena().or(is_untracked, is_template)?;
        // What comes back has a connection, unless it is invalid.
        let back = self.back(hook)?;
        let invalid = self.space.states(CtState::Invalid as u128)?;
        let known = self.space.arena().and(back, invalid.not())?;
        self.space.arena().or(said, known)
    }

    /// The packets that are in a set after CT or NOTRACK.
    pub(super) fn track(&mut self, untracked: bool, hook: Hook, set: Set) -> Result<Set, TooLarge> {
        let passed_over = self.passed_over(hook)?;
        let name = if untracked { UNTRACKED } else { TEMPLATE };
        let mut after = self.with(name, Set::ALL, set)?;
        if untracked {
            after = self.space.before_state(after, CtState::Untracked)?;
        }
        self.space.arena().either(passed_over, set, after)
    }

    /// The packets that are in a set after a rule of the table raw wrote or read a field of a connection: there is none, unless
    /// the packet comes back; what is written to a template may be found there by the next packet.
    pub(super) fn written_before(
        &mut self,
        (key, to): (&str, Field),
        hook: Hook,
        (set, written): (Set, Set),
    ) -> Result<Set, TooLarge> {
        let lost = self.forget(key, to, set)?;
        let is_template = self.said(TEMPLATE)?;
        let back = self.back(hook)?;
        let fresh = self.space.arena().either(is_template, lost, set)?;
        self.space.arena().either(back, written, fresh)
    }

    /// The packets of which nothing was said when they came to the table raw.
    pub(super) fn nothing_said(&mut self, set: Set) -> Result<Set, TooLarge> {
        let set = self.with(UNTRACKED, Set::NONE, set)?;
        self.with(TEMPLATE, Set::NONE, set)
    }

    /// The packets that are in a set once this was said of them or not.
    fn with(&mut self, name: &str, said: Set, set: Set) -> Result<Set, TooLarge> {
        match self.space.flag_variable(name) {
            Some(variable) => self.space.arena().replace(set, &HashMap::from([(variable, said)])),
            None => Ok(set),
        }
    }
}
