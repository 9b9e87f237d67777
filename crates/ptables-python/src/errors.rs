//! Exceptions of `pyptables.errors`, made from here.

use ptables::diag::Diagnostic as Core;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::diagnostic::Diagnostic;
use crate::place::Place;

/// An exception of this class. `diagnostics` are what it tells about.
pub fn make(py: Python<'_>, class: &str, message: &str, diagnostics: Vec<Core>) -> PyErr {
    placed_at(py, class, message, diagnostics, None)
}

fn placed_at(
    py: Python<'_>,
    class: &str,
    message: &str,
    diagnostics: Vec<Core>,
    place: Option<&Place>,
) -> PyErr {
    let made = || -> PyResult<PyErr> {
        let class = py.import("pyptables.errors")?.getattr(class)?;
        let diagnostics: Vec<Bound<'_, Diagnostic>> = diagnostics
            .into_iter()
            .map(|it| Bound::new(py, Diagnostic::from(it)))
            .collect::<PyResult<_>>()?;
        Ok(PyErr::from_value(class.call1((message, PyList::new(py, diagnostics)?, place.map(at)))?))
    };
    made().unwrap_or_else(|error| error)
}

/// A value of the wrong type in a call: a `TypeError`.
pub fn wrong_type(py: Python<'_>, message: &str, place: Option<&Place>) -> PyErr {
    placed_at(py, "ArgumentTypeError", message, Vec::new(), place)
}

/// A wrong value in a call: a `ValueError`.
pub fn wrong_value(py: Python<'_>, message: &str, place: Option<&Place>) -> PyErr {
    placed_at(py, "ArgumentError", message, Vec::new(), place)
}

/// Something is wrong with the user's rules.
pub fn ruleset(py: Python<'_>, diagnostics: Vec<Core>) -> PyErr {
    make(py, "RulesetError", &summary(&diagnostics), diagnostics)
}

/// The first error in one line, and how many there are.
pub fn summary(diagnostics: &[Core]) -> String {
    let errors = || diagnostics.iter().filter(|it| it.severity >= ptables::diag::Severity::Unsupported);
    let Some(first) = errors().max_by_key(|it| it.severity) else { return "nothing is wrong".to_owned() };
    let mut text = Line(first).to_string();
    if errors().count() > 1 {
        text.push_str(&format!(" (and {} more)", errors().count() - 1));
    }
    text
}

pub struct Line<'a>(pub &'a Core);

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt_line(f)
    }
}

fn at(place: &Place) -> String {
    format!("{}:{} {}", place.names.file, place.line, place.names.function)
}

/// An error that a call raised while the text of a rule was made, with the line of the rule.
pub fn placed(py: Python<'_>, error: PyErr, place: Option<&Place>) -> PyErr {
    let Some(place) = place else { return error };
    let placed = || error.value(py).call_method1("_placed", (at(place),));
    // Only our own exceptions can be told where they are.
    placed().map_or_else(|_| error.clone_ref(py), PyErr::from_value)
}

/// Runs what must not fail; a panic is our bug and becomes `InternalError`.
pub fn guarded<T>(py: Python<'_>, run: impl FnOnce() -> T) -> PyResult<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|it| (*it).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        let error = make(py, "InternalError", &format!("this is a bug of ptables: {text}"), Vec::new());
        if error.is_instance_of::<PyRuntimeError>(py) { error } else { PyRuntimeError::new_err(text) }
    })
}
