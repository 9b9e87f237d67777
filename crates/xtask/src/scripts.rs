//! The same script under `ptables render` and under PyPTables, in CPU time and memory: `cargo xtask bench-peers scripts`.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::measure::measure;
use crate::peers::release;
use crate::python::environments;

const RULES: u32 = 50_000;
const MANY: u32 = 500_000;
const RUNS: u32 = 5;

/// Runs a script as Python runs it, and prints its rules.
const PYTHON: &str = "import runpy, sys; print(runpy.run_path(sys.argv[1])['tables'].to_iptables())";

/// Times both; gives a table.
///
/// # Errors
/// If a build or a command fails.
pub fn bench() -> Result<String, Box<dyn Error>> {
    let ptables = release()?;
    let environments = environments("release")?;
    let folder = crate::python::target().join("python");
    let (few, many) = (script(&folder, RULES)?, script(&folder, MANY)?);
    let python = |interpreter: &Path, file: &Path| {
        let words =
            [interpreter.display().to_string(), "-c".into(), PYTHON.into(), file.display().to_string()];
        words.to_vec()
    };
    let render = |file: &Path| vec![ptables.clone(), "render".into(), file.display().to_string()];
    let mut sums = [(0, 0); 3];
    for _ in 0..RUNS {
        let commands = [python(&environments.original, &few), python(&environments.ours, &few), render(&few)];
        for (command, sum) in commands.iter().zip(&mut sums) {
            let (milliseconds, memory) = measure(command, &[0])?;
            *sum = (sum.0 + milliseconds, memory.max(sum.1));
        }
    }
    let mut table =
        format!("a script of {RULES} rules, {RUNS} runs each, CPU milliseconds and MB of memory a run\n");
    let names = ["PyPTables 1.0.7", "ptables in Python", "ptables render (Starlark)"];
    for (name, (milliseconds, memory)) in names.iter().zip(sums) {
        writeln!(table, "{name:38} {:7}   {:4} MB", milliseconds / u64::from(RUNS), memory / 1024)?;
    }
    let [original, _, ours] = sums.map(|it| it.0 as f64);
    writeln!(table, "{:.1} times less CPU than PyPTables", original / ours)?;
    let (milliseconds, memory) = measure(&render(&many), &[0])?;
    writeln!(table, "{MANY} rules in Starlark: {milliseconds} ms, {} MB", memory / 1024)?;
    Ok(table)
}

fn script(folder: &Path, rules: u32) -> Result<PathBuf, Box<dyn Error>> {
    let file = folder.join(format!("bench{rules}.star"));
    std::fs::write(
        &file,
        format!(
            "from pyptables import default_tables
from pyptables.rules import Accept
tables = default_tables()
chain = tables['filter']['FORWARD']
for k in range({rules}):
    chain.append(Accept(proto='tcp', dport=str(k % 65000 + 1), source='10.%d.%d.%d' % (k >> 16, k >> 8 & 255, k & 255), comment='rule %d' % k))
"
        ),
    )?;
    Ok(file)
}
