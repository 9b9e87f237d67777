//! A transaction as steps, without input or output: who runs it does each [`Step`] and tells how it went. An async program or a helper
//! with more rights can run it as well as `ptables-kernel`, whose `Applier` does.
//!
//! ```text
//! read live ─► plan ─► try ─► lock, read again ─► keep ─► guard ─► sets ─► commits ─► read back ─► committed
//!                                                    └── any failure, or a cancellation: the way back, in steps too
//! ```
//!
//! ```
//! use ptables::plan::{Answer, Ended, Options, State, Step, Transaction};
//! # use ptables::dialect::Family;
//! # fn carry_out(step: &Step) -> Answer {
//! #     match step {
//! #         Step::Read(family) => Answer::Live(State::new(*family)),
//! #         _ => Answer::Generation(None),
//! #     }
//! # }
//!
//! let wanted = vec![State::new(Family::V4)];
//! let mut transaction = Transaction::new(wanted, Vec::new(), Options::default());
//! let ended = loop {
//!     match transaction.step() {
//!         Step::End(ended) => break ended,
//!         step => {
//!             let answer = carry_out(&step); // reads, runs a tool, writes a file …
//!             transaction.answer(answer);
//!         }
//!     }
//! };
//! assert_eq!(ended, Ended::Unchanged);
//! ```

mod step;
#[cfg(test)]
mod tests;
mod undo;

use std::collections::VecDeque;

use super::claim::Claim;
use super::make::{Options, Plan, TablePlan};
use super::sets::SetChange;
use super::state::State;
use crate::compile::RestoreText;
use crate::diag::Diagnostic;
use crate::dialect::Family;
use crate::ipset::Set;
use undo::Undo;

pub use step::{Answer, Ended, Step, Why};

/// How often a plan is made again because others changed the rules.
const ROUNDS: u32 = 24;
/// So often it is waited for a moment in which nobody changes rules (nft). Then it is done all the same: what was planned is safe whoever
/// writes meanwhile, and reading back shows whether a rule landed one place off.
const QUIET: u32 = 6;

/// One family of a transaction: what its way back needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// What was, before the first commit.
    pub before: State,
    /// What will be.
    pub after: State,
}

impl Change {
    /// From a state to another.
    pub fn new(before: State, after: State) -> Change {
        Change { before, after }
    }
}

/// All of it or nothing, in some families, step by step.
#[derive(Clone, Debug)]
pub struct Transaction {
    wanted: Vec<State>,
    records: Vec<State>,
    options: Options,
    claim: Claim,
    wanted_sets: Vec<Set>,
    kept_sets: String,
    trial: bool,
    at: At,
    /// What was read in this round.
    live: Vec<State>,
    plans: Vec<Plan>,
    /// The plans that were committed first, or will be.
    first: Vec<Plan>,
    changes: Vec<Change>,
    sets: SetChange,
    generation: Option<u32>,
    /// The generation before the first plan.
    planned_at: Option<u32>,
    todo: VecDeque<(Family, String, RestoreText)>,
    round: u32,
    /// Whether the commits of a round were all tried.
    tried: bool,
    /// Whether one was made.
    committed: bool,
    /// What was live when a commit did not find what it rests on.
    stuck: Option<Vec<State>>,
    why: Option<Why>,
    finding: Option<Box<Diagnostic>>,
}

#[derive(Clone, Debug)]
enum At {
    First,
    Plan,
    Sets,
    Try,
    Lock,
    Generation,
    Again,
    Keep,
    Guard,
    Come,
    Look,
    Commit,
    Go,
    Destroy,
    Committed,
    Undo(Box<Undo>),
    End(Ended),
}

impl Transaction {
    /// To what is wanted, a state a family, from the records of what was applied before (none at first).
    pub fn new(wanted: Vec<State>, records: Vec<State>, options: Options) -> Transaction {
        Transaction {
            wanted,
            records,
            options,
            claim: Claim::Record,
            wanted_sets: Vec::new(),
            kept_sets: String::new(),
            trial: false,
            at: At::First,
            live: Vec::new(),
            plans: Vec::new(),
            first: Vec::new(),
            changes: Vec::new(),
            sets: SetChange::default(),
            generation: None,
            planned_at: None,
            todo: VecDeque::new(),
            round: 0,
            tried: false,
            committed: false,
            stuck: None,
            why: None,
            finding: None,
        }
    }

    /// The way back of a transaction that nobody finished: from what it [kept](Step::Keep).
    pub fn undoing(changes: Vec<Change>, sets_back: SetChange) -> Transaction {
        let mut it = Transaction::new(Vec::new(), Vec::new(), Options::default());
        it.at = At::Undo(Box::new(Undo::new(changes, sets_back)));
        it.why = Some(Why::Asked);
        it.settle();
        it
    }

    /// What of the rules that are there is ours. Default: what the records have.
    #[must_use]
    pub fn claim(self, claim: Claim) -> Transaction {
        Transaction { claim, ..self }
    }

