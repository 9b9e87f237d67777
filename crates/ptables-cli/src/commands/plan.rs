//! `ptables plan`: what would change.

use std::path::PathBuf;

use clap::Args;
use ptables::dialect::Dialect;
use ptables::plan::{Claim, Options as Planning, Plan, SetChange, State};

use super::{Failure, Status};
use crate::applying::{Meant, Ours, Where, families, show, wanted};
use crate::cli::{Report, Script, Target};
use crate::input::Input;
use crate::output::{Findings, Format};

/// Say what `apply` would change: rules that come, go and move, each with the line that asks for it; policies, sets; what is not ours;
/// and which packets are newly allowed or dropped
///
/// Rules are compared as iptables-save prints them, so `--dport ssh` is `--dport 22`. Exit status: 0 nothing to do, 1 changes, 2 it
/// cannot run.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Files of rules, or scripts: one for both families, or one for each
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Compare with this dump of iptables-save instead of the kernel; rules that are in both count as ours
    #[arg(long, value_name = "DUMP")]
    against: Vec<PathBuf>,
    /// Output: for people, or JSON, one object a family, and one for sets if they change
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
    let mut target = options.target.clone();
    if options.against.is_empty() {
        target.backend = Some(options.place.backend(target.backend)?);
    }
    let mut findings = Findings::new(&options.report);
    let wanted = wanted(&options.files, &options.script, &target, &mut findings)?;
    findings.report_to_stderr()?;
    let Some(wanted) = wanted else { return Err("these rules cannot be applied".into()) };
    let (plans, sets, dialect) = match target.backend.filter(|_| options.against.is_empty()) {
        Some(backend) => {
            let applier = options.ours.of(options.place.applier(backend)?);
            (applier.plan(&wanted)?, applier.plan_sets(&wanted)?, applier.dialect())
        }
        None => against(options, &target, &wanted.states)?,
    };
    show(&plans, &sets, options.format, &options.report, Some((&options.meant, dialect)))?;
    if plans.iter().any(|it| !it.obstacles.is_empty()) {
        return Err("this plan cannot be carried out".into());
    }
    Ok(if plans.iter().all(Plan::is_empty) && sets.is_empty() { Status::Fine } else { Status::Errors })
}

/// Plans on dumps. Nothing is known of who made which rule, so what is in both is ours; and nothing of sets.
fn against(
    options: &Options,
    target: &Target,
    wanted: &[State],
) -> Result<(Vec<Plan>, SetChange, Dialect), Failure> {
    let (mut live, mut dialect) = (Vec::new(), Dialect::default());
    for dump in &options.against {
        let compiled = Input::read(dump, &Script::default())?.compile_families(target, false)?;
        dialect = compiled.parts.first().map_or(dialect, |it| it.ruleset.context.dialect);
        live.extend(compiled.parts.iter().map(|it| State::live(&it.ruleset)));
    }
    let claim = if options.ours.replace { Claim::Replace } else { Claim::Adopt };
    let places = options.ours.places.iter().map(|it| it.as_str().into());
    let planning = Planning::new(options.place.owner.clone(), places);
    let of = |state: &State| {
        let live = live.iter().find(|it| it.family == state.family).cloned();
        let nothing = State::new(state.family);
        Plan::claiming(live.unwrap_or_else(|| nothing.clone()), &nothing, state.clone(), claim, &planning)
    };
    let asked = families(target);
    let plans = wanted.iter().filter(|it| asked.contains(&it.family)).map(of).collect();
    Ok((plans, SetChange::default(), dialect))
}
