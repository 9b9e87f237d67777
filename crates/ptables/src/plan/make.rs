//! From what is live and what is wanted to what is to be done.

use std::fmt;

use super::merge::{Free, Merge, Step, merge};
use super::owner::Owner;
use super::state::{ChainState, Item, State, TableState};
use crate::diag::escape::Escaped;
use crate::model::Policy;
use crate::source::Text;

/// How to plan.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Who applies; its marker is kept in tables with rules of its own. `None`: no marker is made.
    pub owner: Option<Owner>,
    /// Chains of somebody else that are places for our rules, such as `DOCKER-USER`: rules go before theirs.
    pub places: Vec<Text>,
}

/// What to do in one family, from what is live to what is wanted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// What is live, with its rules claimed.
    pub before: State,
    /// What will be live, if nobody else changes anything: the next record.
    pub after: State,
    /// The tables that change.
    pub tables: Vec<TablePlan>,
    /// What stands in the way: a plan with obstacles is not carried out.
    pub obstacles: Vec<Obstacle>,
}

/// What to do in one table: one commit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TablePlan {
    /// Its name.
    pub name: Text,
    /// The chains that change.
    pub chains: Vec<ChainPlan>,
}

/// What to do in one chain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChainPlan {
    /// Its name.
    pub name: Text,
    /// It is made.
    pub made: bool,
    /// It is deleted.
    pub gone: bool,
    /// Its policy becomes this.
    pub policy: Option<Policy>,
    /// All rules, those that go at the place where they stood.
    pub lines: Vec<Line>,
}

/// One rule of a chain that changes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Line {
    /// What becomes of it.
    pub kind: LineKind,
    /// It goes here and comes elsewhere in the chain, or the other way round.
    pub moved: bool,
    /// The rule. Its origin is who asks for it.
    pub item: Item,
}

/// What becomes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// It stays, with its counters.
    Keep,
    /// It comes.
    Add,
    /// It goes; what it has counted is lost.
    Remove,
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// A rule of ours should go, but an equal foreign one stands before it, and a deletion would take that one.
    #[non_exhaustive]
    Equal {
        /// Table.
        table: Text,
        /// Chain.
        chain: Text,
        /// The rule.
        rule: Text,
    },
    /// A chain is wanted that is there, and is not ours.
    #[non_exhaustive]
    Taken {
        /// Table.
        table: Text,
        /// Chain.
        chain: Text,
    },
    /// The kernel says that rules of ours are there, but there is no record of them.
    #[non_exhaustive]
    RecordLost {
        /// Table.
        table: Text,
    },
}

impl Options {
    /// For an owner, with these places.
    pub fn new(owner: Owner, places: impl IntoIterator<Item = Text>) -> Options {
        Options { owner: Some(owner), places: places.into_iter().collect() }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Equal { table, chain, rule } => write!(
                f,
                "in {} {} an equal rule of somebody else stands before ours, so ours cannot be taken out:{}",
                Escaped(table),
                Escaped(chain),
                Escaped(rule)
            ),
            Obstacle::Taken { table, chain } => {
                write!(f, "table {} has a chain {} that is not ours", Escaped(table), Escaped(chain))
            }
            Obstacle::RecordLost { table } => {
                write!(f, "table {} holds rules of ours, but the record of them is lost", Escaped(table))
            }
        }
    }
}

