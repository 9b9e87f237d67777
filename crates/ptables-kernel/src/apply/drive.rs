//! Runs a transaction: does each of its steps with the tools of this machine, and keeps what its way back needs.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ptables::dialect::Family;
use ptables::plan::{Answer, Ended, Options, Plan, SetChange, State, Step, Transaction, Why};

use super::commit::{Committed, commit};
use super::fail::point;
use super::journal::{self, Pending, Phase};
use super::store::Locked;
use super::{Applier, ApplyError, Wanted, history};
use crate::error::Error;
use crate::kernel::Kernel;

/// A transaction that is being run.
struct Run<'a> {
    applier: &'a Applier,
    wanted: &'a Wanted,
    tools: Kernel,
    /// Once it is kept.
    pending: Option<Pending>,
    lock: Option<Locked>,
    /// What failed first.
    error: Option<ApplyError>,
    /// The last commit that did not find what it rests on.
    stuck: Option<ApplyError>,
    commits: u32,
    /// The generation of the ruleset after our last change, if nobody else has written since.
    generation: Option<u32>,
}

impl Applier {
    /// Applies what is wanted: all of it, or nothing. Twice is once. Returns the plans that were carried out, and what waits to be
    /// confirmed.
    ///
    /// # Errors
    /// [`ApplyError`]; unless it is [`ApplyError::NotUndone`], our rules are what they were.
    pub fn apply(&self, wanted: &Wanted) -> Result<(Vec<Plan>, Option<Pending>), ApplyError> {
        let _alone = self.alone()?;
        if self.confirm > Duration::ZERO && self.guard.is_none() {
            return Err(ApplyError::Guard("none was named".into()));
        }
        let records: Result<Vec<State>, _> = wanted.states.iter().map(|it| self.record(it.family)).collect();
        let options = Options::new(self.owner.clone(), self.places.clone());
        let mut transaction = Transaction::new(wanted.states.clone(), records?, options)
            .claim(self.claim)
            .sets(wanted.sets.clone(), self.kept_sets()?)
            .trial(self.preflight);
        let mut run = Run::new(self, wanted, None);
        let ended = run.run(&mut transaction)?;
        drop(run.lock.take());
        match ended {
            Ended::Unchanged => {
                // Who asks for a rule may have moved to another line.
                for plan in transaction.plans() {
                    self.keep_state(plan.before.family, &plan.after)?;
                }
                self.keep_sets(transaction.set_change())?;
                Ok((transaction.plans().to_vec(), None))
            }
            Ended::Stopped { why, left, .. } => {
                if let Some(pending) = &run.pending {
                    self.finish_undone(pending, "undone")?;
                }
                Err(if left.is_empty() { run.why(why, &transaction) } else { ApplyError::NotUndone(left) })
            }
            _ => {
                let Some(pending) = run.pending.take() else { return Err(ApplyError::Changing) };
                if pending.confirm > 0 {
                    return Ok((transaction.plans().to_vec(), Some(pending)));
                }
                self.finish_applied(&pending, "applied")?;
                Ok((transaction.plans().to_vec(), None))
            }
        }
    }

    /// Takes out what is ours in both families, and nothing else. Twice is once.
    ///
    /// # Errors
    /// As [`Applier::apply`].
    pub fn remove(&self) -> Result<Vec<Plan>, ApplyError> {
        self.apply(&Wanted::nothing(&Family::ALL)).map(|it| it.0)
    }

    /// Carries the way back of a transaction out. Returns what could not be changed back.
    pub(super) fn way_back(
        &self,
        pending: &Pending,
        mut transaction: Transaction,
    ) -> Result<Vec<String>, ApplyError> {
        let wanted = Wanted::default();
        match Run::new(self, &wanted, Some(pending.clone())).run(&mut transaction)? {
            Ended::Stopped { left, .. } => Ok(left),
            _ => Ok(Vec::new()),
        }
    }

