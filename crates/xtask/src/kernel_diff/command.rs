//! `cargo xtask kernel-diff`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ptables_judge::sys;

use super::deck::WORKERS;
use super::run::{Job, Mode, Report, run};
use super::speed;

/// How to call it.
pub const USAGE: &str = "usage: cargo xtask kernel-diff [agg|trace|ct|nft|sequence]… [OPTION VALUE]…

  agg          counters of every rule, policy and end of a chain
  trace        the ordered path of each packet, and the packet as it leaves
  ct           the same with entries of connection tracking
  nft          the ordered path of rules that iptables-nft loads
  sequence     the ordered path, of rules that remember earlier packets
  (none)       all of them
  speed        packets per second of processor time, the kernel's and the simulator's (build with --release)

  --seed N       where chance begins (1)
  --packets N    packets, over all sets of rules
  --rulesets N   sets of rules
  --ruleset FILE packets drawn from the rules of a file, in place of sets by chance; agg leaves out the rules that
                 ask for a rate or for earlier packets
  --enough N     differences after which it ends (3)
  --shrink no    differences are told as they were found
  --write yes    differences become files of testdata/regress/kernel-diff
";

/// Sets of rules and packets of each mode, as CI has them.
pub const AMOUNTS: [(Mode, u64, u64); 5] = [
    (Mode::Counters, 10_000, 2_000_000),
    (Mode::Trace, 1_500, 300_000),
    (Mode::Connections, 1_500, 300_000),
    (Mode::Nft, 750, 150_000),
    (Mode::Sequence, 3_000, 150_000),
];

/// Packets that the rules of a file get at one time.
const OF_FILE: u64 = 10_000;

/// Packets from which on every option must have been true and false.
const ENOUGH: u64 = 2_000_000;

/// Runs it with these words.
///
/// # Errors
/// The differences that were found, or what kept it from looking for them.
pub fn command(words: &[&str]) -> Result<String, String> {
    if let ["speed", rest @ ..] = words {
        return match rest {
            [] => speed::measure(None),
            ["--ruleset", file] => speed::measure(Some(Path::new(file))),
            _ => Err(USAGE.to_owned()),
        };
    }
    let mut modes = Vec::new();
    let mut job = Job {
        mode: Mode::Counters,
        seed: 1,
        rulesets: 0,
        packets: 0,
        enough: 3,
        shrink: true,
        write: false,
        file: None,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some((_, mode)) = Mode::ALL.iter().find(|it| it.0 == *word) {
            modes.push(*mode);
            continue;
        }
        let value = words.next().ok_or(USAGE)?;
        let number = || value.parse::<u64>().map_err(|_| format!("`{value}` is no number\n{USAGE}"));
        match *word {
            "--seed" => job.seed = number()?,
            "--packets" => job.packets = number()?,
            "--rulesets" => job.rulesets = number()?,
            "--enough" => job.enough = number()? as usize,
            "--shrink" => job.shrink = *value != "no",
            "--write" => job.write = *value == "yes",
            "--ruleset" => job.file = Some(PathBuf::from(value)),
            _ => return Err(USAGE.to_owned()),
        }
    }
    if !sys::is_root() {
        return Err("the comparison with the kernel needs the root of the machine".to_owned());
    }
    let mut text = String::new();
    let mut all = Report::default();
    for (mode, rulesets, packets) in AMOUNTS {
        if !modes.is_empty() && !modes.contains(&mode) {
            continue;
        }
        if job.file.is_some() && mode == Mode::Sequence {
            // Its rules are made for it.
            continue;
        }
        let or = |given: u64, usual: u64| if given == 0 { usual } else { given };
        let packets = or(job.packets, packets);
        // A file's rules are loaded as often as the packets are too many for one time.
        let usual = if job.file.is_some() { packets.div_ceil(OF_FILE).max(WORKERS) } else { rulesets };
        let job = Job { mode, rulesets: or(job.rulesets, usual), packets, ..job.clone() };
        let start = Instant::now();
        let report = run(&job)?;
        line(&mut text, mode, job.seed, &report, start.elapsed().as_secs_f64());
        all.add(report);
    }
    if !all.differences.is_empty() {
        return Err(format!("{text}\n{}", all.differences.join("\n")));
    }
    let missing = all.coverage.missing();
    text.push_str(&all.coverage.text());
    if !missing.is_empty() {
        let list = missing.join(", ");
        // A few packets need not meet every option.
        if all.packets >= ENOUGH {
            return Err(format!("{text}\nnever true, or never false: {list}"));
        }
        text.push_str(&format!("\nnever true, or never false: {list}"));
    }
    Ok(text)
}

fn line(text: &mut String, mode: Mode, seed: u64, report: &Report, seconds: f64) {
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / report.packets.max(1) as f64;
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{}: seed {seed}, {} packets, {} sets of rules, {} steps, {} undecided, {} differences, {seconds:.1} s; CPU a packet: kernel {:.2} µs, simulator {:.2} µs",
        mode.name(),
        report.packets,
        report.rulesets,
        report.steps,
        report.undecided,
        report.differences.len(),
        each(report.kernel),
        each(report.simulator),
    );
}
