//! Carries plans out.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ptables::compile::RestoreText;
use ptables::diag::{Diagnostic, codes};
use ptables::dialect::{Backend, Family};
use ptables::plan::{Plan, State};
use rustix::fs::{FlockOperation, Mode, OFlags, open};
use rustix::io::Errno;

use super::fail::point;
use super::journal::{self, Pending, Phase};
use super::sets::{self, SetChange};
use super::store::Locked;
use super::{Applier, ApplyError, Wanted, history};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::restore::{RestoreOptions, Stage};

/// How often a plan is made again because others changed the rules.
const ROUNDS: u32 = 8;

/// What a table's commit came to.
pub(super) enum Committed {
    /// It was made.
    Yes,
    /// The tool says that what it rests on is not there: somebody has changed it, or the tool does not find a rule that it prints.
    NotThere(Box<Diagnostic>),
}

impl Applier {
    /// Applies what is wanted: all of it, or nothing. Returns the plans that were carried out, and what waits to be confirmed.
    ///
    /// # Errors
    /// [`ApplyError`]; unless it is [`ApplyError::NotUndone`], our rules are what they were.
    pub fn apply(&self, wanted: &Wanted) -> Result<(Vec<Plan>, Option<Pending>), ApplyError> {
        let _alone = self.alone()?;
        if self.confirm > Duration::ZERO && self.guard.is_none() {
            return Err(ApplyError::Guard("none was named".into()));
        }
        let plans = self.plan(wanted)?;
        point("read");
        stops(&plans)?;
        let kept = self.kept_sets()?;
        let sets = SetChange::new(&self.kernel, &kept, &wanted.sets)?;
        point("planned");
        if plans.iter().all(Plan::is_empty) && sets.is_empty() {
            // Who asks for a rule may have moved to another line.
            self.keep(&plans, &sets)?;
            return Ok((plans, None));
        }
        if self.preflight {
            self.try_plans(&plans, wanted)?;
        }
        point("preflight");
        let lock = self.xtables_lock()?;
        point("locked");
        let pending = self.begin(wanted)?;
        let ended = self.carry_out(wanted, &pending, &sets, &kept);
        let plans = match ended {
            Ok(plans) => plans,
            Err(error) if journal::read_pending(&self.store)?.is_none() => return Err(error),
            Err(error) => {
                let left = self.undo(&pending)?;
                self.finish_undone(&pending, "undone")?;
                return Err(if left.is_empty() { error } else { ApplyError::NotUndone(left) });
            }
        };
        drop(lock);
        point("committed-before");
        let pending = Pending { phase: Phase::Committed, since: journal::now(), ..pending };
        journal::write_pending(&self.store, &pending)?;
        point("committed-after");
        if pending.confirm > 0 {
            return Ok((plans, Some(pending)));
        }
        self.finish_applied(&pending, "applied")?;
        Ok((plans, None))
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
            self.reclaim(&pending)?;
        }
        Ok(lock)
    }

    /// When to stop waiting for a lock.
    fn patience(&self) -> Instant {
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

    /// Plans again on what is live now, keeps what is needed to undo, and commits; until what is live is what is wanted.
    fn carry_out(
        &self,
        wanted: &Wanted,
        pending: &Pending,
        sets: &SetChange,
        kept: &str,
    ) -> Result<Vec<Plan>, ApplyError> {
        let tools = self.tools();
        let mut first: Option<Vec<Plan>> = None;
        let mut committed = false;
        let mut stuck: Option<(Vec<State>, Box<Diagnostic>)> = None;
        for _ in 0..ROUNDS {
            let generation = self.generation();
            let plans = self.plan_again(wanted, first.as_deref())?;
            stops(&plans)?;
            if committed && plans.iter().all(Plan::is_empty) {
                sets_last(sets, &tools)?;
                return Ok(first.unwrap_or(plans));
            }
            for plan in &plans {
                if !committed {
                    journal::write_state(&self.store, "pending.before", plan.before.family, &plan.before)?;
                }
                journal::write_state(&self.store, "pending.after", plan.before.family, &plan.after)?;
            }
            if first.is_none() {
                self.store.write("pending.sets", sets.inverse(kept).to_text().as_bytes())?;
                self.store.write("pending.keep", sets.to_text().as_bytes())?;
                point("journal-states");
                self.arm(pending)?;
                sets::come(sets, &tools)?;
            }
            if !committed {
                first = Some(plans.clone());
            }
            if self.generation() != generation {
                continue;
            }
            let mut at = if committed { 1 } else { 0 };
            for plan in &plans {
                for (_, text) in plan.texts() {
                    point(if at == 0 { "commit-first-before" } else { "commit-next-before" });
                    if let Committed::NotThere(found) =
                        commit(&tools, plan.before.family, self.backend, &text)?
                    {
                        let states: Vec<State> = plans.iter().map(|it| it.before.clone()).collect();
                        // If nothing has changed since it failed last, it will never do.
                        if stuck.as_ref().is_some_and(|it| it.0 == states) {
                            return Err(ApplyError::Refused(vec![*found]));
                        }
                        stuck = Some((states, found));
                        break;
                    }
                    point(if at == 0 { "commit-first-after" } else { "commit-next-after" });
                    at += 1;
                }
            }
            committed = true;
            point("commits-done");
            point("read-back");
        }
        Err(ApplyError::Changing)
    }

    /// A plan on what is live; after a commit ours is what the first plan meant to be there.
    fn plan_again(&self, wanted: &Wanted, first: Option<&[Plan]>) -> Result<Vec<Plan>, ApplyError> {
        let Some(first) = first else { return self.plan(wanted) };
        let again = wanted.states.iter().zip(first).map(|(wanted, first)| {
            let live = self.live(wanted.family)?;
            Ok(first.again(live))
        });
        again.collect()
    }

    fn generation(&self) -> Option<u32> {
        (self.backend == Backend::Nft).then(|| self.kernel.generation()).flatten()
    }

    /// Tools for our own runs: they wait for each other, not for the lock that we hold, and can be told from those of others.
    pub(super) fn tools(&self) -> Kernel {
        self.kernel.clone().lock_file(self.store.path().join("tools.lock"))
    }

    /// The lock of the legacy tools, held until the value goes; the nft tools have none.
    pub(super) fn xtables_lock(&self) -> Result<Option<Locked>, ApplyError> {
        if self.backend == Backend::Nft {
            return Ok(None);
        }
        let path = self.kernel.lock_file.clone().unwrap_or_else(|| PathBuf::from("/run/xtables.lock"));
        let failed = |it: Errno| Error::File { path: path.clone(), source: it.into() };
        let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let end = self.patience();
        loop {
            let file = open(&path, flags, Mode::from_raw_mode(0o600)).map_err(failed)?;
            let locked = Locked::new(file, FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
            if locked.is_some() {
                return Ok(locked);
            }
            if Instant::now() > end {
                return Err(ApplyError::LockHeld);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn kept_sets(&self) -> Result<String, ApplyError> {
        Ok(String::from_utf8_lossy(&self.store.read("record.sets")?.unwrap_or_default()).into_owned())
    }

    fn keep(&self, plans: &[Plan], sets: &SetChange) -> Result<(), ApplyError> {
        for plan in plans {
            self.keep_state(plan.before.family, &plan.after)?;
        }
        self.keep_sets(sets)
    }

    fn keep_state(&self, family: Family, after: &State) -> Result<(), ApplyError> {
        journal::write_state(&self.store, "record", family, after)
    }

    fn keep_sets(&self, sets: &SetChange) -> Result<(), ApplyError> {
        Ok(self.store.write("record.sets", sets.record().as_bytes())?)
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

fn stops(plans: &[Plan]) -> Result<(), ApplyError> {
    let all: Vec<String> = plans.iter().flat_map(|it| &it.obstacles).map(ToString::to_string).collect();
    if all.is_empty() { Ok(()) } else { Err(ApplyError::Obstacles(all)) }
}

fn sets_last(sets: &SetChange, tools: &Kernel) -> Result<(), ApplyError> {
    point("sets-last-before");
    sets.go(tools)?;
    point("sets-last-after");
    Ok(())
}

/// One table.
pub(super) fn commit(
    kernel: &Kernel,
    family: Family,
    backend: Backend,
    text: &RestoreText,
) -> Result<Committed, ApplyError> {
    let how = RestoreOptions::new().noflush(true);
    let error = match kernel.attempt(family, backend, Stage::Commit, &text.bytes, how) {
        Ok(_) => return Ok(Committed::Yes),
        Err(error) => error,
    };
    if !error.is_verdict() {
        let found = Diagnostic::error(codes::KERNEL_UNAVAILABLE, error.to_string());
        return Err(ApplyError::Refused(vec![found]));
    }
    // A rule that was to go, a place or a chain that is not as it was: another has been there.
    let line =
        error.line().and_then(|it| text.bytes.split(|it| *it == b'\n').nth(it.saturating_sub(1) as usize));
    let rests =
        line.is_some_and(|it| [b"-D ", b"-I ", b"-N ", b"-X "].iter().any(|start| it.starts_with(*start)));
    let found = kernel.blame(text, &error, how).note("what had been changed before was changed back");
    match rests && error.table().is_none() {
        true => Ok(Committed::NotThere(Box::new(found))),
        false => Err(ApplyError::Refused(vec![found])),
    }
}
