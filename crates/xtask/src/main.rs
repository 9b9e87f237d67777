//! Chores of the workspace; `cargo xtask` lists them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

use xtask::generate;

use std::process::ExitCode;

const USAGE: &str =
    "usage: cargo xtask gen [--check]    write (or compare) what is generated from the sources";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["gen"] => generate::run(generate::Mode::Write),
        ["gen", "--check"] => generate::run(generate::Mode::Check),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