    /// Makes this process the only one that applies for the owner, and first ends what another has left.
    pub(super) fn alone(&self) -> Result<Locked, ApplyError> {
        // A guard may just be ending what another began.
        let end = self.patience();
        let lock = loop {
            match self.store.lock("lock", false)? {
                Some(lock) => break lock,
                None if Instant::now() > end => return Err(ApplyError::Busy),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        if let Some(pending) = journal::read_pending(&self.store)? {
            let waits = pending.phase == Phase::Committed && pending.confirm > 0;
            if waits && pending.boot == journal::boot() && self.is_guarded()? {
                return Err(ApplyError::Pending(pending.id));
            }
            self.end_of(&pending)?;
        }
        Ok(lock)
    }

    /// When to stop waiting for a lock.
    pub(super) fn patience(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.kernel.lock_wait.max(1).into())
    }

    /// The transaction as it begins; nothing of it is kept yet.
    fn begin(&self, wanted: &Wanted) -> Result<Pending, ApplyError> {
        let mut random = [0; 6];
        let read = std::fs::File::open("/dev/urandom")
            .and_then(|mut it| std::io::Read::read_exact(&mut it, &mut random));
        read.map_err(|source| Error::File { path: PathBuf::from("/dev/urandom"), source })?;
        Ok(Pending {
            id: random.iter().map(|it| format!("{it:02x}")).collect(),
            phase: Phase::Applying,
            pid: std::process::id(),
            boot: journal::boot(),
            backend: self.backend,
            families: wanted.states.iter().map(|it| it.family).collect(),
            confirm: self.confirm.as_secs(),
            since: journal::now(),
            from: wanted.from.clone(),
            digest: wanted.digest.clone(),
        })
    }

    pub(super) fn kept_sets(&self) -> Result<String, ApplyError> {
        Ok(String::from_utf8_lossy(&self.store.read("record.sets")?.unwrap_or_default()).into_owned())
    }

    pub(super) fn keep_state(&self, family: Family, after: &State) -> Result<(), ApplyError> {
        journal::write_state(&self.store, "record", family, after)
    }

    pub(super) fn keep_sets(&self, sets: &SetChange) -> Result<(), ApplyError> {
        Ok(self.store.write("record.sets", sets.record.as_bytes())?)
    }

    /// What was applied becomes the record, and the transaction ends. May be done twice.
    pub(super) fn finish_applied(&self, pending: &Pending, what: &str) -> Result<(), ApplyError> {
        point("record-before");
        for family in &pending.families {
            if let Some(after) = journal::read_state(&self.store, "pending.after", *family)? {
                self.keep_state(*family, &after)?;
            }
            point("record-one");
        }
        if let Some(text) = self.store.read("pending.keep")? {
            self.keep_sets(&SetChange::from_text(&String::from_utf8_lossy(&text)))?;
        }
        point("record-after");
        self.remember(pending, what)?;
        point("history-after");
        self.end(pending)?;
        point("journal-removed");
        Ok(())
    }

    /// An event, with the states that it led to: to go back to them.
    pub(super) fn remember(&self, pending: &Pending, what: &str) -> Result<(), ApplyError> {
        let (number, old) = history::add(&self.store, what, &pending.from, &pending.digest)?;
        for family in Family::ALL {
            if let Some(state) = journal::read_state(&self.store, "record", family)? {
                journal::write_state(&self.store, &format!("history.{number}"), family, &state)?;
            }
            for number in &old {
                self.store.remove(&format!("history.{number}.{}", journal::suffix(family)))?;
            }
        }
        Ok(())
    }

    pub(super) fn end(&self, pending: &Pending) -> Result<(), ApplyError> {
        self.store.remove("pending")?;
        for family in &pending.families {
            for name in ["before", "after"] {
                self.store.remove(&format!("pending.{name}.{}", journal::suffix(*family)))?;
            }
        }
        self.store.remove("pending.sets")?;
        Ok(self.store.remove("pending.keep")?)
    }
}

impl<'a> Run<'a> {
    fn new(applier: &'a Applier, wanted: &'a Wanted, pending: Option<Pending>) -> Run<'a> {
        Run {
            applier,
            wanted,
            tools: applier.tools(),
            pending,
            lock: None,
            error: None,
            stuck: None,
            commits: 0,
            generation: None,
        }
    }

    fn run(&mut self, transaction: &mut Transaction) -> Result<Ended, ApplyError> {
        loop {
            let mut step = transaction.step();
            let watch = self.applier.watch.as_ref().filter(|_| !transaction.is_undoing());
            if watch.is_some_and(|it| it.0(&step) == ControlFlow::Break(())) {
                transaction.cancel();
                step = transaction.step();
            }
            if let Step::End(ended) = step {
                return Ok(ended);
            }
            let answer = match self.carry_out(&step, transaction) {
                Ok(answer) => answer,
                // Whoever comes next tries again.
                Err(error) if transaction.is_undoing() && !matches!(step, Step::Commit { .. }) => {
                    return Err(error);
                }
                Err(error) => {
                    self.error.get_or_insert(error);
                    Answer::Failed
                }
            };
            transaction.answer(answer);
        }
    }

