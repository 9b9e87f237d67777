//! `fix` on real rule sets: what it makes of them reads as it was proved, and gives every packet the same verdict.

use ptables::analysis::{Given, Limits, compare};
use ptables::dialect::Dialect;
use ptables::ext::Context;
use ptables::fix::{Options, fix, patch};
use ptables::model::Ruleset;
use ptables::source::Source;
use ptables::text::{FamilyHint, family};
use xtask::oracle::Ours;
use xtask::oracle::files;
use xtask::shared;

/// Larger ones take long.
const RULES: usize = 500;

#[test]
fn real_rulesets_stay_the_same_firewall() {
    let Some(folder) = shared::folder() else { return };
    let (mut looked, mut changed, mut unproved) = (0, 0, 0);
    for file in files::read(&folder.join("rulesets")).unwrap() {
        let source = Source::new(&file.name, file.bytes.clone()).unwrap();
        let FamilyHint::One(family) = family(&source) else { continue };
        let context = Context::new(family, Dialect::default());
        let read = |source: &Source| {
            let parsed = ptables::text::parse(source);
            let options = ptables::lower::Options::new(context.dialect, &ptables::value::BuiltinNames);
            vec![ptables::lower::lower(&parsed.tables, family, options).ruleset]
        };
        // As the command: errors are mended first.
        if !Ours::read(context, file.bytes.clone()).unwrap().errors().is_empty() {
            continue;
        }
        let old = read(&source);
        let parts: Vec<&Ruleset> = old.iter().collect();
        if old.iter().map(|it| it.rules().count()).sum::<usize>() >= RULES {
            continue;
        }
        looked += 1;
        let mut given = Given::default();
        given.limits = Limits::new(8_000_000);
        let mut options = Options::default();
        options.given = given;
        let found = fix(&parts, options).unwrap();
        unproved += found.unproved;
        if found.changes.is_empty() {
            continue;
        }
        println!("{}: {}, {} not proved", file.name, found.summary(), found.unproved);
        let Some(patch) = patch(&source, &parts, &found, &read) else {
            // Text that a program printed names the lines of the program; numbers of `-I` count what goes.
            let numbered = String::from_utf8_lossy(&file.bytes).contains("\n-I ");
            let written = found.changes.iter().all(|it| found.is_in(it, &parts, &source));
            assert!(numbered || !written, "{}", file.name);
            continue;
        };
        changed += 1;
        let new = Ours::read(context, patch.text).unwrap();
        assert!(compare(&old[0], &new.ruleset, given).unwrap().is_same(), "{}", file.name);
        // What is gone may make more superfluous; that ends.
        let (mut last, mut rounds) = (new.ruleset, 0);
        loop {
            let again = fix(&[&last], options).unwrap();
            if again.changes.is_empty() {
                break;
            }
            rounds += 1;
            assert!(rounds < 4, "{}: {}", file.name, again.summary());
            last = again.rulesets.into_iter().next().unwrap();
        }
    }
    println!("{looked} files, {changed} changed, {unproved} changes not proved");
    assert!(looked > 20 && changed >= 5, "{looked} files, {changed} changed");
}
