//! The properties that `fuzz/` explores without end, on a bounded number of texts: random bytes, and rules of the cases with words
//! taken out, doubled, swapped and cut. proptest prints the seed of a failure; keep it as a file under `testdata/regress/`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::Config;
use ptables::compile::compile;
use ptables::diag::render::Renderer;
use ptables::diag::{Severity, codes, json};
use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::ext::{CATALOGUE, Context, cases};
use ptables::lower::Options;
use ptables::source::Source;
use ptables::text;
use ptables::value::BuiltinNames;

/// The rules of all cases, each with a table and chain that takes it.
fn rules() -> &'static [(String, String)] {
    static RULES: OnceLock<Vec<(String, String)>> = OnceLock::new();
    RULES.get_or_init(|| {
        let all = CATALOGUE.iter().flat_map(|entry| cases::parse(entry.spec, entry.cases).unwrap());
        all.map(|case| (case.place.0.to_owned(), format!("-A {} {}", case.place.1, case.rule))).collect()
    })
}

/// What is done to the words of a rule.
#[derive(Clone, Debug)]
enum Change {
    Drop(usize),
    Double(usize),
    Swap(usize, usize),
    Cut(usize, usize),
    Insert(usize, String),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..40usize).prop_map(Change::Drop),
        (0..40usize).prop_map(Change::Double),
        (0..40usize, 0..40usize).prop_map(|(one, other)| Change::Swap(one, other)),
        (0..40usize, 0..12usize).prop_map(|(word, length)| Change::Cut(word, length)),
        (0..40usize, "[ -~]{0,8}").prop_map(|(at, word)| Change::Insert(at, word)),
    ]
}

/// A restore text with a rule of the cases, changed.
fn changed() -> impl Strategy<Value = Vec<u8>> {
    (0..rules().len(), proptest::collection::vec(change(), 0..4)).prop_map(|(index, changes)| {
        let (table, rule) = &rules()[index];
        let mut words: Vec<String> = rule.split(' ').map(str::to_owned).collect();
        for change in changes {
            let count = words.len();
            match change {
                _ if count == 0 => {}
                Change::Drop(at) => drop(words.remove(at % count)),
                Change::Double(at) => words.insert(at % count, words[at % count].clone()),
                Change::Swap(one, other) => words.swap(one % count, other % count),
                Change::Cut(at, length) => {
                    let word = &mut words[at % count];
                    *word = word.chars().take(length).collect();
                }
                Change::Insert(at, word) => words.insert(at % count, word),
            }
        }
        format!("*{table}\n{}\nCOMMIT\n", words.join(" ")).into_bytes()
    })
}

fn contexts() -> impl Iterator<Item = Context> {
    let dialects = Backend::ALL.into_iter().flat_map(|backend| {
        [Version::V1_8_9, Version::V1_8_11].map(|version| Dialect::new(backend, version))
    });
    dialects.flat_map(|dialect| Family::ALL.map(|family| Context::new(family, dialect)))
}

/// Reads, lowers, checks and draws a text; gives the printed ruleset, and whether printing it loses nothing.
fn all_the_way(bytes: &[u8], context: Context) -> (Vec<u8>, bool) {
    let parsed = text::parse(&Source::new("fuzz", bytes).unwrap());
    let compiled = compile(&parsed.tables, context.family, Options::new(context.dialect, &BuiltinNames));
    let renderer = Renderer::new(false, 100);
    let mut faithful = true;
    for it in parsed.diagnostics.iter().chain(&compiled.diagnostics) {
        assert!(!renderer.render(it).is_empty() && !json::line(it).contains('\n'));
        let lossy = [codes::CHECK_UNRELOADABLE, codes::CHECK_CHANGED].contains(&it.code);
        faithful &= it.severity != Severity::Error && !lossy;
    }
    let mut annotated = Vec::new();
    let _ = text::annotated(&parsed.tables, &mut annotated);
    let mut out = Vec::new();
    compiled.ruleset.print(&mut out, true);
    (out, faithful)
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn parse_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for context in contexts() {
            all_the_way(&bytes, context);
        }
    }

    #[test]
    fn parse_never_panics_on_changed_rules(bytes in changed()) {
        for context in contexts() {
            all_the_way(&bytes, context);
        }
    }

    #[test]
    fn parse_print_parse(bytes in changed()) {
        for context in contexts() {
            let (printed, faithful) = all_the_way(&bytes, context);
            if faithful {
                let (again, _) = all_the_way(&printed, context);
                prop_assert_eq!(String::from_utf8_lossy(&printed), String::from_utf8_lossy(&again), "{:?}", context);
            }
        }
    }

    #[test]
    fn print_is_one_line(bytes in changed()) {
        for context in contexts() {
            let parsed = text::parse(&Source::new("fuzz", bytes.as_slice()).unwrap());
            let compiled = compile(&parsed.tables, context.family, Options::new(context.dialect, &BuiltinNames));
            for (_, _, rule) in compiled.ruleset.rules() {
                let mut out = Vec::new();
                rule.print(&mut out, context);
                prop_assert!(!out.iter().any(|byte| matches!(byte, b'\n' | 0)), "{:?}", String::from_utf8_lossy(&out));
            }
        }
    }
}
