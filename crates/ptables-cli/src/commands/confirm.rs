//! `ptables confirm`: what was applied stays.

use clap::Args;
use ptables::dialect::Backend;

use super::{Failure, Status};
use crate::applying::Where;

/// Keep what `apply --confirm` has applied
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Which one; the one that waits, if it is not given
    #[arg(value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    place: Where,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    // Nothing is changed, so no back end is asked.
    let pending = options.place.applier(Backend::Nft)?.confirm(options.id.as_deref())?;
    eprintln!("ptables: {} stays", pending.id);
    Ok(Status::Fine)
}
