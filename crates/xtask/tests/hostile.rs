//! Scripts that nobody should write end in rules or in an error.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

/// The command, beside this test; `cargo test -p xtask` alone has not built it.
fn ptables() -> std::path::PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
    let built =
        Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "ptables-cli"]).status().unwrap();
    assert!(built.success());
    folder.join("ptables")
}

#[test]
fn hostile_scripts_end_in_rules_or_in_an_error() {
    match xtask::hostile::run(&ptables(), 200, 20_261_122) {
        Ok(report) => eprintln!("{report}"),
        Err(error) => panic!("{error}"),
    }
}
