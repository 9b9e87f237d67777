//! Properties of what we read and print, on rules assembled at random from the cases of the catalogue and real rule sets.
//!
//! The seed is printed; `PTABLES_SEED=N` repeats a run, `PTABLES_CASES=N` makes it N times as long. What fails is made as small as possible and written into
//! `testdata/regress`, where the comparison with the real tools finds it from then on.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod model;
mod rules;

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use proptest::strategy::Strategy;
use proptest::test_runner::{
    Config, RngAlgorithm, TestCaseError, TestCaseResult, TestError, TestRng, TestRunner,
};
use ptables::diag::{Code, Diagnostic, codes};
use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::ext::Context;
use ptables_kernel::SystemNames;
use xtask::oracle::{self, Ours, Outcome, Real, Verdict, cases, trials, usable_or_skip};

use rules::{Line, Pool};

/// The dialects of both back ends in both families.
fn contexts() -> impl Iterator<Item = Context> {
    oracle::pairs().map(|(backend, family)| Context::new(family, Dialect::new(backend, Version::V1_8_9)))
}

/// The seed of this run: `PTABLES_SEED`, or the time.
fn seed() -> u64 {
    match std::env::var("PTABLES_SEED") {
        Ok(seed) => seed.parse().unwrap_or_else(|_| panic!("PTABLES_SEED is a number, not `{seed}`")),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into(),
    }
}

/// How many times as many inputs as usual are tried: `PTABLES_CASES`.
fn times() -> u32 {
    std::env::var("PTABLES_CASES").ok().and_then(|it| it.parse().ok()).unwrap_or(1)
}

/// Tries a property; writes down the smallest input that breaks it, as text.
fn hold<T: Debug>(
    name: &str,
    cases: u32,
    family: Family,
    strategy: &impl Strategy<Value = T>,
    text: impl Fn(&T) -> Vec<u8>,
    property: impl Fn(&[u8]) -> TestCaseResult,
) {
    let seed = seed();
    println!("{name}: PTABLES_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: cases * times(),
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    match runner.run(strategy, |value| property(&text(&value))) {
        Ok(()) => {}
        Err(TestError::Fail(reason, value)) => {
            let suffix = if family == Family::V4 { "v4" } else { "v6" };
            let folder = oracle_folder();
            let path = folder.join(format!("found-{}-{seed}.{suffix}", name.replace(' ', "-")));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, text(&value)).unwrap();
            panic!("{name}, PTABLES_SEED={seed}, written to {}:\n{reason}", path.display());
        }
        Err(TestError::Abort(reason)) => panic!("{name}: {reason}"),
    }
}

/// Whether we say this of a rule.
fn is_said(code: Code, context: Context, line: &Line) -> bool {
    let ours = Ours::read(context, line.trial().text()).unwrap();
    ours.diagnostics.iter().any(|it| it.code == code)
}

fn oracle_folder() -> std::path::PathBuf {
    xtask::generate::root().join("testdata/regress")
}

fn fail(reason: impl ToString) -> TestCaseError {
    TestCaseError::fail(reason.to_string())
}

#[test]
fn reading_what_was_printed_gives_the_same_model() {
    for context in contexts() {
        let pool = Pool::new(context);
        hold(
            &format!("model {}", context.dialect.backend),
            256,
            context.family,
            &pool.rulesets(40),
            |lines| rules::text(lines),
            |text| {
                // Where we warn that what is saved is not what is in the kernel, the model holds what is in the kernel.
                let lines = rules::lines(text).into_iter().filter(|line| {
                    let warned = [codes::CHECK_UNRELOADABLE, codes::CHECK_CHANGED];
                    !warned.into_iter().any(|code| is_said(code, context, line))
                });
                let text = rules::text(&lines.collect::<Vec<_>>());
                let first = Ours::read(context, text).map_err(fail)?;
                let mut printed = Vec::new();
                first.ruleset.print(&mut printed, true);
                let again = Ours::read(context, printed.as_slice()).map_err(fail)?;
                match model::difference(&first.ruleset, &again.ruleset) {
                    None => Ok(()),
                    Some(difference) => Err(fail(difference)),
                }
            },
        );
    }
}

#[test]
fn a_script_of_rules_makes_the_same_rules() {
    for context in contexts() {
        let pool = Pool::new(context);
        hold(
            &format!("import {}", context.dialect.backend),
            64,
            context.family,
            &pool.rulesets(40),
            |lines| rules::text(lines),
            |text| {
                let ours = Ours::read(context, text).map_err(fail)?;
                // It compares by itself, and says so where it fails.
                let imported =
                    ptables_starlark::import(&[&ours.ruleset], "rules", &SystemNames::new()).map_err(fail)?;
                // Left out is only what is no text, or what iptables saves as something else, of which we warn.
                let warned = [codes::CHECK_UNRELOADABLE, codes::CHECK_CHANGED];
                let line = |it: &Diagnostic| it.origin().place().map(|it| it.line);
                let warned: Vec<_> =
                    ours.diagnostics.iter().filter(|it| warned.contains(&it.code)).map(line).collect();
                let utf8 = std::str::from_utf8(text).is_ok();
                match imported.diagnostics.iter().find(|it| utf8 && !warned.contains(&line(it))) {
                    Some(first) => Err(fail(&first.message)),
                    None => Ok(()),
                }
            },
        );
    }
}

