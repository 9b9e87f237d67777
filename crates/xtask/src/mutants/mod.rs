//! Faults put into the simulator and into the meanings of extensions: does the judge find them?
//!
//! A copy of the sources holds all faults at once, each behind a switch, and is built once. There the kernel is asked
//! what CI asks it; the simulator is asked the same once for each fault that it meets. A fault that is not found is either
//! none (nothing observable changes) or shows what the judge does not look at; `docs/kernel-diff.md` lists them, each
//! with its reason.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "faults are numbered, and few"
)]

mod copy;
mod judge;
mod sites;
mod swaps;
mod switch;
mod units;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::generate::root;
pub use copy::{Kind, Mutant, all};
pub use judge::judge;

/// How often the faults that do not compile are taken out.
const TRIES: usize = 8;

/// Those that a seed draws, by their numbers in all of them.
fn drawn(all: &[Mutant], count: usize, seed: u64) -> BTreeSet<usize> {
    let mut ranks: Vec<_> = all.iter().enumerate().map(|(at, it)| (it.rank(seed), at)).collect();
    ranks.sort_unstable();
    ranks.into_iter().take(if count > 0 { count } else { all.len() }).map(|it| it.1).collect()
}

/// Tries so many faults of a kind for each seed, chosen by chance; 0: all. `share`: hundredths of what CI compares. The
/// kernel is asked once for all seeds. `words`, if there are any: only faults in whose text one stands, or which stand in a
/// report of this name.
///
/// # Errors
/// That there can be no copy, or that the sources without a fault do not pass.
pub fn run(
    count: usize,
    seeds: &[u64],
    share: u64,
    (kind, words): (Kind, &[&str]),
) -> Result<String, String> {
    let (mut chosen, texts) = all(kind)?;
    if !words.is_empty() {
        let reports: String = words.iter().filter_map(|it| std::fs::read_to_string(it).ok()).collect();
        let asked = |it: &Mutant| {
            let text = it.text();
            words.iter().any(|word| text.contains(word)) || it.stands_in(&reports)
        };
        chosen.retain(asked);
    }
    let found = chosen.len();
    let draws: Vec<_> = seeds.iter().map(|seed| drawn(&chosen, count, *seed)).collect();
    let kept: Vec<usize> = draws.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
    // What each seed has drawn, by the numbers under which they are judged.
    let number = |at: &usize| kept.binary_search(at).unwrap_or_default() as u32 + 1;
    let draws: Vec<BTreeSet<u32>> = draws.iter().map(|it| it.iter().map(number).collect()).collect();
    chosen = kept.iter().map(|at| chosen[*at].clone()).collect();
    let tree = root().join("target/mutants");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let target = target.join("mutants");
    copy::write(&tree)?;
    let mut unbuildable = BTreeSet::new();
    for attempt in 0.. {
        let numbered = chosen.iter().enumerate().map(|(at, it)| (at as u32 + 1, it));
        let kept: Vec<(u32, &Mutant)> = numbered.filter(|it| !unbuildable.contains(&it.0)).collect();
        copy::put(&tree, &texts, &kept)?;
        let bad = build(&tree, &target)?;
        if bad.is_empty() {
            break;
        }
        if attempt == TRIES {
            return Err("the copy does not compile".to_owned());
        }
        unbuildable.extend(bad);
    }
    let mut left = survivors(&target, chosen.len(), share)?;
    left.retain(|it| !unbuildable.contains(&it.0));
    let fault = |number: u32| &chosen[number as usize - 1];
    let figures = |left: &[(u32, bool)]| {
        let of_seed = |(seed, drawn): (&u64, &BTreeSet<u32>)| {
            let tried = drawn.difference(&unbuildable).count();
            let found = tried - left.iter().filter(|it| drawn.contains(&it.0)).count();
            let share = 100.0 * found as f64 / tried as f64;
            format!("seed {seed}: {found} of {tried} found ({share:.1} %); ")
        };
        seeds.iter().zip(&draws).map(of_seed).collect::<String>()
    };
    let mut text = format!("{} faults of {found}, {} no program\n", chosen.len(), unbuildable.len());
    let mut tell = |judge: &str, left: &[(u32, bool)], all: bool| {
        let list = left.iter().map(|(at, met)| {
            let note = if *met { "" } else { " (never met)" };
            let of: String = seeds
                .iter()
                .zip(&draws)
                .filter(|it| it.1.contains(at))
                .map(|it| format!(" {}", it.0))
                .collect();
            format!("  {}{note} [{}]\n", fault(*at).text(), of.trim_start())
        });
        let part = format!("by {judge}: {}left:\n{}", figures(left), list.collect::<String>());
        eprint!("{part}");
        text.push_str(if all { &part } else { part.lines().next().unwrap_or_default() });
        text.push('\n');
    };
    tell("the kernel's packets", &left, false);
    for judge in units::kernel(&tree, &target)? {
        left.retain(|it| !judge.finds(it.0, fault(it.0)));
    }
    tell("the kernel, sets and routes as well", &left, true);
    let units = units::units(&tree, &target)?;
    left.retain(|it| !units.finds(it.0, fault(it.0)));
    tell("unit tests as well", &left, true);
    Ok(text)
}

/// Builds the copy. Returns the faults that do not compile.
fn build(tree: &Path, target: &Path) -> Result<BTreeSet<u32>, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "xtask", "--bin", "xtask", "--no-default-features"]);
    command.args(["--message-format", "short"]);
    command.current_dir(tree).env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", "--cap-lints=warn -Awarnings");
    let output = command.stdout(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(BTreeSet::new());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let mut bad = BTreeSet::new();
    for line in text.lines().filter(|line| line.contains(": error")) {
        let mut parts = line.split(':');
        let (Some(file), Some(Ok(number))) = (parts.next(), parts.next().map(str::parse::<usize>)) else {
            continue;
        };
        let source = std::fs::read_to_string(tree.join(file)).map_err(|error| error.to_string())?;
        bad.extend(nearest(&source, number, line.contains("moved value")));
    }
    if bad.is_empty() { Err(text.into_owned()) } else { Ok(bad) }
}

/// The switches of a line of a copied source, or the last one before it: one of their faults does not compile there.
/// What is `moved` in a loop has its fault further down.
fn nearest(source: &str, line: usize, moved: bool) -> Vec<u32> {
    let of_line = |text: &str| {
        let numbers = text.split("mutant::is(").skip(1).filter_map(|it| it.split(')').next()?.parse().ok());
        numbers.collect::<Vec<u32>>()
    };
    let lines: Vec<&str> = source.lines().collect();
    if moved {
        return lines.iter().skip(line - 1).take(20).flat_map(|it| of_line(it)).collect();
    }
    let before = lines.iter().take(line).rev().map(|it| of_line(it));
    before.into_iter().find(|it| !it.is_empty()).unwrap_or_default()
}

/// Has the copy judged.
fn survivors(target: &Path, count: usize, share: u64) -> Result<Vec<(u32, bool)>, String> {
    let mut command = Command::new(target.join("debug/xtask"));
    command.args(["mutants-judge", &count.to_string(), &share.to_string()]);
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err("the sources without a fault do not pass".to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let (number, met) = line.split_once(' ')?;
        Some((number.parse().ok()?, met == "met"))
    };
    Ok(text.lines().filter_map(line).collect())
}
