//! Which packets come to an end of their way: backwards, from the last table to the first.

use std::collections::HashMap;

use super::act::{Act, Outcome, Traces};
use super::course::{Course, Entry, is_lowered, sides, unknown};
use crate::ext::{Hook, TableName};
use crate::meaning::{Effect, Field, Pred};
use crate::model::Policy;
use crate::packet::Path;
use crate::simulate::{At, Stop, way};
use crate::source::Text;
use crate::space::{Free, Reached, Set, Space, TooLarge};
use crate::value::ct_state::CtState;

/// What packets are sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Those that pass all tables.
    Accept,
    /// Those whose sender is told that they are dropped.
    Reject,
    /// Those that a rule matches.
    Rule(At),
    /// Those of which a rule says the first word about tracking.
    Word(At),
    /// Those that come to the policy of a chain; the place has no rule.
    Policy(At),
}

/// Names for what nobody can tell, shared by the rulesets that are compared: the same question has the same name.
#[derive(Debug, Default)]
pub(super) struct Pool {
    names: HashMap<String, usize>,
    /// More was asked than there are names for.
    pub(super) full: bool,
}

/// What searches found, for those that come after: all of a world ask the same rules.
#[derive(Debug, Default)]
pub(super) struct Memory {
    whens: HashMap<(usize, TableName, usize, usize, Hook, bool), Set>,
    chains: HashMap<(usize, TableName, usize, Hook, bool, Ends), Set>,
}

/// How many names a space keeps for [`Pool`].
pub(super) const POOL: usize = 256;

/// A name of the pool.
pub(super) fn pool_name(number: usize) -> String {
    format!("? {number:03}")
}

/// Where packets go from a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ends {
    accept: Set,
    reject: Set,
    back: Set,
}

/// One search.
pub(super) struct Search<'c> {
    course: &'c Course<'c>,
    /// Its place in the world.
    side: usize,
    pub(super) space: &'c mut Space,
    pool: &'c mut Pool,
    memory: &'c mut Memory,
    sets: &'c [Text],
    policy: Option<Policy>,
    fixed: &'c HashMap<u32, Set>,
    path: Path,
    goal: Goal,
    /// Chains from which the sought rule may be met, by place of the table and of the chain: what is found of them holds
    /// in this search only.
    special: Vec<(usize, usize)>,
    chains: HashMap<(TableName, usize, Hook, Ends), Set>,
    /// What is sought behind each translation, in the order in which they are met from the end.
    pub(super) behind: Vec<Set>,
}

/// Chains that call each other so deep are given up: the kernel takes none.
pub(super) const DEEPEST: usize = 200;

impl<'c> Search<'c> {
    pub(super) fn new(
        (side, course): (usize, &'c Course<'c>),
        (space, pool, memory): (&'c mut Space, &'c mut Pool, &'c mut Memory),
        (sets, policy, fixed): (&'c [Text], Option<Policy>, &'c HashMap<u32, Set>),
        path: Path,
        goal: Goal,
    ) -> Search<'c> {
        Search {
            course,
            side,
            space,
            pool,
            memory,
            sets,
            policy,
            fixed,
            path,
            goal,
            special: match goal {
                Goal::Rule(at) | Goal::Word(at) => course.callers(at),
                _ => Vec::new(),
            },
            chains: HashMap::new(),
            behind: Vec::new(),
        }
    }

    /// The packets, as they come.
    pub(super) fn find(&mut self) -> Result<Set, TooLarge> {
        let mut after = if self.goal == Goal::Accept { Set::ALL } else { Set::NONE };
        for (hook, stops) in way(self.path, self.course.ruleset.context.dialect.is_nft()).iter().rev() {
            for stop in stops.iter().rev() {
                if let Stop::Table(name) = stop {
                    after = self.table(*name, *hook, after)?;
                }
            }
        }
        Ok(after)
    }