#[test]
fn a_script_of_two_families_makes_both() {
    for context in contexts().filter(|it| it.family == Family::V4) {
        let other = Context::new(Family::V6, context.dialect);
        let (pool, pool6) = (Pool::new(context), Pool::new(other));
        let both = (pool.rulesets(25), pool6.rulesets(25));
        hold(
            &format!("import both {}", context.dialect.backend),
            64,
            context.family,
            &both,
            |(four, six)| [rules::text(four), rules::text(six)].join(&b"# IPv6\n"[..]),
            |text| {
                let at = text.windows(7).position(|it| it == b"# IPv6\n").unwrap_or(text.len());
                let (four, six) = text.split_at(at);
                let (four, six) =
                    (Ours::read(context, four).map_err(fail)?, Ours::read(other, six).map_err(fail)?);
                // It compares by itself, and says so where it fails. What it leaves out is looked at for one family above.
                let rulesets = [&four.ruleset, &six.ruleset];
                ptables_starlark::import(&rulesets, "rules", &SystemNames::new()).map_err(fail)?;
                Ok(())
            },
        );
    }
}

/// What the tools saved is what we print of it, and what they save again: a warning says so where that is not so.
fn saved_again(real: &Real, saved: &str) -> TestCaseResult {
    let ours = Ours::read(real.context, saved.as_bytes()).map_err(fail)?;
    let again = real.load(saved.as_bytes()).map_err(fail)?;
    let same = matches!(&again, Verdict::Accepted(again) if again == saved);
    if same && ours.errors().is_empty() && ours.fresh() == saved {
        return Ok(());
    }
    let (printed, errors) = (ours.fresh(), ours.errors());
    Err(fail(format!("of the saved text\n{saved}\nthe tools\n{again:?}\nwe\n{printed}{errors:?}")))
}

#[test]
fn canonical_text_is_what_the_tools_saved() {
    if !usable_or_skip() {
        return;
    }
    // Tried and accepted, so that nobody takes a run for a proof in which the tools refused nearly everything.
    let (tried, accepted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let run = |backend: Backend, family: Family| {
        let real = Real::new(backend, family).unwrap();
        cases::set_up(&real).unwrap();
        let context = real.context;
        let pool = Pool::new(context);
        hold(
            &format!("saved {backend}"),
            20,
            family,
            &pool.rulesets(24),
            |lines| rules::text(lines),
            |text| {
                let lines = rules::lines(text);
                // Each rule for itself: the same verdict, and the text that is saved.
                let outcome: Outcome =
                    trials::compare(&real, &lines.iter().map(Line::trial).collect::<Vec<_>>())
                        .map_err(fail)?;
                tried.fetch_add(outcome.tried, Ordering::Relaxed);
                accepted.fetch_add(outcome.accepted, Ordering::Relaxed);
                if let Some(first) = outcome.differences.first() {
                    return Err(fail(first));
                }
                // All that are accepted together: what the tools saved of them is what we print of that.
                let mut accepted = Vec::new();
                for line in lines {
                    let errors = Ours::read(context, line.trial().text()).map_err(fail)?.errors();
                    if errors.is_empty() && !is_said(codes::CHECK_UNRELOADABLE, context, &line) {
                        accepted.push(line);
                    }
                }
                for table in rules::tables(&accepted) {
                    let loaded = real.load(&rules::text(&table)).map_err(fail)?;
                    let same = match loaded {
                        Verdict::Accepted(saved) => saved_again(&real, &saved),
                        // Each is accepted, all are not: lists and limits of one name that differ.
                        Verdict::Refused { .. } => Ok(()),
                    };
                    if let Some(first) = table.first() {
                        real.clear(&first.table).map_err(fail)?;
                    }
                    same?;
                }
                Ok(())
            },
        );
    };
    std::thread::scope(|scope| {
        for (backend, family) in oracle::pairs() {
            let run = &run;
            scope.spawn(move || run(backend, family));
        }
    });
    let (tried, accepted) = (tried.into_inner(), accepted.into_inner());
    println!("{tried} rules, {accepted} of them accepted by the tools");
    assert!(tried > 500 && accepted > tried / 4 && accepted < tried, "{tried} rules, {accepted} accepted");
}
