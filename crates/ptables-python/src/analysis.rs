//! What holds of all packets: differences, who reaches whom, what may go.

use ptables::analysis::{Given, Links, Service, compare, matrix};
use ptables::compile::CompiledFamilies;
use ptables::dialect::Family;
use ptables::fix::{Options, fix as propose};
use ptables::model::Ruleset;
use ptables::value::addr::strict;
use pyo3::prelude::*;

use crate::errors;
use crate::program::{Program, policy, wrong};

/// For which tools: family, back end, version.
type Target = (Option<String>, Option<String>, Option<String>);

/// An answer: JSON, and text for people.
type Shown = (String, String);

fn compiled(py: Python<'_>, program: &Program, target: &Target) -> PyResult<CompiledFamilies> {
    let (family, backend, version) = target;
    program.sound_for(py, family.as_deref(), backend.as_deref(), version.as_deref())
}

fn given(py: Python<'_>, name: Option<&str>) -> PyResult<Given> {
    let mut given = Given::default();
    given.policy = policy(py, name)?;
    Ok(given)
}

/// How two programs compare: for each family its name and the answer.
#[pyfunction]
#[pyo3(signature = (old, new, target, policy=None))]
pub fn diff(
    py: Python<'_>,
    old: &Program,
    new: &Program,
    target: Target,
    policy: Option<&str>,
) -> PyResult<Vec<(String, Shown)>> {
    let given = given(py, policy)?;
    let (old, new) = (compiled(py, old, &target)?, compiled(py, new, &target)?);
    let mut found = Vec::new();
    for family in Family::ALL {
        let of = |it: &CompiledFamilies| it.parts.iter().position(|it| it.ruleset.context.family == family);
        let (Some(one), Some(other)) = (of(&old), of(&new)) else {
            if of(&old).is_some() || of(&new).is_some() {
                return Err(wrong(
                    py,
                    &format!("only one of them has rules for {family}: say family=4 or family=6"),
                ));
            }
            continue;
        };
        let (Some(one), Some(other)) = (old.parts.get(one), new.parts.get(other)) else { continue };
        let (one, other) = (&one.ruleset, &other.ruleset);
        // Other threads of Python run while this does.
        let it = py.detach(|| compare(one, other, given)).map_err(|it| wrong(py, &it.to_string()))?;
        found.push((family.to_string(), (it.json(one, other), it.human(one, other))));
    }
    Ok(found)
}

/// Who can reach whom with a service: protocol, port, source port, path.
#[pyfunction]
#[pyo3(signature = (program, target, service, to=None, interfaces=None, policy=None, loose=false))]
#[expect(clippy::too_many_arguments, reason = "the signature of a function of Python")]
pub fn reach(
    py: Python<'_>,
    program: &Program,
    target: Target,
    service: (String, u16, Option<u16>, String),
    to: Option<&str>,
    interfaces: Option<&str>,
    policy: Option<&str>,
    loose: bool,
) -> PyResult<Shown> {
    let given = given(py, policy)?;
    let compiled = compiled(py, program, &target)?;
    let [part] = compiled.parts.as_slice() else {
        return Err(wrong(py, "the tables are for both families: say family=4 or family=6"));
    };
    let family = part.ruleset.context.family;
    let links = match interfaces {
        Some(text) => Links::parse(text, family).map_err(|it| wrong(py, &it))?,
        None => Links::default(),
    };
    let (proto, port, source_port, path) = service;
    let mut service = Service::named(&proto, port, &path).map_err(|it| wrong(py, &it))?;
    service.source_port = source_port;
    let found = py.detach(|| matrix(&part.ruleset, service, &links, given, loose));
    let mut found = found.map_err(|it| wrong(py, &it.to_string()))?;
    if let Some(to) = to {
        let address = strict(family, to.as_bytes());
        found.keep_to(address.ok_or_else(|| wrong(py, &format!("`{to}` is no {family} address")))?);
    }
    Ok((found.json(), found.human()))
}

/// What may go from the rules, as advice.
#[pyfunction]
#[pyo3(signature = (program, target, join=true, policy=None))]
pub fn fix(
    py: Python<'_>,
    program: &Program,
    target: Target,
    join: bool,
    policy: Option<&str>,
) -> PyResult<Shown> {
    let given = given(py, policy)?;
    let compiled = compiled(py, program, &target)?;
    let parts: Vec<&Ruleset> = compiled.parts.iter().map(|it| &it.ruleset).collect();
    let found = errors::guarded(py, || {
        let mut options = Options::default();
        (options.given, options.merge) = (given, join);
        propose(&parts, options)
    })?;
    let found = found.map_err(|it| wrong(py, &it.to_string()))?;
    let text: String = found.changes.iter().map(|it| it.human(&parts)).collect();
    Ok((found.json(&parts), text))
}
