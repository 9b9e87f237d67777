//! What is applied, what waits, and what is no longer as it was applied.

use ptables::dialect::Family;
use ptables::plan::{Item, Plan};

use super::history::{self, Event};
use super::journal::{self, Pending};
use super::{Applier, ApplyError};

/// How things stand.
#[derive(Debug)]
#[non_exhaustive]
pub struct Status {
    /// What waits to be confirmed, or was not finished.
    pub pending: Option<Pending>,
    /// What would bring back what was applied, for each family that has something of ours: empty plans if nothing drifted.
    pub drift: Vec<Plan>,
    /// The last application.
    pub last: Option<Event>,
}

impl Status {
    /// Our rules that are live, with their counters and who wrote them: table, chain, rule.
    pub fn rules(&self) -> impl Iterator<Item = (String, String, &Item)> {
        let tables = self.drift.iter().flat_map(|it| &it.before.tables);
        let chains = tables.flat_map(|table| table.chains.iter().map(move |it| (table, it)));
        chains.flat_map(|(table, chain)| {
            let ours = chain.items.iter().filter(|it| it.ours);
            ours.map(|it| (table.name.to_lossy(), chain.name.to_lossy(), it))
        })
    }
}

impl Applier {
    /// How things stand.
    ///
    /// # Errors
    /// If what is live or what is kept cannot be read.
    pub fn status(&self) -> Result<Status, ApplyError> {
        let mut drift = Vec::new();
        for family in Family::ALL {
            if journal::read_state(&self.store, "record", family)?.is_some() {
                drift.push(self.rest(family)?);
            }
        }
        let pending = journal::read_pending(&self.store)?;
        Ok(Status { pending, drift, last: history::read(&self.store)?.pop() })
    }

    /// What was applied when, and by whom: the oldest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn history(&self) -> Result<Vec<Event>, ApplyError> {
        history::read(&self.store)
    }

    /// Takes rules as ours that are live and equal what is wanted, without a change. Returns how many of the wanted are not live.
    ///
    /// # Errors
    /// As [`Applier::plan`].
    pub fn adopt(&self, wanted: &super::Wanted) -> Result<usize, ApplyError> {
        let _alone = self.alone()?;
        let mut missing = 0;
        for state in &wanted.states {
            let mut marked = state.clone();
            marked.mark(&self.owner);
            let mut live = self.live(state.family)?;
            live.claim(&self.record(state.family)?);
            missing += live.adopt(&marked);
            journal::write_state(&self.store, "record", state.family, &live)?;
        }
        let pending = Pending {
            id: String::new(),
            phase: journal::Phase::Committed,
            pid: std::process::id(),
            boot: journal::boot(),
            backend: self.backend,
            families: Vec::new(),
            confirm: 0,
            since: journal::now(),
            from: wanted.from.clone(),
            digest: wanted.digest.clone(),
        };
        self.remember(&pending, "adopted")?;
        Ok(missing)
    }
}
