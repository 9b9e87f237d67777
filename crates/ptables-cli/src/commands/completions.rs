//! `ptables completions`: what a shell completes.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Failure, Status};
use crate::cli::Cli;
use crate::output;

/// Print completions for a shell
///
/// For bash: `ptables completions bash > /etc/bash_completion.d/ptables`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let mut out = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "ptables", &mut out);
    output::product(&out)
}
