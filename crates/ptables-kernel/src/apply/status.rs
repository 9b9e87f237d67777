//! What is applied, what waits, and what is no longer as it was applied.

use ptables::dialect::Family;
use ptables::model::Counters;
use ptables::plan::{Plan, State};

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

/// What a rule of ours has counted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Counted {
    /// Family.
    pub family: Family,
    /// Table.
    pub table: String,
    /// Chain.
    pub chain: String,
    /// The rule, as iptables-save prints it behind the chain.
    pub rule: String,
    /// Its comment (`-m comment`): by it a program knows its rules. `None` if it has none.
    pub tag: Option<String>,
    /// Who wrote it: `file:line`; `None` if nobody knows.
    pub place: Option<String>,
    /// Packets and bytes.
    pub counters: Counters,
}

impl Status {
    /// What our rules have counted that are live, in their order.
    pub fn counted(&self) -> Vec<Counted> {
        self.drift.iter().flat_map(|it| counted(&it.before)).collect()
    }
}

fn counted(state: &State) -> impl Iterator<Item = Counted> + '_ {
    let chains = state.tables.iter().flat_map(|table| table.chains.iter().map(move |it| (table, it)));
    chains.flat_map(move |(table, chain)| {
        let ours = chain.items.iter().filter(|it| it.ours);
        ours.map(move |it| Counted {
            family: state.family,
            table: table.name.to_lossy(),
            chain: chain.name.to_lossy(),
            rule: it.text.to_lossy().trim_start().to_owned(),
            tag: it.tag(),
            place: it.origin.place().map(|it| it.to_string()),
            counters: it.counters.unwrap_or_default(),
        })
    })
}

impl Applier {
    /// How things stand.
    ///
    /// # Errors
    /// If what is live or what is kept cannot be read.
    pub fn status(&self) -> Result<Status, ApplyError> {
        let drift = self.drift()?;
        let pending = journal::read_pending(&self.store)?;
        Ok(Status { pending, drift, last: history::read(&self.store)?.pop() })
    }

    /// What would bring back what was applied, a plan for each family that has something of ours; empty plans if nobody else changed
    /// rules of ours since.
    ///
    /// # Errors
    /// As [`Applier::status`].
    pub fn drift(&self) -> Result<Vec<Plan>, ApplyError> {
        let mut drift = Vec::new();
        for family in Family::ALL {
            if journal::read_state(&self.store, "record", family)?.is_some() {
                drift.push(self.rest(family)?);
            }
        }
        Ok(drift)
    }

    /// What our live rules have counted, by rule: its tag (comment) and the line that made it.
    ///
    /// # Errors
    /// As [`Applier::status`].
    pub fn counters(&self) -> Result<Vec<Counted>, ApplyError> {
        Ok(self.drift()?.iter().flat_map(|it| counted(&it.before)).collect())
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
