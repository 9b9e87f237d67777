//! The handle: a namespace, the tools, and how patient to be.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::namespace::Namespace;
use crate::process::{self, Output, Request};
use crate::tool::{Search, Tool};

/// A handle on the rules of one network namespace.
///
/// It holds no state of the kernel and no lock; a clone works on the same namespace. Methods may be called from any
/// thread: the caller's own namespace is never changed.
///
/// | setting | default |
/// |---|---|
/// | namespace | that of the thread that calls |
/// | tool directories | the system's: `/usr/sbin`, `/sbin`, `/usr/local/sbin`, `/usr/bin`, `/bin`, `/usr/local/bin`, `/run/current-system/sw/bin` |
/// | deadline | 60 s for each run of a tool, and the wait for the lock on top |
/// | lock file | the tools' own, `/run/xtables.lock` |
/// | wait for the lock | 10 s |
#[derive(Clone, Debug)]
pub struct Kernel {
    pub(crate) namespace: Namespace,
    pub(crate) search: Search,
    pub(crate) deadline: Duration,
    pub(crate) lock_file: Option<PathBuf>,
    pub(crate) lock_wait: u32,
}

impl Default for Kernel {
    fn default() -> Kernel {
        Kernel::new()
    }
}

impl Kernel {
    /// The namespace of the calling thread, with the defaults above.
    pub fn new() -> Kernel {
        Kernel {
            namespace: Namespace::Current,
            search: Search::default(),
            deadline: Duration::from_secs(60),
            lock_file: None,
            lock_wait: 10,
        }
    }

    /// Another network namespace, such as `/run/netns/NAME` or `/proc/PID/ns/net`.
    ///
    /// The file is opened here, so the handle stays on that namespace even if the name goes or is given to another.
    ///
    /// # Errors
    ///
    /// [`Error::Namespace`] if the path can't be opened or is not a network namespace that may be entered.
    pub fn in_namespace(self, path: impl AsRef<Path>) -> Result<Kernel, Error> {
        Ok(Kernel { namespace: Namespace::open(path.as_ref())?, ..self })
    }

    /// Looks for the tools in these directories only, in this order.
    pub fn tool_directories(self, directories: impl IntoIterator<Item = impl Into<PathBuf>>) -> Kernel {
        Kernel { search: Search::new(directories.into_iter().map(Into::into).collect()), ..self }
    }

    /// How long one run of a tool may take before it is killed. The wait for the lock is added to it.
    pub fn deadline(self, deadline: Duration) -> Kernel {
        Kernel { deadline, ..self }
    }

    /// The file that legacy tools lock, given to them as `XTABLES_LOCKFILE`. Tools that use different files do not
    /// wait for each other: change it only for a namespace that nobody else writes to.
    pub fn lock_file(self, path: impl Into<PathBuf>) -> Kernel {
        Kernel { lock_file: Some(path.into()), ..self }
    }

    /// How many seconds a legacy tool may wait for the lock. 0 counts as 1: the tool itself takes 0 as *forever*.
    pub fn lock_wait(self, seconds: u32) -> Kernel {
        Kernel { lock_wait: seconds, ..self }
    }

    /// Runs a program that is not an iptables tool, found in the system's directories, in the namespace.
    pub(crate) fn run_program(&self, name: &str, arguments: &[&str], input: &[u8]) -> Result<Output, Error> {
        let tool = Tool { path: Search::default().program(name)?, subcommand: None };
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        self.run(&tool, &arguments, input, Duration::ZERO)
    }

    /// Runs a tool in the namespace with nothing but a fixed environment.
    pub(crate) fn run(
        &self,
        tool: &Tool,
        arguments: &[&OsStr],
        input: &[u8],
        extra: Duration,
    ) -> Result<Output, Error> {
        let mut command = self.namespace.command(&tool.path)?;
        command.args(tool.subcommand).args(arguments);
        process::isolate(&mut command);
        if let Some(lock_file) = &self.lock_file {
            command.env("XTABLES_LOCKFILE", lock_file);
        }
        let deadline = self.deadline.saturating_add(extra);
        process::run(Request { tool: &tool.path, command, namespace: &self.namespace, input, deadline })
    }
}
