//! The cases of the catalogue, and the texts that once went wrong, on the iptables programs of this machine.
#![expect(clippy::panic, clippy::print_stdout, reason = "tests")]

use xtask::divergences::Divergences;
use xtask::oracle::{Failure, Outcome, cases, everywhere, files, usable_or_skip};

fn settled(outcome: Result<Outcome, Failure>, known: Divergences) -> Outcome {
    let outcome = outcome.unwrap_or_else(|error| panic!("{error}"));
    match outcome.settle(known) {
        Ok(report) => println!("{report}"),
        Err(report) => panic!("{report}"),
    }
    outcome
}

#[test]
fn the_tools_take_every_case_as_we_do() {
    if !usable_or_skip() {
        return;
    }
    let outcome = settled(everywhere(cases::compare), Divergences::load("cases"));
    // Both kinds are there in number, in each of the four comparisons.
    assert_eq!(outcome.contexts.len(), 4);
    assert!(outcome.accepted > 300 && outcome.tried - outcome.accepted > 300, "{outcome:?}");
}

#[test]
fn the_tools_take_what_once_went_wrong_as_we_do() {
    if !usable_or_skip() {
        return;
    }
    let folder = xtask::generate::root().join("testdata/regress");
    let files = files::read(&folder).unwrap_or_else(|error| panic!("{error}"));
    let known = Divergences::load_only("files", &files);
    let outcome = settled(everywhere(|real| files::compare(real, &files)), known);
    assert!(outcome.tried >= files.len(), "{outcome:?}");
}
