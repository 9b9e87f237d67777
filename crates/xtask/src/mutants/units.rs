//! The unit tests of the library as a second judge: of what the kernel does not tell apart, such as texts and bounds.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// Tests that are asked, by the beginning of their names.
const TESTS: [&str; 5] = ["simulate::", "packet::", "meaning::", "expect::", "ext::"];

/// Those of the faults that pass all tests as well.
///
/// # Errors
/// That there are no tests, or that they fail without a fault.
pub fn survivors(tree: &Path, target: &Path, faults: Vec<u32>) -> Result<BTreeSet<u32>, String> {
    let program = build(tree, target)?;
    if !passes(&program, tree, 0) {
        return Err("the unit tests fail without a fault".to_owned());
    }
    Ok(faults.into_iter().filter(|fault| passes(&program, tree, *fault)).collect())
}

fn build(tree: &Path, target: &Path) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["test", "--package", "ptables", "--lib", "--no-run", "--message-format", "json"]);
    command.current_dir(tree).env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", "--cap-lints=warn -Awarnings");
    let output = command.stderr(Stdio::null()).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    // The last program that was built is the one with the tests.
    let paths = text.split("\"executable\":\"").skip(1).filter_map(|it| it.split('"').next());
    paths.last().map(str::to_owned).ok_or_else(|| "the unit tests do not compile".to_owned())
}

fn passes(program: &str, tree: &Path, fault: u32) -> bool {
    let mut command = Command::new(program);
    command.args(TESTS).current_dir(tree.join("crates/ptables")).env("MUTANT", fault.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