    fn table(&mut self, name: TableName, hook: Hook, after: Set) -> Result<Set, TooLarge> {
        let course = self.course;
        let table = course.tables.get(name as usize).and_then(Option::as_ref);
        let Some(table) = table else { return Ok(after) };
        let Some(base) = table.hooks.get(hook as usize).copied().flatten() else { return Ok(after) };
        let policy = table.chains.get(base).and_then(|it| it.policy).or(self.policy);
        let place = At { table: table.place, chain: base, rule: None };
        let back = match policy {
            _ if self.goal == Goal::Policy(place) => Set::ALL,
            Some(Policy::Accept) => after,
            Some(Policy::Drop) => Set::NONE,
            None => self.unsure(&format!("policy {name:?} {hook:?}"), Set::NONE, after)?,
        };
        let reject = if self.goal == Goal::Reject { Set::ALL } else { Set::NONE };
        let set = self.chain(name, base, hook, Ends { accept: after, reject, back }, 0)?;
        match name {
            TableName::Raw => return self.nothing_said(set),
            TableName::Nat => {}
            _ => return Ok(set),
        }
        self.behind.push(after);
        // Only what begins a connection comes to this table; what comes back has begun it when it left.
        let begins = self.space.states(CtState::New as u128 | CtState::Related as u128)?;
        let back = self.back(hook)?;
        let begins = self.space.arena().and(begins, back.not())?;
        self.space.arena().either(begins, set, after)
    }

    /// A set that nobody can tell: `perhaps` or only `surely`, by the name of the question.
    fn unsure(&mut self, question: &str, surely: Set, perhaps: Set) -> Result<Set, TooLarge> {
        if surely == perhaps {
            return Ok(surely);
        }
        let next = self.pool.names.len();
        let number = *self.pool.names.entry(question.to_owned()).or_insert(next);
        let flag = self.space.flag(&pool_name(number))?;
        self.pool.full |= flag.is_none();
        self.space.arena().either(flag.unwrap_or(Set::ALL), perhaps, surely)
    }

    fn chain(
        &mut self,
        name: TableName,
        at: usize,
        hook: Hook,
        ends: Ends,
        depth: usize,
    ) -> Result<Set, TooLarge> {
        let course = self.course;
        let table = course.tables.get(name as usize).and_then(Option::as_ref);
        let chain = table.and_then(|it| Some((it.place, it.chains.get(at)?)));
        let Some((place, chain)) = chain.filter(|_| depth < DEEPEST) else {
            return self.unsure(&format!("chain {name:?} {at}"), Set::NONE, Set::ALL);
        };
        let special = self.special.contains(&(place, at));
        let key = (self.side, name, at, hook, is_lowered(self.path, hook), ends);
        let known =
            if special { self.chains.get(&(name, at, hook, ends)) } else { self.memory.chains.get(&key) };
        if let Some(known) = known {
            return Ok(*known);
        }
        let constant = |set: Set| set.is_all() || set.is_empty();
        let set = if chain.pure && !(constant(ends.accept) && constant(ends.reject) && constant(ends.back)) {
            self.pure(name, at, hook, ends, depth)?
        } else {
            let mut after = ends.back;
            for (number, entry) in chain.entries.iter().enumerate().rev() {
                let own = At { table: place, chain: at, rule: Some(number) };
                let then = match self.goal {
                    Goal::Rule(at) if at == own => Set::ALL,
                    Goal::Word(at) if at == own => self.passed_over(hook)?.not(),
                    _ => self.then(name, hook, entry, ends, after, depth)?,
                };
                if then != after {
                    let when = self.when((name, at, number), hook, entry)?;
                    after = self.space.arena().either(when, then, after)?;
                }
            }
            after
        };
        if special {
            self.chains.insert((name, at, hook, ends), set);
        } else {
            self.memory.chains.insert(key, set);
        }
        Ok(set)
    }

