//! Faults put into the simulator and into the meanings of extensions, one at a time: does the judge find them?
//!
//! A copy of the sources is changed at one place, built, and compared with the kernel in a short run. A fault that is not
//! found is either none (nothing observable changes) or shows what the judge does not look at; `docs/kernel-diff.md`
//! lists those that are left, each with its reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::generate::{files, root};
use crate::kernel_diff::rng::Rng;

/// One fault: a place in a file, and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// File, from the root of the workspace.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 0.
    pub column: usize,
    /// What stands there.
    pub old: String,
    /// What it becomes.
    pub new: String,
}

/// What is replaced by what. Longer ones first: at one place, the first that fits counts.
const REPLACED: [(&str, &str); 34] = [
    ("..=", ".."),
    (" <= ", " < "),
    (" >= ", " > "),
    (" < ", " <= "),
    (" > ", " >= "),
    (" == ", " != "),
    (" != ", " == "),
    (" && ", " || "),
    (" || ", " && "),
    (" & ", " | "),
    (" | ", " & "),
    (" ^ ", " | "),
    (" + ", " - "),
    (" - ", " + "),
    (" << ", " >> "),
    (" >> ", " << "),
    (" * ", " / "),
    ("if !", "if "),
    ("true", "false"),
    ("false", "true"),
    ("Pred::True", "Pred::False"),
    ("Pred::False", "Pred::True"),
    (".any(", ".all("),
    (".all(", ".any("),
    ("Field::Source", "Field::Destination"),
    ("Field::Destination", "Field::Source"),
    (".inverted(", ".inverted(!"),
    ("Value::Absent", "Value::Torn"),
    ("Value::Torn", "Value::Absent"),
    ("saturating_add", "wrapping_add"),
    ("saturating_sub", "wrapping_sub"),
    ("low", "high"),
    (".contains(&", ".contains(&!"),
    ("break", "continue"),
];

/// All faults that are looked for in the sources beneath a folder.
///
/// # Errors
/// What can't be read.
pub fn all(tree: &Path) -> Result<Vec<Mutant>, String> {
    let mut mutants = Vec::new();
    for (folder, meanings_only) in [
        ("crates/ptables/src/simulate", false),
        ("crates/ptables/src/ext/matches", true),
        ("crates/ptables/src/ext/targets", true),
    ] {
        for path in files(&tree.join(folder), "rs").map_err(|error| error.to_string())? {
            // Words for people, and times, of which the judge keeps away.
            let others = ["tests.rs", "describe.rs", "json.rs", "clock.rs"];
            if others.iter().any(|it| path.ends_with(it)) {
                continue;
            }
            let path = Path::new(folder).join(path);
            let text = fs::read_to_string(tree.join(&path)).map_err(|error| error.to_string())?;
            of_file(&path, &text, meanings_only, &mut mutants);
        }
    }
    Ok(mutants)
}

/// The faults of a file; of an extension only where it says what it means.
fn of_file(path: &Path, text: &str, meanings_only: bool, mutants: &mut Vec<Mutant>) {
    let mut within = !meanings_only;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            return;
        }
        if meanings_only
            && (line.starts_with("impl MatchExtension") || line.starts_with("impl TargetExtension"))
        {
            within = true;
        } else if meanings_only && line == "}" {
            // Behind it stand readers and printers, which other tests judge.
            within = false;
        }
        let code = line.split("//").next().unwrap_or_default();
        // Text for people, and what only the compiler reads.
        if !within
            || code.contains('"')
            || ["use ", "pub use ", "#[", "mod ", "const "].iter().any(|it| code.trim_start().starts_with(it))
        {
            continue;
        }
        let mut column = 0;
        while let Some(rest) = code.get(column..).filter(|it| !it.is_empty()) {
            let Some((old, new)) =
                REPLACED.iter().find(|it| rest.starts_with(it.0) && is_word(code, column, it.0))
            else {
                column += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            };
            mutants.push(Mutant {
                file: path.to_owned(),
                line: at + 1,
                column,
                old: (*old).to_owned(),
                new: (*new).to_owned(),
            });
            column += old.len();
        }
    }
}

/// Whether what stands at a place is not a part of a longer name.
fn is_word(code: &str, column: usize, old: &str) -> bool {
    let part = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let before = code.get(..column).and_then(|it| it.chars().next_back());
    let after = code.get(column + old.len()..).and_then(|it| it.chars().next());
    let begins = old.chars().next().is_some_and(char::is_alphanumeric);
    let ends = old.chars().next_back().is_some_and(char::is_alphanumeric);
    !(begins && part(before) || ends && part(after))
}

