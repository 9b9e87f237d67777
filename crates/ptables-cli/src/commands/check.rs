//! `ptables check`: what iptables would refuse or change.

use std::path::PathBuf;

use clap::Args;

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
        findings.add(compiled.diagnostics);
        // As with the program that it was made from: the process ends soon.
        std::mem::forget(compiled.parts);
    }
    findings.report_to_stdout(options.format)
}
