//! Layer 11. What can be taken out of rules, or said with fewer, while every packet gets the same verdict.
//!
//! What is proposed is proved as a whole: the rules with all changes are compared with those without. What cannot be
//! proved is not proposed.

mod apply;
mod merge;
mod patch;
mod remove;
mod show;
#[cfg(test)]
mod tests;
mod unified;

pub use patch::{Patch, patch};

use std::collections::HashMap;

use crate::analysis::{Analysis, Cover, Given, Instead, compare};
use crate::diag::Code;
use crate::ipset::Set;
use crate::model::{Rule, Ruleset};
use crate::origin::Origin;
use crate::space::TooLarge;
use apply::applied;

/// What is changed, and within which bounds.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Options<'a> {
    /// Bounds of the proof, and the policy of chains for which the rules tell none.
    pub given: Given,
    /// Whether neighbours are joined to one rule; else rules are only removed.
    pub merge: bool,
    /// So many neighbours or more that differ in an address are joined to a rule that asks a new set, whose contents
    /// [`Change::set`] has; `None`: none are.
    pub sets: Option<usize>,
    /// Whether somebody wants a rule kept: the code of the finding, and who wrote the rule.
    pub is_kept: &'a dyn Fn(Code, &Origin) -> bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { given: Given::default(), merge: true, sets: None, is_kept: &|_, _| false }
    }
}

/// Why a change is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// No packet fits all conditions of the rule.
    Impossible,
    /// Packets that fit its conditions never come to it.
    Unreachable(Cover),
    /// Without the rule the same would become of every packet.
    Redundant(Instead),
    /// One rule says the same as several that stand side by side.
    Neighbours,
}

/// One change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// Place of the ruleset among those that were given.
    pub part: usize,
    /// Place of the table in it.
    pub table: usize,
    /// Place of the chain in the table.
    pub chain: usize,
    /// Places of rules in the chain, ascending. They go.
    pub rules: Vec<usize>,
    /// What stands at the place of the first of them from now on.
    pub merged: Option<Rule>,
    /// The set that the joined rule asks; it must be there before the rules are.
    pub set: Option<Set>,
    /// Why.
    pub why: Why,
}

/// What is proposed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Fix {
    /// The rulesets with all changes.
    pub rulesets: Vec<Ruleset>,
    /// The changes, in the order of the rules.
    pub changes: Vec<Change>,
    /// Changes that looked right and could not be proved; they are not among the others.
    pub unproved: usize,
    /// Names of tables whose packets are too many to look at.
    pub skipped: Vec<String>,
}

impl Fix {
    /// The sets that joined rules ask; they must be there before the rules are.
    pub fn sets(&self) -> impl Iterator<Item = &Set> {
        self.changes.iter().filter_map(|it| it.set.as_ref())
    }
}

/// Comparisons that are made to find the changes that can be proved.
const PROOFS: usize = 48;

/// Changes that belong together: those of one line.
type Unit = Vec<Change>;

/// Proposes changes to rulesets that were made of one text or program: one, or one a family.
///
/// A line of rule text that made several rules is changed only if all of them may go.
///
/// # Errors
/// [`TooLarge`] if the rulesets cannot be compared within the bounds.
pub fn fix(parts: &[&Ruleset], options: Options<'_>) -> Result<Fix, TooLarge> {
    let mut found = Fix::default();
    let lines = Lines::of(parts);
    let mut candidates: Vec<Change> = Vec::new();
    for (part, ruleset) in parts.iter().enumerate() {
        let analysis = Analysis::new(ruleset, options.given.limits);
        let too_large = ruleset.tables.iter().zip(&analysis.tables).filter(|it| it.1.is_err());
        found.skipped.extend(too_large.map(|it| it.0.name.to_lossy()));
        candidates.extend(remove::candidates(part, ruleset, &analysis, options.is_kept));
    }
    let mut units = lines.units(parts, candidates);
    if options.merge {
        let gone: Vec<&Change> = units.iter().flatten().collect();
        let merges = merge::candidates(parts, &gone, &lines, options.sets);
        units.extend(merges.into_iter().map(|it| vec![it]));
    }
    let (proved, unproved) = prove(parts, units, options.given)?;
    found.unproved = unproved;
    found.rulesets = applied(parts, &proved);
    found.changes = proved;
    found.changes.sort_by_key(|it| (it.part, it.table, it.chain, it.rules.first().copied()));
    Ok(found)
}

