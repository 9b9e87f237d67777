//! `ptables fix`: rules that may go, and rules that one can say.

use std::path::{Path, PathBuf};

use clap::Args;
use ptables::analysis::{Given, Limits};
use ptables::diag::{Code, Diagnostic, Severity, remark};
use ptables::fix::{Fix, Options as Wanted, fix, patch};
use ptables::ipset;
use ptables::model::{Policy, Ruleset};
use ptables::origin::Origin;
use ptables_kernel::as_invoker;

use super::{Failure, Status, too_large};
use crate::cli::{self, Contents, Report, Script, Target};
use crate::input::Input;
use crate::output::{self, Findings, Format};
use crate::snapshot;
use crate::terminal::Ticker;

/// Remove rules that no packet meets or that make no difference, and join neighbours, where that changes no verdict
///
/// Of a file of rules a patch is printed; of a script, what to change in which line. What is proposed was proved: rules with and without
/// the changes were compared as `ptables diff` does. Exit status: 0, 1 if the rules have errors, 2 it cannot run.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// File of rules or script; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Change the file, instead of printing a patch
    #[arg(long, conflicts_with = "format")]
    write: bool,
    /// Only remove rules, join none
    #[arg(long)]
    no_join: bool,
    /// Also join eight or more neighbours that differ in an address to one rule that asks a set. The sets are written to this file, for
    /// `ipset restore` before the rules
    #[arg(long, value_name = "FILE", conflicts_with = "no_join")]
    sets: Option<PathBuf>,
    /// Output: for people, or JSON, one object
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// The policy of built-in chains for which the rules tell none
    #[arg(long, value_name = "ACCEPT|DROP", value_parser = cli::policy)]
    policy: Option<Policy>,
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

/// Neighbours that make a set.
const LEAST: usize = 8;

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let input = Input::read(&options.file, &options.script)?;
    let parsed = input.parse();
    let families = input.families(&options.target, &parsed.tables)?;
    let mut compiled = input.compiled(parsed, families, &options.target, false);
    let has_errors = compiled.diagnostics.iter().any(|it| it.severity == Severity::Error);
    let mut findings = Findings::new(&options.report);
    findings.add(std::mem::take(&mut compiled.diagnostics));
    snapshot::know(&mut compiled, &options.contents, false, &mut findings)?;
    let status = findings.report_to_stderr()?;
    if has_errors {
        eprintln!("ptables: nothing is changed: mend the errors first");
        return Ok(status);
    }
    let parts: Vec<&Ruleset> = compiled.parts.iter().map(|it| &it.ruleset).collect();
    let mut given = Given::default();
    (given.limits, given.policy) = (Limits::new(options.nodes), options.policy);
    let is_kept = |code: Code, origin: &Origin| {
        let found = Diagnostic::new(code, Severity::Note, "").at(origin.clone(), "");
        remark::is_silenced(&found, &|name, number| input.line(name, number))
    };
    let mut wanted = Wanted::default();
    (wanted.given, wanted.merge, wanted.is_kept) = (given, !options.no_join, &is_kept);
    wanted.sets = options.sets.as_ref().map(|_| LEAST);
    let ticker = Ticker::new("looking for rules that may go, and proving it");
    let found = fix(&parts, wanted).map_err(too_large)?;
    drop(ticker);
    tell(&found);
    let read = |source: &ptables::source::Source| {
        let input = input.with_text(source);
        let compiled = input.compiled(input.parse(), families, &options.target, false);
        compiled.parts.into_iter().map(|it| it.ruleset).collect()
    };
    let patch = if found.changes.is_empty() { None } else { patch(&input.source, &parts, &found, &read) };
    // Before the rules that ask them.
    if let Some(path) = options.sets.as_ref().filter(|_| found.sets().next().is_some()) {
        let text = ipset::print(found.sets()).map_err(|_| "a set cannot be written")?;
        as_invoker(|| std::fs::write(path, text))
            .and_then(|it| it)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if options.format == Format::Json {
        return output::product((found.json(&parts) + "\n").as_bytes());
    }
    match patch {
        Some(patch) if options.write => replace(&options.file, &patch.text),
        Some(patch) => output::product(&patch.unified),
        None if options.write && !found.changes.is_empty() => {
            Err("these rules were written by something else than lines of this file".into())
        }
        None => {
            let advice: String = found.changes.iter().map(|it| it.human(&parts)).collect();
            output::product(advice.as_bytes())
        }
    }
}

/// Says how much is changed and what could not be looked at, where the product does not go.
fn tell(found: &Fix) {
    for table in &found.skipped {
        eprintln!(
            "ptables: the table `{}` is too large to look at all packets",
            ptables::diag::escape::line(table)
        );
    }
    if found.unproved > 0 {
        eprintln!("ptables: {} more changes look right, but could not be proved", found.unproved);
    }
    eprintln!("ptables: {}", found.summary());
}

/// Writes the new text beside the file, with its rights, and puts it in its place: all of it or nothing.
fn replace(path: &Path, text: &[u8]) -> Result<Status, Failure> {
    let write = || -> std::io::Result<()> {
        // A link stays one.
        let path = std::fs::canonicalize(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let new = path.with_file_name(format!(".{name}.{}", std::process::id()));
        let rights = std::fs::metadata(&path)?;
        let written = (|| {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&new)?;
            std::io::Write::write_all(&mut file, text)?;
            file.set_permissions(rights.permissions())?;
            keep_owner(&new, &rights)?;
            file.sync_all()?;
            std::fs::rename(&new, &path)
        })();
        if written.is_err() {
            // It is not there, or of no use.
            let _ = std::fs::remove_file(&new);
        }
        written
    };
    let written = as_invoker(write).and_then(|it| it);
    written.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Status::Fine)
}

fn keep_owner(new: &Path, old: &std::fs::Metadata) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let own = std::fs::metadata(new)?;
    if (own.uid(), own.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    std::os::unix::fs::chown(new, Some(old.uid()), Some(old.gid()))
}
