//! Programs: checked, printed as iptables-save prints them, restored.

use ptables::compile::{Compiled, compile};
use ptables::diag;
use ptables::diag::render::Renderer;
use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::lower::Options;
use ptables::program::Tables;
use ptables::source::Source;
use ptables::text::{self, FamilyHint};
use ptables_kernel::{Kernel, RestoreOptions, SystemNames};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;

use crate::build::{Builder, annotated};
use crate::diagnostic::Diagnostic;
use crate::errors;

/// What a script made, or what a text says.
#[pyclass(frozen, module = "pyptables._core")]
pub struct Program {
    tables: Tables,
    findings: Vec<diag::Diagnostic>,
    hint: Option<Family>,
}

#[pymethods]
impl Program {
    /// The program of `Tables`.
    #[staticmethod]
    fn of_tables(tables: &Bound<'_, PyAny>) -> PyResult<Program> {
        let py = tables.py();
        match Builder::new(py)?.tables(tables)? {
            Some(program) => {
                let text = annotated(py, &program)?;
                let hint = hint(&source(&text)?);
                Ok(Program { tables: program, findings: Vec::new(), hint })
            }
            // A class makes text of its own: what it says is read, with the origins that it names.
            None => Program::of_text(&tables.call_method0("to_iptables")?.str()?.to_cow()?),
        }
    }

    /// The program of a text.
    #[staticmethod]
    fn of_text(text: &str) -> PyResult<Program> {
        let source = source(text)?;
        let parsed = text::parse(&source);
        Ok(Program { tables: parsed.tables, findings: parsed.diagnostics, hint: hint(&source) })
    }

    /// Everything that is found in it.
    #[pyo3(signature = (family=None, backend=None, version=None))]
    fn check(
        &self,
        py: Python<'_>,
        family: Option<&str>,
        backend: Option<&str>,
        version: Option<&str>,
    ) -> PyResult<Vec<Diagnostic>> {
        let compiled = self.compile(py, family, backend, version)?;
        Ok(self.findings.iter().cloned().chain(compiled.diagnostics).map(Diagnostic::from).collect())
    }

    /// The text as iptables-save prints it once it is loaded.
    #[pyo3(signature = (family=None, backend=None, version=None))]
    fn save(
        &self,
        py: Python<'_>,
        family: Option<&str>,
        backend: Option<&str>,
        version: Option<&str>,
    ) -> PyResult<String> {
        let compiled = self.compile(py, family, backend, version)?;
        let stops = |it: &diag::Diagnostic| it.severity == diag::Severity::Error;
        let found: Vec<_> = self.findings.iter().cloned().chain(compiled.diagnostics).collect();
        if found.iter().any(stops) {
            return Err(errors::ruleset(py, found));
        }
        let mut out = Vec::new();
        compiled.ruleset.print(&mut out, false);
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Restores it; gives the warnings as text.
    #[pyo3(signature = (family=None, backend=None, noflush=false, test=false, lock_file=None))]
    fn restore(
        &self,
        py: Python<'_>,
        family: Option<&str>,
        backend: Option<&str>,
        noflush: bool,
        test: bool,
        lock_file: Option<std::path::PathBuf>,
    ) -> PyResult<String> {
        let family = self.family(py, family)?;
        let backend = backend.map(|it| self::backend(py, it)).transpose()?;
        let mut kernel = Kernel::new();
        if let Some(lock_file) = lock_file {
            kernel = kernel.lock_file(lock_file);
        }
        let options = RestoreOptions::new().noflush(noflush).test_only(test);
        // Other threads of Python run while the tools do.
        let restored = py.detach(|| {
            let backend = match backend {
                Some(backend) => backend,
                None => kernel.detect()?.backend(),
            };
            Ok(kernel.restore_program(&self.tables, self.findings.clone(), family, backend, options))
        });
        match restored {
            Ok(Ok(restored)) => Ok(rendered(&restored.diagnostics)),
            Ok(Err(refused)) => {
                let class = match refused.error() {
                    Some(error) if !error.is_verdict() => "UnavailableError",
                    _ => "RestoreError",
                };
                let message = refused.to_string();
                let found = refused.into_diagnostics();
                let summary = errors::summary(&found);
                let message = if summary.is_empty() { message } else { summary };
                Err(errors::make(py, class, &message, found))
            }
            Err::<_, ptables_kernel::Error>(error) => {
                Err(errors::make(py, "UnavailableError", &error.to_string(), Vec::new()))
            }
        }
    }
}

impl Program {
    fn compile(
        &self,
        py: Python<'_>,
        family: Option<&str>,
        backend: Option<&str>,
        version: Option<&str>,
    ) -> PyResult<Compiled> {
        let family = self.family(py, family)?;
        let backend = backend.map(|it| self::backend(py, it)).transpose()?;
        let version: Option<Version> = version
            .map(|it| it.parse().map_err(|_| wrong(py, &format!("`{it}` is no version of iptables"))))
            .transpose()?;
        errors::guarded(py, || {
            let fallback = Dialect::default();
            let dialect = match (backend, version) {
                (Some(backend), Some(version)) => Dialect::new(backend, version),
                _ => {
                    let installed = Kernel::new().default_dialect().unwrap_or(fallback);
                    Dialect::new(backend.unwrap_or(installed.backend), version.unwrap_or(installed.version))
                }
            };
            compile(&self.tables, family, Options::new(dialect, &SystemNames::new()))
        })
    }

    /// The family asked for, else the one that the text tells, else IPv4: that is what PyPTables writes.
    fn family(&self, py: Python<'_>, asked: Option<&str>) -> PyResult<Family> {
        match asked {
            None => Ok(self.hint.unwrap_or(Family::V4)),
            Some("4") => Ok(Family::V4),
            Some("6") => Ok(Family::V6),
            Some(other) => Err(wrong(py, &format!("the family is 4 or 6, not `{other}`"))),
        }
    }
}

fn backend(py: Python<'_>, name: &str) -> PyResult<Backend> {
    match name {
        "legacy" => Ok(Backend::Legacy),
        "nft" => Ok(Backend::Nft),
        _ => Err(wrong(py, &format!("the back end is legacy or nft, not `{name}`"))),
    }
}

fn wrong(py: Python<'_>, message: &str) -> PyErr {
    errors::wrong_value(py, message, None)
}

pub fn source(text: &str) -> PyResult<Source> {
    Source::new("<text>", text).map_err(|error| PyOverflowError::new_err(error.to_string()))
}

fn hint(source: &Source) -> Option<Family> {
    match text::family(source) {
        FamilyHint::One(family) => Some(family),
        _ => None,
    }
}

fn rendered(found: &[diag::Diagnostic]) -> String {
    let renderer = Renderer::new(false, 100);
    found.iter().map(|it| renderer.render(it)).collect()
}
