//! What would happen to a packet, as objects of Python.

use std::path::PathBuf;

use ptables::diag::{Diagnostic, Severity};
use ptables::expect::{self, Expectation};
use ptables::origin::{Frame, Origin};
use ptables::packet::Packet;
use ptables::routes::Routes;
use ptables::simulate::{Ask, At, Simulator, Step as CoreStep, Trace};
use ptables::source::{Source, Text};
use ptables_kernel::Kernel;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;

use crate::errors;

/// What happens to a packet.
#[pyclass(frozen, get_all, module = "pyptables")]
pub struct Simulation {
    /// `ACCEPT`, `DROP`, `REJECT` or `UNKNOWN`.
    verdict: &'static str,
    /// Rules and ends of chains in the order in which the packet met them.
    path: Vec<Py<Step>>,
    /// The packet as it leaves, or as it was when it was dropped.
    packet: String,
    /// What was not decided, each reason once.
    unknown: Vec<String>,
    text: String,
}

/// One step of a packet's way.
#[pyclass(frozen, get_all, module = "pyptables")]
pub struct Step {
    /// Name of the table.
    table: String,
    /// Name of the chain.
    chain: String,
    /// Number of the rule in its chain, from 1; None for the end of a chain.
    rule: Option<usize>,
    /// `match`, `maybe`, `miss`, `return`, `policy` or `torn`.
    kind: &'static str,
    /// The rule as iptables-save prints it.
    text: String,
    /// Why: one sentence a condition.
    why: Vec<String>,
    /// File that made the rule, if known.
    filename: Option<String>,
    /// Line, from 1, if known.
    lineno: Option<u32>,
    /// Function, if known.
    function: Option<String>,
}

#[pymethods]
impl Simulation {
    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<Simulation: {} {}>", self.verdict, self.packet)
    }
}

#[pymethods]
impl Step {
    fn __repr__(&self) -> String {
        format!("<Step: {} {} {}>", self.kind, self.table, self.text)
    }
}

/// What came of expectations.
#[pyclass(frozen, get_all, module = "pyptables")]
pub struct TestReport {
    /// How many there were.
    count: usize,
    /// Those that do not hold, each as text: where it stands, what was expected, and the packet's way.
    failures: Vec<String>,
    /// Rules that no packet met, each as text with its line.
    never_met: Vec<String>,
    /// How many rules there are.
    rules: usize,
}

#[pymethods]
impl TestReport {
    fn __bool__(&self) -> bool {
        self.failures.is_empty()
    }

    fn __str__(&self) -> String {
        let met = self.rules - self.never_met.len();
        let mut text: String = self.failures.iter().map(|it| format!("FAILED: {it}\n")).collect();
        text.push_str(&format!("{met} of {} rules were met\n", self.rules));
        self.never_met.iter().for_each(|it| text.push_str(&format!("    never met: {it}\n")));
        text.push_str(&format!("{} expectations, {} failed\n", self.count, self.failures.len()));
        text
    }

    fn __repr__(&self) -> String {
        format!("<TestReport: {} expectations, {} failed>", self.count, self.failures.len())
    }
}

/// A packet of a text; with routes they say what the text leaves out of its way.
pub fn packet(text: &str, routed: bool) -> Result<Packet, Box<Diagnostic>> {
    let text = Text::from(text);
    if routed { Packet::parse_routed(&text) } else { Packet::parse(&text) }
}

/// Where packets go: a file with what `ip rule`, `ip route show table all` and `ip addr` print, or `live` for this machine.
pub fn routes(py: Python<'_>, told: Option<PathBuf>) -> PyResult<Option<Routes>> {
    let Some(path) = told else { return Ok(None) };
    let name = path.display().to_string();
    let text = if name == "live" {
        let unavailable = |error: ptables_kernel::Error| {
            errors::make(py, "UnavailableError", &error.to_string(), Vec::new())
        };
        Kernel::new().save_routes().map_err(unavailable)?
    } else {
        std::fs::read(&path)?
    };
    let source = Source::new(&name, text).map_err(|error| PyOverflowError::new_err(error.to_string()))?;
    let (routes, found) = Routes::parse(&source);
    match found.iter().any(|it| it.severity == Severity::Error) {
        true => Err(errors::ruleset(py, found)),
        false => Ok(Some(routes)),
    }
}

