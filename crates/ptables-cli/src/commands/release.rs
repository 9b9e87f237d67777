//! `ptables release`: our rules go.

use clap::Args;
use ptables_kernel::apply::Wanted;

use super::{Failure, Status};
use crate::applying::{Where, explain, families};
use crate::cli::{Report, Target};
use crate::output::Findings;

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
    let applier = options.place.applier(options.place.backend(options.target.backend)?)?;
    match applier.apply(&Wanted::nothing(&families(&options.target))) {
        Ok((plans, _)) => {
            plans.iter().filter(|it| !it.is_empty()).for_each(|it| print!("{}", it.human(false)));
            Ok(Status::Fine)
        }
        Err(error) => explain(error, &mut Findings::new(&options.report)),
    }
}
