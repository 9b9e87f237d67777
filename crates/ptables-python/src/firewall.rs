//! Firewalls of zones: statements that Python gathered become tables.

use ptables::firewall::{Firewall, Verb};
use ptables::origin::{Frame, Origin};
use ptables::program::{Rule, Tables};
use ptables::text;
use pyo3::prelude::*;

use crate::errors;

/// File, line and function.
type Where = (String, u32, String);
/// A verb, who said it, and its arguments.
type Said = (String, Where, Vec<(String, Vec<String>)>);
/// A rule's text, its place, and that of its statement.
type Line = (String, Option<Where>, Option<Where>);
/// A chain: its name, policy, place and rules.
type Lines = (String, Option<String>, Option<Where>, Vec<Line>);

/// A table: its name, place and chains.
type Listed = (String, Option<Where>, Vec<Lines>);

/// The tables that statements make: their names, places and chains.
#[pyfunction]
pub fn firewall(py: Python<'_>, family: &str, place: Where, statements: Vec<Said>) -> PyResult<Vec<Listed>> {
    let families = family.parse().map_err(|error: String| errors::wrong_value(py, &error, None))?;
    let mut firewall = Firewall::with_origin(origin(place)).family(families);
    for (verb, place, arguments) in statements {
        let Some(verb) = Verb::find(&verb) else {
            return Err(errors::wrong_value(py, &format!("a firewall has no statement `{verb}`"), None));
        };
        let statement = firewall.say(verb, origin(place));
        for (name, words) in arguments {
            if !statement.set(&name, words) {
                return Err(errors::wrong_value(py, &format!("`{}` has no `{name}`", verb.name()), None));
            }
        }
    }
    let tables = errors::guarded(py, || firewall.tables())?;
    let tables = tables.map_err(|mistakes| errors::ruleset(py, mistakes.diagnostics().to_vec()))?;
    listed(py, &tables)
}

fn origin((file, line, function): Where) -> Origin {
    Frame::new(file, line, Some(&function)).into()
}

fn place(origin: &Origin) -> Option<Where> {
    let place = origin.place()?;
    Some((place.file.to_owned(), place.line, place.function.unwrap_or_default().to_owned()))
}

fn listed(py: Python<'_>, tables: &Tables) -> PyResult<Vec<Listed>> {
    let line = |rule: &Rule| -> PyResult<Line> {
        let mut out = Vec::new();
        text::definition(rule, &mut out).map_err(|found| errors::ruleset(py, found))?;
        let text = String::from_utf8_lossy(&out).into_owned();
        Ok((text, place(&rule.origin), place(rule.origin.parent())))
    };
    let mut listed = Vec::new();
    for table in tables {
        let mut chains = Vec::new();
        for chain in table {
            let rules = chain.iter().map(line).collect::<PyResult<_>>()?;
            let policy = chain.policy().map(|it| it.to_lossy());
            chains.push((chain.name.to_lossy(), policy, place(&chain.origin), rules));
        }
        listed.push((table.name.to_lossy(), place(&table.origin), chains));
    }
    Ok(listed)
}

/// The service of a name: name, protocols and ports, helper, what it is.
#[pyfunction]
pub fn service(name: &str) -> Option<(&'static str, &'static str, Option<&'static str>, &'static str)> {
    ptables::firewall::service(name).map(|it| (it.name, it.ports, it.helper, it.about))
}

/// Names of all services.
#[pyfunction]
pub fn services() -> Vec<&'static str> {
    ptables::firewall::services().map(|it| it.name).collect()
}
