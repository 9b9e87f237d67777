//! Why something was not applied, or not undone.

use std::fmt;

use ptables::diag::{Counts, Diagnostic};

use crate::error::Error;

/// Why something was not applied, or not undone. Unless it says otherwise, nothing of ours has changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplyError {
    /// The tools or the kernel refuse a rule: the findings name its line. What had been changed was changed back.
    Refused(Vec<Diagnostic>),
    /// What stands in the way, one line each.
    Obstacles(Vec<String>),
    /// An application waits to be confirmed: its id.
    Pending(String),
    /// Nothing waits to be confirmed, or not this.
    NothingPending,
    /// Another process applies rules for the same owner just now.
    Busy,
    /// Others changed the rules again and again meanwhile.
    Changing,
    /// It was [cancelled](super::Applier::watched_by); what had been changed was changed back.
    Cancelled,
    /// Another program held the lock of the legacy tools all the time.
    LockHeld,
    /// No guard could be started, so nothing was begun.
    Guard(String),
    /// What is kept, or what is live, cannot be used.
    State(String),
    /// The rules could not be tried before they are applied.
    Preflight(String),
    /// Something failed, and then what had been changed could not all be changed back: what is left.
    NotUndone(Vec<String>),
    /// A tool could not be run, or a file not be read or written.
    Kernel(Error),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApplyError::Refused(found) => {
                write!(f, "the rules were refused: {}", found.iter().collect::<Counts>())
            }
            ApplyError::Obstacles(all) => f.write_str(&all.join("; ")),
            ApplyError::Pending(id) => {
                write!(f, "an application ({id}) waits to be confirmed or rolled back")
            }
            ApplyError::NothingPending => f.write_str("nothing like that waits to be confirmed"),
            ApplyError::Busy => f.write_str("another process applies rules just now"),
            ApplyError::Changing => {
                f.write_str("others change the rules all the time: what was changed has been changed back")
            }
            ApplyError::Cancelled => f.write_str("it was cancelled: what was changed has been changed back"),
            ApplyError::LockHeld => f.write_str("another program holds the lock of the legacy tools"),
            ApplyError::Guard(why) => write!(f, "no guard could be started, so nothing was changed: {why}"),
            ApplyError::State(why) => f.write_str(why),
            ApplyError::Preflight(why) => write!(f, "the rules could not be tried before: {why}"),
            ApplyError::NotUndone(left) => {
                write!(f, "not everything could be changed back: {}", left.join("; "))
            }
            ApplyError::Kernel(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ApplyError::Kernel(error) => Some(error),
            _ => None,
        }
    }
}
