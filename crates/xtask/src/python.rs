//! Tests of the Python package: it is built and installed as users do it (`pip install .`), beside PyPTables 1.0.7 from PyPI.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::generate::root;
use crate::peers::{TICKS, children};

/// The version of the original that ours is compared with.
const ORIGINAL: &str = "PyPTables==1.0.7";

/// Environments of Python beneath the target directory.
pub struct Environments {
    /// The interpreter that has our package.
    pub ours: PathBuf,
    /// The interpreter that has the original.
    pub original: PathBuf,
    /// The unpacked source package of the original.
    pub source: PathBuf,
}

const RULES: u32 = 50_000;
const RUNS: u32 = 5;

/// Makes rules and their text; prints the memory that it took, in KiB.
const BENCH: &str = "
import resource, sys
from pyptables import default_tables
from pyptables.rules import Accept
tables = default_tables()
chain = tables['filter']['FORWARD']
for k in range(int(sys.argv[1])):
    chain.append(Accept(proto='tcp', dport=str(k % 65000 + 1), source=f'10.{k >> 16}.{k >> 8 & 255}.{k & 255}', comment=f'rule {k}'))
assert len(tables.to_iptables()) > 1000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
";

/// Makes what is missing, and installs our package anew, built with this profile of cargo.
///
/// # Errors
/// If a command fails: there is no `python3` with `venv`, or PyPI cannot be reached.
pub fn environments(profile: &str) -> Result<Environments, Box<dyn Error>> {
    let folder = target().join("python");
    std::fs::create_dir_all(&folder)?;
    let ours = environment(&folder, "ours")?;
    let original = environment(&folder, "original")?;
    pip(&ours, profile, &["install", "--quiet", "mypy", "six", &root().display().to_string()])?;
    pip(&original, profile, &["install", "--quiet", ORIGINAL])?;
    let packages = folder.join("source");
    let name = ORIGINAL.replace("==", "-");
    let source = packages.join(&name);
    if !source.is_dir() {
        let place = packages.display().to_string();
        let download = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", &place];
        pip(&original, profile, &[&download[..], &[ORIGINAL]].concat())?;
        let archive = packages.join(format!("{name}.tar.gz")).display().to_string();
        run(Command::new("tar").args(["xzf", &archive, "-C", &place]))?;
    }
    Ok(Environments { ours, original, source })
}

/// Runs all tests of the package.
///
/// # Errors
/// The output of the tests that failed, or why they cannot run.
pub fn tests() -> Result<String, Box<dyn Error>> {
    let environments = environments("dev")?;
    let tests = root().join("crates/ptables-python/tests");
    let mut command = Command::new(&environments.ours);
    command.args(["-m", "unittest", "discover", "--start-directory"]).arg(&tests).current_dir(&tests);
    command.env("PTABLES_PEER_PYTHON", &environments.original);
    command.env("PTABLES_PEER_SOURCE", &environments.source).env("PTABLES_ROOT", root());
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(said.into()) }
}

/// Times the same script on both packages: rules made by calls, and their text. CPU milliseconds of whole processes, and memory.
///
/// # Errors
/// If a command fails.
pub fn bench() -> Result<String, Box<dyn Error>> {
    let environments = environments("release")?;
    let mut table =
        format!("{RULES} rules of Python, {RUNS} runs each, CPU milliseconds and MB of memory a run\n");
    let peers = [("PyPTables 1.0.7", &environments.original), ("ptables", &environments.ours)];
    let (mut ticks, mut memory) = ([0, 0], [0, 0]);
    // A file, as scripts are: the original reads its lines, and would look longer for those of `-c`.
    let script = target().join("python/bench.py");
    std::fs::write(&script, BENCH)?;
    // In turn, so that a machine that is busy is busy for both.
    for _ in 0..RUNS {
        for (((name, python), spent), most) in peers.iter().zip(&mut ticks).zip(&mut memory) {
            let before = children()?;
            let output =
                Command::new(python).arg(&script).arg(RULES.to_string()).current_dir("/").output()?;
            *spent += children()? - before;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let bad = || format!("{name}: {}", String::from_utf8_lossy(&output.stderr));
            *most = said.trim().parse::<u64>().map_err(|_| bad())?.max(*most);
        }
    }
    for (((name, _), spent), most) in peers.iter().zip(ticks).zip(memory) {
        let each = spent as f64 * 1000.0 / TICKS / f64::from(RUNS);
        table.push_str(&format!("{name:38} {each:7.1}   {:4} MB\n", most / 1024));
    }
    let [original, ours] = ticks.map(|it| it as f64);
    table.push_str(&format!("{:.1} times less CPU\n", original / ours));
    Ok(table)
}

/// The interpreter of a virtual environment, which is made if need be.
fn environment(folder: &Path, name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let python = folder.join(name).join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder.join(name)))?;
    }
    Ok(python)
}

fn pip(python: &Path, profile: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--disable-pip-version-check"]).args(arguments);
    run(command.env("MATURIN_PEP517_ARGS", format!("--profile {profile}")))
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into)
}
