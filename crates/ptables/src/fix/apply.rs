//! Rulesets with changes carried out.

use std::collections::HashSet;
use std::sync::Arc;

use super::Change;
use crate::model::Ruleset;

/// The rulesets with these changes.
pub(super) fn applied(parts: &[&Ruleset], changes: &[Change]) -> Vec<Ruleset> {
    let one = |(part, ruleset): (usize, &&Ruleset)| {
        let mut new = (*ruleset).clone();
        let own = || changes.iter().filter(move |it| it.part == part);
        let gone: HashSet<(usize, usize, usize)> =
            own().flat_map(|it| it.rules.iter().map(|at| (it.table, it.chain, *at))).collect();
        for change in own() {
            let rules = new.tables.get_mut(change.table).and_then(|it| it.chains.get_mut(change.chain));
            let place = change.rules.first().and_then(|at| rules?.rules.get_mut(*at));
            if let (Some(place), Some(merged)) = (place, &change.merged) {
                *place = merged.clone();
            }
        }
        let sets = Arc::make_mut(&mut new.sets);
        own().filter_map(|it| it.set.clone()).for_each(|it| sets.declare(it));
        let stays: HashSet<(usize, usize, usize)> = own()
            .filter(|it| it.merged.is_some())
            .filter_map(|it| Some((it.table, it.chain, *it.rules.first()?)))
            .collect();
        for (table_at, table) in new.tables.iter_mut().enumerate() {
            for (chain_at, chain) in table.chains.iter_mut().enumerate() {
                let mut at = 0..;
                chain.rules.retain(|_| {
                    let place = (table_at, chain_at, at.next().unwrap_or_default());
                    !gone.contains(&place) || stays.contains(&place)
                });
            }
        }
        new
    };
    parts.iter().enumerate().map(one).collect()
}
