//! All faults in one run: the kernel is asked once, and the simulator once for each fault that was met.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ptables::model::Ruleset;
use ptables::simulate::{Options, Simulator};

use super::switch;
use crate::kernel_diff::arena::{Arena, Fate, Step};
use crate::kernel_diff::command::AMOUNTS;
use crate::kernel_diff::deck::{Deck, WORKERS};
use crate::kernel_diff::run::Job;
use crate::kernel_diff::subject::{Place, Subject};
use crate::kernel_diff::trial::{Case, Difference, agree, describe};
use crate::kernel_diff::unknown::Untold;
use crate::kernel_diff::{partial, regress};

/// Which faults are left, and which were met at all.
struct Board {
    left: Vec<AtomicBool>,
    met: Vec<AtomicBool>,
}

/// What the kernel did with the packets of a case.
enum Verdict {
    Fates(Vec<Fate>),
    Counts(HashMap<Step, (i64, i64)>),
}

/// Judges faults 1 to `count` by what CI compares, or a share of it in hundredths. Returns those that were not found,
/// and whether they were met.
///
/// # Errors
/// What kept the kernel from being asked, or that the simulator without a fault does not agree with it.
pub fn judge(count: u32, share: u64) -> Result<Vec<(u32, bool)>, String> {
    let all = || (0..=count).map(|_| AtomicBool::new(false)).collect();
    let board = Board { left: all(), met: all() };
    board.left.iter().skip(1).for_each(|it| it.store(true, Ordering::Relaxed));
    // What a fault says when it stops the simulator is of no interest.
    std::panic::set_hook(Box::new(|_| {}));
    let failed = Mutex::new(None);
    let note = |result: Result<(), String>| {
        if let (Err(error), Ok(mut failed)) = (result, failed.lock()) {
            failed.get_or_insert(error);
        }
    };
    for (path, case) in regress::all()? {
        thread::scope(|scope| {
            scope
                .spawn(|| note(again(&case, &board).map_err(|error| format!("{}: {error}", path.display()))));
        });
    }
    eprintln!("{} faults left after what was found before", board.count());
    let mut order = AMOUNTS;
    // The cheapest first: what they find need not be judged by the others.
    order.rotate_left(1);
    for (mode, rulesets, packets) in order {
        let part = |all: u64| (all * share / 100).max(WORKERS);
        let job = Job {
            mode,
            seed: 1,
            rulesets: part(rulesets),
            packets: part(packets),
            enough: 1,
            shrink: false,
            write: false,
            file: None,
        };
        thread::scope(|scope| {
            for number in 0..WORKERS {
                let (job, board, note) = (&job, &board, &note);
                scope.spawn(move || note(work(job, number, board)));
            }
        });
        eprintln!("{} faults left after {}", board.count(), mode.name());
    }
    if let Ok(Some(error)) = failed.into_inner() {
        return Err(error);
    }
    let is = |list: &[AtomicBool], at: u32| list[at as usize].load(Ordering::Relaxed);
    Ok((1..=count).filter(|at| is(&board.left, *at)).map(|at| (at, is(&board.met, at))).collect())
}

impl Board {
    fn count(&self) -> usize {
        self.left.iter().filter(|it| it.load(Ordering::Relaxed)).count()
    }

    /// Judges the faults that are left by one case.
    fn case(&self, case: &Case, ruleset: &Ruleset, place: &Place, verdict: &Verdict) -> Result<(), String> {
        switch::set(0);
        if !agrees(case, ruleset, place, verdict) {
            let rest = left_over(case, ruleset, place, verdict);
            return Err(format!("the simulator without a fault does not agree: {rest}"));
        }
        for fault in switch::met() {
            let Some(left) = self.left.get(fault as usize) else { continue };
            self.met[fault as usize].store(true, Ordering::Relaxed);
            if !left.load(Ordering::Relaxed) {
                continue;
            }
            switch::set(fault);
            let passed = catch_unwind(AssertUnwindSafe(|| agrees(case, ruleset, place, verdict)));
            if !passed.unwrap_or(false) {
                left.store(false, Ordering::Relaxed);
            }
        }
        switch::set(0);
        Ok(())
    }
}

fn work(job: &Job, number: u64, board: &Board) -> Result<(), String> {
    let (mut deck, mut arena) = Deck::new(job, number)?;
    while let Some(dealt) = deck.next() {
        let (ruleset, verdict) = ask(&dealt.case, &mut arena)?;
        if arena.is_late() {
            // The machine has other work.
            continue;
        }
        if let Err(error) = board.case(&dealt.case, &ruleset, &deck.place, &verdict) {
            // What the kernel says a second time counts, and that it said something else is told.
            eprintln!("asked again, thread {number} set {}: {error}", dealt.at);
            let (ruleset, verdict) = ask(&dealt.case, &mut arena)?;
            if !arena.is_late() {
                board.case(&dealt.case, &ruleset, &deck.place, &verdict)?;
            }
        }
    }
    Ok(())
}

