//! `ptables check`: what iptables would refuse or change.

use std::path::PathBuf;

use clap::Args;
use ptables::compile::{CompiledFamilies, RestoreText};
use ptables_kernel::Kernel;
use ptables_kernel::apply::ApplyError;

use super::{Failure, Status};
use crate::cli::{Report, Script, Target};
use crate::input::Input;
use crate::output::{Findings, Format};

/// Find what iptables would refuse, or take for something else than was written
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Files of rules, as iptables-save or ptables writes them; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Output: for people, or JSON, one object a line
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Also load the rules into a network namespace of their own, with this machine's iptables; if that cannot be, exit with 2
    #[arg(long)]
    preflight: bool,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let mut findings = Findings::new(&options.report);
    for file in &options.files {
        let input = Input::read(file, &options.script)?;
        let compiled = input.compile_families(&options.target, false)?;
        if options.preflight && compiled.is_restorable() {
            preflight(&compiled, &mut findings)?;
        }
        findings.add(compiled.diagnostics);
        // As with the program that it was made from: the process ends soon.
        std::mem::forget(compiled.parts);
    }
    findings.report_to_stdout(options.format)
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
