//! The way back: of an application that failed, that nobody confirmed, or that is regretted.

use std::time::{Duration, Instant};

use ptables::dialect::Family;
use ptables::plan::{Change, Plan, SetChange, Transaction};

use super::journal::{self, Pending, Phase};
use super::{Applier, ApplyError, Wanted};

impl Applier {
    /// Changes back what a transaction changed. Returns what could not be: rules that cannot be told from equal ones of others.
    fn undo(&self, pending: &Pending) -> Result<Vec<String>, ApplyError> {
        self.wait_for_tools();
        let sets = self.store.read("pending.sets")?.unwrap_or_default();
        let mut changes = Vec::new();
        for family in &pending.families {
            let read = |name| journal::read_state(&self.store, name, *family);
            if let (Some(before), Some(after)) = (read("pending.before")?, read("pending.after")?) {
                changes.push(Change::new(before, after));
            }
        }
        let sets = SetChange::from_text(&String::from_utf8_lossy(&sets));
        self.way_back(pending, Transaction::undoing(changes, sets))
    }

    /// Ends what a process left that died while it applied, if there is something: for a program that has no guard, before it does
    /// anything else. Every application does so first.
    ///
    /// # Errors
    /// [`ApplyError::Pending`] if something waits to be confirmed, and is guarded; [`ApplyError::NotUndone`].
    pub fn reclaim(&self) -> Result<(), ApplyError> {
        self.alone().map(drop)
    }

    /// Ends what a process left that is gone: forward if all was committed and needs no confirmation, back otherwise.
    pub(super) fn end_of(&self, pending: &Pending) -> Result<(), ApplyError> {
        if pending.boot != journal::boot() {
            // The rules went with the kernel that had them.
            return self.end(pending);
        }
        if pending.phase == Phase::Committed && pending.confirm == 0 {
            return self.finish_applied(pending, "applied");
        }
        let _lock = self.xtables_lock()?;
        let left = self.undo(pending)?;
        self.finish_undone(pending, "rolled back")?;
        if left.is_empty() { Ok(()) } else { Err(ApplyError::NotUndone(left)) }
    }

    pub(super) fn finish_undone(&self, pending: &Pending, what: &str) -> Result<(), ApplyError> {
        self.remember(pending, what)?;
        self.end(pending)
    }

    /// Confirms what waits: by its id, or whatever it is.
    ///
    /// # Errors
    /// [`ApplyError::NothingPending`] if nothing waits, or something else does.
    pub fn confirm(&self, id: Option<&str>) -> Result<Pending, ApplyError> {
        let _alone = self.store.lock("lock", true)?;
        let pending = journal::read_pending(&self.store)?;
        let waits = |it: &Pending| {
            it.phase == Phase::Committed && it.boot == journal::boot() && id.is_none_or(|id| id == it.id)
        };
        let pending = pending.filter(waits).ok_or(ApplyError::NothingPending)?;
        let pending = Pending { confirm: 0, ..pending };
        journal::write_pending(&self.store, &pending)?;
        self.finish_applied(&pending, "confirmed")?;
        Ok(pending)
    }

    /// Changes back what waits to be confirmed.
    ///
    /// # Errors
    /// [`ApplyError::NothingPending`] if nothing waits.
    pub fn roll_back(&self) -> Result<Pending, ApplyError> {
        let _alone = self.store.lock("lock", true)?;
        let pending = journal::read_pending(&self.store)?.ok_or(ApplyError::NothingPending)?;
        let pending = Pending { confirm: pending.confirm.max(1), ..pending };
        self.end_of(&pending)?;
        Ok(pending)
    }

    /// What an application of the history led to, to be applied again; `None` for the last but one that was applied.
    ///
    /// # Errors
    /// [`ApplyError::State`] if it is not kept.
    pub fn past(&self, number: Option<u64>) -> Result<Wanted, ApplyError> {
        let events = super::history::read(&self.store)?;
        let lasting = || {
            events.iter().rev().filter(|it| matches!(it.what.as_str(), "applied" | "confirmed" | "adopted"))
        };
        let event = match number {
            Some(number) => events.iter().find(|it| it.number == number),
            None => lasting().nth(1),
        };
        let missing = || match number {
            Some(number) => ApplyError::State(format!("there is no application {number} in the history")),
            None => ApplyError::State("there was no application before this one to go back to".into()),
        };
        let event = event.ok_or_else(missing)?;
        let mut wanted = Wanted { from: format!("history {}", event.number), ..Wanted::default() };
        wanted.digest.clone_from(&event.digest);
        for family in Family::ALL {
            let name = format!("history.{}", event.number);
            if let Some(state) = journal::read_state(&self.store, &name, family)? {
                wanted.states.push(state.as_wanted());
            }
        }
        Ok(wanted)
    }

    /// A tool that a process started which is gone since may still be about to commit: it is waited for.
    fn wait_for_tools(&self) {
        let mark = format!("XTABLES_LOCKFILE={}", self.store.path().join("tools.lock").display());
        let end = Instant::now() + self.kernel.deadline;
        while runs_with(mark.as_bytes()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The plan that a finished application would be undone by, without its record: for what was released.
    pub(super) fn rest(&self, family: Family) -> Result<Plan, ApplyError> {
        let record = self.record(family)?;
        self.plan_on(self.live(family)?, &record.as_wanted())
    }
}

/// Whether a process has this in its environment.
fn runs_with(mark: &[u8]) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    let own = std::process::id().to_string();
    processes.flatten().any(|it| {
        let name = it.file_name();
        let number = name.to_str().is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()) && it != own);
        let environment = || std::fs::read(it.path().join("environ")).unwrap_or_default();
        number && environment().split(|it| *it == 0).any(|it| it == mark)
    })
}
