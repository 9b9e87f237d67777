//! `ptables status`: how things stand.

use clap::Args;
use ptables::plan::{Plan, SetChange};

use super::{Failure, Status};
use crate::applying::{Where, plain, show, time};
use crate::cli::{Report, Target};
use crate::output::Format;

/// Say what is applied, what waits to be confirmed, what has changed since, and what our rules have counted, by line
///
/// Exit status: 0 as it was applied, 1 something is not, 2 it cannot run.
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
    let status = applier.status()?;
    match &status.last {
        Some(it) => println!("last: {} {} ({})", it.number, plain(&it.what), plain(&it.from)),
        None => println!("nothing was applied"),
    }
    if let Some(it) = &status.pending {
        println!("pending: {} from {}, goes back in {}", it.id, plain(&it.from), time(it.left()));
    }
    for it in status.counted() {
        let place = it.place.map(|it| format!("   # {}", plain(&it))).unwrap_or_default();
        let (table, chain, rule) = (plain(&it.table), plain(&it.chain), plain(&it.rule));
        println!("{:>10} packets  {} {table} {chain} {rule}{place}", it.counters.packets, it.family);
    }
    // What waits is not the record yet: then there is no drift to be told.
    let drifted = status.pending.is_none() && !status.drift.iter().all(Plan::is_empty);
    if drifted {
        println!("since then others changed rules of ours; to bring them back:");
        let drift: Vec<Plan> = status.drift.into_iter().filter(|it| !it.is_empty()).collect();
        show(&drift, &SetChange::default(), Format::Human, &options.report, None)?;
    }
    Ok(if drifted { Status::Errors } else { Status::Fine })
}
