//! Which of the live rules are ours.

use std::collections::HashMap;

use super::align::{Ids, align};
use super::make::{Options, Plan};
use super::owner::MARKER;
use super::state::{ChainState, Item, State};

/// What of the rules that are there is ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// What the record has.
    #[default]
    Record,
    /// Also what equals what is wanted: for the first application over rules that are there already.
    Adopt,
    /// Everything in the tables that are wanted.
    Replace,
}

impl Plan {
    /// Plans from what is live, of which nothing is claimed, and the record of what was applied.
    pub fn claiming(mut live: State, record: &State, wanted: State, how: Claim, options: &Options) -> Plan {
        live.claim(record);
        match how {
            Claim::Record => {}
            Claim::Adopt => {
                let mut marked = wanted.clone();
                options.owner.iter().for_each(|it| marked.mark(it));
                live.adopt(&marked);
            }
            Claim::Replace => live.take_over(&wanted),
        }
        Plan::new(live, wanted, options)
    }
}

impl State {
    /// Marks as ours what was recorded as ours and is still there; everything else is foreign. Returns how many of the recorded
    /// rules are no longer there.
    ///
    /// The record holds the foreign rules that stood beside ours too, so of equal rules the right one is found.
    pub fn claim(&mut self, record: &State) -> usize {
        let mut missing = 0;
        for table in &record.tables {
            for chain in table.chains.iter().filter(|it| it.has_ours()) {
                let live = self.tables.iter_mut().find(|it| it.name == table.name);
                match live.and_then(|it| it.chains.iter_mut().find(|it| it.name == chain.name)) {
                    Some(live) => missing += claim_chain(live, chain),
                    None => missing += chain.items.iter().filter(|it| it.ours).count(),
                }
            }
        }
        missing
    }

    /// Marks as ours what stands in a program too, and is live: for the first application over rules that are there already.
    /// Returns how many of the program's rules are not there.
    pub fn adopt(&mut self, wanted: &State) -> usize {
        let mut wanted = wanted.clone();
        for chain in wanted.chains_mut() {
            // A policy that is as wanted becomes ours; what it was before is not known, so it is taken to be this.
            chain.was = chain.policy;
        }
        self.claim(&wanted)
    }

    /// Marks everything in the tables of a program as ours: they are taken over, with all that is in them.
    pub fn take_over(&mut self, wanted: &State) {
        for table in self.tables.iter_mut().filter(|it| wanted.table(&it.name).is_some()) {
            for chain in &mut table.chains {
                chain.ours = !chain.builtin;
                chain.items.iter_mut().for_each(|it| it.ours = true);
            }
        }
    }
}

fn claim_chain(live: &mut ChainState, record: &ChainState) -> usize {
    live.ours |= record.ours && !live.builtin;
    if live.ours && live.name.starts_with(MARKER) {
        // What a process left in it that died: nobody else writes there.
        live.items.iter_mut().for_each(|it| it.ours = true);
    }
    if record.was.is_some() && live.policy == record.policy {
        live.was = record.was;
    }
    let mut ids = Ids::default();
    let old: Vec<u32> = record.items.iter().map(|it| ids.of(&it.text)).collect();
    let texts: Vec<_> = live.items.iter().map(|it| it.text.clone()).collect();
    let new: Vec<u32> = texts.iter().map(|it| ids.of(it)).collect();
    let mut taken = vec![false; new.len()];
    let mut found = vec![false; old.len()];
    let own = |item: Option<&mut Item>, record: &Item| {
        if let Some(item) = item.filter(|_| record.ours) {
            item.ours = true;
            item.origin = record.origin.clone();
        }
    };
    for (i, j) in align(&new, &old) {
        if let (Some(taken), Some(found), Some(record)) =
            (taken.get_mut(i), found.get_mut(j), record.items.get(j))
        {
            (*taken, *found) = (true, true);
            own(live.items.get_mut(i), record);
        }
    }
    // What was moved, by us or by others.
    let mut left: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, id) in new.iter().enumerate().rev().filter(|(at, _)| taken.get(*at) == Some(&false)) {
        left.entry(*id).or_default().push(at);
    }
    let mut missing = 0;
    for ((record, id), found) in record.items.iter().zip(&old).zip(&found) {
        if !found && record.ours {
            match left.get_mut(id).and_then(Vec::pop) {
                Some(at) => own(live.items.get_mut(at), record),
                None => missing += 1,
            }
        }
    }
    missing
}
