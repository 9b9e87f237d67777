//! One table: what the tool says, and the locks that it waits for.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ptables::compile::RestoreText;
use ptables::diag::{Diagnostic, codes};
use ptables::dialect::{Backend, Family};
use rustix::fs::{FlockOperation, Mode, OFlags, open};
use rustix::io::Errno;

use super::store::Locked;
use super::{Applier, ApplyError};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::restore::{RestoreOptions, Stage};

/// What a table's commit came to.
pub(super) enum Committed {
    /// It was made.
    Yes,
    /// The tool says that what it rests on is not there: somebody has changed it, or the tool does not find a rule that it prints.
    NotThere(Box<Diagnostic>),
}

impl Applier {
    pub(super) fn generation(&self) -> Option<u32> {
        (self.backend == Backend::Nft).then(|| self.kernel.generation()).flatten()
    }

    /// Tools for our own runs: they wait for each other, not for the lock that we hold, and can be told from those of others.
    pub(super) fn tools(&self) -> Kernel {
        self.kernel.clone().lock_file(self.store.path().join("tools.lock"))
    }

    /// The lock of the legacy tools, held until the value goes; the nft tools have none.
    pub(super) fn xtables_lock(&self) -> Result<Option<Locked>, ApplyError> {
        if self.backend == Backend::Nft {
            return Ok(None);
        }
        let path = self.kernel.lock_file.clone().unwrap_or_else(|| PathBuf::from("/run/xtables.lock"));
        let failed = |it: Errno| Error::File { path: path.clone(), source: it.into() };
        let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let end = self.patience();
        loop {
            let file = open(&path, flags, Mode::from_raw_mode(0o600)).map_err(failed)?;
            let locked = Locked::new(file, FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
            if locked.is_some() {
                return Ok(locked);
            }
            if Instant::now() > end {
                return Err(ApplyError::LockHeld);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// One table.
pub(super) fn commit(
    kernel: &Kernel,
    family: Family,
    backend: Backend,
    text: &RestoreText,
) -> Result<Committed, ApplyError> {
    let how = RestoreOptions::new().noflush(true);
    let error = match kernel.attempt(family, backend, Stage::Commit, &text.bytes, how) {
        Ok(_) => return Ok(Committed::Yes),
        Err(error) => error,
    };
    if !error.is_verdict() {
        let found = Diagnostic::error(codes::KERNEL_UNAVAILABLE, error.to_string());
        return Err(ApplyError::Refused(vec![found]));
    }
    // A rule that was to go, a place or a chain that is not as it was: another has been there.
    let line =
        error.line().and_then(|it| text.bytes.split(|it| *it == b'\n').nth(it.saturating_sub(1) as usize));
    let rests =
        line.is_some_and(|it| [b"-D ", b"-I ", b"-N ", b"-X "].iter().any(|start| it.starts_with(*start)));
    let found = kernel.blame(text, &error, how).note("what had been changed before was changed back");
    match rests && error.table().is_none() {
        true => Ok(Committed::NotThere(Box::new(found))),
        false => Err(ApplyError::Refused(vec![found])),
    }
}
