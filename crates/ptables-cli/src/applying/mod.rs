//! What the commands share that apply rules, or look at what was applied.

mod show;

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use ptables::compile::CompiledFamilies;
use ptables::diag::{Diagnostic, escape};
use ptables::dialect::{Backend, Family};
use ptables::plan::{Claim, Owner, Step};
use ptables_kernel::Kernel;
use ptables_kernel::apply::{Applier, ApplyError, GuardProgram, Wanted, state_folder};

use crate::cli::{Script, Target};
use crate::commands::{Failure, Status};
use crate::input::Input;
use crate::output::Findings;

pub(crate) use show::{Meant, show};

/// Where, and for whom.
#[derive(Args, Clone, Debug)]
pub(crate) struct Where {
    /// Who applies: rules of other owners are left alone
    #[arg(long, value_name = "NAME", default_value = "main", value_parser = |text: &str| Owner::new(text))]
    pub(crate) owner: Owner,
    /// Folder for what was applied; /var/lib/ptables/NAME if it is not given
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Network namespace, such as /run/netns/NAME
    #[arg(long, value_name = "PATH")]
    pub(crate) netns: Option<PathBuf>,
    /// Seconds to wait for the lock of the legacy tools
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<u32>,
}

/// Which rules are ours, and where they go.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Ours {
    /// A chain of somebody else that is a place for our rules, such as DOCKER-USER
    #[arg(long = "place", value_name = "CHAIN")]
    pub(crate) places: Vec<String>,
    /// Take the tables of the files over, with everything that is in them
    #[arg(long)]
    pub(crate) replace: bool,
}

impl Where {
    pub(crate) fn kernel(&self) -> Result<Kernel, Failure> {
        let mut kernel = Kernel::new();
        if let Some(netns) = &self.netns {
            kernel = kernel.in_namespace(netns)?;
        }
        if let Some(lock) = std::env::var_os("XTABLES_LOCKFILE") {
            // Who isolates the tools by a lock file of their own means us too.
            kernel = kernel.lock_file(lock);
        }
        if let Some(seconds) = self.wait {
            kernel = kernel.lock_wait(seconds);
        }
        Ok(kernel)
    }

    /// The back end that was asked for, else the one that holds the rules.
    pub(crate) fn backend(&self, asked: Option<Backend>) -> Result<Backend, Failure> {
        if let Some(backend) = asked {
            return Ok(backend);
        }
        let detection = self.kernel()?.detect()?;
        if let Some(warning) = detection.warning() {
            eprintln!("ptables: warning: {warning}");
        }
        Ok(detection.backend())
    }

    /// The handle for the back end that was asked for, else for the one that holds the rules.
    pub(crate) fn applier_for(&self, target: &Target) -> Result<Applier, Failure> {
        self.applier(self.backend(target.backend)?)
    }

    /// The handle, with this program as its own guard.
    pub(crate) fn applier(&self, backend: Backend) -> Result<Applier, Failure> {
        let state = match (&self.state, &self.netns) {
            (Some(state), _) => std::path::absolute(state)?,
            (None, Some(_)) => {
                return Err("with `--netns`, say where the state is kept: `--state DIR`".into());
            }
            (None, None) => state_folder(&self.owner),
        };
        let mut arguments: Vec<std::ffi::OsString> =
            vec!["guard".into(), "--owner".into(), self.owner.name().into()];
        arguments.extend([
            "--state".into(),
            state.clone().into(),
            "--backend".into(),
            backend.to_string().into(),
        ]);
        if let Some(lock) = std::env::var_os("XTABLES_LOCKFILE") {
            arguments.extend(["--lock-file".into(), lock]);
        }
        let guard = GuardProgram::new(std::env::current_exe()?, arguments);
        Ok(Applier::new(self.kernel()?, backend, self.owner.clone(), &state)?.guarded_by(guard))
    }
}

impl Ours {
    pub(crate) fn of(&self, applier: Applier) -> Applier {
        let claim = if self.replace { Claim::Replace } else { Claim::Record };
        applier.claim(claim).places(self.places.iter().map(|it| it.as_str().into()))
    }
}

