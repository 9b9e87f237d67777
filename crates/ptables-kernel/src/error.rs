//! What can go wrong between this program and a tool, whatever the tool was asked to do.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::tool::Distrust;

/// Why a tool could not be run, or did not do what it was run for.
///
/// Texts that come from a tool (`message`, `output`) are raw: whoever prints them must escape control characters.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No directory of the search has the tool. Likely cause: the package `iptables` is not installed.
    #[non_exhaustive]
    ToolMissing {
        /// Names that were looked for, the preferred one first.
        tool: String,
        /// Where it was looked for, in order.
        directories: Vec<PathBuf>,
    },
    /// The tool is not run because others than root, or than the user who runs this program, can replace it.
    #[non_exhaustive]
    ToolUnsafe {
        /// The tool as it was found.
        tool: PathBuf,
        /// The file or directory on the way to it that can't be trusted.
        at: PathBuf,
        /// What is wrong with it.
        why: Distrust,
    },
    /// A network namespace could not be made, opened or entered.
    #[non_exhaustive]
    Namespace {
        /// What was tried, such as `enter the network namespace /run/netns/a`.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The tool could not be started or talked to.
    #[non_exhaustive]
    Run {
        /// The tool.
        tool: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The tool took too long; it and its process group were killed.
    #[non_exhaustive]
    Deadline {
        /// The tool.
        tool: PathBuf,
        /// How long it had.
        after: Duration,
    },
    /// The tool printed more than any ruleset can be; it was killed.
    #[non_exhaustive]
    TooMuchOutput {
        /// The tool.
        tool: PathBuf,
        /// The limit in bytes.
        limit: usize,
    },
    /// The tool ran and reported a failure.
    #[non_exhaustive]
    Failed {
        /// The tool.
        tool: PathBuf,
        /// Exit code; `None` if a signal ended it.
        code: Option<i32>,
        /// What it wrote to standard error.
        message: String,
    },
    /// This process may not read or change the rules of the namespace: it is not root there.
    #[non_exhaustive]
    PermissionDenied {
        /// What was denied, in words or as the tool said it.
        message: String,
    },
    /// What the tool printed for `--version` is not a version of iptables.
    #[non_exhaustive]
    UnknownVersion {
        /// The tool.
        tool: PathBuf,
        /// What it printed.
        output: String,
    },
    /// A file that this program needs for itself could not be read or made.
    #[non_exhaustive]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::ToolMissing { tool, directories } => {
                write!(f, "no {tool} in")?;
                directories.iter().try_for_each(|directory| write!(f, " {}", directory.display()))
            }
            Error::ToolUnsafe { tool, at, why } => {
                write!(f, "refused to run {}: {} {why}", tool.display(), at.display())
            }
            Error::Namespace { doing, source } => write!(f, "can't {doing}: {source}"),
            Error::Run { tool, source } => write!(f, "can't run {}: {source}", tool.display()),
            Error::Deadline { tool, after } => {
                write!(f, "{} did not end within {:.1} s and was killed", tool.display(), after.as_secs_f64())
            }
            Error::TooMuchOutput { tool, limit } => {
                write!(f, "{} printed more than {limit} bytes and was killed", tool.display())
            }
            Error::Failed { tool, code, message } => {
                write!(f, "{} failed", tool.display())?;
                match code {
                    Some(code) => write!(f, " with exit code {code}")?,
                    None => f.write_str(", killed by a signal")?,
                }
                write_message(f, message)
            }
            Error::PermissionDenied { message } => {
                f.write_str("not permitted to read or change the rules")?;
                write_message(f, message)
            }
            Error::UnknownVersion { tool, output } => {
                write!(f, "{} did not print a version of iptables", tool.display())?;
                write_message(f, output)
            }
            Error::File { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Namespace { source, .. } | Error::Run { source, .. } | Error::File { source, .. } => {
                Some(source)
            }
            _ => None,
        }
    }
}

/// Writes `: message` on one line, nothing if the message is empty.
pub(crate) fn write_message(f: &mut fmt::Formatter<'_>, message: &str) -> fmt::Result {
    let mut separator = ": ";
    for line in message.lines().map(str::trim).filter(|line| !line.is_empty()) {
        write!(f, "{separator}{line}")?;
        separator = "; ";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>(_: &T) {}
        let error = Error::Failed { tool: "/sbin/x".into(), code: Some(2), message: "a\n\n b\n".into() };
        crosses(&error);
        assert_eq!(error.to_string(), "/sbin/x failed with exit code 2: a; b");
    }
}
