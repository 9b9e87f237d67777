//! Why a restore failed, where, and how far it had got.

use std::error::Error as StdError;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use ptables::dialect::{Backend, Family};

use super::lines;
use super::message::{self, Kind};
use crate::error::{Error, write_message};
use crate::process::Output;

/// A restore that failed.
///
/// [`line`](Self::line) is the line of the given text; [`table`](Self::table) is set if that line is a table's
/// `COMMIT`, which means that the tool does not name the rule: see
/// [`Kernel::locate_commit_failure`](crate::Kernel::locate_commit_failure).
///
/// [`message`](Self::message) is raw: whoever prints it must escape control characters.
#[derive(Debug)]
pub struct RestoreError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    stage: Stage,
    family: Family,
    backend: Backend,
    cause: Cause,
    exit_code: Option<i32>,
    message: String,
    reason: String,
    lines: Vec<u32>,
    table: Option<Box<str>>,
    committed: Option<Vec<Box<str>>>,
}

/// How far a restore had got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The tool was asked to try the text: nothing has changed.
    Test,
    /// The tool was asked to apply it: see [`RestoreError::committed`].
    Commit,
}

/// Why a restore failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The tool does not accept a line.
    Refused,
    /// The kernel does not accept a rule or a table, such as a loop between chains, or a target in the wrong table.
    KernelRefused,
    /// The kernel does not have the table, as when its module (`iptable_nat`) is missing.
    TableUnavailable,
    /// The kernel does not have the back end, or not as these tools need it.
    BackendUnavailable,
    /// This process may not change the rules: it is not root in the namespace.
    PermissionDenied,
    /// Another program held the lock of the legacy tools all the time.
    #[non_exhaustive]
    LockHeld {
        /// How long the tool waited.
        waited: Duration,
    },
    /// The lock file of the legacy tools can't be opened.
    LockFile,
    /// The kernel does not take a table of this size in one message (nft, and only in a user namespace: there
    /// `net.core.wmem_max` is the limit, and 1,000 rules are above it).
    TooLarge,
    /// The tool died of a signal. (A chain called `standard` crashes legacy 1.8.9.)
    #[non_exhaustive]
    Crashed {
        /// The number of the signal.
        signal: i32,
    },
    /// The tool could not be run, or did not end in time.
    NotRun(Error),
}

/// What an attempt was, for its error.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) stage: Stage,
    pub(super) family: Family,
    pub(super) backend: Backend,
    pub(super) text: &'a [u8],
    /// How long the tool would have waited for the lock.
    pub(super) wait: Duration,
    /// Whether this process may change networks at all.
    pub(super) privileged: bool,
}

impl Attempt<'_> {
    /// The tool was not run, or was killed.
    pub(super) fn not_run(self, error: Error) -> RestoreError {
        let killed = matches!(error, Error::Deadline { .. } | Error::TooMuchOutput { .. });
        RestoreError(Box::new(Inner {
            stage: self.stage,
            family: self.family,
            backend: self.backend,
            exit_code: None,
            message: String::new(),
            reason: String::new(),
            lines: Vec::new(),
            table: None,
            committed: (self.stage == Stage::Test || !killed).then(Vec::new),
            cause: Cause::NotRun(error),
        }))
    }

    /// The tool ran and failed.
    pub(super) fn failed(self, output: &Output) -> RestoreError {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        let complaint = message::read(&message);
        let lines: Vec<u32> =
            complaint.lines.iter().filter_map(|line| lines::line_of(self.text, *line)).collect();
        let first = lines.first().copied();
        let commit = first.filter(|_| self.stage == Stage::Commit);
        let table = commit.and_then(|line| lines::committed_at(self.text, line));
        let cause = match (output.status.signal(), complaint.kind) {
            (Some(signal), _) => Cause::Crashed { signal },
            // "line N failed" of legacy. What nft's tool says about the COMMIT line is its own refusal.
            (_, Kind::Refused) if table.is_some() && complaint.reason.is_empty() => Cause::KernelRefused,
            (_, Kind::Refused) => Cause::Refused,
            (_, Kind::Kernel) => Cause::KernelRefused,
            (_, Kind::Table) if self.privileged => Cause::TableUnavailable,
            (_, Kind::Table | Kind::Permission) => Cause::PermissionDenied,
            (_, Kind::Lock) => Cause::LockHeld { waited: self.wait },
            (_, Kind::LockFile) => Cause::LockFile,
            (_, Kind::Backend) => Cause::BackendUnavailable,
            (_, Kind::Size) => Cause::TooLarge,
        };
        let about_a_line = matches!(
            cause,
            Cause::Refused | Cause::KernelRefused | Cause::TableUnavailable | Cause::Crashed { .. }
        );
        let committed = match (self.stage, first, &cause) {
            (Stage::Test, ..) => Some(Vec::new()),
            (_, Some(line), cause) if about_a_line || matches!(cause, Cause::TooLarge) => {
                Some(lines::committed_before(self.text, line))
            }
            (.., Cause::LockHeld { .. } | Cause::LockFile) => Some(Vec::new()),
            _ => None,
        };
        RestoreError(Box::new(Inner {
            stage: self.stage,
            family: self.family,
            backend: self.backend,
            cause,
            exit_code: output.status.code(),
            message,
            reason: complaint.reason,
            lines: if about_a_line { lines } else { Vec::new() },
            table: table.filter(|_| about_a_line),
            committed,
        }))
    }
}

