//! The subcommands, one file each.

pub(crate) mod adopt;
pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod confirm;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod fix;
pub(crate) mod guard;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod load;
pub(crate) mod man;
pub(crate) mod persist;
pub(crate) mod plan;
pub(crate) mod reach;
pub(crate) mod release;
pub(crate) mod render;
pub(crate) mod restore;
pub(crate) mod rollback;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod why;

use std::error::Error;

use ptables::space::TooLarge;

use crate::cli::Command;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// No error.
    Fine = 0,
    /// Errors were found.
    Errors = 1,
}

/// Why a command cannot run; shown in one line.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Says how a limit that was met is raised.
pub(crate) fn too_large(limit: TooLarge) -> Failure {
    format!("{limit}: `--nodes` allows more, at some 20 bytes each").into()
}

pub(crate) fn run(command: Command) -> Result<Status, Failure> {
    match command {
        Command::Render(options) => render::run(&options),
        Command::Reach(options) => reach::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Diff(options) => diff::run(&options),
        Command::Fix(options) => fix::run(&options),
        Command::Import(options) => import::run(&options),
        Command::Plan(options) => plan::run(&options),
        Command::Apply(options) => apply::run(&options),
        Command::Confirm(options) => confirm::run(&options),
        Command::Rollback(options) => rollback::run(&options),
        Command::Status(options) => status::run(&options),
        Command::History(options) => history::run(&options),
        Command::Persist(options) => persist::run(&options),
        Command::Load(options) => load::run(&options),
        Command::Adopt(options) => adopt::run(&options),
        Command::Release(options) => release::run(&options),
        Command::Guard(options) => guard::run(&options),
        Command::Restore(options) => restore::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Why(options) => why::run(&options),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options),
    }
}
