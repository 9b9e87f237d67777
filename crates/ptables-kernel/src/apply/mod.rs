//! Applies what a program wants, and nothing else: all of it or nothing, and back again if nobody confirms it.
//!
//! ```text
//! read live ─► plan ─► try in a scratch namespace ─► lock, read again ─► journal ─► guard ─► commits ─► read back ─► record
//!                                                                          └── any failure: undo our own changes ──┘
//! ```
//!
//! [`Applier`] is the handle. What it needs to undo is on the disk ([`Store`]) before the first change is made, and a process of its
//! own ([`guard`]) does so if the one that applies dies, or if nobody confirms.

mod boot;
mod commit;
mod digest;
mod direct;
mod drive;
mod error;
mod fail;
mod generation;
mod guard;
mod held;
mod history;
mod journal;
mod preflight;
mod sets;
mod ssh;
mod status;
mod store;
mod undo;
mod watch;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ptables::compile::{CompiledFamilies, Part, RestoreText};
use ptables::diag::Diagnostic;
use ptables::dialect::{Backend, Dialect, Family};
use ptables::ipset::Set;
use ptables::lower::{Options as Lowering, lower};
use ptables::plan::{Claim, Options, Owner, Plan, State, Step};
use ptables::source::{Source, Text};
use ptables::text;

use crate::error::Error;
use crate::kernel::Kernel;
use crate::names::SystemNames;
use crate::program::unfaithful;
use watch::Watch;

pub use boot::{UNIT, competitors, unit};
pub use error::ApplyError;
pub use fail::POINTS as FAIL_POINTS;
pub use guard::{GuardProgram, guard};
pub use held::Held;
pub use history::Event;
pub use journal::{Pending, Phase};
pub use ssh::{SshSession, ssh_session};
pub use status::{Counted, Status};
pub use store::Store;

/// Where states are kept unless another folder is named: beneath it a folder for each owner, and for each network namespace but the
/// machine's own.
pub const STATE: &str = "/var/lib/ptables";

/// What shall be there, in the families that it is for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Wanted {
    /// Rules, one state a family.
    pub states: Vec<State>,
    /// Sets that the rules need.
    pub sets: Vec<Set>,
    /// Where it is from, such as names of files: for the history.
    pub from: String,
    /// The digest of it.
    pub digest: String,
}

impl Wanted {
    /// What was compiled. It must be [restorable](CompiledFamilies::is_restorable).
    ///
    /// # Errors
    /// Rules whose canonical text does not say all that they say: applied, they would be others.
    pub fn new(compiled: &CompiledFamilies, from: &str) -> Result<Wanted, Vec<Diagnostic>> {
        let (mut bytes, mut found, names) = (Vec::new(), Vec::new(), SystemNames::new());
        for Part { ruleset, .. } in &compiled.parts {
            let text = RestoreText::of_ruleset(ruleset);
            found.extend(unfaithful(&text, ruleset, Lowering::new(ruleset.context.dialect, &names)));
            bytes.extend(text.bytes);
        }
        let wanted = Wanted {
            states: compiled.parts.iter().map(|it| State::wanted(&it.ruleset)).collect(),
            sets: compiled.sets.clone(),
            from: from.to_owned(),
            digest: digest::sha256(&bytes),
        };
        if found.is_empty() { Ok(wanted) } else { Err(found) }
    }

    /// Nothing in these families: what is ours goes.
    pub fn nothing(families: &[Family]) -> Wanted {
        Wanted {
            states: families.iter().map(|it| State::new(*it)).collect(),
            from: "release".into(),
            digest: digest::sha256(b""),
            ..Wanted::default()
        }
    }
}

/// A handle that applies rules for an owner, in one namespace and one back end.
#[derive(Debug)]
pub struct Applier {
    pub(super) kernel: Kernel,
    pub(super) backend: Backend,
    pub(super) owner: Owner,
    pub(super) store: Store,
    places: Vec<Text>,
    claim: Claim,
    confirm: Duration,
    guard: Option<GuardProgram>,
    preflight: bool,
    watch: Option<Watch>,
}

impl Applier {
    /// For an owner, with the state in a folder of its own.
    ///
    /// # Errors
    /// [`ApplyError`] if the folder cannot be used.
    pub fn new(kernel: Kernel, backend: Backend, owner: Owner, state: &Path) -> Result<Applier, ApplyError> {
        Ok(Applier {
            kernel,
            backend,
            owner,
            store: Store::open(state)?,
            places: Vec::new(),
            claim: Claim::Record,
            confirm: Duration::ZERO,
            guard: None,
            preflight: true,
            watch: None,
        })
    }

