//! `ptables apply`: changes what differs, all of it or nothing.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ptables::plan::Plan;
use ptables_kernel::apply::ssh_session;

use super::{Failure, Status};
use crate::applying::{Meant, Ours, Where, explain, progress, seconds, show, time, wanted};
use crate::cli::{Report, Script, Target};
use crate::lockout::cuts_off;
use crate::output::{Findings, Format};

/// Apply a configuration: only what differs, all of it or nothing, and nobody else's rules
///
/// The plan is tried in a network namespace of its own, with this machine's tools. Then each table is changed in one step; rules that
/// stay keep their counters. Whatever fails, what was changed is changed back; a process of its own does so if this one dies. With
/// `--confirm` it does so too unless `ptables confirm` comes in time; over ssh that is the default.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Files of rules, or scripts: one for both families, or one for each; they are one transaction
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Go back unless `ptables confirm` comes within this time, such as 60s; 0 does not wait. Default: 0, and 60s over ssh
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    confirm: Option<Duration>,
    /// Do not try the plan in a scratch namespace before
    #[arg(long)]
    no_preflight: bool,
    /// A packet that must still pass, such as 'tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new'; over ssh those of the session are
    #[arg(long, value_name = "PACKET")]
    protect: Vec<String>,
    /// Apply them even if they cut off what must pass
    #[arg(long)]
    allow_lockout: bool,
    /// Output: for people, or JSON, one object a family
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    ours: Ours,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let backend = options.place.backend(options.target.backend)?;
    let target = Target { backend: Some(backend), ..options.target.clone() };
    let mut findings = Findings::new(&options.report);
    let Some(wanted) = wanted(&options.files, &options.script, &target, &mut findings)? else {
        findings.report_to_stderr()?;
        eprintln!("ptables: nothing was applied");
        return Ok(Status::Errors);
    };
    let session = ssh_session();
    let over_ssh = || if session.is_some() { Duration::from_secs(60) } else { Duration::ZERO };
    let confirm = options.confirm.unwrap_or_else(over_ssh);
    let applier = options.ours.of(options.place.applier(backend)?);
    let applier = applier.confirm_within(confirm).preflight(!options.no_preflight).watched_by(progress());
    if !options.allow_lockout && (session.is_some() || !options.protect.is_empty()) {
        let plans = match applier.plan(&wanted) {
            Ok(plans) => plans,
            Err(error) => return explain(error, &mut findings),
        };
        let (kernel, what) = (options.place.kernel()?, (&wanted, plans.as_slice()));
        if cuts_off(&applier, what, session, &options.protect, &kernel, &mut findings)? {
            findings.report_to_stderr()?;
            eprintln!("ptables: nothing was applied");
            return Ok(Status::Errors);
        }
    }
    let sets = match applier.plan_sets(&wanted) {
        Ok(sets) => sets,
        Err(error) => return explain(error, &mut findings),
    };
    let (plans, pending) = match applier.apply(&wanted) {
        Ok(done) => done,
        Err(error) => return explain(error, &mut findings),
    };
    findings.report_to_stderr()?;
    if let Some(pending) = pending {
        let left = time(Duration::from_secs(pending.confirm));
        eprintln!("ptables: applied; it goes back in {left} unless you say `ptables confirm {}`", pending.id);
    } else if !plans.iter().all(Plan::is_empty) || !sets.is_empty() {
        eprintln!("ptables: applied");
    }
    // What it means is told last: it may take a while.
    show(&plans, &sets, options.format, &options.report, Some((&options.meant, applier.dialect())))?;
    Ok(Status::Fine)
}
