//! `ptables release`: our rules go.

use clap::Args;
use ptables::plan::SetChange;
use ptables_kernel::apply::Wanted;

use super::{Failure, Status};
use crate::applying::{Where, explain, families, show};
use crate::cli::{Report, Target};
use crate::output::{Findings, Format};

/// Take out our rules, chains and sets, and nothing else; policies that we set become what they were
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
    let applier = options.place.applier_for(&options.target)?;
    match applier.apply(&Wanted::nothing(&families(&options.target))) {
        Ok((plans, _)) => {
            show(&plans, &SetChange::default(), Format::Human, &options.report, None)?;
            Ok(Status::Fine)
        }
        Err(error) => explain(error, &mut Findings::new(&options.report)),
    }
}
