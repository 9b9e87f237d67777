//! Scripts that nobody should write: `cargo xtask hostile N SEED` runs them under `ptables check`, each in a process of its own, and asks
//! that each ends in rules or in an error, in time.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::generate::root;
use crate::kernel_diff::rng::Rng;

/// The longest that a script may take: more than the minute that it is allowed.
const LIMIT: Duration = Duration::from_secs(90);

/// Functions of Starlark's own.
const FUNCTIONS: [&str; 4] = ["len", "sorted", "list", "dict"];

/// Names of arguments.
const ARGUMENTS: [&str; 16] = [
    "proto",
    "dport",
    "source",
    "source__not",
    "comment",
    "args",
    "jump",
    "family",
    "rules",
    "match",
    "sports",
    "entries",
    "log",
    "policy",
    "name",
    "__not",
];

/// Methods.
const METHODS: [&str; 20] = [
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "index",
    "clear",
    "reverse",
    "keys",
    "values",
    "items",
    "to_iptables",
    "check",
    "simulate",
    "as_input",
    "as_output",
    "zone",
    "allow",
    "join",
    "tables",
];

/// Lines that ask for much, or for what a script must not have.
const TRAPS: [&str; 22] = [
    "big = 'x' * 100000000\nbigger = big * 1000",
    "big = [0] * 2000000000",
    "big = list(range(2000000000))",
    "big = 'a'.join(['b' * 1000000] * 100000)",
    "big = ('x' * 1000000).replace('', 'y' * 1000000)",
    "def deeper(n):\n    return deeper(n + 1)\ndeeper(0)",
    "items = [1]\nfor i in range(100):\n    items = items + items",
    "text = 'x'\nfor i in range(60):\n    text = text + text",
    "for i in range(1000000000):\n    i + 1",
    "for i in range(100000):\n    for j in range(100000):\n        i * j",
    "load('../../../../etc/passwd', 'x')",
    "load('/etc/shadow', 'x')",
    "read_list('/proc/self/mem')",
    "read_list('/dev/zero')",
    "items = []\nitems.append(items)\nprint(items)\nAccept(args=items)",
    "table = {}\ntable['t'] = table\nprint(table)",
    "tables = default_tables()\ntables['filter'].append(tables)",
    "chain = UserChain('x')\nchain.append(chain)",
    "print('\\x1b[2J' + '\\n' * 100)",
    "fail('%s' % ('x' * 10000000))",
    "'%s' % (('%s' * 100000) % tuple(['x'] * 100000))",
    "def f(n, g):\n    return [g(n) for _ in range(n)]\nf(3000, lambda n: [n] * n)",
];

/// What came of a run.
#[derive(Debug, Default)]
struct Outcome {
    parsed: u64,
    rules: u64,
    slowest: Duration,
    bad: Vec<String>,
}

/// Runs so many scripts with the command `ptables` of this path; gives a report.
///
/// # Errors
/// If one crashes or takes too long, with the script.
pub fn run(ptables: &Path, count: u64, seed: u64) -> Result<String, Box<dyn Error>> {
    let seeds = seeds()?;
    let folder = std::env::temp_dir().join(format!("ptables-hostile-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (next, outcome) = (AtomicU64::new(0), Mutex::new(Outcome::default()));
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (next, outcome, seeds, folder) = (&next, &outcome, &seeds, &folder);
            scope.spawn(move || {
                let file = folder.join(format!("{worker}.star"));
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let script =
                        script(&mut Rng::new(seed.wrapping_mul(1_000_003).wrapping_add(number)), seeds);
                    let tried = try_one(ptables, &file, &script);
                    let mut outcome = outcome.lock().unwrap_or_else(|it| it.into_inner());
                    match tried {
                        Ok((parsed, rules, took)) => {
                            outcome.parsed += u64::from(parsed);
                            outcome.rules += u64::from(rules);
                            outcome.slowest = outcome.slowest.max(took);
                        }
                        Err(error) => {
                            outcome.bad.push(format!("script {number} of seed {seed}: {error}\n{script}"))
                        }
                    }
                }
            });
        }
    });
    std::fs::remove_dir_all(&folder)?;
    let Outcome { parsed, rules, slowest, bad } = outcome.into_inner()?;
    if let Some(first) = bad.first() {
        return Err(format!("{} of {count} scripts went wrong; the first:\n{first}", bad.len()).into());
    }
    if parsed * 2 < count {
        return Err(format!("only {parsed} of {count} scripts are Starlark: most must be").into());
    }
    let mut report =
        format!("{count} scripts, seed {seed}: {parsed} are Starlark, {rules} make rules without an error\n");
    writeln!(report, "none crashed; the slowest took {:.1} s", slowest.as_secs_f64())?;
    Ok(report)
}

/// Whether the script could be parsed, whether it made rules, and how long it took.
fn try_one(ptables: &Path, file: &Path, script: &str) -> Result<(bool, bool, Duration), Box<dyn Error>> {
    std::fs::write(file, script)?;
    let start = Instant::now();
    let mut child = Command::new(ptables)
        .args(["check", "-4", "--backend", "nft", "--iptables-version", "1.8.9"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(file.with_extension("out"))?)
        .stderr(Stdio::null())
        .spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Err("it hangs".into());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let said = String::from_utf8_lossy(&std::fs::read(file.with_extension("out"))?).into_owned();
    match status.code() {
        Some(0 | 1) => {}
        other => return Err(format!("it ended with {other:?}: {said}").into()),
    }
    if said.contains("the interpreter failed") {
        return Err(format!("it panicked: {said}").into());
    }
    Ok((!said.contains("Parse error"), status.code() == Some(0), start.elapsed()))
}

/// Scripts to begin with: the examples.
fn seeds() -> Result<Vec<String>, Box<dyn Error>> {
    let mut seeds = Vec::new();
    for folder in ["examples", "examples/pyptables"] {
        for entry in std::fs::read_dir(root().join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "star" || it == "py") {
                seeds.push(std::fs::read_to_string(path)?);
            }
        }
    }
    seeds.sort();
    Ok(seeds)
}

