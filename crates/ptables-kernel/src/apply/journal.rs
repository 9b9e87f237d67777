//! A transaction that is not finished, as it is kept: what was, what shall be, and how far it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ptables::dialect::{Backend, Family};
use ptables::plan::State;

use super::ApplyError;
use super::store::Store;

/// How far a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Rules are being changed. If the process that does so is gone, they are to be changed back.
    Applying,
    /// They were changed, and wait to be confirmed.
    Committed,
}

/// A transaction that is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// By which it is confirmed.
    pub id: String,
    /// How far it is.
    pub phase: Phase,
    /// The process that applies.
    pub pid: u32,
    /// The boot of the machine that it belongs to: rules do not survive one.
    pub boot: String,
    /// Whose rules.
    pub backend: Backend,
    /// In which families.
    pub families: Vec<Family>,
    /// How long it may wait to be confirmed, in seconds; 0: it need not be.
    pub confirm: u64,
    /// When it began, in seconds since 1970.
    pub since: u64,
    /// What it applies, such as names of files.
    pub from: String,
    /// The digest of what it applies.
    pub digest: String,
}

impl Pending {
    /// How long it still waits to be confirmed, by the clock of the machine.
    pub fn left(&self) -> Duration {
        Duration::from_secs((self.since + self.confirm).saturating_sub(now()))
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

/// What the kernel calls this boot.
pub(crate) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

pub(crate) fn suffix(family: Family) -> &'static str {
    if family == Family::V4 { "v4" } else { "v6" }
}

pub(crate) fn write_pending(store: &Store, it: &Pending) -> Result<(), ApplyError> {
    let phase = if it.phase == Phase::Applying { "applying" } else { "committed" };
    let families: Vec<&str> = it.families.iter().map(|it| suffix(*it)).collect();
    let text = format!(
        "ptables-pending 1\nid {}\nphase {phase}\npid {}\nboot {}\nbackend {}\nfamilies {}\nconfirm {}\nsince {}\nfrom {}\ndigest {}\n",
        it.id,
        it.pid,
        it.boot,
        it.backend,
        families.join(" "),
        it.confirm,
        it.since,
        it.from.escape_debug(),
        it.digest
    );
    Ok(store.write("pending", text.as_bytes())?)
}

/// The transaction that is not finished, if there is one.
pub(crate) fn read_pending(store: &Store) -> Result<Option<Pending>, ApplyError> {
    let Some(bytes) = store.read("pending")? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let find = |name: &str| {
        text.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(' ')).unwrap_or_default().to_owned()
    };
    let number = |name: &str| find(name).parse::<u64>().ok();
    let read = || {
        Some(Pending {
            id: find("id"),
            phase: match find("phase").as_str() {
                "applying" => Phase::Applying,
                "committed" => Phase::Committed,
                _ => return None,
            },
            pid: find("pid").parse().ok()?,
            boot: find("boot"),
            backend: find("backend").parse().ok()?,
            families: Family::ALL.into_iter().filter(|it| find("families").contains(suffix(*it))).collect(),
            confirm: number("confirm")?,
            since: number("since")?,
            from: find("from"),
            digest: find("digest"),
        })
    };
    match read() {
        Some(pending) => Ok(Some(pending)),
        None => Err(ApplyError::State("the kept transaction cannot be read".into())),
    }
}

pub(crate) fn write_state(
    store: &Store,
    name: &str,
    family: Family,
    state: &State,
) -> Result<(), ApplyError> {
    Ok(store.write(&format!("{name}.{}", suffix(family)), &state.to_record())?)
}

pub(crate) fn read_state(store: &Store, name: &str, family: Family) -> Result<Option<State>, ApplyError> {
    let name = format!("{name}.{}", suffix(family));
    match store.read(&name)? {
        None => Ok(None),
        Some(bytes) => match State::from_record(&bytes) {
            Ok(state) => Ok(Some(state)),
            Err(error) => Err(ApplyError::State(format!("{}: {error}", store.path().join(name).display()))),
        },
    }
}
