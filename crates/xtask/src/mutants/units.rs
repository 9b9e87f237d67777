//! Two more judges of faults that the kernel's packets do not tell: the unit tests of the library, and for sets their own
//! comparison with the kernel.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Mutant;

/// Tests that are asked, by the beginning of their names.
const TESTS: [&str; 6] = ["simulate::", "packet::", "meaning::", "expect::", "ext::", "routes::"];

/// Those of the faults that pass all tests as well.
///
/// Tests that fail without a fault are named and not asked. They run in a copy of a part of the repository.
///
/// # Errors
/// That there are no tests.
pub fn survivors(
    tree: &Path,
    target: &Path,
    faults: impl Iterator<Item = (u32, Mutant)>,
) -> Result<BTreeSet<u32>, String> {
    let units = build(tree, target, &["--package", "ptables", "--lib"])?;
    let sets = build(tree, target, &["--package", "xtask", "--no-default-features", "--test", "ipsets"])?;
    let units = Judge::new(units, tree, &TESTS)?;
    let sets = Judge::new(sets, tree, &[])?;
    let left =
        faults.filter(|(fault, it)| units.passes(*fault) && (!is_about_sets(it) || sets.passes(*fault)));
    Ok(left.map(|it| it.0).collect())
}

/// A program of tests.
struct Judge {
    program: String,
    place: PathBuf,
    arguments: Vec<String>,
}

impl Judge {
    /// With those of the tests that pass without a fault.
    fn new(program: String, tree: &Path, tests: &[&str]) -> Result<Self, String> {
        let arguments = tests.iter().map(|it| (*it).to_owned()).collect();
        let mut judge = Self { program, place: tree.join("crates/ptables"), arguments };
        let output = judge.ask(0).output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        for test in text.lines().filter_map(|it| it.strip_prefix("test ")?.strip_suffix(" ... FAILED")) {
            eprintln!("fails without a fault, and is not asked: {test}");
            judge.arguments.extend(["--skip".to_owned(), test.to_owned()]);
        }
        if judge.passes(0) { Ok(judge) } else { Err("tests fail without a fault".to_owned()) }
    }

    fn ask(&self, fault: u32) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.place).env("MUTANT", fault.to_string());
        command.stderr(Stdio::null());
        command
    }

    fn passes(&self, fault: u32) -> bool {
        self.ask(fault).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

fn is_about_sets(fault: &Mutant) -> bool {
    let file = fault.file.to_string_lossy();
    file.ends_with("sets.rs") || file.ends_with("/set.rs") || fault.site.what.contains("ets")
}

fn build(tree: &Path, target: &Path, what: &[&str]) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.arg("test").args(what).args(["--no-run", "--message-format", "json"]);
    command.current_dir(tree).env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", "--cap-lints=warn -Awarnings");
    let output = command.stderr(Stdio::null()).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    // The last program that was built is the one with the tests.
    let paths = text.split("\"executable\":\"").skip(1).filter_map(|it| it.split('"').next());
    paths.last().map(str::to_owned).ok_or_else(|| "the tests do not compile".to_owned())
}
