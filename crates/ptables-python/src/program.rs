//! Programs: checked, printed as iptables-save prints them, restored.

use std::path::PathBuf;

use ptables::analysis::Limits;
use ptables::compile::{CompiledFamilies, compile_families};
use ptables::diag;
use ptables::diag::remark::is_silenced;
use ptables::diag::render::Renderer;
use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::lower::families::split;
use ptables::lower::{Options, lower_sets};
use ptables::model::Policy;
use ptables::packet::Packet;
use ptables::program::{Families, Tables};
use ptables::simulate::Ask;
use ptables::source::Source;
use ptables::text::{self, FamilyHint};
use ptables_kernel::{Kernel, RestoreOptions, SystemNames};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;

use crate::build::{Builder, annotated};
use crate::diagnostic::Diagnostic;
use crate::errors;
use crate::simulate::{self, Expected, Simulation, TestReport};

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

    /// Everything that is found in it; with `analysis`, of all packets too. What a remark silences is left out.
    #[pyo3(signature = (family=None, backend=None, version=None, analysis=false))]
    fn check(
        &self,
        py: Python<'_>,
        family: Option<&str>,
        backend: Option<&str>,
        version: Option<&str>,
        analysis: bool,
    ) -> PyResult<Vec<Diagnostic>> {
        let families = self.families(py, family)?;
        let compiled = self.compile(py, families, backend, version)?;
        let more = if analysis { py.detach(|| compiled.analyse(Limits::default())) } else { Vec::new() };
        let lines = py.import("linecache")?;
        let line = |file: &str, number: u32| -> Option<String> {
            lines.call_method1("getline", (file, number)).ok()?.extract().ok()
        };
        let all = more.into_iter().chain(self.findings.iter().cloned()).chain(compiled.diagnostics);
        Ok(all.filter(|it| !analysis || !is_silenced(it, &line)).map(Diagnostic::from).collect())
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
        let families = self.one_family(py, family)?;
        let compiled = self.sound(py, families, backend, version)?;
        let mut out = Vec::new();
        compiled.parts.iter().for_each(|it| it.ruleset.print(&mut out, false));
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// The annotated text of what one family gets.
    fn annotated(&self, py: Python<'_>, family: &str) -> PyResult<String> {
        let families = self.one_family(py, Some(family))?;
        let both = self.tables.families == Some(Families::Both);
        let split = both.then(|| split(&self.tables, &SystemNames::new()));
        match (&split, families.only()) {
            (Some(split), Some(family)) if split.diagnostics.is_empty() => annotated(py, split.of(family)),
            (Some(split), _) => Err(errors::ruleset(py, split.diagnostics.clone())),
            _ => annotated(py, &self.tables.clone().family(families)),
        }
    }

    /// The declared sets as `ipset restore` reads them.
    #[pyo3(signature = (family=None))]
    fn ipset(&self, py: Python<'_>, family: Option<&str>) -> PyResult<String> {
        let lowered = lower_sets(&self.tables, self.families(py, family)?, &SystemNames::new());
        if !lowered.diagnostics.is_empty() {
            return Err(errors::ruleset(py, lowered.diagnostics));
        }
        let text = ptables::ipset::print(&lowered.sets).map_err(|found| errors::ruleset(py, found))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// What would happen to packets; `how`: whether they come one after the other, whether all ways are asked for, and the rules
    /// that do not match.
    #[pyo3(signature = (packets, how, backend=None, version=None, policy=None, routes=None))]
    #[expect(clippy::too_many_arguments, reason = "each is an argument in Python")]
    #[expect(clippy::needless_pass_by_value, reason = "arguments of Python are owned")]
    fn simulate(
        &self,
        py: Python<'_>,
        packets: Vec<String>,
        how: (bool, bool, bool),
        backend: Option<&str>,
        version: Option<&str>,
        policy: Option<&str>,
        routes: Option<PathBuf>,
    ) -> PyResult<Vec<Vec<Simulation>>> {
        let routes = simulate::routes(py, routes)?;
        let read =
            |it: &String| simulate::packet(it, routes.is_some()).map_err(|it| errors::ruleset(py, vec![*it]));
        let packets: Vec<_> = packets.iter().map(read).collect::<PyResult<_>>()?;
        let Some(family) = packets.first().map(Packet::family) else { return Ok(Vec::new()) };
        if packets.iter().any(|it| it.family() != family) {
            return Err(wrong(py, "the packets are of two address families: ask for each by itself"));
        }
        let compiled = self.sound(py, Families::one(family), backend, version)?;
        let Some(part) = compiled.parts.first() else {
            return Err(wrong(py, &format!("the tables are not for {family}")));
        };
        let simulator =
            simulate::routed(compiled.simulator(&part.ruleset, self::policy(py, policy)?), routes.as_ref());
        let mut ask = Ask::default();
        (ask.sequence, ask.ways, ask.misses) = how;
        simulate::ask(py, &simulator, &packets, ask)
    }

    /// What comes of expectations: packet, verdict, file and line.
    #[pyo3(signature = (expected, backend=None, version=None, policy=None, routes=None))]
    fn test(
        &self,
        py: Python<'_>,
        expected: Vec<Expected>,
        backend: Option<&str>,
        version: Option<&str>,
        policy: Option<&str>,
        routes: Option<PathBuf>,
    ) -> PyResult<TestReport> {
        let routes = simulate::routes(py, routes)?;
        let mut left = simulate::expectations(expected, routes.is_some())
            .map_err(|it| errors::ruleset(py, vec![*it]))?;
        let mut report = TestReport::empty();
        for family in Family::ALL {
            let (own, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|it| it.packet.family() == family);
            left = others;
            if own.is_empty() {
                continue;
            }
            let compiled = self.sound(py, Families::one(family), backend, version)?;
            if let Some(part) = compiled.parts.first() {
                let simulator = compiled.simulator(&part.ruleset, self::policy(py, policy)?);
                let simulator = simulate::routed(simulator, routes.as_ref());
                simulate::report(&simulator, own, &mut report);
            }
        }
        Ok(report)
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
        lock_file: Option<PathBuf>,
    ) -> PyResult<String> {
        let families = self.families(py, family)?;
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
            Ok(kernel.restore_families(&self.tables, self.findings.clone(), families, backend, options))
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
    /// Compiled for what is installed of a back end, with nothing that stands against applying it.
    pub(crate) fn applicable(
        &self,
        py: Python<'_>,
        family: Option<&str>,
        backend: Backend,
    ) -> PyResult<CompiledFamilies> {
        let families = self.families(py, family)?;
        let compiled = self.sound(py, families, Some(&backend.to_string()), None)?;
        match compiled.is_restorable() {
            true => Ok(compiled),
            false => Err(errors::ruleset(py, compiled.diagnostics)),
        }
    }

    /// Compiled for what is asked, without an error.
    pub(crate) fn sound_for(
        &self,
        py: Python<'_>,
        family: Option<&str>,
        backend: Option<&str>,
        version: Option<&str>,
    ) -> PyResult<CompiledFamilies> {
        self.sound(py, self.families(py, family)?, backend, version)
    }

    /// Compiled, without an error.
    fn sound(
        &self,
        py: Python<'_>,
        families: Families,
        backend: Option<&str>,
        version: Option<&str>,
    ) -> PyResult<CompiledFamilies> {
        let compiled = self.compile(py, families, backend, version)?;
        let found: Vec<_> = self.findings.iter().chain(&compiled.diagnostics).cloned().collect();
        match found.iter().any(|it| it.severity == diag::Severity::Error) {
            true => Err(errors::ruleset(py, found)),
            false => Ok(compiled),
        }
    }

    fn compile(
        &self,
        py: Python<'_>,
        families: Families,
        backend: Option<&str>,
        version: Option<&str>,
    ) -> PyResult<CompiledFamilies> {
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
            compile_families(&self.tables, families, Options::new(dialect, &SystemNames::new()))
        })
    }

    /// The families asked for, else those of the tables, else the one that the text tells, else IPv4: that is what PyPTables
    /// writes.
    fn families(&self, py: Python<'_>, asked: Option<&str>) -> PyResult<Families> {
        match asked {
            None => {
                let told = self.hint.map_or(Families::V4, Families::one);
                Ok(self.tables.families.unwrap_or(told))
            }
            Some(name) => name.parse().map_err(|error: String| wrong(py, &error)),
        }
    }

    fn one_family(&self, py: Python<'_>, asked: Option<&str>) -> PyResult<Families> {
        let families = self.families(py, asked)?;
        match families.only() {
            Some(_) => Ok(families),
            None => Err(wrong(
                py,
                "the tables are for both families, and this is one text: say family=4 or family=6",
            )),
        }
    }
}

pub(crate) fn backend(py: Python<'_>, name: &str) -> PyResult<Backend> {
    match name {
        "legacy" => Ok(Backend::Legacy),
        "nft" => Ok(Backend::Nft),
        _ => Err(wrong(py, &format!("the back end is legacy or nft, not `{name}`"))),
    }
}

pub(crate) fn policy(py: Python<'_>, name: Option<&str>) -> PyResult<Option<Policy>> {
    let find = |name: &str| {
        Policy::find(name.as_bytes())
            .ok_or_else(|| wrong(py, &format!("a policy is ACCEPT or DROP, not `{name}`")))
    };
    name.map(find).transpose()
}

pub(crate) fn wrong(py: Python<'_>, message: &str) -> PyErr {
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
