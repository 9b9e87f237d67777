//! The process that undoes what another began and did not finish, or that nobody confirmed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::setsid;

use super::fail::point;
use super::journal::{self, Pending, Phase};
use super::{Applier, ApplyError};

/// How often the guard looks.
const TICK: Duration = Duration::from_millis(50);
/// How long a guard may take to begin.
const BEGIN: Duration = Duration::from_secs(10);

/// The program that guards: it is started with these arguments and the id of the transaction behind them, and calls [`guard`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GuardProgram {
    /// Absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl GuardProgram {
    /// A program and its arguments.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> GuardProgram {
        GuardProgram { program: program.into(), arguments: arguments.into_iter().map(Into::into).collect() }
    }
}

impl Applier {
    /// Keeps the transaction, and waits until a guard has it.
    pub(super) fn arm(&self, pending: &Pending) -> Result<(), ApplyError> {
        let failed = |it: std::io::Error| ApplyError::Guard(it.to_string());
        point("journal-before");
        journal::write_pending(&self.store, pending)?;
        point("journal-after");
        let Some(guard) = &self.guard else { return Ok(()) };
        let started = self.start(guard, pending).map_err(failed);
        point("guard-started");
        let end = Instant::now() + BEGIN;
        while started.is_ok() && Instant::now() < end {
            if self.store.read("armed")?.is_some_and(|it| it == pending.id.as_bytes()) {
                point("guard-armed");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Nothing was changed yet.
        self.end(pending)?;
        started?;
        Err(ApplyError::Guard(format!("{} did not begin", guard.program.display())))
    }

    /// Under systemd as a unit of its own, so that it outlives the service or session that applies; else as a child that becomes
    /// its own session.
    fn start(&self, guard: &GuardProgram, pending: &Pending) -> std::io::Result<()> {
        let booted = std::path::Path::new("/run/systemd/system").is_dir();
        let systemd = crate::tool::Search::default().program("systemd-run").ok();
        let own =
            std::fs::read_link("/proc/thread-self/ns/net").ok() == std::fs::read_link("/proc/1/ns/net").ok();
        if let (Some(systemd), true, true) = (systemd, booted, own && self.kernel.namespace.is_current()) {
            let mut command = Command::new(systemd);
            command.args(["--quiet", "--collect", &format!("--unit=ptables-guard-{}", pending.id), "--"]);
            command.arg(&guard.program).args(&guard.arguments).arg(&pending.id);
            crate::process::isolate(&mut command);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if command.status().is_ok_and(|it| it.success()) {
                return Ok(());
            }
        }
        let mut command = Command::new(&guard.program);
        crate::process::isolate(&mut command);
        command.args(&guard.arguments).arg(&pending.id);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = self.kernel.namespace.spawn(&mut command)?;
        // So that it does not stay a zombie in a program that lives on.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    pub(super) fn is_guarded(&self) -> Result<bool, ApplyError> {
        Ok(self.store.lock("guard", false)?.is_none())
    }
}

/// Guards a transaction to its end: what the program named by [`GuardProgram`] does, in the same namespace and with an [`Applier`] of
/// the same folder.
///
/// # Errors
/// What could not be undone.
pub fn guard(applier: &Applier, id: &str) -> Result<(), ApplyError> {
    // A session of its own: no terminal can hang it up. It fails in one that has its own already.
    let _ = setsid();
    let Some(_guard) = applier.store.lock("guard", true)? else { return Ok(()) };
    applier.store.write("armed", id.as_bytes())?;
    let mut waits_since = None;
    loop {
        let pending = journal::read_pending(&applier.store)?.filter(|it| it.id == id);
        let Some(pending) = pending else { break };
        let waits = pending.phase == Phase::Committed && pending.confirm > 0;
        let since = *waits_since.get_or_insert_with(Instant::now);
        if !waits {
            waits_since = None;
        }
        let due = !waits || since.elapsed() >= Duration::from_secs(pending.confirm);
        // Who applies holds the lock: if it is free, the process is gone, or waits.
        if let Some(_alone) = applier.store.lock("lock", false)?.filter(|_| due) {
            // It may just have ended.
            if let Some(pending) = journal::read_pending(&applier.store)?.filter(|it| it.id == id) {
                let waits = pending.phase == Phase::Committed && pending.confirm > 0;
                if waits && waits_since.is_none() {
                    continue;
                }
                applier.end_of(&pending)?;
            }
            break;
        }
        std::thread::sleep(TICK);
    }
    applier.store.remove("armed")?;
    Ok(())
}