impl Plan {
    /// Plans from live rules, of which ours are [claimed](State::claim), to those that are wanted.
    pub fn new(live: State, mut wanted: State, options: &Options) -> Plan {
        let mut obstacles = Vec::new();
        for chain in wanted.chains_mut() {
            chain.ours &= !options.places.contains(&chain.name);
        }
        let marker = options.owner.as_ref().map(Owner::marker);
        if let Some(marker) = &marker {
            wanted.mark_as(marker);
            for table in &live.tables {
                if table.chain(marker).is_some_and(|it| !it.ours) {
                    obstacles.push(Obstacle::RecordLost { table: table.name.clone() });
                }
            }
        }
        let mut names: Vec<Text> = wanted.tables.iter().map(|it| it.name.clone()).collect();
        names.extend(live.tables.iter().map(|it| it.name.clone()).filter(|it| wanted.table(it).is_none()));
        let (mut after, mut tables) = (State::new(live.family), Vec::new());
        for name in names {
            let none = TableState::new(name);
            let old = live.table(&none.name).unwrap_or(&none);
            let new = wanted.table(&none.name).unwrap_or(&none);
            let (state, plan) = plan_table(old, new, marker.as_ref(), &mut obstacles);
            after.tables.push(state);
            tables.extend(Some(plan).filter(|it| !it.chains.is_empty()));
        }
        Plan { before: live, after, tables, obstacles }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The way back, right after this plan was carried out.
    pub fn inverse(&self) -> Plan {
        Plan::new(self.after.clone(), self.before.as_wanted(), &Options::default())
    }

    /// The way back later, when others have changed their rules, or only some tables were done: only what this plan changed is
    /// changed back. What cannot be taken out is an obstacle, and stays.
    pub fn undo(&self, live: State) -> Plan {
        undo(live, &self.before, &self.after)
    }

    /// What is still to do after some of it was done, and others may have changed their rules.
    pub fn again(&self, live: State) -> Plan {
        // Seen from the other side it is the way back, to what this plan leads to.
        let options = Options { owner: None, places: Vec::new() };
        Plan::new(claim_one(live, &self.before, &self.after), self.after.as_wanted(), &options)
    }
}

/// The way back from a plan that led from one state to another, of which only the two are kept: [`Plan::undo`].
pub fn undo(live: State, before: &State, after: &State) -> Plan {
    Plan::new(claim_one(live, before, after), before.as_wanted(), &Options::default())
}

/// Claims what is live by one of two states: of each table its commit was made, or was not.
fn claim_one(mut live: State, before: &State, after: &State) -> State {
    let (mut done, mut not_done) = (live.clone(), live.clone());
    done.claim(after);
    not_done.claim(before);
    let state = |claimed: &State, record: &State, name: &Text| {
        claimed.table(name).zip(record.table(name)).map_or(0, |(live, record)| likeness(live, record))
    };
    for table in &mut live.tables {
        let is_done = state(&done, after, &table.name) >= state(&not_done, before, &table.name);
        let claimed = if is_done { &done } else { &not_done };
        if let Some(claimed) = claimed.table(&table.name) {
            *table = claimed.clone();
        }
    }
    live
}

/// How much of a record is in a table: each rule, chain and policy of ours that is there counts for it, each that is missing
/// against it.
fn likeness(live: &TableState, record: &TableState) -> isize {
    let mut points = 0;
    let mut point = |is: bool| points += if is { 1 } else { -1 };
    for chain in record.chains.iter().filter(|it| it.has_ours()) {
        let found = live.chain(&chain.name);
        point(found.is_some());
        if chain.was.is_some() {
            point(found.is_some_and(|it| it.policy == chain.policy));
        }
        let count = |it: &ChainState| it.items.iter().filter(|it| it.ours).count();
        let there = found.map_or(0, count);
        (0..there).for_each(|_| point(true));
        (there..count(chain)).for_each(|_| point(false));
    }
    points
}

fn plan_table(
    live: &TableState,
    wanted: &TableState,
    marker: Option<&Text>,
    obstacles: &mut Vec<Obstacle>,
) -> (TableState, TablePlan) {
    let mut names: Vec<Text> = live.chains.iter().map(|it| it.name.clone()).collect();
    names.extend(wanted.chains.iter().map(|it| it.name.clone()).filter(|it| live.chain(it).is_none()));
    let mut after = TableState::new(live.name.clone());
    let mut plans = Vec::new();
    for name in names {
        let (old, new) = (live.chain(&name), wanted.chain(&name));
        let builtin = live.has_hook(&name);
        let taken = old.zip(new).is_some_and(|(old, new)| new.ours && !old.ours);
        if taken && !builtin && marker != Some(&name) {
            obstacles.push(Obstacle::Taken { table: live.name.clone(), chain: name.clone() });
        }
        let mut none = ChainState::new(name, builtin);
        none.policy = builtin.then_some(Policy::Accept);
        let (state, plan) = plan_chain(old.unwrap_or(&none), new);
        for at in plan.1 {
            let rule = old.and_then(|it| it.items.get(at)).map(|it| it.text.clone()).unwrap_or_default();
            let (table, chain) = (live.name.clone(), none.name.clone());
            obstacles.push(Obstacle::Equal { table, chain, rule });
        }
        let mut plan = plan.0;
        plan.made = old.is_none() && new.is_some() && !builtin;
        plan.gone = state.ours && new.is_none() && state.items.is_empty() && old.is_some();
        let state = ChainState { ours: state.ours || plan.made, ..state };
        if old.is_some() || new.is_some() {
            after.chains.push(state);
            plans.push(plan);
        }
    }
    keep_used(&after, &mut plans);
    after.chains.retain(|it| !plans.iter().any(|plan| plan.gone && plan.name == it.name));
    plans.retain(ChainPlan::changes);
    (after, TablePlan { name: live.name.clone(), chains: plans })
}

/// A chain that rules still jump to cannot go.
fn keep_used(after: &TableState, plans: &mut [ChainPlan]) {
    let items = || after.chains.iter().flat_map(|it| &it.items);
    for plan in plans.iter_mut().filter(|it| it.gone) {
        plan.gone = !items().any(|it| leads_to(&it.text, &plan.name));
    }
}

/// Whether a rule may jump to a chain. A comment that reads like a jump counts too: then the chain stays.
fn leads_to(rule: &[u8], chain: &[u8]) -> bool {
    [b" -j ", b" -g "].iter().any(|option| {
        let word = [*option, chain].concat();
        rule.windows(word.len())
            .enumerate()
            .any(|(at, it)| it == word && rule.get(at + word.len()).is_none_or(|next| *next == b' '))
    })
}

fn plan_chain(live: &ChainState, wanted: Option<&ChainState>) -> (ChainState, (ChainPlan, Vec<usize>)) {
    let free = if live.builtin { Free::Last } else { Free::First };
    let Merge { steps, deleted, stuck, same } = merge(live, wanted, free);
    let target = |at: usize| wanted.and_then(|it| it.items.get(at));
    let mut state = ChainState { items: Vec::with_capacity(steps.len()), ..live.clone() };
    let mut lines = Vec::new();
    let mut gone = deleted.iter().copied().peekable();
    let removed = |at: usize| {
        live.items.get(at).map(|it| Line { kind: LineKind::Remove, moved: false, item: it.clone() })
    };
    for step in &steps {
        let (kind, item) = match *step {
            Step::Keep(at) => {
                while let Some(it) = gone.next_if(|it| *it < at) {
                    lines.extend(removed(it));
                }
                let Some(mut item) = live.items.get(at).cloned() else { continue };
                if let Some(origin) = same.get(at).copied().flatten().and_then(target).map(|it| &it.origin) {
                    item.origin = origin.clone();
                }
                (LineKind::Keep, item)
            }
            Step::Insert(at) => match target(at).cloned() {
                Some(item) => (LineKind::Add, item),
                None => continue,
            },
        };
        state.items.push(item.clone());
        lines.push(Line { kind, moved: false, item });
    }
    lines.extend(gone.filter_map(removed));
    find_moved(&mut lines);
    let asked = wanted.and_then(|it| it.policy);
    let policy = match (asked, live.was) {
        _ if !live.builtin => None,
        (Some(policy), was) => {
            state.was = was.or(live.policy);
            Some(policy)
        }
        (None, was) => {
            state.was = None;
            was
        }
    };
    state.policy = policy.or(live.policy);
    let policy = policy.filter(|it| live.policy != Some(*it));
    let plan = ChainPlan { name: live.name.clone(), made: false, gone: false, policy, lines };
    (state, (plan, stuck))
}

/// What goes and comes again is moved.
fn find_moved(lines: &mut [Line]) {
    let texts = |kind: LineKind| -> std::collections::HashSet<Text> {
        lines.iter().filter(|it| it.kind == kind).map(|it| it.item.text.clone()).collect()
    };
    let (added, removed) = (texts(LineKind::Add), texts(LineKind::Remove));
    for line in lines {
        line.moved = match line.kind {
            LineKind::Add => removed.contains(&line.item.text),
            LineKind::Remove => added.contains(&line.item.text),
            LineKind::Keep => false,
        };
    }
}

impl ChainPlan {
    fn changes(&self) -> bool {
        self.made
            || self.gone
            || self.policy.is_some()
            || self.lines.iter().any(|it| it.kind != LineKind::Keep)
    }
}
