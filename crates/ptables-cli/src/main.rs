//! The command `ptables`: renders, checks and restores iptables configurations.
//!
//! Exit status: 0 no error, 1 an error (or a warning under `--deny warnings`), 2 it cannot run.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

mod applying;
mod cli;
mod commands;
mod input;
mod lockout;
mod output;
mod snapshot;
mod suite;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

/// Scripts must not take all memory in one step.
#[global_allocator]
static ALLOCATOR: ptables_kernel::memory::Bounded = ptables_kernel::memory::Bounded;

fn main() -> ExitCode {
    // What a script makes the interpreter do is told as a finding, not as a fault of the program.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some("script") {
            usual(panic);
        }
    }));
    let cli = cli::Cli::parse();
    match commands::run(cli.command) {
        Ok(status) => ExitCode::from(status as u8),
        Err(error) => {
            eprintln!("ptables: {}", ptables::diag::escape::line(&error.to_string()));
            ExitCode::from(2)
        }
    }
}