    /// A chain that changes nothing: it sends each packet to one of its ends, whatever lies there.
    fn pure(
        &mut self,
        name: TableName,
        at: usize,
        hook: Hook,
        ends: Ends,
        depth: usize,
    ) -> Result<Set, TooLarge> {
        const NONE: Ends = Ends { accept: Set::NONE, reject: Set::NONE, back: Set::NONE };
        let mut sum = self.chain(name, at, hook, NONE, depth)?;
        let parts = [
            (Ends { accept: Set::ALL, ..NONE }, ends.accept),
            (Ends { reject: Set::ALL, ..NONE }, ends.reject),
            (Ends { back: Set::ALL, ..NONE }, ends.back),
        ];
        for (end, there) in parts.into_iter().filter(|it| !it.1.is_empty()) {
            let part = self.chain(name, at, hook, end, depth)?;
            let part = self.space.arena().and(part, there)?;
            sum = self.space.arena().or(sum, part)?;
        }
        Ok(sum)
    }

    /// The condition of a rule in a hook.
    fn when(
        &mut self,
        (table, chain, number): (TableName, usize, usize),
        hook: Hook,
        entry: &Entry,
    ) -> Result<Set, TooLarge> {
        let key = (self.side, table, chain, number, hook, is_lowered(self.path, hook));
        if let Some(known) = self.memory.whens.get(&key) {
            return Ok(*known);
        }
        let pred = match &entry.lowered {
            Some(lowered) if is_lowered(self.path, hook) => lowered,
            _ => &entry.pred,
        };
        let mut set = self.holds(pred, &entry.key)?;
        if table == TableName::Raw {
            set = self.when_before(entry, hook, set)?;
        }
        if matches!(hook, Hook::Prerouting | Hook::Input) {
            set = self.space.without_iface(set, false)?;
        }
        if hook == Hook::Output {
            set = self.space.without_iface(set, true)?;
        }
        if !matches!(hook, Hook::Forward | Hook::Postrouting) {
            set = self.space.without_bridge(set, false)?;
        }
        if self.path == Path::Output {
            set = self.space.without_bridge(set, true)?;
            set = self.space.without_bridge(set, false)?;
        }
        if !self.fixed.is_empty() {
            set = self.space.arena().replace(set, self.fixed)?;
        }
        self.memory.whens.insert(key, set);
        Ok(set)
    }

    /// The packets of which a condition of the rule of this name holds.
    pub(super) fn holds(&mut self, pred: &Pred, key: &str) -> Result<Set, TooLarge> {
        let free = Free { fields: &[], sets: self.sets, choice: Some(key) };
        let pair = self.space.compile(pred, &free)?;
        match pair.is_exact() {
            true => Ok(pair.must),
            false => self.unsure(&format!("{key} matches"), pair.must, pair.may),
        }
    }

    /// The packets of those that match a rule.
    fn then(
        &mut self,
        name: TableName,
        hook: Hook,
        entry: &Entry,
        ends: Ends,
        after: Set,
        depth: usize,
    ) -> Result<Set, TooLarge> {
        match &entry.act {
            Act::Next => match &entry.effect {
                Some(effect) => self.effect(effect, (name, hook), &entry.key, after),
                None => Ok(after),
            },
            Act::Return => Ok(ends.back),
            Act::End(Outcome::Accept) => Ok(ends.accept),
            Act::End(Outcome::Drop) => Ok(Set::NONE),
            Act::End(Outcome::Reject(_)) => Ok(ends.reject),
            Act::End(Outcome::Other) => match &entry.effect {
                Some(effect) => self.translation(effect, hook, &entry.key, ends.accept),
                None => Ok(ends.accept),
            },
            Act::Jump(to) => self.chain(name, *to, hook, Ends { back: after, ..ends }, depth + 1),
            Act::Goto(to) => self.chain(name, *to, hook, ends, depth + 1),
            Act::Unknown(_) => {
                let [stops, accepts] = unknown(&entry.key);
                let stops = self.space.flag(&stops)?.unwrap_or(Set::ALL);
                let accepts = self.space.flag(&accepts)?.unwrap_or(Set::ALL);
                let ended = self.space.arena().and(accepts, ends.accept)?;
                self.space.arena().either(stops, ended, after)
            }
        }
    }

