//! A copy of the sources that holds all faults at once, each behind a switch.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::sites::{self, Site};
use crate::generate::{files, root};
use crate::kernel_diff::rng::Rng;

/// A fault and its file, from the root of the workspace.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// File.
    pub file: PathBuf,
    /// Place and change.
    pub site: Site,
}

impl Mutant {
    /// In one line.
    pub fn text(&self) -> String {
        format!("{}:{}: {}", self.file.display(), self.site.line, self.site.what)
    }

    /// Whether a report names it, by whatever line.
    pub fn stands_in(&self, report: &str) -> bool {
        let (file, what) = (self.file.display().to_string(), &self.site.what);
        report.lines().any(|line| {
            let rest = line.trim_start().strip_prefix(&file).and_then(|it| it.strip_prefix(':'));
            let told = rest.and_then(|it| it.split_once(": ")).map(|it| it.1);
            told.and_then(|it| it.strip_prefix(what.as_str()))
                .is_some_and(|it| it.starts_with(" [") || it.starts_with(" (never"))
        })
    }

    /// Where chance puts it: a seed means the same faults as long as these read the same, whatever else changes.
    pub fn rank(&self, seed: u64) -> u64 {
        let text = format!("{} {} {}", self.file.display(), self.site.function, self.site.what);
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Rng::new(hash ^ seed).any()
    }
}

/// Folders with faults, and whether only those about meanings.
const FOLDERS: [(&str, bool); 5] = [
    ("crates/ptables/src/simulate", false),
    ("crates/ptables/src/meaning", false),
    ("crates/ptables/src/packet", false),
    ("crates/ptables/src/ext/matches", true),
    ("crates/ptables/src/ext/targets", true),
];

/// Sentences for people, readers and printers of packets, and what makes packets: nothing of it is asked by the judge.
/// Their judges are unit tests and the round trip of every packet through text.
const OTHERS: [&str; 11] = [
    "tests.rs",
    "simulate/describe.rs",
    "simulate/json.rs",
    "simulate/show.rs",
    "packet/checksum.rs",
    "packet/layout.rs",
    "packet/names.rs",
    "packet/parse.rs",
    "packet/print.rs",
    "packet/words.rs",
    "meaning/need.rs",
];

/// What only chooses which rules are asked, or whether something is worth its time: most faults there cost time and change
/// no answer. The whole file, or these functions of it.
const SHORTCUTS: [(&str, &[&str]); 6] = [
    ("simulate/index/mod.rs", &[]),
    ("simulate/index/names.rs", &[]),
    ("simulate/index/sets.rs", &[]),
    ("simulate/index/tree.rs", &[]),
    // Another form of a condition, or a field at hand, for what would be asked in full.
    ("simulate/test.rs", &["of", "at_hand"]),
    ("simulate/compile.rs", &["flat", "plain", "is_of_ports", "is_pure", "counts_hops", "looks_at_hops"]),
];

/// Which faults are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In what decides.
    Answers,
    /// In what only saves time.
    Shortcuts,
}

impl Mutant {
    fn kind(&self) -> Kind {
        let shortcut = |it: &(&str, &[&str])| {
            self.file.ends_with(it.0) && (it.1.is_empty() || it.1.contains(&self.site.function.as_str()))
        };
        if SHORTCUTS.iter().any(shortcut) { Kind::Shortcuts } else { Kind::Answers }
    }
}

/// Sources by their paths from the root of the workspace.
pub type Texts = BTreeMap<PathBuf, String>;

/// All faults of a kind that are looked for in the sources, and the sources.
///
/// # Errors
/// What can't be read.
pub fn all(kind: Kind) -> Result<(Vec<Mutant>, Texts), String> {
    let (mut mutants, mut texts) = (Vec::new(), Texts::new());
    for (folder, meanings_only) in FOLDERS {
        let mut paths = files(&root().join(folder), "rs").map_err(|error| error.to_string())?;
        paths.sort();
        for path in paths {
            let path = Path::new(folder).join(path);
            let is_test = path.components().any(|it| it.as_os_str() == "tests");
            if is_test || OTHERS.iter().any(|it| path.ends_with(it)) {
                continue;
            }
            let text = fs::read_to_string(root().join(&path)).map_err(|error| error.to_string())?;
            let found =
                sites::of(&text, meanings_only).map_err(|error| format!("{}: {error}", path.display()))?;
            mutants.extend(found.into_iter().map(|site| Mutant { file: path.clone(), site }));
            texts.insert(path, text);
        }
    }
    mutants.retain(|it| it.kind() == kind);
    Ok((mutants, texts))
}

