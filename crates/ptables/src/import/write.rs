//! The text of a script.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::merge::{Merged, MergedChain};
use super::parts::{self, Part};
use super::repeat::Statement;
use super::{Options, literal};
use crate::diag::escape;
use crate::dialect::Family;

/// Where lists are broken, in characters.
const WIDTH: usize = 100;
/// From so many chains of the user on, they are listed by their names.
const LISTED: usize = 6;
/// From so many values on, those that count up are counted.
const COUNTED: usize = 6;
/// A match that stands so often in a script gets a name.
const NAMED: usize = 3;

/// The whole script.
pub(super) fn script(merged: Merged, options: &Options) -> String {
    let names = Names::of(&merged);
    let mut body = String::new();
    tables(&mut body, &merged);
    for table in &merged.tables {
        for chain in table.chains.iter().filter(|it| !it.statements.is_empty()) {
            let (table, name) =
                (literal::text(&table.name.to_lossy()), literal::text(&chain.name.to_lossy()));
            let _ = writeln!(body, "\nchain = tables[{table}][{name}]");
            chain.statements.iter().for_each(|it| names.statement(&mut body, it));
        }
    }
    let mut out = String::new();
    let name = escape::line(&options.name);
    let _ =
        writeln!(out, "# {name}, as a script: for `ptables render`, or python3 with the package ptables.");
    imports(&mut out, &body);
    out.push('\n');
    if !names.order.is_empty() {
        for (name, text) in &names.order {
            let _ = writeln!(out, "{name} = {text}");
        }
        out.push('\n');
    }
    out.push_str(&body);
    out
}

/// The lines that say which names are used, and where Python finds them.
fn imports(out: &mut String, body: &str) {
    const KNOWN: [(&str, &[&str]); 2] = [
        ("pyptables", &["BuiltinChain", "Match", "Table", "Tables", "UserChain"]),
        ("pyptables.rules", &["Accept", "CustomRule", "Drop", "Log", "Redirect", "Reject", "Return", "Rule"]),
    ];
    for (module, names) in KNOWN {
        let used: Vec<&str> =
            names.iter().copied().filter(|name| body.contains(&format!("{name}("))).collect();
        if !used.is_empty() {
            let _ = writeln!(out, "from {module} import {}", used.join(", "));
        }
    }
}

/// The tables and their chains, without rules.
fn tables(out: &mut String, merged: &Merged) {
    out.push_str("tables = Tables(\n");
    for table in &merged.tables {
        let _ = writeln!(out, "    Table({},", literal::text(&table.name.to_lossy()));
        let listed = |it: &&MergedChain| it.policy.is_none() && it.family.is_none();
        let user: Vec<&MergedChain> = table.chains.iter().filter(listed).collect();
        let listed = user.len() >= LISTED;
        for chain in table.chains.iter().filter(|it| !listed || it.policy.is_some() || it.family.is_some()) {
            let _ = writeln!(out, "        {},", declaration(chain));
        }
        if listed {
            out.push_str("        *[UserChain(name) for name in [\n");
            let names = user.iter().map(|it| literal::text(&it.name.to_lossy()));
            packed(out, "            ", names, true);
            out.push_str("        ]],\n");
        }
        if let Some(family) = table.family {
            let _ = writeln!(out, "        family={},", number(family));
        }
        out.push_str("    ),\n");
    }
    if merged.both {
        out.push_str("    family='both',\n");
    }
    out.push_str(")\n");
}

fn declaration(chain: &MergedChain) -> String {
    let name = literal::text(&chain.name.to_lossy());
    let family = chain.family.map_or_else(String::new, |it| format!(", family={}", number(it)));
    match chain.policy {
        Some(Some(policy)) => format!("BuiltinChain({name}, {}{family})", literal::text(policy.as_str())),
        Some(None) => format!("BuiltinChain({name}, '-'{family})"),
        None => format!("UserChain({name}{family})"),
    }
}

fn number(family: Family) -> char {
    if family == Family::V4 { '4' } else { '6' }
}

/// Names of matches that come again.
struct Names {
    /// By their text.
    by_text: HashMap<String, String>,
    /// In the order of the script: name, text.
    order: Vec<(String, String)>,
}

impl Names {
    fn of(merged: &Merged) -> Names {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut first = Vec::new();
        let chains = merged.tables.iter().flat_map(|it| &it.chains);
        for statement in chains.flat_map(|it| &it.statements) {
            let (rules, variables): (&[Vec<Part>], &[String]) = match statement {
                Statement::Rule(rule) => (std::slice::from_ref(rule), &[]),
                Statement::Loop { body, variables, .. } => (body, variables),
            };
            for part in rules.iter().flatten() {
                let Part::Match(inner) = part else { continue };
                let mut values = Vec::new();
                parts::values(inner, &mut values);
                // What a loop changes has no name of its own.
                if values.iter().any(|it| variables.contains(&it.written)) {
                    continue;
                }
                let mut text = String::new();
                parts::write(inner, &|_| None, &mut text);
                let count = counts.entry(text.clone()).or_default();
                *count += 1;
                if *count == NAMED {
                    first.push((text, values.iter().map(|it| it.written.clone()).collect::<Vec<_>>()));
                }
            }
        }
        let mut names = Names { by_text: HashMap::new(), order: Vec::new() };
        let mut taken = HashSet::new();
        for (text, values) in first {
            let name = constant(&text, &values, &mut taken);
            names.by_text.insert(text.clone(), name.clone());
            names.order.push((name, text));
        }
        names
    }

