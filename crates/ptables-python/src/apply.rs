//! Plans, and what is applied.

use std::path::PathBuf;
use std::time::Duration;

use ptables::dialect::Backend;
use ptables::plan::{Claim, Owner, Plan};
use ptables_kernel::Kernel;
use ptables_kernel::apply::{Applier, ApplyError, GuardProgram, Wanted, state_folder};
use pyo3::prelude::*;

use crate::errors;
use crate::program::Program;

/// Owner, folder of the state, places, whether tables are taken over, lock file.
type Settings = (String, Option<PathBuf>, Vec<String>, bool, Option<PathBuf>);

/// A plan for each family: JSON, and text for people.
type Shown = Vec<(String, String)>;

/// What would change.
#[pyfunction]
pub fn plan(
    py: Python<'_>,
    program: &Program,
    family: Option<&str>,
    backend: Option<&str>,
    settings: Settings,
) -> PyResult<Shown> {
    let (wanted, backend) = wanted(py, program, family, backend, &settings)?;
    let applier = applier(py, &settings, backend)?;
    let plans = py.detach(|| applier.plan(&wanted)).map_err(|it| error(py, it))?;
    Ok(shown(&plans))
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

/// Keeps what was applied.
#[pyfunction]
pub fn confirm(py: Python<'_>, settings: Settings, id: &str) -> PyResult<()> {
    // Nothing is changed, so no back end is asked.
    let applier = applier(py, &settings, Backend::Nft)?;
    py.detach(|| applier.confirm(Some(id))).map(drop).map_err(|it| error(py, it))
}

/// Undoes what waits to be confirmed.
#[pyfunction]
pub fn rollback(py: Python<'_>, settings: Settings, backend: &str) -> PyResult<()> {
    let applier = applier(py, &settings, crate::program::backend(py, backend)?)?;
    py.detach(|| applier.roll_back()).map(drop).map_err(|it| error(py, it))
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

fn wanted(
    py: Python<'_>,
    program: &Program,
    family: Option<&str>,
    backend: Option<&str>,
    settings: &Settings,
) -> PyResult<(Wanted, Backend)> {
    let backend = match backend {
        Some(backend) => crate::program::backend(py, backend)?,
        None => match py.detach(|| kernel(settings).detect()) {
            Ok(detection) => detection.backend(),
            Err(it) => return Err(error(py, it.into())),
        },
    };
    let compiled = program.applicable(py, family, backend)?;
    let wanted = Wanted::new(&compiled, "python").map_err(|found| errors::ruleset(py, found))?;
    Ok((wanted, backend))
}

fn shown(plans: &[Plan]) -> Shown {
    plans.iter().map(|it| (it.json(), it.human(false))).collect()
}

fn error(py: Python<'_>, error: ApplyError) -> PyErr {
    match error {
        ApplyError::Refused(found) => errors::make(py, "RestoreError", &errors::summary(&found), found),
        error => errors::make(py, "UnavailableError", &error.to_string(), Vec::new()),
    }
}
