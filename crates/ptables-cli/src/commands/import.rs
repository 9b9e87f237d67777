//! `ptables import`: rules that exist, as a script.

use std::path::{Path, PathBuf};

use clap::Args;
use ptables::dialect::Family;
use ptables_kernel::SystemNames;
use ptables_starlark::import;

use super::{Failure, Status};
use crate::cli::{Report, Script, Target};
use crate::input::Input;
use crate::output::{self, Findings};

/// Write rules that exist as a script
///
/// Reads rules as iptables-save writes them and prints a script in Starlark, which python3 runs too. With a second file, of IPv6,
/// the script is for both families and says once what they have in common. It is run, and its rules are compared with those that
/// were read, before it is printed.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rules as iptables-save writes them; `-` is standard input, `live` the rules of the kernel (both families, unless one is
    /// asked for)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Rules of IPv6, as ip6tables-save writes them; the first file is then IPv4
    #[arg(value_name = "FILE6")]
    second: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let live = options.file == Path::new("live");
    let second =
        options.second.as_deref().or((live && options.target.family().is_none()).then_some(&*options.file));
    let of = |family| Target {
        v4: family == Family::V4,
        v6: family == Family::V6,
        families: None,
        ..options.target.clone()
    };
    let sources = match second {
        Some(_) if options.target.family().is_some() => {
            return Err("two files are for both families: leave out `-4`, `-6` and `--family`".into());
        }
        Some(second) => vec![(&*options.file, of(Family::V4)), (second, of(Family::V6))],
        None => vec![(&*options.file, options.target.clone())],
    };
    let mut findings = Findings::new(&options.report);
    let (mut rulesets, mut names) = (Vec::new(), Vec::new());
    for (path, target) in &sources {
        let input = Input::read_or_live(path, target, &Script::default())?;
        let compiled = input.compile_families(target, false)?;
        findings.add(compiled.diagnostics);
        rulesets.extend(compiled.parts.into_iter().map(|it| it.ruleset));
        if !names.contains(&input.name().to_owned()) {
            names.push(input.name().to_owned());
        }
    }
    let imported = import(&rulesets.iter().collect::<Vec<_>>(), &names.join(" and "), &SystemNames::new())?;
    findings.add(imported.diagnostics);
    output::product(imported.script.as_bytes())?;
    findings.report_to_stderr()
}
