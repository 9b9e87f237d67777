//! Plans, and what is applied.

use std::path::PathBuf;
use std::time::Duration;

use ptables::analysis::Given;
use ptables::dialect::{Backend, Family};
use ptables::plan::{Claim, Owner, Plan};
use ptables_kernel::apply::{Applier, ApplyError, GuardProgram, Wanted, state_folder};
use ptables_kernel::{Kernel, SystemNames};
use pyo3::prelude::*;

use crate::errors;
use crate::program::Program;

/// Owner, folder of the state, places, whether tables are taken over, lock file.
type Settings = (String, Option<PathBuf>, Vec<String>, bool, Option<PathBuf>);

/// A plan for each family, and what changes in sets: JSON, and text for people.
type Shown = Vec<(String, String)>;

/// The most differences that are told of a path and kind.
const TOLD: usize = 4;
/// The most rules for which it is said what changes for packets.
const ANALYSED: usize = 20_000;

/// What would change.
#[pyfunction]
pub fn plan(
    py: Python<'_>,
    program: &Program,
    family: Option<&str>,
    backend: Option<&str>,
    settings: Settings,
    analysis: bool,
) -> PyResult<Shown> {
    let (wanted, backend) = wanted(py, program, family, backend, &settings)?;
    let applier = applier(py, &settings, backend)?;
    let planned = py.detach(|| {
        let (plans, sets) = (applier.plan(&wanted)?, applier.plan_sets(&wanted)?);
        let mut all: Shown = plans.iter().map(|it| with_meaning(it, &applier, analysis)).collect();
        if !sets.is_empty() {
            all.push((sets.json(), sets.human(false)));
        }
        Ok(all)
    });
    planned.map_err(|it| error(py, it))
}

fn with_meaning(plan: &Plan, applier: &Applier, analysis: bool) -> (String, String) {
    let (ours, foreign) = plan.after.count();
    if !analysis || plan.is_empty() || ours + foreign > ANALYSED {
        return (plan.json(None), plan.human(false));
    }
    let mut given = Given::default();
    given.most = TOLD;
    let meaning = plan.meaning(applier.dialect(), &SystemNames::new(), given);
    let text = meaning.as_ref().map(|it| it.human()).unwrap_or_default();
    (plan.json(meaning.as_ref()), plan.human(false) + &text)
}

/// Changes what differs. Gives the plans, the id of what waits to be confirmed, and the back end.
#[pyfunction]
pub fn apply(
    py: Python<'_>,
    program: &Program,
    family: Option<&str>,
    backend: Option<&str>,
    settings: Settings,
    confirm: u64,
    python: PathBuf,
) -> PyResult<(Shown, Option<String>, String)> {
    let (wanted, backend) = wanted(py, program, family, backend, &settings)?;
    let state = folder(py, &settings)?;
    let mut arguments: Vec<std::ffi::OsString> = vec!["-m".into(), "pyptables".into(), "--guard".into()];
    arguments.extend([settings.0.clone().into(), state.into_os_string(), backend.to_string().into()]);
    arguments.push(settings.4.clone().unwrap_or_default().into_os_string());
    let applier = applier(py, &settings, backend)?
        .guarded_by(GuardProgram::new(python, arguments))
        .confirm_within(Duration::from_secs(confirm));
    let (plans, pending) = py.detach(|| applier.apply(&wanted)).map_err(|it| error(py, it))?;
    Ok((shown(&plans), pending.map(|it| it.id), backend.to_string()))
}

/// Keeps what was applied; its id.
#[pyfunction]
pub fn confirm(py: Python<'_>, settings: Settings, id: Option<&str>) -> PyResult<String> {
    // Nothing is changed, so no back end is asked.
    let applier = applier(py, &settings, Backend::Nft)?;
    py.detach(|| applier.confirm(id)).map(|it| it.id).map_err(|it| error(py, it))
}

/// Undoes what waits to be confirmed; its id.
#[pyfunction]
pub fn rollback(py: Python<'_>, settings: Settings, backend: Option<&str>) -> PyResult<String> {
    let applier = applier(py, &settings, chosen(py, backend, &settings)?)?;
    py.detach(|| applier.roll_back()).map(|it| it.id).map_err(|it| error(py, it))
}

/// Applies again what was applied before: of the history, or the last but one.
#[pyfunction]
pub fn go_back(
    py: Python<'_>,
    settings: Settings,
    backend: Option<&str>,
    to: Option<u64>,
) -> PyResult<Shown> {
    let applier = applier(py, &settings, chosen(py, backend, &settings)?)?;
    let back = py.detach(|| applier.past(to).and_then(|it| applier.apply(&it)));
    back.map(|it| shown(&it.0)).map_err(|it| error(py, it))
}