    /// Sets that the rules need, and the [record](SetChange::record) of the sets that were applied before.
    #[must_use]
    pub fn sets(self, wanted: Vec<Set>, record: impl Into<String>) -> Transaction {
        Transaction { wanted_sets: wanted, kept_sets: record.into(), ..self }
    }

    /// Whether it asks for the plans to be [tried](Step::Try). Default: no.
    #[must_use]
    pub fn trial(self, trial: bool) -> Transaction {
        Transaction { trial, ..self }
    }

    /// What is to be done now. It stays the same until it is answered.
    pub fn step(&self) -> Step {
        match &self.at {
            At::Plan | At::Again => match self.wanted.get(self.live.len()) {
                Some(next) => Step::Read(next.family),
                None => Step::ReadSets,
            },
            At::Sets => Step::ReadSets,
            At::Try => Step::Try,
            At::Lock => Step::Lock,
            At::First | At::Generation | At::Look => Step::Generation,
            At::Keep => Step::Keep,
            At::Guard => Step::Guard,
            At::Come => Step::Sets(self.sets.first.clone()),
            At::Commit => match self.todo.front().cloned() {
                Some((family, table, text)) => Step::Commit { family, table, text },
                None => Step::Pause,
            },
            At::Go => Step::Sets(entries(&self.sets.last)),
            At::Destroy => Step::Destroy(destroyed(&self.sets.last)),
            At::Committed => Step::Committed,
            At::Undo(undo) => undo.step().unwrap_or(Step::Pause),
            At::End(ended) => Step::End(ended.clone()),
        }
    }

    /// How the step went. An answer that does not fit counts as [`Answer::Failed`].
    pub fn answer(&mut self, answer: Answer) {
        match std::mem::replace(&mut self.at, At::Plan) {
            At::Undo(mut undo) => {
                undo.answer(answer);
                self.at = At::Undo(undo);
            }
            At::End(ended) => self.at = At::End(ended),
            at => self.forward(at, answer),
        }
        self.settle();
    }

    /// Stops it before the next step: what was changed is changed back, in steps. Without effect if all is [committed](Step::Committed)
    /// or it is on its way back already.
    pub fn cancel(&mut self) {
        if !matches!(self.at, At::Undo(_) | At::End(_) | At::Committed) {
            self.stop(Why::Cancelled);
            self.settle();
        }
    }

    /// Whether it is on its way back.
    pub fn is_undoing(&self) -> bool {
        matches!(self.at, At::Undo(_))
    }

    /// What is done, a plan for each family: of the first commits, if there were any.
    pub fn plans(&self) -> &[Plan] {
        if self.first.is_empty() { &self.plans } else { &self.first }
    }

    /// The plan of this round for a table, and of its family.
    pub fn table(&self, family: Family, table: &str) -> Option<(&Plan, &TablePlan)> {
        let plan = self.plans.iter().find(|it| it.before.family == family)?;
        Some((plan, plan.tables.iter().find(|it| it.name.as_bytes() == table.as_bytes())?))
    }

    /// What the way back needs to know of each family.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What changes in sets.
    pub fn set_change(&self) -> &SetChange {
        &self.sets
    }

    /// The way back of the sets.
    pub fn sets_back(&self) -> SetChange {
        self.sets.inverse(&self.kept_sets)
    }

    /// What stands against the sets.
    pub fn finding(&self) -> Option<&Diagnostic> {
        self.finding.as_deref()
    }

    fn forward(&mut self, at: At, answer: Answer) {
        self.at = match (at, answer) {
            (at @ (At::Plan | At::Again), Answer::Live(live)) => {
                self.live.push(live);
                if self.live.len() < self.wanted.len() {
                    self.at = at;
                    return;
                }
                let planned = matches!(at, At::Plan);
                self.plan();
                let obstacles: Vec<_> = self.plans.iter().flat_map(|it| &it.obstacles).cloned().collect();
                match (obstacles.is_empty(), planned) {
                    (false, _) => return self.stop(Why::Obstacles(obstacles)),
                    (true, true) => At::Sets,
                    (true, false) => return self.planned_again(),
                }
            }
            (At::Plan | At::Sets, Answer::Sets(live)) => {
                match SetChange::new(&live, &self.kept_sets, &self.wanted_sets) {
                    Ok(sets) => self.sets = sets,
                    Err(error) => {
                        self.finding = Some(error);
                        return self.stop(Why::Sets);
                    }
                }
                self.after_sets()
            }
            (At::Try, Answer::Done) => At::Lock,
            (At::Lock, Answer::Done) => self.next_round(),
            (At::First, Answer::Generation(it)) => {
                self.planned_at = it;
                At::Plan
            }
            (At::Generation, Answer::Generation(it)) => {
                self.generation = it;
                // Nobody has written since: then the plan holds.
                if it.is_some() && it == self.planned_at.take() {
                    return self.planned_again();
                }
                At::Again
            }
            (At::Keep, Answer::Done) if self.first.is_empty() => At::Guard,
            (At::Keep, Answer::Done) => self.look(),
            (At::Guard, Answer::Done) => {
                self.first = self.plans.clone();
                At::Come
            }
            (At::Come, Answer::Done) => self.look(),
            (At::Look, Answer::Generation(it)) if it == self.generation => At::Commit,
            (At::Look, Answer::Generation(_)) => self.another_round(),
            (At::Commit, Answer::Done) => {
                self.todo.pop_front();
                self.committed = true;
                At::Commit
            }
            (At::Commit, Answer::NotThere) => {
                let live: Vec<State> = self.plans.iter().map(|it| it.before.clone()).collect();
                // If nothing has changed since it failed last, it will never do.
                if self.stuck.as_ref() == Some(&live) {
                    return self.stop(Why::Failed);
                }
                self.stuck = Some(live);
                self.todo.clear();
                At::Commit
            }
            (At::Go, Answer::Done) => At::Destroy,
            (At::Destroy, _) => At::Committed,
            (At::Committed, Answer::Done) => At::End(Ended::Applied),
            _ => return self.stop(Why::Failed),
        };
    }

