//! Where the rules of both families differ in their structure.

use std::collections::HashSet;

use crate::diag::{Diagnostic, Severity, codes};
use crate::lower::families::neutral;
use crate::model::Ruleset;
use crate::origin::Origin;

/// Places that one note shows.
const SHOWN: usize = 6;

/// Compares chains and rules of IPv4 and IPv6, without their addresses. One note says all that only one of them has.
pub fn differ(v4: &Ruleset, v6: &Ruleset) -> Option<Diagnostic> {
    let (four, six) = (shapes(v4), shapes(v6));
    let only4 = lacking(&four, &six);
    let only6 = lacking(&six, &four);
    if only4.is_empty() && only6.is_empty() {
        return None;
    }
    let count = |only: &[&Shape], family: &str| match only.len() {
        0 => None,
        1 => Some(format!("1 stands in {family} only")),
        many => Some(format!("{many} stand in {family} only")),
    };
    let parts: Vec<String> = [count(&only4, "IPv4"), count(&only6, "IPv6")].into_iter().flatten().collect();
    let message = format!("the families differ: of chains and rules, {}", parts.join(", "));
    let mut note = Diagnostic::new(codes::FAMILY_DIFFER, Severity::Note, message);
    // Rules of one line are shown once.
    let mut shown: Vec<(String, Origin, &str)> = Vec::new();
    for (only, text) in [(&only4, "IPv4 only"), (&only6, "IPv6 only")] {
        for shape in only {
            let place = shape.origin.place().map(|it| it.to_string()).unwrap_or_default();
            if !shown.iter().any(|it| it.0 == place && it.2 == text) {
                shown.push((place, shape.origin.clone(), text));
            }
        }
    }
    let more = shown.len().saturating_sub(SHOWN);
    for (_, origin, text) in shown.into_iter().take(SHOWN) {
        note = if note.labels.is_empty() { note.at(origin, text) } else { note.see(origin, text) };
    }
    Some(if more > 0 { note.note(format!("and in {more} more places")) } else { note })
}

/// A chain, or a rule, without what belongs to one family.
struct Shape {
    text: Vec<u8>,
    origin: Origin,
}

fn shapes(ruleset: &Ruleset) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for table in &ruleset.tables {
        for chain in &table.chains {
            let mut name = table.name.to_vec();
            name.push(b' ');
            name.extend_from_slice(&chain.name);
            name.push(b' ');
            for rule in &chain.rules {
                let mut line = Vec::new();
                rule.print(&mut line, ruleset.context);
                let text = [&name[..], &neutral(&line)].concat();
                shapes.push(Shape { text, origin: rule.origin.clone() });
            }
            shapes.push(Shape { text: name, origin: chain.origin.clone() });
        }
    }
    shapes
}

fn lacking<'s>(of: &'s [Shape], other: &[Shape]) -> Vec<&'s Shape> {
    let known: HashSet<&[u8]> = other.iter().map(|it| it.text.as_slice()).collect();
    // A higher-level statement says the same to each family in its own way.
    let statement = |it: &Shape| it.origin.parent().place().map(|it| it.to_string());
    let said: HashSet<String> = other.iter().filter_map(statement).collect();
    of.iter()
        .filter(|it| !known.contains(it.text.as_slice()))
        .filter(|it| statement(it).is_none_or(|it| !said.contains(&it)))
        .collect()
}
