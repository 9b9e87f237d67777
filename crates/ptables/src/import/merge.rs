//! Rulesets of two families as one: what they have in common, in an order that is right for both.

use super::call::{self, Form};
use super::parts::{self, Part};
use super::repeat::{self, Statement};
use super::{Conflict, Options, Place, literal};
use crate::dialect::Family;
use crate::ext::targets::reject::RejectWith;
use crate::model::{Chain, Policy, Rule, Ruleset, Table};
use crate::source::Text;

/// Above so many pairs of rules only what is the same at both ends of a chain is merged.
const MAX_PAIRS: usize = 4_000_000;

/// All tables; `both` says whether there are two families.
pub(super) struct Merged {
    pub(super) both: bool,
    pub(super) tables: Vec<MergedTable>,
}

pub(super) struct MergedTable {
    pub(super) name: Text,
    /// The only family that has it, of two.
    pub(super) family: Option<Family>,
    pub(super) chains: Vec<MergedChain>,
}

pub(super) struct MergedChain {
    pub(super) name: Text,
    pub(super) family: Option<Family>,
    /// Whether it is built in, and its policy.
    pub(super) policy: Option<Option<Policy>>,
    pub(super) statements: Vec<Statement>,
}

/// Is told of each rule that cannot be written, and why.
type Missing<'a> = dyn FnMut(Place, &Rule, &'static str) + 'a;

/// Merges one ruleset, or two.
pub(super) fn merged(
    rulesets: &[&Ruleset],
    options: &Options,
    missing: &mut Missing<'_>,
) -> Result<Merged, Conflict> {
    let both = rulesets.len() > 1;
    let mut tables = Vec::new();
    for name in union(rulesets.iter().map(|it| it.tables.iter().map(|it| &it.name).collect())) {
        let parts: Vec<Side<'_, Table>> = rulesets
            .iter()
            .filter_map(|ruleset| {
                let at = ruleset.tables.iter().position(|it| it.name == *name)?;
                Some(Side { ruleset, at: [at, 0], item: ruleset.tables.get(at)? })
            })
            .collect();
        let family = only(both, &parts);
        let mut chains = Vec::new();
        for chain in union(parts.iter().map(|it| it.item.chains.iter().map(|it| &it.name).collect())) {
            let parts: Vec<Side<'_, Chain>> = parts
                .iter()
                .filter_map(|table| {
                    let at = table.item.chains.iter().position(|it| it.name == *chain)?;
                    Some(Side {
                        ruleset: table.ruleset,
                        at: [table.at[0], at],
                        item: table.item.chains.get(at)?,
                    })
                })
                .collect();
            chains.push(merged_chain(name, both, family, &parts, options, missing)?);
        }
        // Built-in chains first, as they were.
        chains.sort_by_key(|it| it.policy.is_none());
        tables.push(MergedTable { name: name.clone(), family, chains });
    }
    Ok(Merged { both, tables })
}

/// A table or chain of one family, and its place: table, chain.
struct Side<'a, T> {
    ruleset: &'a Ruleset,
    at: [usize; 2],
    item: &'a T,
}

