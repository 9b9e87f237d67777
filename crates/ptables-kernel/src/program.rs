//! Restores a program: checked first, and a refusal leads to the line of the program that wrote the refused rule.

use std::fmt;

use ptables::compile::{RestoreText, compile};
use ptables::diag::{Counts, Diagnostic, Severity, codes};
use ptables::dialect::{Backend, Dialect, Family};
use ptables::lower::{Options, lower, lower_edits};
use ptables::model::Ruleset;
use ptables::origin::Origin;
use ptables::program::Tables;
use ptables::source::Source;
use ptables::text;

use crate::kernel::Kernel;
use crate::locate::Located;
use crate::names::SystemNames;
use crate::restore::{Cause, RestoreError, RestoreOptions, Stage};

/// A program that was restored (or, with [`RestoreOptions::test_only`], tried).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RestoredProgram {
    /// Warnings and notes.
    pub diagnostics: Vec<Diagnostic>,
}

/// A program that was not restored.
#[derive(Debug)]
pub struct NotRestored {
    diagnostics: Vec<Diagnostic>,
    error: Option<RestoreError>,
}

impl NotRestored {
    /// Why, and everything else that was found.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// What the tool said; `None` if the program had errors of its own, so that no tool was asked.
    pub fn error(&self) -> Option<&RestoreError> {
        self.error.as_ref()
    }

    /// The findings, to be shown elsewhere.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

impl fmt::Display for NotRestored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => error.fmt(f),
            None => {
                write!(f, "the program was not restored: {}", self.diagnostics.iter().collect::<Counts>())
            }
        }
    }
}

impl std::error::Error for NotRestored {}

impl Kernel {
    /// Checks a program, then has the tools try it and apply it.
    ///
    /// The kernel is given the canonical text of the rules as they were understood, never the program's own text. A rule
    /// that was not understood, or an error of any kind, stops everything before a tool is asked.
    /// `findings` are those of reading the program; an error among them stops everything too.
    ///
    /// # Errors
    ///
    /// [`NotRestored`]. Each table is applied for itself: where the kernel refuses a later one, the earlier ones stand,
    /// and a note says so.
    pub fn restore_program(
        &self,
        program: &Tables,
        findings: Vec<Diagnostic>,
        family: Family,
        backend: Backend,
        options: RestoreOptions,
    ) -> Result<RestoredProgram, NotRestored> {
        let names = SystemNames::new();
        let version = self.version(backend).unwrap_or(Dialect::default().version);
        let mut lowering = Options::new(Dialect::new(backend, version), &names);
        lowering.noflush = options.noflush;
        lowering.counters_asked = options.counters;
        let compiled = compile(program, family, lowering);
        let stops = |it: &Diagnostic| matches!(it.severity, Severity::Error | Severity::Unsupported);
        let restorable = compiled.is_restorable() && !findings.iter().any(stops);
        let mut diagnostics = findings;
        diagnostics.extend(compiled.diagnostics);
        if !restorable {
            return Err(NotRestored { diagnostics, error: None });
        }
        // With `--noflush` the rules of the ruleset are those of the commands, save the ones that it deletes itself.
        let whole = RestoreText::of_ruleset(&compiled.ruleset);
        let lost = unfaithful(&whole, &compiled.ruleset, lowering);
        if !lost.is_empty() {
            diagnostics.extend(lost);
            return Err(NotRestored { diagnostics, error: None });
        }
        let text = if options.noflush {
            RestoreText::of_edits(&lower_edits(program, family, lowering))
        } else {
            whole
        };
        match self.restore(family, backend, &text.bytes, options) {
            Ok(_) => Ok(RestoredProgram { diagnostics }),
            Err(error) => {
                diagnostics.push(self.explain(&text, &error, options));
                Err(NotRestored { diagnostics, error: Some(error) })
            }
        }
    }

    /// The error of a tool as a diagnostic with the line of the program.
    fn explain(&self, text: &RestoreText, error: &RestoreError, options: RestoreOptions) -> Diagnostic {
        let code = if error.is_verdict() { codes::KERNEL_REFUSED } else { codes::KERNEL_UNAVAILABLE };
        let reason =
            if error.reason().is_empty() { String::new() } else { format!(": {}", error.reason().trim()) };
        let what = match error.cause() {
            Cause::Refused => format!("iptables-{} refuses this{reason}", error.backend()),
            Cause::KernelRefused => format!("the kernel refuses this{reason}"),
            _ => one_line(&error.to_string()),
        };
        let mut diagnostic = Diagnostic::error(code, one_line(&what));
        let mut lines = error.lines().to_vec();
        if error.table().is_some() {
            // The whole table was refused: look for the rule.
            match self.locate_commit_failure(&text.bytes, error, options) {
                Ok(Located::Line { line }) => lines = vec![line],
                Ok(Located::Declarations { message }) => {
                    diagnostic = diagnostic
                        .note(format!("the table is refused even without rules: {}", one_line(&message)));
                }
                Ok(_) => diagnostic = diagnostic.note("which rule it was could not be found out"),
                Err(other) => {
                    diagnostic = diagnostic.note(format!("which rule it was could not be found out: {other}"))
                }
            }
        }
        for line in lines {
            let written = text
                .bytes
                .split(|byte| *byte == b'\n')
                .nth(line.saturating_sub(1) as usize)
                .unwrap_or_default();
            diagnostic = diagnostic.at(text.origin(line).clone(), "");
            diagnostic = diagnostic
                .note(format!("as it was given to the tool: `{}`", String::from_utf8_lossy(written)));
        }
        match (error.stage(), error.committed()) {
            (Stage::Test, _) | (_, Some([])) => diagnostic.note("nothing was changed"),
            (_, Some(tables)) => {
                diagnostic.note(format!("these tables were replaced before: {}", tables.join(", ")))
            }
            (_, None) => diagnostic.note("whether tables were replaced before is not known"),
        }
    }
}

/// Rules whose canonical text does not say all that the rule says. iptables-save loses a few things (a range of ICMP codes, the
/// base of a shifted port range), and so does our text, which is the same: such a rule must not be applied as another one.
fn unfaithful(text: &RestoreText, meant: &Ruleset, lowering: Options<'_>) -> Vec<Diagnostic> {
    // Text that cannot be read again cannot be compared: then nothing is known of it.
    let Ok(source) = Source::new("restored", text.bytes.as_slice()) else {
        return vec![lost(&Origin::Unknown)];
    };
    let again = lower(&text::parse(&source).tables, meant.context.family, lowering).ruleset;
    let pairs = meant.rules().zip(again.rules());
    let mut found: Vec<Diagnostic> = pairs
        .filter(|((_, _, one), (_, _, other))| one.body != other.body)
        .map(|((_, _, rule), _)| lost(&rule.origin))
        .collect();
    if meant.rules().count() != again.rules().count() && found.is_empty() {
        found.push(lost(&Origin::Unknown));
    }
    found
}

fn lost(origin: &Origin) -> Diagnostic {
    let message = "what iptables-save would print for this rule does not say all of it, so it cannot be restored as it is meant";
    Diagnostic::error(codes::CHECK_UNRELOADABLE, message)
        .at(origin.clone(), "")
        .help("write it as several rules")
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