    /// Chains of others that are places for our rules, such as `DOCKER-USER`.
    pub fn places(self, places: impl IntoIterator<Item = Text>) -> Applier {
        Applier { places: places.into_iter().collect(), ..self }
    }

    /// What of the rules that are there is ours. Default: what the record has.
    pub fn claim(self, claim: Claim) -> Applier {
        Applier { claim, ..self }
    }

    /// How long an application waits to be confirmed, in whole seconds; zero (the default): it need not be.
    pub fn confirm_within(self, confirm: Duration) -> Applier {
        Applier { confirm, ..self }
    }

    /// The program that guards an application. Without one nobody undoes what a process leaves that dies while it applies, until the
    /// next call; and nothing can wait to be confirmed.
    pub fn guarded_by(self, guard: GuardProgram) -> Applier {
        Applier { guard: Some(guard), ..self }
    }

    /// Whether a plan is tried in a scratch namespace before it is carried out. Default: yes.
    pub fn preflight(self, preflight: bool) -> Applier {
        Applier { preflight, ..self }
    }

    /// Lets a function see each step before it is done: for progress on long work. If it gives [`ControlFlow::Break`], the application is
    /// cancelled: what was changed is changed back, and it ends with [`ApplyError::Cancelled`]. It is not asked on the way back, and
    /// cannot stop what is committed.
    pub fn watched_by(self, watch: impl Fn(&Step) -> ControlFlow<()> + Send + Sync + 'static) -> Applier {
        Applier { watch: Some(Watch(Arc::new(watch))), ..self }
    }

    /// What is live in a family, nothing of it claimed.
    ///
    /// # Errors
    /// [`ApplyError::Kernel`] if it cannot be read, [`ApplyError::State`] if tables hold what iptables cannot say.
    pub fn live(&self, family: Family) -> Result<State, ApplyError> {
        read_live(&self.kernel, self.backend, family)
    }

    /// How the tools of this machine read and print rules.
    pub fn dialect(&self) -> Dialect {
        dialect(&self.kernel, self.backend)
    }

    /// What was applied last in a family.
    pub(super) fn record(&self, family: Family) -> Result<State, ApplyError> {
        Ok(journal::read_state(&self.store, "record", family)?.unwrap_or_else(|| State::new(family)))
    }

    /// What would be done, a plan for each family.
    ///
    /// # Errors
    /// As [`Applier::live`], and if the record cannot be read.
    pub fn plan(&self, wanted: &Wanted) -> Result<Vec<Plan>, ApplyError> {
        wanted.states.iter().map(|state| self.plan_on(self.live(state.family)?, state)).collect()
    }

    /// What would be done to rules that are told, such as a dump of another machine.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn plan_on(&self, live: State, wanted: &State) -> Result<Plan, ApplyError> {
        let record = self.record(live.family)?;
        let options = Options::new(self.owner.clone(), self.places.clone());
        Ok(Plan::claiming(live, &record, wanted.clone(), self.claim, &options))
    }
}

/// The folder for an owner in the namespace of this process.
pub fn state_folder(owner: &Owner) -> PathBuf {
    let link = |path: &str| std::fs::read_link(path).ok();
    let (own, first) = (link("/proc/thread-self/ns/net"), link("/proc/1/ns/net"));
    let name = match own {
        Some(own) if Some(&own) != first.as_ref() => {
            let digits: String = own.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
            format!("{}@{digits}", owner.name())
        }
        _ => owner.name().to_owned(),
    };
    Path::new(STATE).join(name)
}

pub(super) fn read_live(kernel: &Kernel, backend: Backend, family: Family) -> Result<State, ApplyError> {
    let saved = kernel.save(family, backend, true)?;
    if let Some(left_out) = saved.left_out.first() {
        return Err(ApplyError::State(format!("the rules cannot be read whole: {left_out}")));
    }
    parse_live(kernel, backend, family, saved.text)
}

fn parse_live(kernel: &Kernel, backend: Backend, family: Family, text: Vec<u8>) -> Result<State, ApplyError> {
    let names = SystemNames::new();
    let source = Source::new("live", text).map_err(|it| ApplyError::State(it.to_string()))?;
    let lowered =
        lower(&text::parse(&source).tables, family, Lowering::new(dialect(kernel, backend), &names));
    Ok(State::live(&lowered.ruleset))
}

fn dialect(kernel: &Kernel, backend: Backend) -> Dialect {
    Dialect::new(backend, kernel.version(backend).unwrap_or(Dialect::default().version))
}

impl From<Error> for ApplyError {
    fn from(error: Error) -> ApplyError {
        ApplyError::Kernel(error)
    }
}
