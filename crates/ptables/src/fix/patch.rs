//! Changes as edits of the text that the rules were read from.

use std::collections::BTreeMap;

use super::unified::{lines, unified};
use super::{Change, Fix};
use crate::diag::escape;
use crate::model::{Rule, Ruleset};
use crate::origin::Origin;
use crate::source::Source;

/// A text with changes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Patch {
    /// The whole text with all changes.
    pub text: Vec<u8>,
    /// What changes, as a unified diff.
    pub unified: Vec<u8>,
}

/// Writes changes into the text that the rules were read from. `None` if that cannot be: a rule was written by something else
/// than a line of this text, a joined rule does not stand on a line `-A CHAIN …`, or what `read` makes of the new text is
/// not what was proved.
///
/// `read` reads the new text as the old one was read, and gives its rulesets in the same order.
pub fn patch(
    source: &Source,
    parts: &[&Ruleset],
    fix: &Fix,
    read: &dyn Fn(&Source) -> Vec<Ruleset>,
) -> Option<Patch> {
    let old = lines(source.bytes());
    let mut edits: BTreeMap<usize, Option<Vec<u8>>> = BTreeMap::new();
    for change in &fix.changes {
        let ruleset = parts.get(change.part)?;
        for (number, at) in change.rules.iter().enumerate() {
            let chain = ruleset.tables.get(change.table)?.chains.get(change.chain)?;
            let rule = chain.rules.get(*at)?;
            let (from, to) = place(rule, source)?;
            for line in from..=to {
                edits.insert(line, None);
            }
            if let Some(merged) = change.merged.as_ref().filter(|_| number == 0) {
                let line = old.get(from).filter(|_| from == to)?;
                edits.insert(from, Some(written(line, &chain.name, merged, ruleset)?));
            }
        }
    }
    let mut text = Vec::with_capacity(source.bytes().len());
    for (at, line) in old.iter().enumerate() {
        match edits.get(&at) {
            None => text.extend_from_slice(line),
            Some(new) => text.extend(new.iter().flatten()),
        }
    }
    let name = source.name().unwrap_or("rules");
    let new = read(&Source::new(name, text.clone()).ok()?);
    let same = new.len() == fix.rulesets.len()
        && new.iter().zip(&fix.rulesets).all(|(new, proved)| print(new) == print(proved));
    same.then(|| Patch { text, unified: unified(&escape::line(name), &old, &edits) })
}

/// The first and the last line of a rule (from 0).
fn place(rule: &Rule, source: &Source) -> Option<(usize, usize)> {
    let Origin::Text(text) = &rule.origin else { return None };
    if !text.shares_source(&source.text(0, 0)) {
        return None;
    }
    let (from, _) = text.place();
    let (to, _) = source.place(text.end().saturating_sub(1).max(text.start()));
    Some((from as usize - 1, to as usize - 1))
}

/// Whether a rule of a text stands on a line in whose place a joined rule can be written; rules of other origin do.
pub(super) fn is_joinable(rule: &Rule) -> bool {
    let Origin::Text(text) = &rule.origin else { return true };
    // What a remark says of one rule may not hold of several.
    let line = text.source().line(text.place().0);
    line.is_some_and(|it| it.trim_ascii_start().starts_with(b"-A ") && !it.contains(&b'#'))
}

/// A rule in place of a line.
fn written(line: &[u8], chain: &[u8], merged: &Rule, ruleset: &Ruleset) -> Option<Vec<u8>> {
    let after = line.trim_ascii_start().strip_prefix(b"-A ")?.trim_ascii_start();
    let after = after.strip_prefix(chain).filter(|it| it.first().is_some_and(u8::is_ascii_whitespace))?;
    let mut new = line.get(..line.len() - after.len())?.to_vec();
    merged.print(&mut new, ruleset.context);
    if line.ends_with(b"\n") {
        new.push(b'\n');
    }
    Some(new)
}

fn print(ruleset: &Ruleset) -> Vec<u8> {
    let mut out = Vec::new();
    ruleset.print(&mut out, false);
    out
}

impl Fix {
    /// Whether a change is of a rule that a line of this text wrote.
    pub fn is_in(&self, change: &Change, parts: &[&Ruleset], source: &Source) -> bool {
        let rules =
            || Some(&parts.get(change.part)?.tables.get(change.table)?.chains.get(change.chain)?.rules);
        let rules = rules().map(Vec::as_slice).unwrap_or_default();
        change.rules.iter().all(|at| rules.get(*at).is_some_and(|it| place(it, source).is_some()))
    }
}
