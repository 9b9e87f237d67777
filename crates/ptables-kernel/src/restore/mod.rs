//! Replaces the rules of a family: first tried, then applied.

mod error;
pub(crate) mod lines;
mod message;

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use ptables::dialect::{Backend, Family};

use crate::kernel::Kernel;
use crate::tool::Task;

use error::Attempt;
pub use error::{Cause, RestoreError, Stage};

/// How to restore. Default: apply, replace the tables of the text, start counters at zero, wait as the handle says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RestoreOptions {
    pub(crate) test_only: bool,
    pub(crate) noflush: bool,
    pub(crate) counters: bool,
    pub(crate) wait: Option<u32>,
}

impl RestoreOptions {
    /// The default.
    pub fn new() -> RestoreOptions {
        RestoreOptions::default()
    }

    /// Only tries the text; changes nothing. The tools let through what only the kernel refuses: loops, targets in
    /// the wrong table, on nft jumps to missing chains.
    pub fn test_only(self, test_only: bool) -> RestoreOptions {
        RestoreOptions { test_only, ..self }
    }

    /// Adds to the tables of the text instead of replacing their contents.
    pub fn noflush(self, noflush: bool) -> RestoreOptions {
        RestoreOptions { noflush, ..self }
    }

    /// Sets the counters that the text has. Otherwise they start at zero.
    ///
    /// ip6tables-nft 1.8.9 sets those of policies and forgets those of rules.
    pub fn counters(self, counters: bool) -> RestoreOptions {
        RestoreOptions { counters, ..self }
    }

    /// How many seconds to wait for the lock of the legacy tools, instead of [`Kernel::lock_wait`]. 0 counts as 1.
    /// The nft tools have no lock.
    pub fn wait(self, seconds: u32) -> RestoreOptions {
        RestoreOptions { wait: Some(seconds), ..self }
    }
}

/// A restore that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// What the tool wrote to standard error all the same, such as a warning about an interface name. Usually empty.
    /// Raw: whoever prints it must escape control characters.
    pub warnings: String,
}

impl Kernel {
    /// Restores text for `iptables-restore` or `ip6tables-restore`: tries it first, then applies it.
    ///
    /// The text goes to the tool as it is. Legacy needs a line break after the last `COMMIT`, nft does not.
    ///
    /// Each table is replaced at its `COMMIT`, in one step. A failure in a later table leaves the earlier ones
    /// replaced, on both back ends: [`RestoreError::committed`] names them.
    ///
    /// # Errors
    ///
    /// [`RestoreError`]: see [`Cause`]. At [`Stage::Test`] nothing has changed.
    pub fn restore(
        &self,
        family: Family,
        backend: Backend,
        text: &[u8],
        options: RestoreOptions,
    ) -> Result<Restored, RestoreError> {
        let tested = self.attempt(family, backend, Stage::Test, text, options)?;
        match options.test_only {
            true => Ok(tested),
            false => self.attempt(family, backend, Stage::Commit, text, options),
        }
    }

    /// One run of the tool.
    pub(crate) fn attempt(
        &self,
        family: Family,
        backend: Backend,
        stage: Stage,
        text: &[u8],
        options: RestoreOptions,
    ) -> Result<Restored, RestoreError> {
        let wait = match backend {
            Backend::Legacy => options.wait.unwrap_or(self.lock_wait).max(1),
            Backend::Nft => 0,
        };
        let mut arguments: Vec<OsString> = Vec::new();
        arguments.extend((stage == Stage::Test).then(|| "--test".into()));
        arguments.extend(options.noflush.then(|| "--noflush".into()));
        arguments.extend(options.counters.then(|| "--counters".into()));
        if wait > 0 {
            arguments.extend(["--wait".into(), wait.to_string().into()]);
        }
        let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();

        let wait = Duration::from_secs(wait.into());
        let privileged = self.namespace.may_administer();
        let attempt = Attempt { stage, family, backend, text, wait, privileged };
        let tool = self.tool(family, backend, Task::Restore).map_err(|error| attempt.not_run(error))?;
        let output = self.run(&tool, &arguments, text, wait).map_err(|error| attempt.not_run(error))?;
        match output.status.success() {
            true => Ok(Restored { warnings: String::from_utf8_lossy(&output.stderr).into_owned() }),
            false => Err(attempt.failed(&output)),
        }
    }
}
