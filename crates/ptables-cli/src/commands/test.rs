//! `ptables test`: do the rules what their tests expect?

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ptables::diag::escape;
use ptables::dialect::Family;
use ptables::expect::{self, Expectation, Outcome, Report as Results};
use ptables::simulate::{At, Simulator};

use super::{Failure, Status};
use crate::cli::{Assumed, Report, Script, Target};
use crate::input::Input;
use crate::output::Findings;
use crate::snapshot;

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

/// What came of one file.
struct Suite {
    name: String,
    outcomes: Vec<(Outcome, String)>,
    /// Rules that no packet met, and how many rules there are.
    unmet: Vec<String>,
    rules: usize,
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
    let fails = suites.iter().flat_map(|it| &it.outcomes).any(|(it, _)| !it.holds());
    Ok(if fails { Status::Errors } else { status })
}

fn suite(options: &Options, file: &Path, findings: &mut Findings<'_>) -> Result<Suite, Failure> {
    let mut suite =
        Suite { name: file.display().to_string(), outcomes: Vec::new(), unmet: Vec::new(), rules: 0 };
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
    let simulator =
        snapshot::simulator(&compiled.ruleset, sets, &options.assumed, input.is_live(), findings)?;
    suite.ask(&simulator, expectations);
    Ok(())
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
        let sets = compiled.sets.clone();
        let simulator = snapshot::simulator(&part.ruleset, sets, &options.assumed, false, findings)?;
        suite.ask(&simulator, own);
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

impl Suite {
    fn ask(&mut self, simulator: &Simulator<'_>, expectations: Vec<Expectation>) {
        let results = expect::run(simulator, expectations);
        self.unmet.extend(unmet(simulator, &results));
        self.rules += simulator.ruleset().rules().count();
        let outcomes = results.outcomes.into_iter().map(|it| {
            let text = simulator.human(&it.trace);
            (it, text)
        });
        self.outcomes.extend(outcomes);
    }
}

fn unmet(simulator: &Simulator<'_>, results: &Results) -> Vec<String> {
    let line = |at: At| {
        let it = simulator.place(at)?;
        let place = it.origin().place().map(|place| format!("  ({place})")).unwrap_or_default();
        Some(format!("{}: {}{place}", it.table.name.to_lossy(), simulator.rule_text(at)))
    };
    expect::never_met(simulator, results).into_iter().filter_map(line).collect()
}

fn title(expectation: &Expectation) -> String {
    escape::line(&expectation.at.to_lossy()).to_string()
}

/// Its line, if it stands in one.
fn line(expectation: &Expectation) -> u32 {
    expectation.origin.place().map_or(0, |place| place.line)
}

fn human(suites: &[Suite]) {
    let (mut all, mut failed) = (0, 0);
    for suite in suites {
        for (outcome, trace) in &suite.outcomes {
            all += 1;
            if !outcome.holds() {
                failed += 1;
                let line = line(&outcome.expectation);
                println!("{}:{line}: FAILED: {}", escape::line(&suite.name), title(&outcome.expectation));
                trace.lines().for_each(|line| println!("    {line}"));
            }
        }
        let met = suite.rules - suite.unmet.len();
        println!("{}: {met} of {} rules were met", escape::line(&suite.name), suite.rules);
        for rule in &suite.unmet {
            println!("    never met: {}", escape::line(rule));
        }
    }
    println!("{all} expectations, {failed} failed");
}

fn tap(suites: &[Suite]) {
    let outcomes = || suites.iter().flat_map(|it| &it.outcomes);
    println!("TAP version 13\n1..{}", outcomes().count());
    for (number, (outcome, trace)) in outcomes().enumerate() {
        let not = if outcome.holds() { "" } else { "not " };
        // A `#` would begin a directive.
        println!("{not}ok {} - {}", number + 1, title(&outcome.expectation).replace('#', "\\#"));
        if !outcome.holds() {
            println!("  ---\n  way: |");
            trace.lines().for_each(|line| println!("    {line}"));
            println!("  ...");
        }
    }
}

fn xml(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

fn junit(suites: &[Suite]) {
    println!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>");
    for suite in suites {
        let failures = suite.outcomes.iter().filter(|(it, _)| !it.holds()).count();
        let name = xml(&suite.name);
        println!("  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\">", suite.outcomes.len());
        for (outcome, trace) in &suite.outcomes {
            let line = line(&outcome.expectation);
            let case = format!(
                "name=\"{}\" classname=\"{name}\" file=\"{name}\" line=\"{line}\"",
                xml(&title(&outcome.expectation))
            );
            if outcome.holds() {
                println!("    <testcase {case}/>");
            } else {
                let message =
                    format!("expected {}, is {}", outcome.expectation.wanted.as_str(), outcome.trace.verdict);
                println!(
                    "    <testcase {case}><failure message=\"{}\">{}</failure></testcase>",
                    xml(&message),
                    xml(trace)
                );
            }
        }
        println!("  </testsuite>");
    }
    println!("</testsuites>");
}