/// The same simulator, which knows where packets go.
pub fn routed<'a>(simulator: Simulator<'a>, routes: Option<&Routes>) -> Simulator<'a> {
    match routes {
        Some(routes) => simulator.with_routes(routes.clone()),
        None => simulator,
    }
}

/// Asks for packets: each has its way, or all of its ways.
pub fn ask(
    py: Python<'_>,
    simulator: &Simulator<'_>,
    packets: &[Packet],
    how: Ask,
) -> PyResult<Vec<Vec<Simulation>>> {
    let ways = |all: &Vec<Trace>| all.iter().map(|it| simulation(py, simulator, it)).collect();
    simulator.ask(packets, how).iter().map(ways).collect()
}

fn simulation(py: Python<'_>, simulator: &Simulator<'_>, trace: &Trace) -> PyResult<Simulation> {
    Ok(Simulation {
        verdict: trace.verdict.name(),
        path: trace.path.iter().map(|it| Py::new(py, step(simulator, it))).collect::<PyResult<_>>()?,
        packet: trace.packet.to_string(),
        unknown: trace.unknown.clone(),
        text: simulator.human(trace),
    })
}

fn step(simulator: &Simulator<'_>, step: &CoreStep) -> Step {
    let standing = simulator.standing(step);
    let place = standing.as_ref().and_then(|it| it.origin().place());
    Step {
        table: standing.map(|it| it.table.name.to_lossy()).unwrap_or_default(),
        chain: standing.map(|it| it.chain.name.to_lossy()).unwrap_or_default(),
        rule: step.at.rule.map(|it| it + 1),
        kind: step.kind.as_str(),
        text: simulator.rule_text(step.at),
        why: step.why.clone(),
        filename: place.map(|it| it.file.to_owned()),
        lineno: place.map(|it| it.line),
        function: place.and_then(|it| it.function.map(str::to_owned)),
    }
}

/// What is expected, as Python tells it: packet, verdict, file and line.
pub type Expected = (String, String, String, u32);

/// The expectations of a script.
pub fn expectations(told: Vec<Expected>, routed: bool) -> Result<Vec<Expectation>, Box<Diagnostic>> {
    told.into_iter()
        .map(|(packet, verdict, file, line)| {
            let it = Expectation::new(&verdict, &packet, Origin::from(Frame::new(file, line, None)))?;
            if routed { it.routed() } else { Ok(it) }
        })
        .collect()
}

/// Asks for all of them.
pub fn report(simulator: &Simulator<'_>, expectations: Vec<Expectation>, report: &mut TestReport) {
    let results = expect::run(simulator, expectations);
    let place = |origin: &Origin| origin.place().map(|it| format!("  ({it})")).unwrap_or_default();
    report.count += results.outcomes.len();
    for it in results.outcomes.iter().filter(|it| !it.holds()) {
        let title = it.expectation.at.to_lossy();
        let way = simulator.human(&it.trace);
        report.failures.push(format!("{title}{}\n{way}", place(&it.expectation.origin)));
    }
    let unmet = |at: At| {
        let it = simulator.place(at)?;
        Some(format!("{}: {}{}", it.table.name.to_lossy(), simulator.rule_text(at), place(it.origin())))
    };
    report.never_met.extend(expect::never_met(simulator, &results).into_iter().filter_map(unmet));
    report.rules += simulator.ruleset().rules().count();
}

impl TestReport {
    /// Nothing asked yet.
    pub fn empty() -> TestReport {
        TestReport { count: 0, failures: Vec::new(), never_met: Vec::new(), rules: 0 }
    }
}