    fn call(&self, parts: &[Part]) -> String {
        let mut out = String::new();
        parts::write(parts, &|text| self.by_text.get(text).cloned(), &mut out);
        out
    }

    /// `chain.append(…)`, broken between arguments where it is long.
    fn append(&self, out: &mut String, indent: &str, rule: &[Part]) {
        let call = self.call(rule);
        if indent.len() + call.chars().count() + 14 <= WIDTH {
            let _ = writeln!(out, "{indent}chain.append({call})");
            return;
        }
        let Some((class, _)) = call.split_once('(') else { return };
        // Between arguments stands a comma with the name of the next one, in lists just a comma.
        let mut arguments: Vec<Vec<Part>> = vec![Vec::new()];
        let inner = rule.len().saturating_sub(1);
        for part in rule.get(1..inner).unwrap_or_default() {
            match part {
                Part::Fixed(text) if text.len() > 2 && text.starts_with(", ") => {
                    arguments.push(vec![Part::Fixed(text.trim_start_matches(", ").to_owned())]);
                }
                part => arguments.last_mut().into_iter().for_each(|it| it.push(part.clone())),
            }
        }
        let _ = writeln!(out, "{indent}chain.append({class}(");
        packed(out, &format!("{indent}    "), arguments.iter().map(|it| self.call(it)), true);
        let _ = writeln!(out, "{indent}))");
    }

    fn statement(&self, out: &mut String, statement: &Statement) {
        match statement {
            Statement::Rule(rule) => {
                self.append(out, "", rule);
            }
            Statement::Loop { variables, turns, body } => {
                let _ = write!(out, "for {} in ", variables.join(", "));
                list(out, turns);
                out.push_str(":\n");
                body.iter().for_each(|rule| self.append(out, "    ", rule));
            }
        }
    }
}

/// `'10.0.0.%d' % number for number in range(1, 9)`, if the values of a loop count up so.
fn counted(turns: &[Vec<String>]) -> Option<String> {
    let mut parts = turns.iter().map(|turn| match turn.as_slice() {
        [one] => split_number(one),
        _ => None,
    });
    let (before, first, after) = parts.next()??;
    let mut next = first;
    for part in parts {
        next = next.checked_add(1)?;
        if part? != (before, next, after) {
            return None;
        }
    }
    let range = format!("range({first}, {})", next.checked_add(1)?);
    if turns.len() < COUNTED {
        None
    } else if before.is_empty() && after.is_empty() {
        Some(range)
    } else if before.contains('%') || after.contains('%') {
        None
    } else {
        Some(format!("[{before}%d{after} % number for number in {range}]"))
    }
}

/// A value around its last number: `'10.0.0.`, 7, `'`.
fn split_number(written: &str) -> Option<(&str, u32, &str)> {
    let end = written.rfind(|it: char| it.is_ascii_digit())? + 1;
    let start = written.get(..end)?.rfind(|it: char| !it.is_ascii_digit()).map_or(0, |at| at + 1);
    let digits = written.get(start..end)?;
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((written.get(..start)?, digits.parse().ok()?, written.get(end..)?))
}

/// A list of the values of a loop, broken into lines where it is long.
fn list(out: &mut String, turns: &[Vec<String>]) {
    if let Some(counted) = counted(turns) {
        out.push_str(&counted);
        return;
    }
    let item = |turn: &Vec<String>| match turn.as_slice() {
        [one] => one.clone(),
        many => format!("({})", many.join(", ")),
    };
    let items: Vec<String> = turns.iter().map(item).collect();
    let short = items.join(", ");
    if short.chars().count() + 16 <= WIDTH {
        let _ = write!(out, "[{short}]");
        return;
    }
    let single = turns.iter().all(|it| it.len() == 1);
    out.push_str("[\n");
    packed(out, "    ", items, single);
    out.push(']');
}

/// Items with commas, as many in a line as have room (or one).
fn packed(out: &mut String, indent: &str, items: impl IntoIterator<Item = String>, many: bool) {
    let mut line = String::new();
    for item in items {
        if !line.is_empty()
            && (!many || indent.len() + line.chars().count() + item.chars().count() + 2 > WIDTH)
        {
            let _ = writeln!(out, "{indent}{line}");
            line.clear();
        }
        let blank = if line.is_empty() { "" } else { " " };
        let _ = write!(line, "{blank}{item},");
    }
    let _ = writeln!(out, "{indent}{line}");
}

/// A name for a match, of its name and values: `CONNTRACK_ESTABLISHED`.
fn constant(text: &str, values: &[String], taken: &mut HashSet<String>) -> String {
    let kind = text.split('\'').nth(1).unwrap_or("match");
    let mut name = String::new();
    for char in
        std::iter::once(kind).chain(values.iter().map(String::as_str)).collect::<Vec<_>>().join("_").chars()
    {
        if char.is_ascii_alphanumeric() {
            name.push(char.to_ascii_uppercase());
        } else if !name.ends_with('_') {
            name.push('_');
        }
        if name.len() >= 40 {
            break;
        }
    }
    let name = name.trim_matches('_').to_owned();
    let mut fresh = name.clone();
    let mut number = 2;
    while !taken.insert(fresh.clone()) {
        fresh = format!("{name}_{number}");
        number += 1;
    }
    fresh
}
