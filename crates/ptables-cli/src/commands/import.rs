//! `ptables import`: rules that exist, as a script.

use clap::Args;
use ptables_kernel::SystemNames;
use ptables_starlark::import;

use super::{Failure, Status};
use crate::cli::{File, Report, Target};
use crate::input::Input;
use crate::output::{self, Findings};

/// Write rules that exist as a script
///
/// Reads rules as iptables-save writes them (or `live`: those of the kernel) and prints a script in Starlark, which python3 runs
/// too. The script is run and its rules are compared with what was read before it is printed.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let input = Input::read_or_live(&options.file.file, &options.target)?;
    let compiled = input.compile(&options.target, false)?;
    let mut findings = Findings::new(&options.report);
    let imported = import(&compiled.ruleset, input.name(), &SystemNames::new())?;
    findings.add(compiled.diagnostics);
    findings.add(imported.diagnostics);
    output::product(imported.script.as_bytes())?;
    findings.report_to_stderr()
}
