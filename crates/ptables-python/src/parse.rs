//! Text becomes tables of a script.

use ptables::diag::Severity;
use ptables::program::{Body, ChainKind, Rule, Verb};
use ptables::text;
use pyo3::prelude::*;

use crate::errors;
use crate::program::source;

/// File, line, function.
type Place = Option<(String, u32, String)>;
/// What stands after `-A CHAIN`, and where it stood.
type Line = (String, Place);
/// Name, policy (`None`: a chain of the user), where it stood, rules.
type Chain = (String, Option<String>, Place, Vec<Line>);

/// The tables of a text: `(name, place, chains)` each.
///
/// `-I`, `-R`, `-D` with a place and `-F` are carried out; what cannot be is an error.
#[pyfunction]
pub fn parse(py: Python<'_>, text: &str) -> PyResult<Vec<(String, Place, Vec<Chain>)>> {
    let parsed = text::parse(&source(text)?);
    if parsed.diagnostics.iter().any(|it| it.severity == Severity::Error) {
        return Err(errors::ruleset(py, parsed.diagnostics));
    }
    let mut tables = Vec::new();
    for table in &parsed.tables {
        let mut chains = Vec::new();
        for chain in table {
            let policy = match &chain.kind {
                ChainKind::Builtin(policy) => {
                    Some(policy.as_ref().map_or_else(|| "-".to_owned(), |it| it.to_lossy()))
                }
                ChainKind::User => None,
                // Nothing declares it: a chain of the kernel keeps its policy.
                ChainKind::Named => Some("-".to_owned()),
            };
            let mut lines: Vec<Line> = Vec::new();
            for rule in chain {
                apply(py, &mut lines, rule)?;
            }
            chains.push((chain.name.to_lossy(), policy, place(&chain.origin), lines));
        }
        tables.push((table.name.to_lossy(), place(&table.origin), chains));
    }
    Ok(tables)
}

/// Carries out one command on the rules of a chain.
fn apply(py: Python<'_>, lines: &mut Vec<Line>, rule: &Rule) -> PyResult<()> {
    let wrong = |what: &str| {
        let at = rule.origin.place().map_or_else(String::new, |it| format!("{it}: "));
        errors::make(py, "RulesetError", &format!("{at}{what}"), Vec::new())
    };
    let place_of = |number: u32, most: usize| {
        let at = (number as usize).checked_sub(1).filter(|at| *at < most);
        at.ok_or_else(|| wrong(&format!("there is no rule {number} in this chain")))
    };
    let text = match &rule.body {
        Body::Line(text) => text.to_lossy(),
        _ => String::new(),
    };
    let line = (text, place(&rule.origin));
    match rule.verb {
        Verb::Append => lines.push(line),
        Verb::Insert(number) => {
            let at = place_of(number, lines.len() + 1)?;
            lines.insert(at, line);
        }
        Verb::Replace(number) => {
            let at = place_of(number, lines.len())?;
            lines.splice(at..=at, [line]);
        }
        Verb::DeleteAt(number) => {
            lines.remove(place_of(number, lines.len())?);
        }
        Verb::Delete => {
            let at = lines.iter().position(|it| it.0 == line.0);
            lines.remove(at.ok_or_else(|| wrong("there is no such rule to delete in this chain"))?);
        }
        Verb::Flush => lines.clear(),
        Verb::Zero | Verb::Check => {}
    }
    Ok(())
}

fn place(origin: &ptables::origin::Origin) -> Place {
    let place = origin.place()?;
    Some((place.file.to_owned(), place.line, place.function.unwrap_or_default().to_owned()))
}