/// What makes the library ask which fault is on.
const SWITCH: &str = "//! Which fault is on.
#![allow(missing_docs)]
use std::cell::Cell;
use std::time::{Duration, Instant};
const MOST: usize = 1 << 14;
thread_local! {
    static ACTIVE: Cell<u32> = Cell::new(std::env::var(\"MUTANT\").map_or(0, |it| it.parse().unwrap()));
    static LEFT: Cell<u64> = const { Cell::new(200_000_000) };
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
    static MET: [Cell<bool>; MOST] = const { [const { Cell::new(false) }; MOST] };
}
#[inline]
pub fn is(number: u32) -> bool {
    let active = ACTIVE.get();
    if active == 0 {
        MET.with(|met| met[number as usize].set(true));
        return false;
    }
    let left = LEFT.get();
    let late = left % 256 == 0 && SINCE.get().is_some_and(|it| it.elapsed() > Duration::from_secs(60));
    assert!(left > 0 && !late, \"a loop that does not end\");
    LEFT.set(left - 1);
    active == number
}
pub fn set(number: u32) {
    ACTIVE.set(number);
    LEFT.set(200_000_000);
    SINCE.set(Some(Instant::now()));
    if number == 0 {
        MET.with(|met| met.iter().for_each(|it| it.set(false)));
    }
}
pub fn met() -> Vec<u32> {
    MET.with(|met| met.iter().enumerate().filter(|it| it.1.get()).map(|it| it.0 as u32).collect())
}
";

/// What stands in the copy in place of `switch.rs`.
const HERE: &str = "//! Which fault is on.
pub use ptables::mutant::{met, set};
";

/// Writes the copy, without a fault.
///
/// # Errors
/// What can't be written.
pub fn write(tree: &Path) -> Result<(), String> {
    fs::create_dir_all(tree).map_err(|error| error.to_string())?;
    let parts = ["crates", "Cargo.toml", "Cargo.lock", ".cargo", "testdata"];
    for part in parts.iter().filter(|it| root().join(it).exists()) {
        let mut command = Command::new("cp");
        command.args(["-r", "--preserve=timestamps"]).arg(root().join(part)).arg(tree);
        if !command.status().is_ok_and(|status| status.success()) {
            return Err(format!("`{part}` cannot be copied to {}", tree.display()));
        }
    }
    let put =
        |path: &str, text: &str| fs::write(tree.join(path), text).map_err(|error| format!("{path}: {error}"));
    put("crates/ptables/src/mutant.rs", SWITCH)?;
    put("crates/xtask/src/mutants/switch.rs", HERE)?;
    let lib = "crates/ptables/src/lib.rs";
    let text = fs::read_to_string(root().join(lib)).map_err(|error| error.to_string())?;
    put(lib, &text.replacen("pub mod build;", "pub mod build;\n#[doc(hidden)]\npub mod mutant;", 1))
}

/// Puts these faults by their numbers into the copy, in place of those that were there. The texts are those in which the
/// faults were looked for: who edits the sources meanwhile does not matter.
///
/// # Errors
/// What can't be written.
pub fn put(tree: &Path, texts: &Texts, mutants: &[(u32, &Mutant)]) -> Result<(), String> {
    for (path, text) in texts {
        let here = mutants.iter().filter(|it| it.1.file == *path);
        let edits =
            here.flat_map(|(number, mutant)| {
                mutant.site.edits.iter().enumerate().map(move |(at, (place, text))| {
                    (*place, at > 0, text.replacen('#', &number.to_string(), 1))
                })
            });
        fs::write(tree.join(path), edited(text, edits.collect()))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Puts texts into a source: at one place the ends of inner ones first, then the beginnings of outer ones.
fn edited(text: &str, mut edits: Vec<(usize, bool, String)>) -> String {
    // Faults come with the outer ones first. Of ends, the last one written is the outermost.
    let ends: Vec<_> = edits.iter().filter(|it| it.1).rev().cloned().collect();
    edits.retain(|it| !it.1);
    let mut all = ends;
    all.append(&mut edits);
    all.sort_by_key(|it| it.0);
    let (mut out, mut done) = (String::with_capacity(text.len() * 4), 0);
    for (place, _, new) in all {
        out.push_str(text.get(done..place).unwrap_or_default());
        out.push_str(&new);
        done = place;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}
