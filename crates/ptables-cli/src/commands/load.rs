//! `ptables load`: what was kept for the start of the machine.

use clap::Args;

use super::{Failure, Status};
use crate::applying::{Where, explain};
use crate::cli::{Report, Target};
use crate::output::Findings;

/// Load what `persist` has kept; if that is broken or refused, what it had kept before
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    // Nothing can be asked before the network: the tools are taken as they are.
    let applier = options.place.applier_for(&options.target)?.preflight(false);
    match applier.load() {
        Ok(false) => Ok(Status::Fine),
        Ok(true) => {
            eprintln!("ptables: what was kept cannot be loaded; what was kept before it is in force");
            Ok(Status::Errors)
        }
        Err(error) => explain(error, &mut Findings::new(&options.report)),
    }
}
