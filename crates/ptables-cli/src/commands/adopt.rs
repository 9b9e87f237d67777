//! `ptables adopt`: live rules become ours.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, Status};
use crate::applying::{Where, wanted};
use crate::cli::{Report, Script, Target};
use crate::output::Findings;

/// Take live rules as ours that equal those of a configuration, without a change: before the first `apply` over rules that are there
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Files of rules, or scripts
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let backend = options.place.backend(options.target.backend)?;
    let target = Target { backend: Some(backend), ..options.target.clone() };
    let mut findings = Findings::new(&options.report);
    let wanted = wanted(&options.files, &options.script, &target, &mut findings)?;
    findings.report_to_stderr()?;
    let Some(wanted) = wanted else { return Ok(Status::Errors) };
    let missing = options.place.applier(backend)?.adopt(&wanted)?;
    let all: usize = wanted.states.iter().map(|it| it.count().0).sum();
    println!("{} of {all} rules are live, and ours now", all - missing);
    Ok(Status::Fine)
}
