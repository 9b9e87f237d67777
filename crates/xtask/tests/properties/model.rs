//! Whether two rulesets are the same, whoever wrote them.

use ptables::model::{Chain, Ruleset, Table};

/// The first difference of two rulesets; origins do not count.
pub fn difference(left: &Ruleset, right: &Ruleset) -> Option<String> {
    let names = |ruleset: &Ruleset| ruleset.tables.iter().map(|it| it.name.to_lossy()).collect::<Vec<_>>();
    if names(left) != names(right) {
        return Some(format!("tables {:?} and {:?}", names(left), names(right)));
    }
    left.tables.iter().zip(&right.tables).find_map(|(left, right)| tables(left, right))
}

fn tables(left: &Table, right: &Table) -> Option<String> {
    let heads = |table: &Table| {
        let heads = table.chains.iter().map(|it| (it.name.to_lossy(), it.hook, it.policy, it.counters));
        heads.collect::<Vec<_>>()
    };
    if heads(left) != heads(right) {
        return Some(format!("chains {:?} and {:?}", heads(left), heads(right)));
    }
    left.chains.iter().zip(&right.chains).find_map(|(left, right)| chains(left, right))
}

fn chains(left: &Chain, right: &Chain) -> Option<String> {
    if left.rules.len() != right.rules.len() {
        return Some(format!("{} and {} rules", left.rules.len(), right.rules.len()));
    }
    let mut rules = left.rules.iter().zip(&right.rules);
    let (left, right) =
        rules.find(|(left, right)| left.body != right.body || left.counters != right.counters)?;
    Some(format!("{left:#?}\n{right:#?}"))
}
