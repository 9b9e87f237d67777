//! Restores a program: checked first, and a refusal leads to the line of the program that wrote the refused rule.

use std::fmt;

use ptables::compile::{Part, RestoreText, compile_families};
use ptables::diag::{Counts, Diagnostic, Severity, codes};
use ptables::dialect::{Backend, Dialect, Family};
use ptables::ext::Families;
use ptables::ipset::Set;
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
use crate::sets::Change;

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

/// What stopped a restore.
struct Failed {
    diagnostic: Box<Diagnostic>,
    error: Option<RestoreError>,
}

impl From<Box<Diagnostic>> for Failed {
    fn from(diagnostic: Box<Diagnostic>) -> Failed {
        Failed { diagnostic, error: None }
    }
}

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
        self.restore_families(program, findings, Families::one(family), backend, options)
    }

    /// The same for both families, or for one. All families are tried before anything is changed; sets that the program declares
    /// are made before its rules, and get their new contents in one step each before the rules are applied.
    ///
    /// # Errors
    ///
    /// [`NotRestored`]. Each family is applied for itself: where the kernel refuses the second, the first stands, and a note says
    /// so.
    pub fn restore_families(
        &self,
        program: &Tables,
        findings: Vec<Diagnostic>,
        families: Families,
        backend: Backend,
        options: RestoreOptions,
    ) -> Result<RestoredProgram, NotRestored> {
        let names = SystemNames::new();
        let version = self.version(backend).unwrap_or(Dialect::default().version);
        let mut lowering = Options::new(Dialect::new(backend, version), &names);
        lowering.noflush = options.noflush;
        lowering.counters_asked = options.counters;
        let compiled = compile_families(program, families, lowering);
        let stops = |it: &Diagnostic| matches!(it.severity, Severity::Error | Severity::Unsupported);
        let restorable = compiled.is_restorable() && !findings.iter().any(stops);
        let mut diagnostics = findings;
        diagnostics.extend(compiled.diagnostics);
        if !restorable {
            return Err(NotRestored { diagnostics, error: None });
        }
        let mut texts = Vec::new();
        for Part { ruleset, program: part, .. } in &compiled.parts {
            // With `--noflush` the rules of the ruleset are those of the commands, save the ones that it deletes itself.
            let whole = RestoreText::of_ruleset(ruleset);
            diagnostics.extend(unfaithful(&whole, ruleset, lowering));
            let family = ruleset.context.family;
            let part = part.as_ref().unwrap_or(program);
            let edits = || RestoreText::of_edits(&lower_edits(part, family, lowering));
            texts.push((family, if options.noflush { edits() } else { whole }));
        }
        if diagnostics.iter().any(stops) {
            return Err(NotRestored { diagnostics, error: None });
        }
        let ended = self.apply(&texts, &compiled.sets, backend, options);
        match ended {
            Ok(()) => Ok(RestoredProgram { diagnostics }),
            Err(failed) => {
                diagnostics.push(*failed.diagnostic);
                Err(NotRestored { diagnostics, error: failed.error })
            }
        }
    }

    /// Tries everything, then applies it.
    fn apply(
        &self,
        texts: &[(Family, RestoreText)],
        sets: &[Set],
        backend: Backend,
        options: RestoreOptions,
    ) -> Result<(), Failed> {
        let run = |stage: Stage, done: Option<Family>, (family, text): &(Family, RestoreText)| {
            self.attempt(*family, backend, stage, &text.bytes, options).map(|_| ()).map_err(|error| {
                let mut diagnostic = self.explain(text, &error, options);
                if let Some(done) = done {
                    diagnostic = diagnostic.note(format!("the rules of {done} were replaced before"));
                }
                Failed { diagnostic: Box::new(diagnostic), error: Some(error) }
            })
        };
        let mut change = Change::begin(self, sets)?;
        let tried = texts.iter().try_for_each(|it| run(Stage::Test, None, it));
        if let Err(error) = tried.and_then(|()| change.fill().map_err(Failed::from)) {
            change.undo();
            return Err(error);
        }
        if options.test_only {
            change.undo();
            return Ok(());
        }
        change.swap()?;
        let mut done = None;
        for it in texts {
            run(Stage::Commit, done, it)?;
            done = Some(it.0);
        }
        Ok(())
    }

    /// The error of a tool as a diagnostic with the line of the program, and how far the tool had got.
    fn explain(&self, text: &RestoreText, error: &RestoreError, options: RestoreOptions) -> Diagnostic {
        let diagnostic = self.blame(text, error, options);
        match (error.stage(), error.committed()) {
            (Stage::Test, _) | (_, Some([])) => diagnostic.note("nothing was changed"),
            (_, Some(tables)) => {
                diagnostic.note(format!("these tables were replaced before: {}", tables.join(", ")))
            }
            (_, None) => diagnostic.note("whether tables were replaced before is not known"),
        }
    }

    /// The error of a tool as a diagnostic with the line of the program.
    pub(crate) fn blame(
        &self,
        text: &RestoreText,
        error: &RestoreError,
        options: RestoreOptions,
    ) -> Diagnostic {
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
        diagnostic
    }
}

/// Rules whose canonical text does not say all that the rule says. iptables-save loses a few things (a range of ICMP codes, the
/// base of a shifted port range), and so does our text, which is the same: such a rule must not be applied as another one.
pub(crate) fn unfaithful(text: &RestoreText, meant: &Ruleset, lowering: Options<'_>) -> Vec<Diagnostic> {
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