/// Reads, lowers and checks files, one for each family or one for both.
pub(crate) fn compile(
    files: &[PathBuf],
    script: &Script,
    target: &Target,
) -> Result<CompiledFamilies, Failure> {
    let mut all: Option<CompiledFamilies> = None;
    for file in files {
        let mut compiled = Input::read(file, script)?.compile_families(target, false)?;
        let Some(all) = &mut all else {
            all = Some(compiled);
            continue;
        };
        let of = |it: &ptables::compile::Part| it.ruleset.context.family;
        if let Some(twice) = compiled.parts.iter().find(|it| all.parts.iter().any(|old| of(old) == of(it))) {
            return Err(
                format!("two of the files have rules of {}: they are one transaction", of(twice)).into()
            );
        }
        all.parts.append(&mut compiled.parts);
        all.sets.append(&mut compiled.sets);
        all.diagnostics.append(&mut compiled.diagnostics);
    }
    all.ok_or_else(|| "no file is named".into())
}

/// What the files want; `None`, with the findings told, if they cannot be applied.
pub(crate) fn wanted(
    files: &[PathBuf],
    script: &Script,
    target: &Target,
    findings: &mut Findings<'_>,
) -> Result<Option<Wanted>, Failure> {
    let compiled = compile(files, script, target)?;
    let names: Vec<String> = files.iter().map(|it| it.display().to_string()).collect();
    let wanted = Wanted::new(&compiled, &names.join(" "));
    let restorable = compiled.is_restorable();
    findings.add(compiled.diagnostics);
    match wanted {
        Ok(wanted) if restorable && findings.status() == Status::Fine => Ok(Some(wanted)),
        Ok(_) => Ok(None),
        Err(found) => {
            findings.add(found);
            Ok(None)
        }
    }
}

/// The families that were asked for; both, if none was.
pub(crate) fn families(target: &Target) -> Vec<Family> {
    Family::ALL.into_iter().filter(|it| target.families().is_none_or(|asked| asked.has(*it))).collect()
}

/// Tells why something was not applied: findings as such, everything else as a failure.
pub(crate) fn explain(error: ApplyError, findings: &mut Findings<'_>) -> Result<Status, Failure> {
    let ApplyError::Refused(found) = error else {
        return Err(match &error {
            ApplyError::Pending(_) => {
                format!("{error}: say `ptables confirm` or `ptables rollback` first").into()
            }
            ApplyError::Obstacles(_) => {
                format!("{error} (`ptables adopt` takes rules as ours, `--place CHAIN` a chain as a place for them, `--replace` whole tables)").into()
            }
            _ => Failure::from(error),
        });
    };
    let judged = |it: &Diagnostic| it.code != ptables::diag::codes::KERNEL_UNAVAILABLE;
    let unasked = !found.iter().all(judged);
    findings.add(found);
    findings.report_to_stderr()?;
    eprintln!("ptables: nothing of ours was changed");
    if unasked { Err("the rules were not judged".into()) } else { Ok(Status::Errors) }
}

/// Tells on a terminal what is being done, once it takes longer than a second.
pub(crate) fn progress() -> impl Fn(&Step) -> ControlFlow<()> + Send + Sync {
    let (begun, shown) = (Instant::now(), std::io::stderr().is_terminal());
    move |step| {
        if shown
            && begun.elapsed() > Duration::from_secs(1)
            && !matches!(step, Step::Generation | Step::End(_))
        {
            eprintln!("ptables: {step} …");
        }
        ControlFlow::Continue(())
    }
}

/// A time as `2 min 5 s`.
pub(crate) fn time(it: Duration) -> String {
    match (it.as_secs() / 60, it.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// A span of time such as `60s`, `5m` or `90`, in seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, &'static str> {
    let (number, unit) = match text.strip_suffix(['s', 'm']) {
        Some(number) => (number, if text.ends_with('m') { 60 } else { 1 }),
        None => (text, 1),
    };
    let number = number.parse::<u64>().ok().and_then(|it| it.checked_mul(unit));
    number
        .filter(|it| *it <= 86_400)
        .map(Duration::from_secs)
        .ok_or("a time such as 60s or 5m, at most a day")
}

/// Text of others for a terminal.
pub(crate) fn plain(text: &str) -> String {
    escape::line(text).into_owned()
}
