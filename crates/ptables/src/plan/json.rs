//! A plan as JSON: one object a family.
//!
//! | key | type |
//! |---|---|
//! | `family` | `"ipv4"` or `"ipv6"` |
//! | `changes` | whether there is anything to do |
//! | `added`, `removed`, `moved`, `kept`, `foreign`, `lost_packets` | numbers, as in `PlanCounts` |
//! | `chains` | list of objects |
//! | `foreign_chains`, `obstacles` | lists of strings |
//! | `difference` | what changes for packets, an object as `ptables diff` prints it; `null` if it was not asked for, or nobody can tell |
//!
//! A **chain** has `table`, `chain`, `made`, `gone` (booleans), `policy` (what it becomes, else `null`) and `rules`, a list of objects
//! with `change` (`add`, `remove`, `move-to`, `move-from`), `rule` (text behind `-A CHAIN`), `file` and `line` (`null` if unknown),
//! and `packets` (what it has counted, `null` if it comes). Rules that stay are not listed.

use serde::Serialize;

use super::make::{Line, LineKind, Plan};
use super::meaning::Meaning;
use crate::dialect::Family;

#[derive(Serialize)]
struct Object {
    family: &'static str,
    changes: bool,
    added: usize,
    removed: usize,
    moved: usize,
    kept: usize,
    foreign: usize,
    lost_packets: u64,
    chains: Vec<Chain>,
    foreign_chains: Vec<String>,
    obstacles: Vec<String>,
}

#[derive(Serialize)]
struct Chain {
    table: String,
    chain: String,
    made: bool,
    gone: bool,
    policy: Option<&'static str>,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    change: &'static str,
    rule: String,
    file: Option<String>,
    line: Option<u32>,
    packets: Option<u64>,
}

impl Plan {
    /// The plan as one line of JSON, without the line end; the module says what it holds.
    pub fn json(&self, meaning: Option<&Meaning>) -> String {
        let counts = self.counts();
        let chains = self.tables.iter().flat_map(|table| {
            table.chains.iter().map(|chain| Chain {
                table: table.name.to_lossy(),
                chain: chain.name.to_lossy(),
                made: chain.made,
                gone: chain.gone,
                policy: chain.policy.map(|it| it.as_str()),
                rules: chain.lines.iter().filter(|it| it.kind != LineKind::Keep).map(rule).collect(),
            })
        });
        let object = Object {
            family: if self.before.family == Family::V4 { "ipv4" } else { "ipv6" },
            changes: !self.is_empty(),
            added: counts.added,
            removed: counts.removed,
            moved: counts.moved,
            kept: counts.kept,
            foreign: counts.foreign,
            lost_packets: counts.lost_packets,
            chains: chains.collect(),
            foreign_chains: self.foreign(),
            obstacles: self.obstacles.iter().map(ToString::to_string).collect(),
        };
        // INVARIANT: strings and numbers can always be written.
        let text = serde_json::to_string(&object).unwrap_or_default();
        let difference = meaning.map_or_else(|| "null".to_owned(), Meaning::json);
        format!("{},\"difference\":{difference}}}", text.strip_suffix('}').unwrap_or(&text))
    }
}

fn rule(line: &Line) -> Rule {
    let place = line.item.origin.place();
    Rule {
        change: match (line.kind, line.moved) {
            (LineKind::Add, false) => "add",
            (LineKind::Add, true) => "move-to",
            (_, false) => "remove",
            (_, true) => "move-from",
        },
        rule: line.item.text.to_lossy().trim_start().to_owned(),
        file: place.map(|it| it.file.to_owned()),
        line: place.map(|it| it.line),
        packets: line.item.counters.filter(|_| line.kind == LineKind::Remove).map(|it| it.packets),
    }
}
