//! More judges of faults that the kernel's packets do not tell: for sets and routes their own comparisons with the kernel,
//! then the unit tests of the library.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Mutant;

/// Tests that are asked, by the beginning of their names.
const TESTS: [&str; 6] = ["simulate::", "packet::", "meaning::", "expect::", "ext::", "routes::"];

/// Comparisons with the kernel: the program, its test, and which files it is about.
const KERNEL: [(&str, &str, &[&str]); 7] = [
    ("ipsets", "packets_are_in_sets", &["simulate/sets.rs", "simulate/walk.rs", "/set.rs"]),
    (
        "routed",
        "packets_leave",
        &[
            "simulate/route.rs",
            "simulate/walk.rs",
            "simulate/nat.rs",
            "simulate/mod.rs",
            "simulate/machine.rs",
        ],
    ),
    ("circles", "chains", &["simulate/compile.rs"]),
    ("fragments", "fragments_are", &["simulate/compile.rs"]),
    ("times", "seconds_of", &["simulate/clock.rs"]),
    (
        "bridges",
        "ports_of",
        &["simulate/machine.rs", "simulate/test.rs", "matches/physdev.rs", "matches/socket.rs"],
    ),
    ("loopback", "packets_on", &["simulate/effect.rs", "simulate/machine.rs", "simulate/walk.rs"]),
];

/// A program of tests, and the files about which it is asked.
pub struct Judge {
    program: String,
    place: PathBuf,
    arguments: Vec<String>,
    about: &'static [&'static str],
}

/// The comparisons of sets and routes with the kernel.
///
/// # Errors
/// That they do not compile, or fail without a fault for another reason than a test.
pub fn kernel(tree: &Path, target: &Path) -> Result<Vec<Judge>, String> {
    let judge = |(program, test, about): (&str, &str, _)| {
        let what = ["--package", "xtask", "--no-default-features", "--test", program];
        Judge::new(build(tree, target, &what)?, tree, &[test], about)
    };
    KERNEL.into_iter().map(judge).collect()
}

/// The unit tests.
///
/// # Errors
/// As [`kernel`].
pub fn units(tree: &Path, target: &Path) -> Result<Judge, String> {
    Judge::new(build(tree, target, &["--package", "ptables", "--lib"])?, tree, &TESTS, &[])
}

impl Judge {
    /// Whether it finds a fault.
    pub fn finds(&self, number: u32, fault: &Mutant) -> bool {
        let file = fault.file.to_string_lossy();
        let asked = self.about.is_empty()
            || self.about.iter().any(|it| file.ends_with(it))
            || self.about == KERNEL[0].2 && ["ets", "Set("].iter().any(|it| fault.site.what.contains(it));
        asked && !self.passes(number)
    }

    /// With those of the tests that pass without a fault.
    ///
    /// Those that fail are named and not asked: they run in a copy of a part of the repository.
    fn new(
        program: String,
        tree: &Path,
        tests: &[&str],
        about: &'static [&'static str],
    ) -> Result<Self, String> {
        let arguments = tests.iter().map(|it| (*it).to_owned()).collect();
        let mut judge = Self { program, place: tree.join("crates/ptables"), arguments, about };
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
