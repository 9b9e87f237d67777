//! Real rule sets, kept outside this repository: what the real tools load, we leave in the kernel unchanged; of the
//! others we name the bad lines and read the rest.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

use ptables::compile::compile;
use ptables::diag::Severity;
use ptables::dialect::{Backend, Family};
use ptables::lower::Options;
use ptables::model::{Body, OpaqueKind};
use ptables::program::Tables;
use ptables::source::Source;
use ptables::text;
use ptables_kernel::SystemNames;
use xtask::divergences::Divergences;
use xtask::oracle::files::{self, File};
use xtask::oracle::{Difference, Failure, Ours, Outcome, Real, Verdict, usable_or_skip};
use xtask::shared;

/// Files of the folder that hold no rules.
const NO_RULES: [&str; 1] = ["ipassmt_tumi8.txt"];

/// What the tools did with one file.
struct Tried {
    file: File,
    /// The families in which both back ends loaded it.
    loaded: Vec<Family>,
    /// How our text of it differs.
    differences: Vec<Difference>,
}

/// A folder of rule sets, each tried with all tools; `None` where there is no folder or no namespace.
fn tried(folder: &'static str, cache: &'static OnceLock<Option<Vec<Tried>>>) -> Option<&'static [Tried]> {
    let make = || {
        let shared = shared::folder().filter(|_| usable_or_skip())?;
        let files = files::read(&shared.join(folder)).unwrap();
        let files: Vec<File> = files.into_iter().filter(|it| !NO_RULES.contains(&it.name.as_str())).collect();
        Some(in_parallel(files, |file| try_file(file).unwrap()))
    };
    cache.get_or_init(make).as_deref()
}

fn rulesets() -> Option<&'static [Tried]> {
    static TRIED: OnceLock<Option<Vec<Tried>>> = OnceLock::new();
    tried("rulesets", &TRIED)
}

fn repaired() -> Option<&'static [Tried]> {
    static TRIED: OnceLock<Option<Vec<Tried>>> = OnceLock::new();
    tried("rulesets/repaired", &TRIED)
}

/// Two at a time, as they come.
fn in_parallel<T: Send + Sync, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let items: Vec<Mutex<Option<T>>> = items.into_iter().map(|it| Mutex::new(Some(it))).collect();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(item.lock().unwrap().take().unwrap());
                    done.lock().unwrap().push(result);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

fn try_file(file: File) -> Result<Tried, Failure> {
    let (mut loaded, mut differences) = (Vec::new(), Vec::new());
    for family in Family::ALL {
        let mut accepted = Vec::new();
        for backend in Backend::ALL {
            let real = Real::new(backend, family)?;
            if let Verdict::Accepted(saved) = real.load(&file.bytes)? {
                accepted.push((real, saved));
            }
        }
        if accepted.len() < Backend::ALL.len() {
            continue;
        }
        loaded.push(family);
        for (mut real, saved) in accepted {
            let ours = Ours::read_named(real.context, &file.name, file.bytes.clone())?;
            understood(&ours);
            assert!(!ours.is_unreloadable(), "{}: the comparison would be left out", file.name);
            let context = real.context;
            let difference = |place: &str, real: String, ours: String| Difference {
                name: file.name.clone(),
                file: String::new(),
                place: place.into(),
                context,
                real,
                ours,
            };
            let found = files::difference(&mut real, &ours, &Verdict::Accepted(saved.clone()))?;
            differences.extend(found.map(|(said, ours)| difference("file", said, ours)));
            differences.extend(
                imported(&ours, &file.name, saved)?.map(|(said, ours)| difference("import", said, ours)),
            );
        }
    }
    Ok(Tried { file, loaded, differences })
}

/// What a script that was made of the rules leaves in the kernel, beside what the rules do, where that differs.
fn imported(ours: &Ours, name: &str, saved: String) -> Result<Option<(String, String)>, Failure> {
    let context = ours.ruleset.context;
    let imported =
        ptables_starlark::import(&[&ours.ruleset], name, &SystemNames::new()).map_err(|it| it.to_string())?;
    assert!(imported.diagnostics.is_empty(), "{name}: {:?}", imported.diagnostics);
    assert!(!imported.script.contains("CustomRule("), "{name}: a rule that no call makes");
    let made =
        ptables_starlark::evaluate("import.star", &imported.script, &ptables_starlark::Options::default());
    let mut text = Vec::new();
    text::annotated(&made.tables.unwrap(), &mut text).map_err(|it| format!("{name}: {it:?}"))?;
    // Another namespace than that which the rules were loaded in: nothing is there.
    let verdict = Real::new(context.dialect.backend, context.family)?.load(&text)?;
    let wanted = Verdict::Accepted(saved);
    Ok((verdict != wanted).then(|| (format!("{wanted:?}"), format!("{verdict:?}"))))
}

/// Of a file that the tools load, every rule is understood: none is kept word for word.
fn understood(ours: &Ours) {
    for (_, _, rule) in ours.ruleset.rules() {
        assert!(matches!(&rule.body, Body::Typed(_)), "{:?} {:?}", rule.origin.place(), rule.body);
    }
}

fn assert_loaded(tried: &[Tried], count: usize, oracle: &str) {
    let loaded: Vec<&Tried> = tried.iter().filter(|it| !it.loaded.is_empty()).collect();
    let several: Vec<&str> =
        loaded.iter().filter(|it| it.loaded.len() > 1).map(|it| it.file.name.as_str()).collect();
    assert_eq!(several, [""; 0], "files that load in both families: which is meant?");
    assert_eq!(loaded.len(), count, "files that legacy and nft load alike");
    let mut outcome = Outcome { tried: 2 * count, accepted: 2 * count, ..Outcome::default() };
    outcome.differences.extend(loaded.iter().flat_map(|it| it.differences.clone()));
    match outcome.settle(Divergences::load(oracle)) {
        Ok(report) => println!("{report}"),
        Err(report) => panic!("{report}"),
    }
}

