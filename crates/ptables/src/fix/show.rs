//! Changes, for people and as JSON.

use super::{Change, Fix, Why};
use crate::analysis::Instead;
use crate::diag::escape;
use crate::ipset;
use crate::model::{Chain, Rule, Ruleset, Table};

/// Covering rules that are named.
const SHOWN: usize = 3;

impl Change {
    fn places<'r>(&self, parts: &[&'r Ruleset]) -> Option<(&'r Ruleset, &'r Table, &'r Chain)> {
        let ruleset: &'r Ruleset = parts.get(self.part)?;
        let table = ruleset.tables.get(self.table)?;
        Some((ruleset, table, table.chains.get(self.chain)?))
    }

    /// What is to be done, on lines for a terminal: nothing in them controls one. `parts` are the rulesets that were given to
    /// [`fix`](super::fix).
    pub fn human(&self, parts: &[&Ruleset]) -> String {
        let Some((ruleset, table, chain)) = self.places(parts) else { return String::new() };
        let mut lines = Vec::new();
        for rule in self.rules.iter().filter_map(|at| chain.rules.get(*at)) {
            let what = if self.merged.is_some() { "join" } else { "remove" };
            lines.push(format!("{}{what} {}", place(rule, parts), text(rule, table, chain, ruleset)));
        }
        match &self.merged {
            Some(rule) => {
                lines.push(format!("    to {}", text(rule, table, chain, ruleset)));
                let sets = ipset::print(&self.set).unwrap_or_default();
                let sets = String::from_utf8_lossy(&sets).into_owned();
                lines.extend(sets.lines().map(|it| format!("    with {it}")));
            }
            None => lines.push(format!("    {}", self.reason(chain, parts))),
        }
        lines.iter().map(|it| escape::line(it).into_owned() + "\n").collect()
    }

    /// Why, in words.
    fn reason(&self, chain: &Chain, parts: &[&Ruleset]) -> String {
        let rule = |at: &usize| {
            let rule = chain.rules.get(*at);
            let written = rule.and_then(|it| it.origin.place());
            written.map_or(format!("rule {} of {}", at + 1, chain.name.to_lossy()), |it| {
                format!("{}:{}", it.file, it.line)
            })
        };
        match &self.why {
            Why::Impossible => "no packet fits all its conditions".to_owned(),
            Why::Unreachable(cover) if cover.rules.is_empty() => "no packet comes to it".to_owned(),
            Why::Unreachable(cover) => {
                let by: Vec<String> = cover.rules.iter().take(SHOWN).map(rule).collect();
                let more = if cover.rules.len() > SHOWN { " and others" } else { "" };
                format!("its packets are taken before, at {}{more}", by.join(", "))
            }
            Why::Redundant(Instead::Rule(at)) => format!("the same becomes of its packets at {}", rule(at)),
            Why::Redundant(Instead::End) => {
                "the same becomes of its packets at the end of the chain".to_owned()
            }
            Why::Neighbours => {
                let rules = self.rules.len();
                let family = parts.get(self.part).map(|it| it.context.family);
                format!("{rules} rules are one{}", family.map(|it| format!(" ({it})")).unwrap_or_default())
            }
        }
    }
}

/// Where a rule was written; where one line made several, how many.
fn place(rule: &Rule, parts: &[&Ruleset]) -> String {
    let Some(place) = rule.origin.place() else { return String::new() };
    let same = |it: &Rule| it.origin.place().is_some_and(|it| it.file == place.file && it.line == place.line);
    let made = parts.iter().flat_map(|it| it.rules()).filter(|it| same(it.2)).count();
    let made = if made > 1 { format!(" (one of {made} rules made there)") } else { String::new() };
    format!("{}:{}{made}: ", place.file, place.line)
}

fn text(rule: &Rule, table: &Table, chain: &Chain, ruleset: &Ruleset) -> String {
    let mut out = Vec::new();
    rule.print(&mut out, ruleset.context);
    let table = table.name.to_lossy();
    format!("{table}: -A {}{}", chain.name.to_lossy(), String::from_utf8_lossy(&out))
}

impl Fix {
    /// How much is changed, in one sentence.
    pub fn summary(&self) -> String {
        let removed: usize =
            self.changes.iter().filter(|it| it.merged.is_none()).map(|it| it.rules.len()).sum();
        let joins = self.changes.iter().filter(|it| it.merged.is_some());
        let (many, one) = joins.fold((0, 0), |(many, one), it| (many + it.rules.len(), one + 1));
        let s = |count: usize| if count == 1 { "" } else { "s" };
        let mut parts = Vec::new();
        if removed > 0 {
            parts.push(format!("{removed} rule{} removed", s(removed)));
        }
        if many > 0 {
            parts.push(format!("{many} rules joined to {one}"));
        }
        if parts.is_empty() {
            return "nothing to change".to_owned();
        }
        format!("{}; proved: every packet gets the same verdict", parts.join(", "))
    }

    /// All changes as one line of JSON, without the line end: an object with `changes`, `unproved` (number of changes that could not be
    /// proved) and `skipped` (tables that are too large). A **change** has `action` (`remove` or `join`), `family`, `table`, `chain`,
    /// `rules` (list of objects `number` from 1, `text`, `file`, `line`; the last two `null` if unknown), `why` and, if rules are
    /// joined, `becomes` and perhaps `set`: what `ipset restore` must be given before.
    #[cfg(feature = "json")]
    pub fn json(&self, parts: &[&Ruleset]) -> String {
        let changes: Vec<serde_json::Value> =
            self.changes.iter().filter_map(|it| object(it, parts)).collect();
        let whole = serde_json::json!({
            "changes": changes, "unproved": self.unproved, "skipped": self.skipped,
        });
        crate::diag::json::shown(&whole)
    }
}

#[cfg(feature = "json")]
fn object(change: &Change, parts: &[&Ruleset]) -> Option<serde_json::Value> {
    let (ruleset, table, chain) = change.places(parts)?;
    let written = |rule: &Rule| text(rule, table, chain, ruleset);
    let rules: Vec<serde_json::Value> = change
        .rules
        .iter()
        .filter_map(|at| Some((at, chain.rules.get(*at)?)))
        .map(|(at, rule)| {
            let place = rule.origin.place();
            serde_json::json!({
                "number": at + 1, "text": written(rule),
                "file": place.map(|it| it.file), "line": place.map(|it| it.line),
            })
        })
        .collect();
    let mut object = serde_json::json!({
        "action": if change.merged.is_some() { "join" } else { "remove" },
        "family": ruleset.context.family.to_string(),
        "table": table.name.to_lossy(), "chain": chain.name.to_lossy(),
        "rules": rules, "why": change.reason(chain, parts),
    });
    if let (Some(merged), Some(object)) = (&change.merged, object.as_object_mut()) {
        object.insert("becomes".to_owned(), written(merged).into());
        let sets = ipset::print(&change.set).unwrap_or_default();
        if !sets.is_empty() {
            object.insert("set".to_owned(), String::from_utf8_lossy(&sets).into_owned().into());
        }
    }
    Some(object)
}
