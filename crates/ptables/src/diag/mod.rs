//! Layer 0. Diagnostics: data first ([`Diagnostic`]), drawn by one renderer.

#[cfg(any(feature = "json", feature = "render"))]
mod chain;
mod code;
#[rustfmt::skip]
pub mod codes;
mod count;
pub mod escape;
#[cfg(feature = "render")]
mod excerpt;
#[cfg(feature = "json")]
pub mod json;
pub(crate) mod once;
pub mod remark;
#[cfg(feature = "render")]
pub mod render;
#[cfg(feature = "json")]
pub mod sarif;
pub mod suggest;

pub use code::{Code, Page};
pub use count::Counts;

use crate::origin::Origin;

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// ptables does not model this; it may be right. Never mixed with fault.
    Unsupported,
    /// Likely not what was meant.
    Warning,
    /// Cannot mean what was written, or iptables refuses it.
    Error,
}

impl Severity {
    /// `error`, `warning`, `note` or `unsupported`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
            Severity::Unsupported => "unsupported",
        }
    }
}

/// One finding about a ruleset.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What kind of finding; `ptables explain CODE` shows its page.
    pub code: Code,
    /// How grave.
    pub severity: Severity,
    /// One sentence, lower case, without a full stop; what the user wrote stands in backticks.
    pub message: String,
    /// Where; the first primary label is the place of the diagnostic.
    pub labels: Vec<Label>,
    /// Further facts.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
    /// An edit that would mend it.
    pub fix: Option<Fix>,
}

/// A place that a diagnostic speaks of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Label {
    /// The place.
    pub origin: Origin,
    /// What is there; may be empty.
    pub text: String,
    /// Whether the diagnostic is about this place, or merely mentions it.
    pub primary: bool,
}

/// An edit: replace the text at `at` by `replacement`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fix {
    /// What is replaced.
    pub at: Origin,
    /// By what.
    pub replacement: String,
}

impl Diagnostic {
    /// A diagnostic without labels.
    pub fn new(code: Code, severity: Severity, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// An error.
    pub fn error(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Error, message)
    }

    /// A warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Warning, message)
    }

    /// Adds the place that it is about.
    #[must_use]
    pub fn at(mut self, origin: Origin, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { origin, text: text.into(), primary: true });
        self
    }

    /// Adds a place that it mentions.
    #[must_use]
    pub fn see(mut self, origin: Origin, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { origin, text: text.into(), primary: false });
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Adds an edit that would mend it.
    #[must_use]
    pub fn fix(mut self, at: Origin, replacement: impl Into<String>) -> Diagnostic {
        self.fix = Some(Fix { at, replacement: replacement.into() });
        self
    }

    /// Writes it in one line: `file:line: error[code]: message`.
    ///
    /// # Errors
    /// If the formatter fails.
    pub fn fmt_line(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = self.origin().place() {
            write!(f, "{}:{}: ", escape::line(place.file), place.line)?;
        }
        write!(f, "{}[{}]: {}", self.severity.as_str(), self.code, escape::line(&self.message))
    }

    /// The place that it is about.
    pub fn origin(&self) -> &Origin {
        self.labels.iter().find(|label| label.primary).map_or(&Origin::Unknown, |label| &label.origin)
    }
}