impl RestoreError {
    /// Whether the text was being tried or applied.
    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    /// The family of the tool.
    pub fn family(&self) -> Family {
        self.0.family
    }

    /// The back end of the tool.
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// What kind of failure it is.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Whether the tools judged the text, and refused it; otherwise they could not.
    pub fn is_verdict(&self) -> bool {
        matches!(self.0.cause, Cause::Refused | Cause::KernelRefused)
    }

    /// The tool's exit code, if it ran to its end.
    pub fn exit_code(&self) -> Option<i32> {
        self.0.exit_code
    }

    /// Everything the tool wrote to standard error. May be empty.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The part of the message that says why, without names of programs, line numbers and advice. Empty where the
    /// tool gives no reason: legacy's "line 5 failed".
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The line of the text, from 1, if the tool names one: of several the first.
    pub fn line(&self) -> Option<u32> {
        self.0.lines.first().copied()
    }

    /// All lines that the tool names. nft reports every rule of a table that the kernel refuses.
    pub fn lines(&self) -> &[u32] {
        &self.0.lines
    }

    /// The table, if [`line`](Self::line) is its `COMMIT`: the table was refused as a whole, no rule is named.
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref()
    }

    /// The tables of the text that were already replaced when the failure came: each `COMMIT` stands for itself.
    /// `None` if that is not known, as when the tool was killed.
    pub fn committed(&self) -> Option<&[Box<str>]> {
        self.0.committed.as_deref()
    }

    /// Itself if a tool judged the text, otherwise what kept the tool from doing so.
    pub(crate) fn into_run_error(self) -> Result<RestoreError, Error> {
        match self.0.cause {
            Cause::NotRun(error) => Err(error),
            _ => Ok(self),
        }
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { family, backend, cause, .. } = &*self.0;
        let what = match cause {
            Cause::Refused => "a line is refused",
            Cause::KernelRefused => "the kernel refused it",
            Cause::TableUnavailable => "the kernel does not have the table",
            Cause::BackendUnavailable => "the kernel does not have the back end",
            Cause::PermissionDenied => "not permitted",
            Cause::LockHeld { .. } => "another program holds the lock",
            Cause::LockFile => "the lock can't be used",
            Cause::TooLarge => "a table is too large for the kernel to take in a user namespace",
            Cause::Crashed { .. } => "the tool crashed",
            Cause::NotRun(error) => return write!(f, "restore of {family} rules ({backend}): {error}"),
        };
        write!(f, "restore of {family} rules ({backend}): {what}")?;
        match (self.line(), self.table()) {
            (Some(line), Some(table)) => write!(f, " (line {line}, COMMIT of table {table})")?,
            (Some(line), None) => write!(f, " (line {line})")?,
            _ => {}
        }
        write_message(f, self.reason())
    }
}

impl StdError for RestoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            Cause::NotRun(error) => error.source(),
            _ => None,
        }
    }
}
