//! Which rules a route becomes: Python makes them, because its lists and classes may change until text is made.

use ptables::program::{Base, Outline, Part};
use pyo3::prelude::*;

use crate::errors;

/// A verdict, or `None` and the prefix of log lines.
type First = (Option<&'static str>, Option<String>);
/// What follows the comment, and the arguments: of what, and their place in its list.
type Copied = (String, Vec<(&'static str, usize)>);

/// The rules that all others are copies of.
#[pyfunction]
pub fn route_bases(
    py: Python<'_>,
    prefix: &str,
    policy: &str,
    logged: bool,
    log_id: &str,
) -> PyResult<Vec<First>> {
    let bases = Base::of(prefix, policy, logged, Some(log_id));
    let bases = bases.map_err(|error| errors::wrong_value(py, &error.to_string(), None))?;
    let first = |base: Base| match base {
        Base::Log { prefix } => (None, Some(prefix)),
        Base::Verdict(verdict) => (Some(verdict), None),
    };
    Ok(bases.into_iter().map(first).collect())
}

/// For each stage, what becomes of every rule. Places and channels are given as comments name them.
#[pyfunction]
pub fn route_stages(
    sources: Vec<String>,
    destinations: Vec<String>,
    channels: Vec<String>,
    args: Vec<String>,
) -> Vec<Vec<Copied>> {
    let part = |part: Part| match part {
        Part::Source(at) => ("source", at),
        Part::Destination(at) => ("destination", at),
        Part::Channel(at) => ("channel", at),
        Part::Args => ("args", 0),
    };
    let stages = Outline { sources, destinations, channels, args }.stages();
    let copied = |steps: Vec<ptables::program::Step>| {
        steps.into_iter().map(|it| (it.comment, it.parts.into_iter().map(part).collect())).collect()
    };
    stages.into_iter().map(copied).collect()
}
