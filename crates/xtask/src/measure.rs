//! CPU time and memory of a whole command.

use std::error::Error;
use std::process::Command;

/// Runs a command, throws its output away, and prints its CPU time in milliseconds, its memory in KiB and its exit status.
const MEASURE: &str = "
import resource, subprocess, sys
ended = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(round((used.ru_utime + used.ru_stime) * 1000), used.ru_maxrss, ended.returncode)
";

/// CPU milliseconds and KiB of memory of a command that ends with one of these statuses.
pub(crate) fn measure(command: &[String], statuses: &[u64]) -> Result<(u64, u64), Box<dyn Error>> {
    let output = Command::new("python3").args(["-c", MEASURE]).args(command).current_dir("/").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut numbers = said.split_whitespace().map(str::parse::<u64>);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(milliseconds)), Some(Ok(memory)), Some(Ok(status))) if statuses.contains(&status) => {
            Ok((milliseconds, memory))
        }
        _ => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
