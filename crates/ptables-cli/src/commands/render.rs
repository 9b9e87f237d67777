//! `ptables render`: prints a configuration.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use ptables::text;

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
    let mut out = Vec::new();
    match options.style {
        Style::Annotated => {
            let parsed = input.parse();
            findings.add(parsed.diagnostics);
            if let Err(errors) = text::annotated(&parsed.tables, &mut out) {
                findings.add(errors);
                out.clear();
            }
        }
        Style::Save => {
            let compiled = input.compile(&options.target, false)?;
            compiled.ruleset.print(&mut out, options.counters);
            findings.add(compiled.diagnostics);
        }
    }
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