/// Takes out what is ours.
#[pyfunction]
pub fn remove(py: Python<'_>, settings: Settings, backend: Option<&str>) -> PyResult<Shown> {
    let applier = applier(py, &settings, chosen(py, backend, &settings)?)?;
    py.detach(|| applier.remove()).map(|it| shown(&it)).map_err(|it| error(py, it))
}

/// Id and seconds that are left of what waits, what would bring back what was applied, and what rules have counted: family, table,
/// chain, rule, tag, place, packets, bytes.
type Stands = (Option<(String, u64)>, Shown, Vec<CountedRule>);
type CountedRule = (u8, String, String, String, Option<String>, Option<String>, u64, u64);

/// How things stand.
#[pyfunction]
pub fn status(py: Python<'_>, settings: Settings, backend: Option<&str>) -> PyResult<Stands> {
    let applier = applier(py, &settings, chosen(py, backend, &settings)?)?;
    let status = py.detach(|| applier.status()).map_err(|it| error(py, it))?;
    let pending = status.pending.as_ref().map(|it| (it.id.clone(), it.left().as_secs()));
    let counted = status.counted().into_iter().map(|it| {
        let family = if it.family == Family::V4 { 4 } else { 6 };
        (family, it.table, it.chain, it.rule, it.tag, it.place, it.counters.packets, it.counters.bytes)
    });
    Ok((pending, shown(&status.drift), counted.collect()))
}

/// Number, seconds since 1970, login, what, from where, digest.
type Event = (u64, u64, Option<u32>, String, String, String);

/// What was applied when.
#[pyfunction]
pub fn history(py: Python<'_>, settings: Settings) -> PyResult<Vec<Event>> {
    let applier = applier(py, &settings, Backend::Nft)?;
    let events = py.detach(|| applier.history()).map_err(|it| error(py, it))?;
    Ok(events.into_iter().map(|it| (it.number, it.time, it.login, it.what, it.from, it.digest)).collect())
}

/// Guards an application to its end: what `python -m pyptables --guard` does.
#[pyfunction]
pub fn guard(
    py: Python<'_>,
    owner: String,
    state: PathBuf,
    backend: &str,
    lock_file: Option<PathBuf>,
    id: &str,
) -> PyResult<()> {
    let settings = (owner, Some(state), Vec::new(), false, lock_file);
    let applier = applier(py, &settings, crate::program::backend(py, backend)?)?;
    py.detach(|| ptables_kernel::apply::guard(&applier, id)).map_err(|it| error(py, it))
}

fn kernel(settings: &Settings) -> Kernel {
    match &settings.4 {
        Some(lock_file) => Kernel::new().lock_file(lock_file),
        None => Kernel::new(),
    }
}

fn owner(py: Python<'_>, settings: &Settings) -> PyResult<Owner> {
    Owner::new(&settings.0).map_err(|it| errors::wrong_value(py, &it.to_string(), None))
}

fn folder(py: Python<'_>, settings: &Settings) -> PyResult<PathBuf> {
    let state = settings.1.clone().map_or_else(|| Ok(state_folder(&owner(py, settings)?)), Ok::<_, PyErr>)?;
    Ok(std::path::absolute(state)?)
}

fn applier(py: Python<'_>, settings: &Settings, backend: Backend) -> PyResult<Applier> {
    let made = Applier::new(kernel(settings), backend, owner(py, settings)?, &folder(py, settings)?);
    let claim = if settings.3 { Claim::Replace } else { Claim::Record };
    Ok(made.map_err(|it| error(py, it))?.claim(claim).places(settings.2.iter().map(|it| it.as_str().into())))
}

/// The back end that is named, else the one that holds the rules.
fn chosen(py: Python<'_>, backend: Option<&str>, settings: &Settings) -> PyResult<Backend> {
    match backend {
        Some(backend) => crate::program::backend(py, backend),
        None => match py.detach(|| kernel(settings).detect()) {
            Ok(detection) => Ok(detection.backend()),
            Err(it) => Err(error(py, it.into())),
        },
    }
}

fn wanted(
    py: Python<'_>,
    program: &Program,
    family: Option<&str>,
    backend: Option<&str>,
    settings: &Settings,
) -> PyResult<(Wanted, Backend)> {
    let backend = chosen(py, backend, settings)?;
    let compiled = program.applicable(py, family, backend)?;
    let wanted = Wanted::new(&compiled, "python").map_err(|found| errors::ruleset(py, found))?;
    Ok((wanted, backend))
}

fn shown(plans: &[Plan]) -> Shown {
    plans.iter().map(|it| (it.json(None), it.human(false))).collect()
}

fn error(py: Python<'_>, error: ApplyError) -> PyErr {
    match error {
        ApplyError::Refused(found) => errors::make(py, "RestoreError", &errors::summary(&found), found),
        error => errors::make(py, "UnavailableError", &error.to_string(), Vec::new()),
    }
}
