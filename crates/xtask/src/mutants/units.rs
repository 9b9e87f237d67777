//! Two more judges of faults that the kernel's packets do not tell: the unit tests of the library, and for sets their own
//! comparison with the kernel.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Mutant;

/// Tests that are asked, by the beginning of their names.
const TESTS: [&str; 6] = ["simulate::", "packet::", "meaning::", "expect::", "ext::", "routes::"];

/// Those of the faults that pass all tests as well.
///
/// # Errors
/// That there are no tests, or that they fail without a fault.
pub fn survivors(
    tree: &Path,
    target: &Path,
    faults: impl Iterator<Item = (u32, Mutant)>,
) -> Result<BTreeSet<u32>, String> {
    let units = build(tree, target, &["--package", "ptables", "--lib"])?;
    let sets = build(tree, target, &["--package", "xtask", "--no-default-features", "--test", "ipsets"])?;
    let passes = |fault: u32, about_sets: bool| {
        asked(&units, tree, &TESTS, fault) && (!about_sets || asked(&sets, tree, &[], fault))
    };
    if !passes(0, true) {
        return Err("the tests fail without a fault".to_owned());
    }
    let left = faults.filter(|(number, it)| passes(*number, is_about_sets(it)));
    Ok(left.map(|it| it.0).collect())
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

fn asked(program: &str, tree: &Path, tests: &[&str], fault: u32) -> bool {
    let mut command = Command::new(program);
    command.args(tests).current_dir(tree.join("crates/ptables")).env("MUTANT", fault.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