fn pick<'a, T: ?Sized>(rng: &mut Rng, from: &[&'a T]) -> Option<&'a T> {
    from.get(rng.below(from.len() as u64) as usize).copied()
}

/// One script: an example that was spoilt, lines by chance, or a trap.
fn script(rng: &mut Rng, seeds: &[String]) -> String {
    let mut lines: Vec<String> = match rng.below(3) {
        0 => vec!["tables = default_tables()".to_owned()],
        _ => {
            let seed = seeds.get(rng.below(seeds.len() as u64) as usize);
            seed.into_iter().flat_map(|it| it.lines().map(str::to_owned)).collect()
        }
    };
    for _ in 0..1 + rng.below(6) {
        let at = rng.below(lines.len() as u64 + 1) as usize;
        match rng.below(12) {
            0 => drop((at < lines.len()).then(|| lines.remove(at))),
            1 => lines.insert(at, lines.get(at).cloned().unwrap_or_default()),
            2 => spoil(rng, &mut lines, at),
            // Traps are slow, so they are few.
            3 if rng.below(8) == 0 => lines.push(pick(rng, &TRAPS).unwrap_or_default().to_owned()),
            _ => lines.push(statement(rng)),
        }
    }
    lines.join("\n") + "\n"
}

/// Changes a character, which mostly is no Starlark any more.
fn spoil(rng: &mut Rng, lines: &mut [String], at: usize) {
    let Some(line) = lines.get_mut(at) else { return };
    let mut chars: Vec<char> = line.chars().collect();
    let place = rng.below(chars.len() as u64 + 1) as usize;
    match pick(rng, &["(", ")", "'", "[", "]", ",", ".", "=", "\\", "#", " ", "\u{202e}", "é", "0", "%"]) {
        Some(text) if rng.below(2) == 0 || place >= chars.len() => {
            chars.splice(place..place, text.chars());
        }
        _ => drop(chars.splice(place..=place.min(chars.len().saturating_sub(1)), [])),
    }
    *line = chars.into_iter().collect();
}

fn statement(rng: &mut Rng) -> String {
    let value = call(rng, 3);
    match rng.below(6) {
        0 => format!("tables = {value}"),
        1 => format!("tables['filter']['INPUT'].append({value})"),
        2 => format!("for item in {value}:\n    {}", call(rng, 2)),
        3 => format!("if {value}:\n    tables['filter']['INPUT'] += {}", expression(rng, 2)),
        4 => format!("def made(a, b={value}):\n    return {}\nmade({})", call(rng, 2), expression(rng, 1)),
        _ => value,
    }
}

fn call(rng: &mut Rng, depth: u32) -> String {
    let names: Vec<&str> = ptables_starlark::names().chain(FUNCTIONS).collect();
    let name = pick(rng, &names).unwrap_or_default();
    let positional = rng.below(3);
    let named = rng.below(3);
    let mut arguments: Vec<String> = (0..positional).map(|_| expression(rng, depth)).collect();
    for _ in 0..named {
        let argument = pick(rng, &ARGUMENTS).unwrap_or_default();
        arguments.push(format!("{argument}={}", expression(rng, depth)));
    }
    let made = format!("{name}({})", arguments.join(", "));
    match rng.below(5) {
        0 => format!("{made}.{}({})", pick(rng, &METHODS).unwrap_or_default(), expression(rng, depth)),
        1 => format!("{made}[{}]", expression(rng, depth)),
        _ => made,
    }
}

fn expression(rng: &mut Rng, depth: u32) -> String {
    if depth > 0 {
        match rng.below(6) {
            0 => return call(rng, depth - 1),
            1 => return format!("[{}, {}]", expression(rng, depth - 1), expression(rng, depth - 1)),
            2 => return format!("{{{}: {}}}", expression(rng, depth - 1), expression(rng, depth - 1)),
            3 => return format!("({} + {})", expression(rng, depth - 1), expression(rng, depth - 1)),
            _ => {}
        }
    }
    let atoms = [
        "None",
        "True",
        "0",
        "-1",
        "65536",
        "99999999999999999999",
        "''",
        "'filter'",
        "'INPUT'",
        "'tcp'",
        "'10.0.0.0/8'",
        "'a\\nb'",
        "'\\x00'",
        "'\\u202e'",
        "'-j ACCEPT'",
        "[]",
        "{}",
        "()",
        "lambda: 1",
        "tables",
        "tables['filter']",
        "Rule",
        "Accept",
        "Rule.DROP",
        "'x' * 2000",
        "'fe80::1'",
        "1.5",
        "len",
        "'both'",
        "6",
        "range(9)",
        "'22,80'",
        "'%s'",
        "Zone",
        "service",
    ];
    pick(rng, &atoms).unwrap_or_default().to_owned()
}
