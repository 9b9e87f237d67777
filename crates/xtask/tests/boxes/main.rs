//! Rules that no packet meets, found a second time by a simple method: sets of packets as lists of boxes, chains unfolded. It shares with
//! `ptables::analysis` what a condition says, and nothing else.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod boxes;
mod dims;
mod walk;

use std::collections::BTreeSet;

use ptables::analysis::{Analysis, Limits, Standing};
use ptables::dialect::{Backend, Dialect, Version};
use ptables::ext::Context;
use ptables::model::Ruleset;
use xtask::oracle::{Ours, files};
use xtask::shared;

/// Larger rule sets are left out: boxes multiply.
const MOST: usize = 500;

/// Table, chain and rule that no packet meets.
type Dead = BTreeSet<(usize, usize, usize)>;

fn by_diagrams(ruleset: &Ruleset) -> Dead {
    let mut dead = Dead::new();
    let analysis = Analysis::new(ruleset, Limits::default());
    for (table, found) in analysis.tables.iter().enumerate() {
        for (chain, found) in found.as_ref().unwrap().chains.iter().enumerate() {
            for (rule, standing) in found.rules.iter().enumerate() {
                if !found.entered || matches!(standing, Standing::Impossible | Standing::Unreachable(_)) {
                    dead.insert((table, chain, rule));
                }
            }
        }
    }
    dead
}

fn by_boxes(ruleset: &Ruleset) -> Dead {
    let tables = ruleset.tables.iter().enumerate();
    tables
        .flat_map(|(at, table)| walk::dead(ruleset, table).into_iter().map(move |it| (at, it.0, it.1)))
        .collect()
}

/// Compares both; gives how many rules there are and how many are dead.
fn compare(name: &str, ruleset: &Ruleset) -> (usize, usize) {
    let (first, second) = (by_diagrams(ruleset), by_boxes(ruleset));
    let show = |it: &(usize, usize, usize)| {
        let chain = &ruleset.tables[it.0].chains[it.1];
        let mut text = Vec::new();
        chain.rules[it.2].print(&mut text, ruleset.context);
        format!("{} rule {}: {}", chain.name.to_lossy(), it.2 + 1, String::from_utf8_lossy(&text))
    };
    let only = |a: &Dead, b: &Dead| a.difference(b).map(show).collect::<Vec<_>>();
    let (diagrams, boxes) = (only(&first, &second), only(&second, &first));
    assert!(
        diagrams.is_empty() && boxes.is_empty(),
        "{name}: only diagrams {diagrams:#?}, only boxes {boxes:#?}"
    );
    (ruleset.rules().count(), second.len())
}

#[test]
fn two_methods_find_the_same_dead_rules_in_real_rule_sets() {
    let Some(shared) = shared::folder() else { return };
    let (mut sets, mut rules, mut dead) = (0, 0, 0);
    for folder in ["rulesets", "rulesets/repaired"] {
        for file in files::read(&shared.join(folder)).unwrap() {
            for family in file.families() {
                let context = Context::new(family, Dialect::new(Backend::Legacy, Version::V1_8_9));
                let ruleset = Ours::read(context, file.bytes.clone()).unwrap().ruleset;
                let count = ruleset.rules().count();
                if count == 0 || count >= MOST {
                    continue;
                }
                let found = compare(&format!("{folder}/{} {family:?}", file.name), &ruleset);
                (sets, rules, dead) = (sets + 1, rules + found.0, dead + found.1);
            }
        }
    }
    println!("{sets} rule sets, {rules} rules, {dead} that no packet meets");
    assert!(sets > 60 && dead > 100, "{sets} rule sets and {dead} dead rules say little");
}