    fn pooled(&mut self, key: &str, field: Field, set: Set, it: Reached) -> Result<Set, TooLarge> {
        self.unsure(&format!("{key} {field:?} {set:?}"), it.surely, it.perhaps)
    }

    /// The packets that are in a set after a rule changed them.
    fn effect(
        &mut self,
        effect: &Effect,
        place: (TableName, Hook),
        key: &str,
        set: Set,
    ) -> Result<Set, TooLarge> {
        match effect {
            Effect::Write { field, clear, flip } => {
                let reached = self.space.before_write(set, *field, *clear, *flip)?;
                let written = self.pooled(key, *field, set, reached)?;
                match place {
                    (TableName::Raw, hook) if field.is_of_connection() => {
                        self.written_before((key, *field), hook, (set, written))
                    }
                    _ => Ok(written),
                }
            }
            Effect::Copy { from, take, shift, to, clear, flip } => {
                let copied = self.space.before_copy(set, (*from, *take), *shift, (*to, *clear, *flip))?;
                let copied = match copied {
                    Some(copied) => copied,
                    None => self.forget(key, *to, set)?,
                };
                match place {
                    (TableName::Raw, hook) => self.written_before((key, *to), hook, (set, copied)),
                    _ => Ok(copied),
                }
            }
            Effect::Track { untracked, .. } => self.track(*untracked, place.1, set),
            Effect::Sequence(all) => {
                let mut set = set;
                for it in all.iter().rev() {
                    set = self.effect(it, place, key, set)?;
                }
                Ok(set)
            }
            effect => {
                let mut traces = Traces::default();
                traces.add(effect);
                let mut set = set;
                for field in traces.fields {
                    set = self.forget(key, field, set)?;
                }
                Ok(set)
            }
        }
    }

    pub(super) fn forget(&mut self, key: &str, field: Field, set: Set) -> Result<Set, TooLarge> {
        let reached = self.space.before_change(set, field, 0, u128::MAX)?;
        self.pooled(key, field, set, reached)
    }

    /// The packets that are in a set after a rule translated them.
    fn translation(&mut self, effect: &Effect, hook: Hook, key: &str, set: Set) -> Result<Set, TooLarge> {
        let of_source = matches!(hook, Hook::Postrouting | Hook::Input);
        match effect {
            Effect::Nat(nat) => {
                let (address, port) = sides(nat.source);
                let bit = if nat.source { CtState::Snat } else { CtState::Dnat };
                let mut set = self.space.before_translation(set, bit)?;
                if let Some((low, high)) = nat.ports {
                    let reached = self.space.before_change(set, port, u128::from(low), u128::from(high))?;
                    set = self.pooled(key, port, set, reached)?;
                }
                match nat.addresses {
                    Some((low, high)) => {
                        let reached = self.space.before_change(set, address, low, high)?;
                        self.pooled(key, address, set, reached)
                    }
                    None if nat.of_interface => self.forget(key, address, set),
                    None => Ok(set),
                }
            }
            Effect::Netmap { network, mask } => {
                let (address, _) = sides(of_source);
                let reached = self.space.before_change(set, address, *network, network | !mask)?;
                self.pooled(key, address, set, reached)
            }
            Effect::Intercept { clear, flip } => {
                let (clear, flip) = (u128::from(*clear), u128::from(*flip));
                let marked = self.space.before_write(set, Field::Mark, clear, flip)?;
                let marked = self.pooled(key, Field::Mark, set, marked)?;
                self.unsure("a transparent socket waits for the packet", Set::NONE, marked)
            }
            _ => Ok(set),
        }
    }
}
