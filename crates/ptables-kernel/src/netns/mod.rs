//! Network namespaces that hold nothing of the machine, for trials and tests.
//!
//! ```no_run
//! use ptables_kernel::netns::Scratch;
//! use ptables::dialect::{Backend, Family};
//!
//! let scratch = Scratch::new()?;
//! scratch.run("ipset", &["create", "bad", "hash:ip"], b"")?;
//! let saved = scratch.kernel().save(Family::V4, Backend::Nft, false)?;
//! assert!(saved.text.is_empty());
//! # Ok::<(), ptables_kernel::Error>(())
//! ```

mod directory;
mod loopback;
mod user;

use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::error::Error;
use crate::kernel::Kernel;
use crate::namespace::{Namespace, on_a_thread};
use crate::process::Output;

use directory::Directory;

/// A new network namespace without a name, with its loopback interface up, a directory and a lock file of its own.
///
/// It lives as long as this value and the handles made from it: a descriptor holds it, so nothing is left even if
/// the process is killed, except the directory.
///
/// Root makes it directly. Anybody else gets it inside a user namespace of his own, where the system allows that and
/// `unshare`, `nsenter` (util-linux) and `ip` (iproute2) are installed. There the kernel takes a table of nft with some
/// hundred rules, but not with 1,000: see [`Cause::TooLarge`](crate::Cause::TooLarge).
#[derive(Debug)]
pub struct Scratch {
    kernel: Kernel,
    directory: Directory,
}

impl Scratch {
    /// A namespace for a handle with default settings.
    ///
    /// # Errors
    ///
    /// [`Error::Namespace`] says what the system does not permit; [`Error::File`] if there can be no directory.
    pub fn new() -> Result<Scratch, Error> {
        Scratch::like(&Kernel::new())
    }

    /// A namespace for a handle with the same tools and deadline as another.
    ///
    /// # Errors
    ///
    /// As [`Scratch::new`].
    pub fn like(kernel: &Kernel) -> Result<Scratch, Error> {
        let directory = Directory::new()?;
        let namespace = match on_a_thread(new_network) {
            Ok(network) => Namespace::Network(Arc::new(network)),
            Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => user::new_namespace()?,
            Err(source) => {
                return Err(Error::Namespace { doing: "make a network namespace".into(), source });
            }
        };
        let lock_file = Some(directory.path().join("xtables.lock"));
        Ok(Scratch { kernel: Kernel { namespace, lock_file, ..kernel.clone() }, directory })
    }

    /// A handle on the namespace.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// An empty directory that only this user may enter. It goes with this value.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a program of the system, such as `ip`, `nft` or `ipset`, in the namespace, with a cleared environment and
    /// within the handle's deadline. A failure of the program is not an error: look at its status.
    ///
    /// # Errors
    ///
    /// [`Error::ToolMissing`] and the other errors of a run.
    pub fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Result<Output, Error> {
        self.kernel.run_program(program, arguments, input)
    }
}

/// A scratch namespace, or `None` with a message on standard error if none can be made: a test helper.
///
/// # Panics
///
/// If none can be made although the environment has `CI` or `PTABLES_REQUIRE_KERNEL`: there a skipped test would go
/// unnoticed.
#[expect(
    clippy::panic,
    reason = "a test that can't run where it must has failed; `eprintln` would stay in the test harness"
)]
pub fn scratch_or_skip() -> Option<Scratch> {
    match Scratch::new() {
        Ok(scratch) => Some(scratch),
        Err(error)
            if ["CI", "PTABLES_REQUIRE_KERNEL"].iter().any(|name| std::env::var_os(name).is_some()) =>
        {
            panic!("kernel tests are required here: {error}")
        }
        Err(error) => {
            // Nobody is left to tell if this fails.
            let _ = writeln!(io::stderr(), "SKIPPED, no scratch namespace: {error}");
            None
        }
    }
}

/// Moves the calling thread into a new network namespace and opens it.
fn new_network() -> io::Result<OwnedFd> {
    // SAFETY: only `UnshareFlags::FILES` can make descriptors of one thread invalid in another.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
    loopback::up()?;
    Ok(fs::File::open("/proc/thread-self/ns/net")?.into())
}
