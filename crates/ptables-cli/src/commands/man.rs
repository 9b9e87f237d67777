//! `ptables man`: manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::{Failure, Status};
use crate::cli::Cli;
use crate::output;

/// Print the manual page, or write those of all subcommands
///
/// `ptables man | man -l -` shows it; `ptables man /usr/local/share/man/man1` installs all of them.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Folder for `ptables.1`, `ptables-check.1` and so on; it must be there. Without it the page of ptables is printed
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let command = Cli::command();
    let Some(folder) = &options.folder else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        return output::product(&page);
    };
    if !folder.is_dir() {
        return Err(format!("{}: there is no such folder", folder.display()).into());
    }
    clap_mangen::generate_to(command, folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(Status::Fine)
}
