//! `ptables render`: prints a configuration.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ptables::diag::{Diagnostic, Severity, codes};
use ptables::dialect::Family;
use ptables::program::{Families, Tables};
use ptables::{ipset, lower, text};
use ptables_kernel::SystemNames;

use super::{Failure, Status};
use crate::cli::{File, Report, Script, Target};
use crate::input::Input;
use crate::output::{self, Findings};
use crate::terminal;

/// Print a configuration as text for iptables-restore
///
/// `annotated` is the layout of PyPTables: rules as they were written, with the line that wrote each above it. `save` is what
/// iptables-save would print once the rules are loaded.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    file: File,
    /// Layout
    #[arg(long, value_enum, default_value = "annotated")]
    style: Style,
    /// Print the counters of rules, as `iptables-save -c` (style `save`)
    #[arg(short, long)]
    counters: bool,
    /// Write `rules.v4`, `rules.v6` and, if sets are declared, `ipsets` into this folder
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Print the sets that are declared, as text for `ipset restore`, instead of the rules
    #[arg(long, conflicts_with = "output")]
    ipsets: bool,
    /// Number the lines
    #[arg(long)]
    line_numbers: bool,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Style {
    /// As written, with origins
    Annotated,
    /// As iptables-save prints it
    Save,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let input = Input::read(&options.file.file, &options.script)?;
    let mut findings = Findings::new(&options.report);
    let rendered = render(options, &input, &mut findings)?;
    if let Some(folder) = &options.output {
        // Files that hold a part of the rules would be taken for all of them.
        if findings.status() == Status::Fine {
            rendered.write(folder)?;
        }
        return findings.report_to_stderr();
    }
    let out = if options.ipsets {
        rendered.sets.unwrap_or_default()
    } else {
        // A reader who sees no IPv6 must know that there is some.
        if rendered.texts.len() > 1 {
            let message =
                "these are the rules of IPv4; `-6` prints those of IPv6, `--output FOLDER` writes both";
            findings.add([Diagnostic::new(codes::FAMILY_PRINTED, Severity::Note, message)]);
        }
        rendered.texts.into_iter().next().map(|it| it.1).unwrap_or_default()
    };
    let stdout = std::io::stdout();
    let color = terminal::use_color(options.report.color, &stdout);
    // On a terminal, bytes of rules must not steer it; a pipe gets them as they are.
    let out = if stdout.is_terminal() || color || options.line_numbers {
        terminal::show(&out, color, options.line_numbers)
    } else {
        out
    };
    output::product(&out)?;
    findings.report_to_stderr()
}

/// What a configuration is as text.
struct Rendered {
    texts: Vec<(Family, Vec<u8>)>,
    /// Text for `ipset restore`, if sets are declared.
    sets: Option<Vec<u8>>,
}

fn render(options: &Options, input: &Input, findings: &mut Findings<'_>) -> Result<Rendered, Failure> {
    let mut texts = Vec::new();
    // Rules as they were written need no check; sets are for the kernel, and so are the rules that iptables-save would print.
    let parsed = input.parse();
    let annotated = options.style == Style::Annotated;
    // A family may have none of those that are declared: then their text is empty.
    let declared = !parsed.tables.sets().is_empty();
    if annotated && options.target.families().or(parsed.tables.families).is_none() && options.output.is_none()
    {
        let mut out = Vec::new();
        findings.add(parsed.diagnostics);
        annotate(&parsed.tables, &mut out, findings);
        let families = input.families(&options.target, &parsed.tables);
        let sets = families.ok().and_then(|families| annotated_sets(&parsed.tables, families, findings));
        return Ok(Rendered { texts: vec![(Family::V4, out)], sets: sets.filter(|_| declared) });
    }
    let families = input.families(&options.target, &parsed.tables)?;
    let sets = if annotated {
        findings.add(parsed.diagnostics);
        let both = families == Families::Both || parsed.tables.families == Some(Families::Both);
        let split = both.then(|| lower::families::split(&parsed.tables, &SystemNames::new()));
        if let Some(split) = &split {
            findings.add(split.diagnostics.iter().cloned());
        }
        for family in Family::ALL.into_iter().filter(|it| families.has(*it)) {
            let mut out = Vec::new();
            match &split {
                Some(split) => annotate(split.of(family), &mut out, findings),
                None => {
                    let whole = parsed.tables.clone().family(Families::one(family));
                    annotate(&whole, &mut out, findings);
                }
            }
            texts.push((family, out));
        }
        annotated_sets(&parsed.tables, families, findings)
    } else {
        let compiled = input.compiled(parsed, families, &options.target, false);
        for part in &compiled.parts {
            let mut out = Vec::new();
            part.ruleset.print(&mut out, options.counters);
            texts.push((part.ruleset.context.family, out));
        }
        findings.add(compiled.diagnostics);
        print_sets(&compiled.sets, findings)
    };
    Ok(Rendered { texts, sets: sets.filter(|_| declared) })
}

fn annotate(tables: &Tables, out: &mut Vec<u8>, findings: &mut Findings<'_>) {
    if let Err(errors) = text::annotated(tables, out) {
        findings.add(errors);
        out.clear();
    }
}

/// The sets of a program that is not compiled.
fn annotated_sets(tables: &Tables, families: Families, findings: &mut Findings<'_>) -> Option<Vec<u8>> {
    let lowered = lower::lower_sets(tables, families, &SystemNames::new());
    findings.add(lowered.diagnostics);
    print_sets(&lowered.sets, findings)
}

/// The text of the sets; nothing if something is wrong with them.
fn print_sets(sets: &[ipset::Set], findings: &mut Findings<'_>) -> Option<Vec<u8>> {
    ipset::print(sets).map_err(|errors| findings.add(errors)).ok()
}

impl Rendered {
    /// Writes `rules.v4`, `rules.v6` and `ipsets`, each whole or not at all.
    fn write(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for (family, text) in &self.texts {
            let name = if *family == Family::V4 { "rules.v4" } else { "rules.v6" };
            replace(&folder.join(name), text)?;
        }
        match &self.sets {
            Some(text) => replace(&folder.join("ipsets"), text),
            None => Ok(()),
        }
    }
}

/// Writes a file beside its place, then moves it there.
fn replace(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path));
    written.map_err(|error| format!("{}: {error}", path.display()).into())
}