/// The changes with which every packet gets the same verdict, all together; and how many others there are.
fn prove(parts: &[&Ruleset], units: Vec<Unit>, given: Given) -> Result<(Vec<Change>, usize), TooLarge> {
    let mut proved: Vec<Change> = Vec::new();
    let mut unproved = 0;
    let mut left = PROOFS;
    let mut todo: Vec<Vec<Unit>> = Vec::new();
    if !units.is_empty() {
        todo.push(units);
    }
    while let Some(mut batch) = todo.pop() {
        let mut tried = proved.clone();
        tried.extend(batch.iter().flatten().cloned());
        let holds = left > 0 && holds(parts, &tried, given)?;
        left = left.saturating_sub(1);
        if holds {
            proved = tried;
        } else if batch.len() > 1 && left > 0 {
            let second = batch.split_off(batch.len() / 2);
            todo.push(second);
            todo.push(batch);
        } else {
            unproved += batch.iter().map(Vec::len).sum::<usize>();
        }
    }
    Ok((proved, unproved))
}

fn holds(parts: &[&Ruleset], changes: &[Change], given: Given) -> Result<bool, TooLarge> {
    for (old, new) in parts.iter().zip(applied(parts, changes)) {
        if !compare(old, &new, given)?.is_same() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A line that wrote rules.
type Line = (String, u32, bool);

/// How many rules each line wrote.
struct Lines {
    counts: HashMap<Line, usize>,
    families: usize,
}

impl Lines {
    fn of(parts: &[&Ruleset]) -> Lines {
        let mut lines = Lines { counts: HashMap::new(), families: parts.len() };
        for (_, _, rule) in parts.iter().flat_map(|it| it.rules()) {
            if let Some(line) = lines.line(rule) {
                *lines.counts.entry(line).or_default() += 1;
            }
        }
        lines
    }

    /// The line that must go as a whole with this rule. A line of a script that is for one family may make many rules, of
    /// which one goes.
    fn line(&self, rule: &Rule) -> Option<Line> {
        let is_text = matches!(rule.origin, Origin::Text(_));
        let place = rule.origin.place().filter(|_| is_text || self.families > 1)?;
        Some((place.file.to_owned(), place.line, is_text))
    }

    /// Whether a line wrote this rule and no other.
    fn is_alone(&self, rule: &Rule) -> bool {
        self.line(rule).is_none_or(|line| self.counts.get(&line) == Some(&1))
    }

    /// Removals, those of one line together; lines of which a rule stays are left out.
    fn units(&self, parts: &[&Ruleset], candidates: Vec<Change>) -> Vec<Unit> {
        let mut units: Vec<Unit> = Vec::new();
        let mut places: HashMap<Line, usize> = HashMap::new();
        let mut whole: Vec<usize> = Vec::new();
        for change in candidates {
            let rule = change.rules.first().and_then(|at| {
                parts.get(change.part)?.tables.get(change.table)?.chains.get(change.chain)?.rules.get(*at)
            });
            let line = rule.and_then(|it| self.line(it));
            let known = line.as_ref().and_then(|it| places.get(it).copied());
            match known.and_then(|at| units.get_mut(at)) {
                Some(unit) => unit.push(change),
                None => {
                    whole.push(line.as_ref().and_then(|it| self.counts.get(it).copied()).unwrap_or(1));
                    places.extend(line.map(|it| (it, units.len())));
                    units.push(vec![change]);
                }
            }
        }
        units.into_iter().zip(whole).filter(|(unit, count)| unit.len() == *count).map(|it| it.0).collect()
    }
}