    fn carry_out(&mut self, step: &Step, transaction: &Transaction) -> Result<Answer, ApplyError> {
        let applier = self.applier;
        match step {
            Step::Read(family) => {
                let live = applier.live(*family)?;
                point(if self.commits > 0 { "read-back" } else { "read" });
                return Ok(Answer::Live(live));
            }
            Step::ReadSets => return Ok(Answer::Sets(applier.live_sets()?)),
            Step::Generation => {
                if self.commits > 0 {
                    point("commits-done");
                }
                self.generation = applier.generation();
                return Ok(Answer::Generation(self.generation));
            }
            Step::Try => {
                point("planned");
                applier.try_plans(transaction.plans(), self.wanted)?;
            }
            Step::Lock => {
                // Without a trial nothing was before it.
                point("planned");
                point("preflight");
                self.lock = applier.xtables_lock()?;
                point("locked");
            }
            Step::Keep => self.keep(transaction)?,
            Step::Guard => match &self.pending {
                Some(pending) => applier.arm(pending).inspect_err(|_| self.pending = None)?,
                None => return Ok(Answer::Failed),
            },
            Step::Sets(lines) => {
                let last = self.commits > 0;
                point(if last { "sets-last-before" } else { "sets-before" });
                super::sets::run(&self.tools, lines, &self.wanted.sets)?;
                point(if last { "sets-last-after" } else { "sets-after" });
            }
            Step::Destroy(names) => {
                for name in names {
                    self.tools.run_program("ipset", &["destroy", name], b"")?;
                }
            }
            Step::Commit { family, table, text, .. } => {
                let undoing = transaction.is_undoing();
                let first_one = self.commits == 0;
                let at = |first, next| if first_one { first } else { next };
                if !undoing {
                    point(at("commit-first-before", "commit-next-before"));
                }
                if self.directly(*family, table, transaction)? {
                    point(at("commit-first-after", "commit-next-after"));
                    self.commits += 1;
                    return Ok(Answer::Done);
                }
                self.generation = self.generation.map(|it| it.wrapping_add(1));
                if let Committed::NotThere(found) = commit(&self.tools, *family, applier.backend, text)? {
                    if !undoing {
                        self.stuck = Some(ApplyError::Refused(vec![*found]));
                    }
                    return Ok(Answer::NotThere);
                }
                if !undoing {
                    point(at("commit-first-after", "commit-next-after"));
                }
                self.commits += 1;
            }
            Step::Pause => std::thread::sleep(Duration::from_millis(20)),
            Step::Committed => {
                point("committed-before");
                if let Some(pending) = &mut self.pending {
                    (pending.phase, pending.since) = (Phase::Committed, journal::now());
                    journal::write_pending(&applier.store, pending)?;
                }
                point("committed-after");
            }
            _ => return Ok(Answer::Failed),
        }
        Ok(Answer::Done)
    }

    /// Few rules of a long chain of nft; `false`: it is for the tool.
    fn directly(
        &mut self,
        family: Family,
        table: &str,
        transaction: &Transaction,
    ) -> Result<bool, ApplyError> {
        let Some(generation) = self.generation.filter(|_| !transaction.is_undoing()) else {
            return Ok(false);
        };
        let Some((plan, table)) = transaction.table(family, table) else { return Ok(false) };
        let after = self.applier.commit_directly(&self.tools, plan, table, generation)?;
        self.generation = after.or(self.applier.generation());
        Ok(after.is_some())
    }

    /// What the way back needs; until [`Applier::arm`] has written the transaction itself, it does not count.
    fn keep(&mut self, transaction: &Transaction) -> Result<(), ApplyError> {
        let store = &self.applier.store;
        for change in transaction.changes() {
            if self.commits == 0 {
                journal::write_state(store, "pending.before", change.before.family, &change.before)?;
            }
            journal::write_state(store, "pending.after", change.before.family, &change.after)?;
        }
        if self.pending.is_none() {
            store.write("pending.sets", transaction.sets_back().to_text().as_bytes())?;
            store.write("pending.keep", transaction.set_change().to_text().as_bytes())?;
            self.pending = Some(self.applier.begin(self.wanted)?);
            point("journal-states");
        }
        Ok(())
    }

    /// Why it was stopped: what failed, or what the transaction says.
    fn why(&mut self, why: Why, transaction: &Transaction) -> ApplyError {
        match why {
            Why::Obstacles(all) => ApplyError::Obstacles(all.iter().map(ToString::to_string).collect()),
            Why::Sets => ApplyError::Refused(transaction.finding().cloned().into_iter().collect()),
            Why::Cancelled => ApplyError::Cancelled,
            Why::Failed => self.error.take().or(self.stuck.take()).unwrap_or(ApplyError::Changing),
            _ => ApplyError::Changing,
        }
    }
}
