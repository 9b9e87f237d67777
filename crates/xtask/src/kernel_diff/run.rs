//! Many sets of rules, on all processors.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use ptables_judge::sys;

use super::arena::{Arena, Step};
use super::coverage::Coverage;
use super::deck::{Dealt, Deck, WORKERS};
use super::flat::Flat;
use super::progress::Progress;
use super::subject::{Place, Subject};
use super::trial::{Case, Difference, agree, describe, read};
use super::unknown::Untold;
use super::{partial, regress, shrink};
use ptables::simulate::{Options, Simulator};

/// What is compared, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Packets and bytes of every rule, policy and end of a chain, over many packets at once.
    Counters,
    /// The ordered path of each packet, and its bytes and mark where it leaves.
    Trace,
    /// The same with entries of connection tracking.
    Connections,
    /// The ordered path in nf_tables, of rules that iptables-nft loads.
    Nft,
    /// The ordered path, of rules that remember earlier packets.
    Sequence,
}

impl Mode {
    /// All, by the names of the command.
    pub const ALL: [(&'static str, Mode); 5] = [
        ("agg", Mode::Counters),
        ("trace", Mode::Trace),
        ("ct", Mode::Connections),
        ("nft", Mode::Nft),
        ("sequence", Mode::Sequence),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Mode::ALL.iter().find(|it| it.1 == self).map_or("", |it| it.0)
    }
}

/// How much is compared.
#[derive(Clone, Debug)]
pub struct Job {
    /// What, and how.
    pub mode: Mode,
    /// Where chance begins.
    pub seed: u64,
    /// Sets of rules.
    pub rulesets: u64,
    /// Packets, over all sets.
    pub packets: u64,
    /// Differences after which it ends.
    pub enough: usize,
    /// Whether differences are made smaller.
    pub shrink: bool,
    /// Whether differences become files.
    pub write: bool,
    /// Rules of which packets are drawn, in place of sets by chance.
    pub file: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Packets compared.
    pub packets: u64,
    /// Steps of the kernel's paths.
    pub steps: u64,
    /// Packets of which the simulator says that it can't tell: an address became that of an interface, or, with rules of a
    /// file, there is a rate or a time. Then what the kernel did is one of the ways that it leaves open.
    pub undecided: u64,
    /// Sets of rules.
    pub rulesets: u64,
    /// Differences, shrunk, for people.
    pub differences: Vec<String>,
    /// How often options were true and false.
    pub coverage: Coverage,
    /// Processor time in which packets were sent.
    pub kernel: Duration,
    /// Processor time in which they were simulated.
    pub simulator: Duration,
}

/// Runs a job.
///
/// # Errors
/// What kept it from being done: no namespace, or rules that the tools refuse.
pub fn run(job: &Job) -> Result<Report, String> {
    let report = Mutex::new(Report::default());
    let progress = Progress::new(job.mode.name(), job.packets);
    let found = AtomicU64::new(0);
    let failed = Mutex::new(None);
    thread::scope(|scope| {
        for number in 0..WORKERS {
            let (report, found, failed, progress) = (&report, &found, &failed, &progress);
            scope.spawn(move || {
                if let Err(error) = work(job, number, (report, progress), found)
                    && let Ok(mut failed) = failed.lock()
                {
                    *failed = Some(error);
                    found.store(u64::MAX / 2, Ordering::Relaxed);
                }
            });
        }
    });
    match failed.into_inner() {
        Ok(None) => report.into_inner().map_err(|error| error.to_string()),
        Ok(Some(error)) => Err(error),
        Err(error) => Err(error.to_string()),
    }
}

fn work(
    job: &Job,
    number: u64,
    (report, progress): (&Mutex<Report>, &Progress),
    found: &AtomicU64,
) -> Result<(), String> {
    let (mut deck, mut arena) = Deck::new(job, number)?;
    while found.load(Ordering::Relaxed) < job.enough as u64 {
        let Some(Dealt { at, case, flat }) = deck.next() else { break };
        let mut part = Report { rulesets: 1, packets: case.shots.len() as u64, ..Report::default() };
        let asked = (&deck.place, flat.as_ref());
        if let Some((case, difference)) = compare(&case, &mut arena, asked, (&mut part, progress))? {
            found.fetch_add(1, Ordering::Relaxed);
            let (case, difference) = if job.shrink {
                shrink::shrink(case, difference, &mut arena, deck.place.cpu)
            } else {
                (case, difference)
            };
            let mut text = format!(
                "{} seed {} thread {number} set {at}\n{}",
                job.mode.name(),
                job.seed,
                describe(&case, &difference)
            );
            if job.write {
                let path = regress::write(&case).map_err(|error| error.to_string())?;
                text.push_str(&format!("  written to {}\n", path.display()));
            }
            part.differences.push(text);
        }
        report.lock().map_err(|error| error.to_string())?.add(part);
    }
    Ok(())
}

impl Report {
    /// Adds another's.
    pub fn add(&mut self, part: Report) {
        self.packets += part.packets;
        self.steps += part.steps;
        self.undecided += part.undecided;
        self.rulesets += part.rulesets;
        self.differences.extend(part.differences);
        self.coverage.add(part.coverage);
        self.kernel += part.kernel;
        self.simulator += part.simulator;
    }
}

/// A case with one difference, if there is any: the first of its packets.
fn compare(
    case: &Case,
    arena: &mut Arena,
    (place, flat): (&Place, Option<&Flat>),
    (report, progress): (&mut Report, &Progress),
) -> Result<Option<(Case, Difference)>, String> {
    let ruleset = read(case.v6, case.nft, &case.text).map_err(|error| format!("{error}\n{}", case.text))?;
    case.forget(arena)?;
    arena.load(case.v6, &case.text, &ruleset).map_err(|error| format!("{error}\n{}", case.text))?;
    let simulator = Simulator::new(&ruleset, Options::default());
    let mut subject = Subject::new(&simulator, place);
    // Earlier packets are a part of it where rules remember them.
    let until = |at: usize| match case.remembers {
        true => (Case { shots: case.shots[..=at].to_vec(), ..case.clone() }, at),
        false => (Case { shots: vec![case.shots[at].clone()], ..case.clone() }, 0),
    };
    if case.ordered {
        let mut counts: HashMap<Step, (u64, u64)> = HashMap::new();
        // A text may be long: it is looked through once.
        let untold = Untold::of(case);
        for (at, shot) in case.shots.iter().enumerate() {
            let start = sys::thread_time();
            let seen =
                arena.follow(shot).map_err(|error| format!("{error}: {}\n{}", shot.line(), case.text))?;
            let middle = sys::thread_time();
            let simulated = subject.fate(shot);
            if arena.is_late() {
                // The machine has other work.
                return Ok(None);
            }
            report.kernel += middle - start;
            report.simulator += sys::thread_time() - middle;
            report.steps += seen.steps.len() as u64;
            seen.steps.iter().for_each(|step| counts.entry(*step).or_default().0 += 1);
            let in_sequence = match case.remembers {
                true => subject.fault_in_sequence((at, shot), (&seen, case.watch()), &untold)?,
                false => None,
            };
            if simulated.is_err()
                && untold.may_be(at, shot, &seen)
                && (case.remembers || subject.is_open(shot, &seen)?)
                || case.undecided && !agree(&simulated, &seen, case.watch()) && subject.allows(shot, &seen)?
            {
                report.undecided += 1;
            } else if !agree(&simulated, &seen, case.watch()) {
                let (case, at) = until(at);
                return Ok(Some((case, Difference { at, simulated, seen })));
            }
            let asked = simulated.is_ok() && at % partial::EVERY == 0 && case.is_asked_in_part();
            let in_part = if asked { subject.fault_in_part(shot, &seen)?.map(str::to_owned) } else { None };
            if let Some(fault) = in_sequence.or(in_part) {
                let found = Difference { at, simulated: Err(fault), seen };
                return Err(format!("{}\n{}", describe(case, &found), case.text));
            }
            progress.add(1);
        }
        if let Some(flat) = flat {
            flat.note(&ruleset, &counts, &mut report.coverage);
        }
        return Ok(None);
    }
    let start = sys::thread_time();
    for shot in &case.shots {
        arena.send(shot).map_err(|error| format!("{error}: {}", shot.line()))?;
    }
    let mut counts: HashMap<Step, (i64, i64)> = HashMap::new();
    arena
        .counts(|step, count| {
            counts.insert(step, (count.0 as i64, count.1 as i64));
            report.steps += count.0;
        })
        .map_err(|error| error.to_string())?;
    if let Some(flat) = flat {
        let counted = counts.iter().map(|(step, it)| (*step, (it.0.unsigned_abs(), it.1.unsigned_abs())));
        flat.note(&ruleset, &counted.collect(), &mut report.coverage);
    }
    let middle = sys::thread_time();
    progress.add(case.shots.len() as u64);
    let mut known = true;
    for shot in &case.shots {
        known &= subject.count(shot, |step, bytes| {
            let count = counts.entry(step).or_default();
            count.0 -= 1;
            count.1 -= bytes as i64;
        })?;
    }
    report.kernel += middle - start;
    report.simulator += sys::thread_time() - middle;
    if known && counts.values().all(|it| *it == (0, 0)) {
        return Ok(None);
    }
    match case.play(arena, place.cpu)? {
        Some(difference) => {
            let (case, at) = until(difference.at);
            Ok(Some((case, Difference { at, ..difference })))
        }
        None => Err(format!("counters differ over all packets, but not for any one\n{}", case.text)),
    }
}
