//! Each paragraph of docs/semantics.md names what holds it to the kernel, and what it names is there.

use std::fs;

use xtask::generate::root;
use xtask::kernel_diff::regress;
use xtask::kernel_diff::run::Mode;

use super::sources;

/// The numbered paragraphs, each with its number.
fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut within = false;
    for line in text.lines() {
        let number = line.split_once(". ").and_then(|it| it.0.parse().ok());
        if let Some(number) = number {
            found.push((number, String::new()));
        }
        within = number.is_some() || within && line.starts_with("  ");
        if let Some((_, text)) = found.last_mut().filter(|_| within) {
            text.push_str(line);
            text.push('\n');
        }
    }
    found
}

/// What stands in backticks.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a source holds such a test.
fn holds(text: &str, name: &str) -> bool {
    text.split("#[test]\n").skip(1).any(|it| it.trim_start().starts_with(&format!("fn {name}()")))
}

/// Whether there is something of this name that asks the kernel.
fn asks_kernel(name: &str, tests: &[(std::path::PathBuf, String)]) -> bool {
    if let Some((file, test)) = name.split_once("::") {
        let is_file = |path: &std::path::Path| {
            path == std::path::Path::new(&format!("{file}.rs")) || path.starts_with(file)
        };
        let kernel = ["scratch_or_skip", "kernel_or_skip"];
        let mut of_file = tests.iter().filter(|it| is_file(&it.0));
        return of_file.any(|(_, text)| holds(text, test) && kernel.iter().any(|it| text.contains(it)));
    }
    match name.strip_suffix(".case") {
        Some(_) => regress::folder().join(name).is_file(),
        None => Mode::ALL.iter().any(|it| it.0 == name) || name == "--ruleset",
    }
}

#[test]
fn every_paragraph_of_the_semantics_is_held_to_the_kernel() {
    let text = fs::read_to_string(root().join("docs/semantics.md")).unwrap();
    let (tests, units) = (sources("crates/xtask/tests"), sources("crates/ptables/src"));
    let all = paragraphs(&text);
    let numbers: Vec<usize> = all.iter().map(|it| it.0).collect();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
    assert!(numbers.len() > 20, "{numbers:?}");
    for (number, text) in all {
        let (_, named) =
            text.split_once("*Kernel:*").unwrap_or_else(|| panic!("{number} names nothing: {text}"));
        let (kernel, unit) = named.split_once("*Unit:*").unwrap_or((named, ""));
        assert!(names(kernel).count() > 0, "{number} names nothing: {text}");
        for name in names(kernel) {
            let known = asks_kernel(name, &tests) || name == "ip route get";
            assert!(known, "{number}: `{name}` is no test that asks the kernel");
        }
        for name in names(unit) {
            assert!(units.iter().any(|it| holds(&it.1, name)), "{number}: `{name}` is no unit test");
        }
    }
}
