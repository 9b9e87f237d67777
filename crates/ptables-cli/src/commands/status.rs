//! `ptables status`: how things stand.

use clap::Args;
use ptables::plan::Plan;

use super::{Failure, Status};
use crate::applying::{Where, plain, time};
use crate::cli::Target;

/// Say what is applied, what waits to be confirmed, what has changed since, and what our rules have counted, by line
///
/// Exit status: 0 as it was applied, 1 something is not, 2 it cannot run.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let applier = options.place.applier(options.place.backend(options.target.backend)?)?;
    let status = applier.status()?;
    match &status.last {
        Some(it) => println!("last: {} {} ({})", it.number, plain(&it.what), plain(&it.from)),
        None => println!("nothing was applied"),
    }
    if let Some(it) = &status.pending {
        println!("pending: {} from {}, goes back in {}", it.id, plain(&it.from), time(it.left()));
    }
    for (table, chain, item) in status.rules() {
        let counted = item.counters.unwrap_or_default();
        let place = item.origin.place().map(|it| it.to_string()).unwrap_or_default();
        let rule = item.text.to_lossy();
        let (table, chain) = (plain(&table), plain(&chain));
        println!("{:>10} packets  {table} {chain}{}   # {}", counted.packets, plain(&rule), plain(&place));
    }
    // What waits is not the record yet: then there is no drift to be told.
    let drifted = status.pending.is_none() && !status.drift.iter().all(Plan::is_empty);
    if drifted {
        println!("since then others changed rules of ours; to bring them back:");
        status.drift.iter().filter(|it| !it.is_empty()).for_each(|it| print!("{}", it.human(false)));
    }
    Ok(if drifted { Status::Errors } else { Status::Fine })
}