    /// Plans on what was read; after a commit ours is what the first plan meant to be there.
    fn plan(&mut self) {
        let live = std::mem::take(&mut self.live);
        self.plans = match self.committed {
            true => live.into_iter().zip(&self.first).map(|(live, first)| first.again(live)).collect(),
            false => live
                .into_iter()
                .zip(&self.wanted)
                .map(|(live, wanted)| {
                    let none = State::new(live.family);
                    let record = self.records.iter().find(|it| it.family == live.family).unwrap_or(&none);
                    Plan::claiming(live, record, wanted.clone(), self.claim, &self.options)
                })
                .collect(),
        };
    }

    fn planned_again(&mut self) {
        if self.tried && self.plans.iter().all(Plan::is_empty) {
            self.at = At::Go;
            return;
        }
        match self.committed {
            true => {
                for (change, plan) in self.changes.iter_mut().zip(&self.plans) {
                    change.after = plan.after.clone();
                }
            }
            false => {
                self.changes =
                    self.plans.iter().map(|it| Change::new(it.before.clone(), it.after.clone())).collect();
                if !self.first.is_empty() {
                    self.first = self.plans.clone();
                }
            }
        }
        self.todo = VecDeque::new();
        for plan in &self.plans {
            let family = plan.before.family;
            self.todo.extend(plan.texts().into_iter().map(|(table, text)| (family, table, text)));
        }
        self.at = At::Keep;
    }

    fn after_sets(&self) -> At {
        match self.plans.iter().all(Plan::is_empty) && self.sets.is_empty() {
            true => At::End(Ended::Unchanged),
            false if self.trial => At::Try,
            false => At::Lock,
        }
    }

    fn next_round(&self) -> At {
        if self.round < QUIET { At::Generation } else { At::Again }
    }

    fn another_round(&mut self) -> At {
        self.round += 1;
        self.next_round()
    }

    fn look(&self) -> At {
        if self.round < QUIET { At::Look } else { At::Commit }
    }

    /// Nothing was begun before the guard was: then there is nothing to undo.
    fn stop(&mut self, why: Why) {
        self.at = match self.first.is_empty() {
            true => At::End(Ended::Stopped { why, left: Vec::new() }),
            false => {
                self.why = Some(why);
                At::Undo(Box::new(Undo::new(self.changes.clone(), self.sets_back())))
            }
        };
    }

    /// Goes on where there is nothing to ask for.
    fn settle(&mut self) {
        loop {
            let next = match &self.at {
                At::Again if self.wanted.is_empty() => {
                    self.planned_again();
                    continue;
                }
                At::Sets if self.wanted_sets.is_empty() && self.kept_sets.is_empty() => self.after_sets(),
                At::Come if self.sets.first.is_empty() => self.look(),
                At::Commit if self.todo.is_empty() => {
                    self.tried = true;
                    if self.round >= ROUNDS {
                        self.stop(Why::Changing);
                        continue;
                    }
                    self.another_round()
                }
                At::Go if entries(&self.sets.last).is_empty() => At::Destroy,
                At::Destroy if destroyed(&self.sets.last).is_empty() => At::Committed,
                At::Undo(undo) if undo.step().is_none() => {
                    let (why, left) = (self.why.take().unwrap_or(Why::Asked), undo.left.clone());
                    At::End(Ended::Stopped { why, left })
                }
                _ => return,
            };
            self.at = next;
        }
    }
}

/// Lines but those that destroy a set.
fn entries(lines: &[String]) -> Vec<String> {
    lines.iter().filter(|it| !it.starts_with("destroy ")).cloned().collect()
}

/// The sets that lines destroy.
fn destroyed(lines: &[String]) -> Vec<String> {
    lines.iter().filter_map(|it| it.strip_prefix("destroy ")).map(str::to_owned).collect()
}
