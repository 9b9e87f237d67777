//! Whoever started the command: files that they name are read with their rights, not with those that sudo lent.

use rustix::io::Errno;
use rustix::process::{Gid, Uid, geteuid, getppid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Who called sudo, as it tells in `SUDO_UID` and `SUDO_GID`; `None` if nobody did, it was root, or the command was started by another
/// one that root already runs, such as the shell of `sudo -i`: who has that has all rights.
///
/// Only root is asked to step back: for others these variables are what anybody may set.
fn invoker() -> Option<(Uid, Gid)> {
    let number = |name| std::env::var(name).ok()?.parse::<u32>().ok().filter(|it| *it != u32::MAX);
    if !geteuid().is_root() {
        return None;
    }
    let (uid, gid) = (number("SUDO_UID")?, number("SUDO_GID")?);
    (uid != 0 && !within_root()).then(|| (Uid::from_raw(uid), Gid::from_raw(gid)))
}

/// Whether the process that started this one is root's, and not sudo itself. What cannot be told is `false`.
fn within_root() -> bool {
    let Some(parent) = getppid() else { return false };
    let folder = std::path::PathBuf::from(format!("/proc/{}", parent.as_raw_nonzero()));
    let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let root = users.is_some_and(|it| it.split_whitespace().all(|it| it == "0"));
    let program = std::fs::read_link(folder.join("exe")).ok();
    let name = program.as_deref().and_then(|it| it.file_name()).map(|it| it.to_string_lossy());
    root && name.is_some_and(|it| !it.starts_with("sudo"))
}

/// Does something with the rights of whoever called sudo; else with those that there are.
///
/// It happens in a thread of its own, which cannot get its rights back; threads that it starts have none either. Supplementary groups
/// are given up too, so a file that only such a group may read is not read.
///
/// # Errors
/// If rights cannot be given up: then nothing was done.
pub fn as_invoker<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    let Some((uid, gid)) = invoker() else { return Ok(work()) };
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            step_back(uid, gid)?;
            Ok(work())
        });
        match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The user last: with another one, groups can no longer be changed.
fn step_back(uid: Uid, gid: Gid) -> Result<(), Errno> {
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}