#[test]
fn the_33_rulesets_that_the_tools_load_are_left_unchanged() {
    if let Some(tried) = rulesets() {
        assert_loaded(tried, 33, "rulesets");
    }
}

#[test]
fn the_41_repaired_rulesets_are_left_unchanged() {
    if let Some(tried) = repaired() {
        assert_loaded(tried, 41, "repaired rulesets");
    }
}

/// What we say of the lines of a file, for one back end.
struct Read {
    /// Lines of rules.
    rules: BTreeSet<u32>,
    /// Those of them that are in the model: understood, or kept word for word as unknown.
    read: BTreeSet<u32>,
    /// Lines with an error.
    errors: BTreeSet<u32>,
}

fn read(file: &File, context: ptables::ext::Context) -> Read {
    let source = Source::new(&file.name, file.bytes.clone()).unwrap();
    let parsed = text::parse(&source);
    let names = SystemNames::new();
    let (mut lines, mut diagnostics) = (BTreeSet::new(), parsed.diagnostics.clone());
    // One table at a time: of two with one name only the second would be left.
    for table in &parsed.tables {
        let mut tables = Tables::new();
        tables.push(table.clone());
        let compiled = compile(&tables, context.family, Options::new(context.dialect, &names));
        for (_, _, rule) in compiled.ruleset.rules() {
            let invalid = matches!(&rule.body, Body::Opaque(opaque) if opaque.kind == OpaqueKind::Invalid);
            lines.extend(rule.origin.place().filter(|_| !invalid).map(|place| place.line));
        }
        diagnostics.extend(compiled.diagnostics);
    }
    let errors = diagnostics.iter().filter(|it| it.severity == Severity::Error);
    let errors = errors.map(|it| {
        let place = it.origin().place().unwrap_or_else(|| panic!("{}: no place: {it:?}", file.name));
        assert_eq!(place.file, file.name);
        place.line
    });
    let is_rule = |line: &[u8]| {
        let line = if line.starts_with(b"[") {
            line.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default()
        } else {
            line
        };
        line.starts_with(b"-A ") || line.starts_with(b"-I ")
    };
    let rules = file.bytes.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| is_rule(line));
    Read { rules: rules.map(|(_, number)| number).collect(), errors: errors.collect(), read: lines }
}

/// Makes the sets that a file names: whether they are there is not a matter of its text.
fn make_sets(real: &Real, file: &File) {
    let text = String::from_utf8_lossy(&file.bytes);
    let words: Vec<&str> = text.split_whitespace().collect();
    let names = words.windows(2).filter(|pair| pair[0] == "--match-set").map(|pair| pair[1]);
    for name in names.collect::<BTreeSet<_>>() {
        real.set_up(&format!("ipset create {name} hash:ip")).unwrap();
    }
}

/// The file with empty lines in place of these, and with the line end that its last `COMMIT` may lack.
fn without(file: &File, lines: &BTreeSet<u32>) -> Vec<u8> {
    let mut text = Vec::new();
    for (line, number) in file.bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        text.extend_from_slice(if lines.contains(&number) && line != b"COMMIT" { b"\n" } else { line });
    }
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text
}

#[test]
fn the_bad_lines_of_the_others_are_named_and_the_rest_is_read() {
    let Some(tried) = rulesets() else { return };
    let refused: Vec<&File> = tried.iter().filter(|it| it.loaded.is_empty()).map(|it| &it.file).collect();
    assert_eq!(refused.len(), tried.len() - 33);
    let found = in_parallel(refused, |file| {
        let mut found = Vec::new();
        for backend in Backend::ALL {
            let family = file.families().first().copied().unwrap();
            let real = Real::new(backend, family).unwrap();
            let Read { rules, read, errors } = read(file, real.context);
            let difference = |said: String, ours: String| Difference {
                name: file.name.clone(),
                file: String::new(),
                place: "file".into(),
                context: real.context,
                real: said,
                ours,
            };
            if errors.is_empty() {
                found.push(difference("refuse".into(), "name no line".into()));
                continue;
            }
            let lost: Vec<&u32> =
                rules.iter().filter(|it| !read.contains(it) && !errors.contains(it)).collect();
            assert!(lost.is_empty(), "{}: lines that are neither read nor named: {lost:?}", file.name);
            let bad = rules.iter().filter(|it| !read.contains(it)).count();
            assert_eq!(read.len(), rules.len() - bad, "{}", file.name);
            // Nothing was named without need, and nothing forgotten: the tools load the file without those lines.
            make_sets(&real, file);
            if let Verdict::Refused { message, .. } = real.load(&without(file, &errors)).unwrap() {
                found.push(difference(
                    format!("refuse the file without the lines that we name: {message}"),
                    format!("name {} lines: {:?} …", errors.len(), errors.iter().take(5).collect::<Vec<_>>()),
                ));
            }
            println!(
                "{} {backend}: {} rules, {} read, {} errors",
                file.name,
                rules.len(),
                read.len(),
                errors.len()
            );
        }
        found
    });
    let outcome = Outcome {
        tried: 2 * found.len(),
        differences: found.into_iter().flatten().collect(),
        ..Outcome::default()
    };
    match outcome.settle(Divergences::load("refused rulesets")) {
        Ok(report) => println!("{report}"),
        Err(report) => panic!("{report}"),
    }
}

#[test]
fn the_folder_is_where_the_tests_of_ci_look_for_it() {
    if let Some(folder) = shared::folder() {
        assert!(Path::new(&folder).join("rulesets/repaired").is_dir());
    }
}
