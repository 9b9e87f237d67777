//! Layer 8. What holds of all packets: rules that none meets or that make no difference, what differs between two
//! rulesets, who can reach whom.
//!
//! For the first, each table is looked at by itself: any packet may come to a hook, except that interfaces and states of connections are
//! those that the hook has. A chain is summarised once (which packets it gives back), callees first; then the packets that
//! come to it are joined, callers first. Nothing is unfolded. For the others, packets are followed backwards through all
//! tables on their path, from where they leave.

mod act;
mod course;
mod cover;
mod diff;
mod families;
mod flow;
#[cfg(feature = "json")]
pub mod json;
mod known;
mod left;
mod lines;
mod progress;
mod reach;
mod redundant;
mod show;
mod stranded;
#[cfg(test)]
mod tests;
mod tracking;
mod translations;
mod ways;
mod without;
mod world;

pub use cover::Cover;
pub use diff::{Comparison, Difference, Fate, Given, Side, compare};
pub use families::{Gap, families};
pub use progress::{Progress, Stage};
pub use reach::{Class, Links, Matrix, Service, matrix};
pub use redundant::Instead;
pub use stranded::{Stranded, stranded};

use crate::ipset::Contents;
use crate::model::{Policy, Ruleset, Table};
use crate::simulate::{Options, Simulator};
use crate::space::TooLarge;
use flow::Flow;
use lines::Lines;
use progress::Watcher;

/// Bounds.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Nodes of the sets of one table; some 20 bytes each.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { nodes: 64_000_000 }
    }
}

impl Limits {
    /// With at most so many nodes.
    pub const fn new(nodes: usize) -> Limits {
        Limits { nodes }
    }
}

/// What was found of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Some packet meets it, and it may matter.
    Alive,
    /// No packet fits its conditions, wherever it stood in this chain.
    Impossible,
    /// Packets that fit its conditions never come to it.
    Unreachable(Cover),
    /// Packets meet it, but without it the same would become of them.
    Redundant(Instead),
}

/// What was found of a chain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChainAnalysis {
    /// Whether any packet comes here.
    pub entered: bool,
    /// Whether any packet comes to its end; in a built-in chain, to the policy.
    pub ends: bool,
    /// One a rule.
    pub rules: Vec<Standing>,
}

/// What was found of a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TableAnalysis {
    /// One a chain, in the order of [`Table::chains`].
    pub chains: Vec<ChainAnalysis>,
    /// Whether rules that make no difference were sought to the end.
    pub complete: bool,
    /// Nodes that its sets took.
    pub nodes: usize,
}

/// What was found of a ruleset.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Analysis {
    /// One a table, in the order of [`Ruleset::tables`]; why there is none where the sets grew too large.
    pub tables: Vec<Result<TableAnalysis, TooLarge>>,
}

impl Analysis {
    /// Looks at every table of a ruleset. A table whose sets grow too large is tried again in another order of variables.
    pub fn new(ruleset: &Ruleset, limits: Limits) -> Analysis {
        Analysis::watched(ruleset, limits, &mut |_| {})
    }

    /// The same; `watch` is told how far it is, at least once for each stage of each table.
    pub fn watched(ruleset: &Ruleset, limits: Limits, watch: &mut dyn FnMut(Progress)) -> Analysis {
        let mut tables = Vec::new();
        for (place, table) in ruleset.tables.iter().enumerate() {
            let count = table.chains.iter().map(|it| it.rules.len()).sum();
            let mut one = |second| {
                let mut watcher = Watcher::new(place, count, watch);
                analyse(ruleset, table, limits, second, &mut watcher)
            };
            tables.push(one(false).or_else(|_| one(true)));
        }
        Analysis { tables }
    }
}

/// Asks a ruleset about packets, with what is told of sets.
fn simulator(ruleset: &Ruleset, policy: Option<Policy>) -> Simulator<'_> {
    let simulator = Simulator::new(ruleset, Options::new(policy));
    if ruleset.sets.is_empty() { simulator } else { simulator.with_sets(Contents::new(&ruleset.sets).0) }
}

fn analyse(
    ruleset: &Ruleset,
    table: &Table,
    limits: Limits,
    second: bool,
    watcher: &mut Watcher<'_>,
) -> Result<TableAnalysis, TooLarge> {
    watcher.begin(Stage::Met);
    let mut lines = Lines::new(ruleset, table, limits.nodes, second)?;
    let flow = Flow::new(&mut lines, watcher)?;
    watcher.begin(Stage::Covered);
    let mut found = cover::standings(&mut lines, &flow, watcher)?;
    watcher.begin(Stage::Redundant);
    // Where there is no room to look for more, what was found stands.
    let complete = redundant::find(&mut lines, &flow, &mut found, watcher).unwrap_or(false);
    let chains = found.into_iter().enumerate().map(|(at, rules)| ChainAnalysis {
        entered: flow.is_entered(at),
        ends: flow.has_end(at),
        rules,
    });
    Ok(TableAnalysis { chains: chains.collect(), complete, nodes: lines.space.arena().nodes() })
}
