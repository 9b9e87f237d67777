//! `ptables diff`: are these the same firewall?

use std::path::PathBuf;

use clap::Args;
use ptables::analysis::{Comparison, Given, Limits, compare};
use ptables::compile::CompiledFamilies;
use ptables::dialect::Family;
use ptables::model::{Policy, Ruleset};

use super::{Failure, Status, too_large};
use crate::cli::{self, Contents, Report, Script, Target};
use crate::input::Input;
use crate::output::{self, Findings, Format};
use crate::snapshot;
use crate::terminal::Ticker;

/// Say whether two rulesets are the same firewall, and which packets get another verdict
///
/// Exit status: 0 the same, 1 they differ or nobody can tell, 2 it cannot run.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// File of rules or script; `-` is standard input, `live` the rules of the kernel
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The same, to compare with
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Output: for people, or JSON, one object a family
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// The policy of built-in chains for which the rules tell none
    #[arg(long, value_name = "ACCEPT|DROP", value_parser = cli::policy)]
    policy: Option<Policy>,
    /// The most differences that are told for each path and kind of change
    #[arg(long, value_name = "COUNT", default_value_t = 40)]
    most: usize,
    /// Nodes that the sets of packets may take, at some 20 bytes
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

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let mut findings = Findings::new(&options.report);
    let mut sides = Vec::new();
    for path in [&options.old, &options.new] {
        let input = Input::read_or_live(path, &options.target, &options.script)?;
        let mut compiled = input.compile_families(&options.target, false)?;
        findings.add(std::mem::take(&mut compiled.diagnostics));
        snapshot::know(&mut compiled, &options.contents, input.is_live(), &mut findings)?;
        sides.push(compiled);
    }
    findings.report_to_stderr()?;
    let [old, new] = sides.as_slice() else { return Err("two rulesets are compared".into()) };
    let mut same = true;
    let mut text = String::new();
    for family in Family::ALL {
        let (old_rules, new_rules) = match (of(old, family), of(new, family)) {
            (None, None) => continue,
            (Some(old), Some(new)) => (old, new),
            _ => return Err(format!("only one of them has rules for {family}: say `-4` or `-6`").into()),
        };
        let mut given = Given::default();
        (given.limits, given.policy, given.most) = (Limits::new(options.nodes), options.policy, options.most);
        let ticker = Ticker::new("comparing all packets");
        let found = compare(old_rules, new_rules, given).map_err(too_large)?;
        drop(ticker);
        same &= found.is_same();
        match options.format {
            Format::Json => text.push_str(&(found.json(old_rules, new_rules) + "\n")),
            Format::Human => text.push_str(&human(&found, family, old_rules, new_rules)),
        }
    }
    output::product(text.as_bytes())?;
    Ok(if same { Status::Fine } else { Status::Errors })
}

fn of(compiled: &CompiledFamilies, family: Family) -> Option<&Ruleset> {
    compiled.parts.iter().map(|it| &it.ruleset).find(|it| it.context.family == family)
}

fn human(found: &Comparison, family: Family, old: &Ruleset, new: &Ruleset) -> String {
    if found.is_same() {
        return format!("{family}: the same: every packet gets the same verdict\n");
    }
    let certain = !found.differences.is_empty();
    let head = if certain { "they differ" } else { "nobody can tell whether they are the same" };
    format!("{family}: {head}\n{}", found.human(old, new))
}