/// What became of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The judge found it.
    Killed,
    /// It did not.
    Survived,
    /// It is no program.
    Unbuildable,
}

/// Tries so many faults, chosen by chance.
///
/// # Errors
/// That there can be no copy, or that the sources without a fault do not pass.
pub fn run(count: usize, seed: u64) -> Result<String, String> {
    let tree = root().join("target/mutants");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), PathBuf::from)
        .join("mutants");
    copy(&tree)?;
    if attempt(&tree, &target) != Fate::Killed {
        // What is expected: it builds and passes.
    } else {
        return Err("the sources without a fault do not pass".to_owned());
    }
    let mut left = all(&tree)?;
    let mut rng = Rng::new(seed);
    let (mut killed, mut survivors, mut unbuildable) = (0, Vec::new(), 0);
    while killed + survivors.len() < count && !left.is_empty() {
        let mutant = left.swap_remove(rng.below(left.len() as u64) as usize);
        let path = tree.join(&mutant.file);
        let original = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        fs::write(&path, mutant.apply(&original)).map_err(|error| error.to_string())?;
        let fate = attempt(&tree, &target);
        fs::write(&path, original).map_err(|error| error.to_string())?;
        match fate {
            Fate::Killed => killed += 1,
            Fate::Unbuildable => unbuildable += 1,
            Fate::Survived => {
                eprintln!("survived: {}", mutant.text());
                survivors.push(mutant);
            }
        }
        eprintln!("{killed} killed, {} survived, {unbuildable} no program", survivors.len());
    }
    let list: String = survivors.iter().map(|it| format!("  {}\n", it.text())).collect();
    Ok(format!(
        "seed {seed}: {killed} killed, {} survived, {unbuildable} no program\n{list}",
        survivors.len()
    ))
}

impl Mutant {
    fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 8);
        for (at, line) in text.lines().enumerate() {
            match (at + 1 == self.line, line.get(..self.column), line.get(self.column + self.old.len()..)) {
                (true, Some(before), Some(after)) => out.extend([before, &self.new, after]),
                _ => out.push_str(line),
            }
            out.push('\n');
        }
        out
    }

    fn text(&self) -> String {
        format!(
            "{}:{}:{}: `{}` for `{}`",
            self.file.display(),
            self.line,
            self.column + 1,
            self.new.trim(),
            self.old.trim()
        )
    }
}

/// A copy of what is built.
fn copy(tree: &Path) -> Result<(), String> {
    fs::create_dir_all(tree).map_err(|error| error.to_string())?;
    let parts = ["crates", "Cargo.toml", "Cargo.lock", ".cargo", "testdata"];
    for part in parts.iter().filter(|it| root().join(it).exists()) {
        let mut command = Command::new("cp");
        command.args(["-r", "--preserve=timestamps"]).arg(root().join(part)).arg(tree);
        if !command.status().is_ok_and(|status| status.success()) {
            return Err(format!("`{part}` cannot be copied to {}", tree.display()));
        }
    }
    Ok(())
}

/// Builds the copy, and has it judged.
fn attempt(tree: &Path, target: &Path) -> Fate {
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(tree).env("CARGO_TARGET_DIR", target);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    if !run(&cargo, &["build", "--quiet", "--package", "xtask", "--bin", "xtask"]) {
        return Fate::Unbuildable;
    }
    let xtask = target.join("debug/xtask");
    let xtask = xtask.to_string_lossy();
    for (mode, rulesets, packets) in SHORT {
        // A fault may also make a loop that does not end.
        let words = [
            "120",
            &xtask,
            "kernel-diff",
            mode,
            "--rulesets",
            rulesets,
            "--packets",
            packets,
            "--enough",
            "1",
            "--shrink",
            "no",
        ];
        if !run("timeout", &words) {
            return Fate::Killed;
        }
    }
    Fate::Survived
}

/// What is compared for each fault: the cheapest first.
const SHORT: [(&str, &str, &str); 5] = [
    ("trace", "300", "24000"),
    ("ct", "300", "24000"),
    ("sequence", "200", "10000"),
    ("agg", "1500", "150000"),
    ("nft", "40", "6000"),
];
