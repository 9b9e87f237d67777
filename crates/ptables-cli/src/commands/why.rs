//! `ptables why`: which rule wrote this line of the kernel's log?

use std::path::PathBuf;

use clap::Args;
use ptables::diag::escape;
use ptables::simulate::{self, Simulator};
use ptables::why::{self, Writer};

use super::{Failure, Status};
use crate::cli::{Script, Target};
use crate::input::Input;

/// Name the rule and the source line behind a line that LOG, NFLOG or TRACE wrote
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The line, as the kernel's log has it
    #[arg(value_name = "LOG LINE")]
    line: String,
    /// File of rules; `-` is standard input, `live` the rules of the kernel
    #[arg(long, value_name = "FILE", default_value = "live")]
    rules: PathBuf,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let line = why::parse(&options.line)
        .ok_or("this is no line of LOG, NFLOG or TRACE: `IN=… OUT=… SRC=… DST=…` is missing")?;
    let mut target = options.target.clone();
    if target.family().is_none() {
        target.family = Some(line.family);
    }
    let compiled = Input::read_or_live(&options.rules, &target, &options.script)?.compile(&target, false)?;
    let simulator = Simulator::new(&compiled.ruleset, simulate::Options::default());
    let found = why::writers(&simulator, &line);
    let shown = |text: &str| println!("{}", escape::line(text));
    for writer in &found {
        let Writer { at, sure, .. } = writer;
        let Some(it) = simulator.place(*at) else { continue };
        let place = it.origin().place().map(|place| format!("  ({place})")).unwrap_or_default();
        let what = match at.rule {
            Some(number) => format!("rule {}: {}", number + 1, simulator.rule_text(*at)),
            None => format!("the end of {}", it.chain.name.to_lossy()),
        };
        let doubt = if *sure { "" } else { "perhaps " };
        shown(&format!("{doubt}{}, {what}{place}", it.table.name.to_lossy()));
    }
    if found.is_empty() {
        shown("no rule of these wrote the line");
        return Ok(Status::Errors);
    }
    Ok(Status::Fine)
}
