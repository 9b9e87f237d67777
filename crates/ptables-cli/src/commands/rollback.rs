//! `ptables rollback`: back to what was before.

use clap::Args;
use ptables::plan::SetChange;

use super::{Failure, Status};
use crate::applying::{Where, explain, show};
use crate::cli::{Report, Target};
use crate::output::{Findings, Format};

/// Go back: what waits to be confirmed is undone; else the application before the last is applied again
///
/// Only our rules change; what others wrote meanwhile stays.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// To which application, by its number in `ptables history`
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let applier = options.place.applier_for(&options.target)?;
    if applier.status()?.pending.is_some() && options.to.is_none() {
        let pending = applier.roll_back()?;
        eprintln!("ptables: {} was rolled back", pending.id);
        return Ok(Status::Fine);
    }
    let wanted = applier.past(options.to)?;
    match applier.apply(&wanted) {
        Ok((plans, _)) => {
            show(&plans, &SetChange::default(), Format::Human, &options.report, None)?;
            eprintln!("ptables: back at {}", wanted.from);
            Ok(Status::Fine)
        }
        Err(error) => explain(error, &mut Findings::new(&options.report)),
    }
}