/// What the kernel counted and the simulator did not, or the other way round.
fn left_over(case: &Case, ruleset: &Ruleset, place: &Place, verdict: &Verdict) -> String {
    let simulator = Simulator::new(ruleset, Options::default());
    let mut subject = Subject::new(&simulator, place);
    let seen = match verdict {
        Verdict::Counts(seen) => seen,
        Verdict::Fates(fates) => {
            for (at, (shot, seen)) in case.shots.iter().zip(fates).enumerate() {
                let simulated = subject.fate(shot);
                if !agrees_on((case, &Untold::of(case)), at, &mut subject, &simulated, seen) {
                    let part = subject.fault_in_part(shot, seen);
                    let found = Difference { at, simulated, seen: seen.clone() };
                    return format!("{}{part:?}", describe(case, &found));
                }
            }
            return String::new();
        }
    };
    let mut counts = seen.clone();
    for shot in &case.shots {
        let known = subject.count(shot, |step, bytes| {
            let count = counts.entry(step).or_default();
            count.0 -= 1;
            count.1 -= bytes as i64;
        });
        if known != Ok(true) {
            return format!("{known:?} of {}", shot.line());
        }
    }
    let name = |step: &Step| {
        let table = &ruleset.tables[step.table];
        format!("{} {} {}", table.name.to_lossy(), table.chains[step.chain].name.to_lossy(), step.rule + 1)
    };
    let rest = counts.iter().filter(|it| *it.1 != (0, 0));
    rest.map(|(step, count)| format!("{} {count:?}; ", name(step))).collect()
}

/// A difference that was found before.
fn again(case: &Case, board: &Board) -> Result<(), String> {
    let mut arena =
        Arena::new(case.watch(), case.tracked, &case.devices).map_err(|error| error.to_string())?;
    ptables_judge::sys::pin(0).map_err(|error| error.to_string())?;
    let place = Place { nft: case.nft, ..Place::new(&case.devices, case.tracked, 0) };
    let ruleset = case.ruleset()?;
    case.forget(&mut arena)?;
    arena.load(case.v6, &case.text, &ruleset).map_err(|error| error.to_string())?;
    let fates = case.shots.iter().map(|shot| arena.follow(shot)).collect::<Result<Vec<Fate>, _>>();
    board.case(case, &ruleset, &place, &Verdict::Fates(fates.map_err(|error| error.to_string())?))
}

/// What the kernel does.
fn ask(case: &Case, arena: &mut Arena) -> Result<(Ruleset, Verdict), String> {
    let ruleset = case.ruleset()?;
    case.forget(arena)?;
    arena.load(case.v6, &case.text, &ruleset).map_err(|error| format!("{error}\n{}", case.text))?;
    if case.ordered {
        let fates = case.shots.iter().map(|shot| arena.follow(shot)).collect::<Result<Vec<Fate>, _>>();
        return Ok((ruleset, Verdict::Fates(fates.map_err(|error| error.to_string())?)));
    }
    for shot in &case.shots {
        arena.send(shot).map_err(|error| format!("{error}: {}", shot.line()))?;
    }
    let mut counts = HashMap::new();
    let mut note = |step, count: (u64, u64)| {
        counts.insert(step, (count.0 as i64, count.1 as i64));
    };
    arena.counts(&mut note).map_err(|error| error.to_string())?;
    Ok((ruleset, Verdict::Counts(counts)))
}

/// Whether the simulator agrees about one packet, told all of it or a part.
fn agrees_on(
    (case, untold): (&Case, &Untold),
    at: usize,
    subject: &mut Subject<'_, '_>,
    simulated: &Result<Fate, String>,
    seen: &Fate,
) -> bool {
    let shot = &case.shots[at];
    if case.remembers && subject.fault_in_sequence((at, shot), (seen, case.watch()), untold) != Ok(None) {
        return false;
    }
    if simulated.is_err() && untold.may_be(at, shot, seen) {
        return case.remembers || subject.is_open(shot, seen) == Ok(true);
    }
    let asked = at.is_multiple_of(partial::EVERY) && case.is_asked_in_part();
    agree(simulated, seen, case.watch()) && !(asked && subject.fault_in_part(shot, seen) != Ok(None))
}

fn agrees(case: &Case, ruleset: &Ruleset, place: &Place, verdict: &Verdict) -> bool {
    let simulator = Simulator::new(ruleset, Options::default());
    let mut subject = Subject::new(&simulator, place);
    match verdict {
        Verdict::Fates(fates) => {
            let untold = Untold::of(case);
            case.shots.iter().zip(fates).enumerate().all(|(at, (shot, seen))| {
                let simulated = subject.fate(shot);
                agrees_on((case, &untold), at, &mut subject, &simulated, seen)
            })
        }
        Verdict::Counts(seen) => {
            let mut counts = seen.clone();
            let known = case.shots.iter().all(|shot| {
                let counted = subject.count(shot, |step, bytes| {
                    let count = counts.entry(step).or_default();
                    count.0 -= 1;
                    count.1 -= bytes as i64;
                });
                counted == Ok(true)
            });
            known && counts.values().all(|it| *it == (0, 0))
        }
    }
}
