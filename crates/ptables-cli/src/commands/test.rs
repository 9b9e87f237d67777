//! `ptables test`: do the rules what their tests expect?

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ptables::dialect::Family;
use ptables::expect::{self, Expectation};

use super::{Failure, Status};
use crate::cli::{Assumed, Report, Script, Target};
use crate::input::Input;
use crate::output::Findings;
use crate::snapshot;
use crate::suite::{Came, Suite, human, junit, tap, title};

/// Ask rules what they do with the packets of a file of expectations, and which rules none of them meets
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Files of expectations: a verdict and a packet a line. Each stands beside its rules: `web.v4.test` beside `web.v4`, `web.test`
    /// beside `web.star`. Or scripts that call `expect(PACKET, VERDICT)`
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// File of rules, for all files of expectations
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    rules: Option<PathBuf>,
    /// Ask the rules that the kernel holds now
    #[arg(long)]
    live: bool,
    /// Have the kernel decide: load the rules in a scratch network namespace and send the packets through them, as root. What cannot
    /// be sent there is `not run`, and then the exit status is 2 unless an expectation fails
    #[arg(long)]
    kernel: bool,
    /// Output: for people, TAP, or JUnit XML
    #[arg(long, value_enum, default_value = "human")]
    format: FormatOption,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    assumed: Assumed,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatOption {
    /// For people, with the rules that no packet met
    Human,
    /// Test Anything Protocol
    Tap,
    /// JUnit XML
    Junit,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let mut findings = Findings::new(&options.report);
    let mut suites = Vec::new();
    for file in &options.files {
        suites.push(suite(options, file, &mut findings)?);
    }
    let status = findings.report_to_stderr()?;
    match options.format {
        FormatOption::Human => human(&suites),
        FormatOption::Tap => tap(&suites),
        FormatOption::Junit => junit(&suites),
    }
    let count = |wanted: fn(&Came) -> bool| {
        suites.iter().flat_map(|it| &it.rows).filter(|it| wanted(&it.came)).count()
    };
    match count(|it| matches!(it, Came::NotRun(_))) {
        _ if count(|it| matches!(it, Came::Fails(_))) > 0 => Ok(Status::Errors),
        0 => Ok(status),
        left => Err(format!("{left} expectations were not run: the kernel was not asked about them").into()),
    }
}

fn suite(options: &Options, file: &Path, findings: &mut Findings<'_>) -> Result<Suite, Failure> {
    let mut suite = Suite::new(file);
    if options.rules.is_none() && !options.live && file.extension().is_some_and(|it| it == "star") {
        script(options, file, findings, &mut suite)?;
        return Ok(suite);
    }
    let tests = Input::read(file, &Script::default())?;
    let (expectations, faults) = match options.assumed.routes {
        Some(_) => expect::parse_routed(&tests.source),
        None => expect::parse(&tests.source),
    };
    findings.add(faults);
    let rules = match (&options.rules, options.live) {
        (Some(rules), _) => rules.clone(),
        (None, true) => PathBuf::from("live"),
        (None, false) if file.extension().is_some_and(|it| it == "test") => beside(file),
        (None, false) => {
            return Err(format!(
                "{}: whose expectations are these? `--rules FILE`, or name it RULES.test",
                file.display()
            )
            .into());
        }
    };
    let (v4, v6): (Vec<Expectation>, Vec<Expectation>) =
        expectations.into_iter().partition(|it| it.packet.family() == Family::V4);
    for (family, expectations) in [(Family::V4, v4), (Family::V6, v6)] {
        // Rules that nobody asks are not read, save in a file of no expectations at all.
        if !expectations.is_empty() {
            ask(options, &rules, family, expectations, &mut suite, findings)?;
        }
    }
    Ok(suite)
}

/// The rules beside `web.v4.test`: `web.v4`, or the script `web.v4.star`.
fn beside(file: &Path) -> PathBuf {
    let rules = file.with_extension("");
    let script = file.with_extension("star");
    if !rules.exists() && script.exists() { script } else { rules }
}

/// Asks the rules of one family.
fn ask(
    options: &Options,
    rules: &Path,
    family: Family,
    expectations: Vec<Expectation>,
    suite: &mut Suite,
    findings: &mut Findings<'_>,
) -> Result<(), Failure> {
    let mut target = options.target.clone();
    if target.families().is_some_and(|it| !it.has(family)) {
        return Err(format!("{}: it has packets of {family}, which was not asked for", suite.name).into());
    }
    target.choose(family);
    let input = Input::read_or_live(rules, &target, &options.script)?;
    let (compiled, sets) = input.compile_with_sets(&target, false)?;
    findings.add(compiled.diagnostics);
    let sets = snapshot::sets(sets, &options.assumed, input.is_live(), findings)?;
    let simulator = snapshot::simulator(&compiled.ruleset, sets.as_ref(), &options.assumed, findings)?;
    suite.ask(&simulator, expectations, sets, options.kernel)
}

/// A script, with what it expects itself: each packet is asked of the rules of its family.
fn script(
    options: &Options,
    file: &Path,
    findings: &mut Findings<'_>,
    suite: &mut Suite,
) -> Result<(), Failure> {
    let input = Input::read(file, &options.script)?;
    let (parsed, mut expectations) = input.parse_with_expectations();
    if options.assumed.routes.is_some() {
        expectations = routed(expectations, findings);
    }
    let families = input.families(&options.target, &parsed.tables)?;
    let compiled = input.compiled(parsed, families, &options.target, false);
    findings.add(compiled.diagnostics);
    for part in &compiled.parts {
        let (own, others) =
            expectations.into_iter().partition(|it| it.packet.family() == part.ruleset.context.family);
        expectations = others;
        let sets = snapshot::sets(compiled.sets.clone(), &options.assumed, false, findings)?;
        let simulator = snapshot::simulator(&part.ruleset, sets.as_ref(), &options.assumed, findings)?;
        suite.ask(&simulator, own, sets, options.kernel)?;
    }
    match expectations.first() {
        None => Ok(()),
        Some(it) => {
            let family = it.packet.family();
            Err(format!("{}: the rules are not for {family}: `{}`", file.display(), title(it)).into())
        }
    }
}

/// What a script expects, with the ways of its packets left to routes.
fn routed(expectations: Vec<Expectation>, findings: &mut Findings<'_>) -> Vec<Expectation> {
    let mut found = Vec::new();
    for it in expectations {
        match it.routed() {
            Ok(it) => found.push(it),
            Err(error) => findings.add([*error]),
        }
    }
    found
}
