//! `ptables check`: what iptables would refuse or change.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ptables::analysis::Limits;
use ptables::check::{not_analysed, unlike};
use ptables::compile::{CompiledFamilies, RestoreText};
use ptables::diag::Diagnostic;
use ptables::diag::remark::is_silenced;
use ptables::dialect::Family;
use ptables::model::Ruleset;
use ptables_kernel::Kernel;
use ptables_kernel::apply::ApplyError;

use super::{Failure, Status};
use crate::cli::{Contents, Report, Script, Target};
use crate::input::Input;
use crate::output::{Findings, Format};
use crate::snapshot;
use crate::terminal::Ticker;

/// Find what iptables would refuse, or take for something else than was written
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Files of rules, as iptables-save or ptables writes them; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Output
    #[arg(long, value_enum, default_value = "human")]
    format: Shape,
    /// Also load the rules into a network namespace of their own, with this machine's iptables; if that cannot be, exit with 2
    #[arg(long)]
    preflight: bool,
    /// Look at all packets, for rules that none meets: `auto` does so up to 20,000 rules
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    analysis: When,
    /// Nodes that the sets of packets of one table may take, at some 20 bytes
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().nodes)]
    nodes: usize,
    #[command(flatten)]
    contents: Contents,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// For people
    Human,
    /// JSON, one object a line
    Json,
    /// One log of SARIF 2.1.0
    Sarif,
}

/// When all packets are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// If there are not too many rules
    Auto,
    /// Always
    Yes,
    /// Never
    No,
}

/// The most rules that are analysed without being asked to.
pub(crate) const AUTO: usize = 20_000;

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let mut findings = Findings::new(&options.report);
    let mut inputs = Vec::new();
    let mut rulesets = Vec::new();
    for file in &options.files {
        let input = Input::read(file, &options.script)?;
        let mut compiled = input.compile_families(&options.target, false)?;
        snapshot::know(&mut compiled, &options.contents, false, &mut findings)?;
        if options.preflight && compiled.is_restorable() {
            preflight(&compiled, &mut findings)?;
        }
        let ticker = Ticker::new("looking at all packets");
        let more = options.analyse(&compiled, &ticker);
        drop(ticker);
        let found = more.into_iter().chain(compiled.diagnostics);
        findings.add(found.filter(|it| !is_silenced(it, &|name, number| input.line(name, number))));
        rulesets.extend(compiled.parts.into_iter().map(|it| it.ruleset));
        inputs.push(input);
    }
    // Those of one file were compared.
    if let ([one, other], [_, _]) = (rulesets.as_slice(), inputs.as_slice()) {
        let line = |name: &str, number: u32| inputs.iter().find_map(|it| it.line(name, number));
        findings.add(options.compare(one, other).into_iter().filter(|it| !is_silenced(it, &line)));
    }
    // As with the program that they were made from: the process ends soon.
    std::mem::forget(rulesets);
    match options.format {
        Shape::Human => findings.report_to_stdout(Format::Human),
        Shape::Json => findings.report_to_stdout(Format::Json),
        Shape::Sarif => findings.sarif_to_stdout(),
    }
}

/// What this machine's tools and kernel refuse.
fn preflight(compiled: &CompiledFamilies, findings: &mut Findings<'_>) -> Result<(), Failure> {
    let rulesets = compiled.parts.iter().map(|it| &it.ruleset);
    let texts: Vec<_> = rulesets.map(|it| (it.context.family, RestoreText::of_ruleset(it))).collect();
    let Some(backend) = compiled.parts.first().map(|it| it.ruleset.context.dialect.backend) else {
        return Ok(());
    };
    match Kernel::new().preflight(&texts, &compiled.sets, backend) {
        Err(ApplyError::Refused(found)) => findings.add(found),
        ended => ended?,
    }
    Ok(())
}

impl Options {
    /// What one family lets through and the other does not, if these are rules for IPv4 and for IPv6.
    fn compare(&self, one: &Ruleset, other: &Ruleset) -> Vec<Diagnostic> {
        let (v4, v6) = match (one.context.family, other.context.family) {
            (Family::V4, Family::V6) => (one, other),
            (Family::V6, Family::V4) => (other, one),
            _ => return Vec::new(),
        };
        let count = v4.rules().count() + v6.rules().count();
        match self.analysis {
            When::No => Vec::new(),
            When::Auto if count > AUTO => Vec::new(),
            When::Auto | When::Yes => unlike(v4, v6, Limits::new(self.nodes)),
        }
    }

    fn analyse(&self, compiled: &CompiledFamilies, ticker: &Ticker) -> Vec<Diagnostic> {
        let count = compiled.parts.iter().map(|it| it.ruleset.rules().count()).max().unwrap_or(0);
        match self.analysis {
            When::No => Vec::new(),
            When::Auto if count > AUTO => {
                let message = format!("{count} rules are too many to look at all packets");
                vec![not_analysed(message).help("`--analysis yes` does it all the same")]
            }
            When::Auto | When::Yes => {
                let limits = Limits::new(self.nodes);
                compiled.analyse_watched(limits, &mut |it| ticker.is_at(it.thousandths()))
            }
        }
    }
}