/// The family of what only one of two has.
fn only<T>(both: bool, parts: &[Side<'_, T>]) -> Option<Family> {
    match parts {
        [one] if both => Some(one.ruleset.context.family),
        _ => None,
    }
}

/// Names in the order of the first list, then what only the others have.
fn union<'a>(lists: impl Iterator<Item = Vec<&'a Text>>) -> Vec<&'a Text> {
    let mut names: Vec<&Text> = Vec::new();
    for name in lists.flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn merged_chain(
    table: &Text,
    both: bool,
    outer: Option<Family>,
    parts: &[Side<'_, Chain>],
    options: &Options,
    missing: &mut Missing<'_>,
) -> Result<MergedChain, Conflict> {
    let policy = |chain: &Chain| chain.hook.map(|_| chain.policy);
    let shown = |chain: &Chain| chain.policy.map_or("-", Policy::as_str);
    if let [one, other] = parts
        && policy(one.item) != policy(other.item)
    {
        let policies = [shown(one.item), shown(other.item)];
        return Err(Conflict { table: table.to_lossy(), chain: one.item.name.to_lossy(), policies });
    }
    let family = only(both, parts);
    let confined = !both || family.is_some() || outer.is_some();
    let mut lists = parts.iter().map(|part| entries(part, confined, options, missing));
    let rules = match (lists.next(), lists.next()) {
        (Some(one), Some(other)) => merge(one, other),
        (Some(one), None) => one.into_iter().map(|it| it.alone).collect(),
        _ => Vec::new(),
    };
    let name = parts.first().map(|it| it.item.name.clone()).unwrap_or_default();
    let policy = parts.first().and_then(|it| policy(it.item));
    Ok(MergedChain {
        name,
        family: family.filter(|it| outer != Some(*it)),
        policy,
        statements: repeat::statements(rules),
    })
}

/// A rule as it is written for both families and for its own.
struct Entry {
    /// What is the same for the same rule in both families; `None` for one that stays apart.
    key: Option<String>,
    shared: Vec<Part>,
    alone: Vec<Part>,
}

fn entries(
    part: &Side<'_, Chain>,
    confined: bool,
    options: &Options,
    missing: &mut Missing<'_>,
) -> Vec<Entry> {
    let context = part.ruleset.context;
    let [table, chain] = part.at;
    let mut entries = Vec::with_capacity(part.item.rules.len());
    for (at, rule) in part.item.rules.iter().enumerate() {
        let place = (context.family, table, chain, at);
        if options.left_out.contains(&place) {
            missing(place, rule, "iptables saves this rule as another one, so a script cannot hold it");
            continue;
        }
        let form = if options.verbatim.contains(&place) { Form::Verbatim } else { Form::Call };
        let flag = (!confined).then_some(context.family);
        let Some(shared) = call::rule(rule, context, form, None) else {
            missing(place, rule, "this rule has bytes that are no UTF-8: a script cannot hold it");
            continue;
        };
        // What can be written at all can be written with a flag.
        let alone = flag.and_then(|flag| call::rule(rule, context, form, Some(flag)));
        let alone = alone.unwrap_or_else(|| shared.clone());
        let apart = confined || options.apart.contains(&place);
        let key = (!apart).then(|| key(&shared, context.family));
        entries.push(Entry { key, shared, alone });
    }
    entries
}

/// The text of a call; answers of REJECT as IPv4 calls them, because in a script for both each family gets its own.
fn key(parts: &[Part], family: Family) -> String {
    let mut parts = parts.to_vec();
    parts::rewrite(&mut parts, &mut |value| {
        if value.name == "reject_with" {
            value.written = answer(&value.written, family);
        }
    });
    let mut key = String::new();
    parts::write(&parts, &|_| None, &mut key);
    key
}

fn answer(written: &str, family: Family) -> String {
    let name = written.trim_matches('\'');
    let counterpart = RejectWith::parse(family, name.as_bytes()).ok().and_then(|it| {
        let v4 = it.counterpart(Family::V4)?;
        // IPv6 has one answer for several of IPv4: what it becomes again must be what it was.
        (v4.counterpart(family) == Some(it)).then(|| literal::text(v4.name(Family::V4)))
    });
    counterpart.unwrap_or_else(|| written.to_owned())
}

/// Two lists as one: what is the same once, the others before what follows them in their own list.
fn merge(one: Vec<Entry>, other: Vec<Entry>) -> Vec<Vec<Part>> {
    let same = |a: &Entry, b: &Entry| a.key.is_some() && a.key == b.key;
    let start = one.iter().zip(&other).take_while(|(a, b)| same(a, b)).count();
    let rest = one.len().min(other.len()) - start;
    let end = one.iter().rev().zip(other.iter().rev()).take(rest).take_while(|(a, b)| same(a, b)).count();
    let inner = |list: &[Entry]| start..list.len() - end;
    let (a, b) = (one.get(inner(&one)).unwrap_or_default(), other.get(inner(&other)).unwrap_or_default());
    let mut common: Vec<(usize, usize)> = (0..start).map(|at| (at, at)).collect();
    common.extend(longest(a, b, &same).into_iter().map(|(a, b)| (a + start, b + start)));
    common.extend((0..end).rev().map(|at| (one.len() - 1 - at, other.len() - 1 - at)));
    let mut rules = Vec::with_capacity(one.len() + other.len() - common.len());
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut at = (0, 0);
    for (a, b) in common {
        rules.extend(one.by_ref().take(a - at.0).map(|it| it.alone));
        rules.extend(other.by_ref().take(b - at.1).map(|it| it.alone));
        rules.extend(one.next().map(|it| it.shared));
        other.next();
        at = (a + 1, b + 1);
    }
    rules.extend(one.map(|it| it.alone));
    rules.extend(other.map(|it| it.alone));
    rules
}

/// The longest common subsequence, as pairs of places.
fn longest(a: &[Entry], b: &[Entry], same: &impl Fn(&Entry, &Entry) -> bool) -> Vec<(usize, usize)> {
    if a.is_empty() || b.is_empty() || a.len().saturating_mul(b.len()) > MAX_PAIRS {
        return Vec::new();
    }
    // How long it is from two places on; a row for each of `a`, and one behind the last.
    let width = b.len() + 1;
    let mut lengths = vec![0_u32; width * (a.len() + 1)];
    let length = |lengths: &[u32], at: (usize, usize)| lengths.get(at.0 * width + at.1).copied().unwrap_or(0);
    for (row, one) in a.iter().enumerate().rev() {
        for (column, other) in b.iter().enumerate().rev() {
            let best = if same(one, other) {
                length(&lengths, (row + 1, column + 1)) + 1
            } else {
                length(&lengths, (row + 1, column)).max(length(&lengths, (row, column + 1)))
            };
            if let Some(cell) = lengths.get_mut(row * width + column) {
                *cell = best;
            }
        }
    }
    let mut pairs = Vec::new();
    let mut at = (0, 0);
    while let (Some(one), Some(other)) = (a.get(at.0), b.get(at.1)) {
        if same(one, other) {
            pairs.push(at);
            at = (at.0 + 1, at.1 + 1);
        } else if length(&lengths, (at.0 + 1, at.1)) >= length(&lengths, (at.0, at.1 + 1)) {
            at.0 += 1;
        } else {
            at.1 += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(one: &[&str], other: &[&str]) -> Vec<String> {
        let list = |names: &[&str], flag: &str| {
            names
                .iter()
                .map(|name| Entry {
                    key: Some((*name).to_owned()),
                    shared: vec![Part::Fixed((*name).to_owned())],
                    alone: vec![Part::Fixed(format!("{name}{flag}"))],
                })
                .collect()
        };
        let rules = merge(list(one, "4"), list(other, "6"));
        rules
            .iter()
            .map(|rule| {
                let mut out = String::new();
                parts::write(rule, &|_| None, &mut out);
                out
            })
            .collect()
    }

    #[test]
    fn what_is_the_same_is_said_once_and_the_order_holds() {
        assert_eq!(merged(&["a", "x", "b", "c"], &["a", "b", "y", "c"]), ["a", "x4", "b", "y6", "c"]);
        assert_eq!(merged(&["x"], &["y"]), ["x4", "y6"]);
        assert_eq!(merged(&["a", "a"], &["a"]), ["a", "a4"]);
        assert_eq!(merged(&[], &["a", "b"]), ["a6", "b6"]);
        assert_eq!(merged(&["b", "a"], &["a", "b"]).len(), 3);
    }

    #[test]
    fn answers_follow_the_family_only_where_they_come_back() {
        assert_eq!(answer("'icmp6-port-unreachable'", Family::V6), "'icmp-port-unreachable'");
        assert_eq!(answer("'tcp-reset'", Family::V6), "'tcp-reset'");
        assert_eq!(answer("'icmp-port-unreachable'", Family::V4), "'icmp-port-unreachable'");
    }
}
