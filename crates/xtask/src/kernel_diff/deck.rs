//! The sets of rules and packets of one thread, in the order in which chance makes them.

use std::thread;

use ptables_judge::sys;
use ptables_judge::world::DEVICES;

use super::arena::Arena;
use super::file::FileRules;
use super::flat::Flat;
use super::rng::Rng;
use super::ruleset::{Plan, Rules};
use super::run::{Job, Mode};
use super::subject::Place;
use super::trial::Case;

/// Threads, whatever processors there are: a seed means the same packets on every machine.
pub const WORKERS: u64 = 4;

/// What one thread has before it.
pub struct Deck {
    /// Where the simulator is asked.
    pub place: Place,
    plan: Plan,
    file: Option<FileRules>,
    case: Case,
    rng: Rng,
    mode: Mode,
    rulesets: u64,
    packets: u64,
    at: u64,
}

/// A set of rules with its packets.
pub struct Dealt {
    /// Its number.
    pub at: u64,
    /// Rules and packets.
    pub case: Case,
    /// What its counters say of each option, if it holds rules of one condition each.
    pub flat: Option<Flat>,
}

impl Deck {
    /// That of a thread, which from now on runs on one processor and in a namespace of its own.
    ///
    /// # Errors
    /// That there can be no such namespace.
    pub fn new(job: &Job, number: u64) -> Result<(Deck, Arena), String> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let cpu = number as usize % processors;
        sys::pin(cpu).map_err(|error| error.to_string())?;
        // Half of the threads track connections; then nat is there, and fragments are not.
        let tracked = job.mode == Mode::Connections || number % 2 == 1 || job.file.is_some();
        let plan = Plan {
            v6: false,
            tracked,
            entries: job.mode == Mode::Connections,
            nft: job.mode == Mode::Nft,
            stateful: job.mode == Mode::Sequence,
            decided: !matches!(job.mode, Mode::Trace | Mode::Nft),
            cpu,
        };
        let read = |path| match job.mode {
            // Of sums nobody can say which part was not decided.
            Mode::Counters => FileRules::read(path, plan.nft)?.decided(plan.nft),
            _ => FileRules::read(path, plan.nft),
        };
        let file = job.file.as_deref().map(read).transpose()?;
        let devices = match &file {
            Some(file) => file.devices.clone(),
            None => DEVICES.map(str::to_owned).to_vec(),
        };
        let case = Case {
            nft: plan.nft,
            tracked,
            ordered: job.mode != Mode::Counters,
            remembers: job.mode == Mode::Sequence,
            undecided: job.file.is_some(),
            devices,
            ..Case::default()
        };
        let arena = Arena::new(case.watch(), tracked, &case.devices).map_err(|error| error.to_string())?;
        let place = Place { nft: case.nft, ..Place::new(&case.devices, tracked, cpu) };
        let rng = Rng::new(job.seed.wrapping_mul(WORKERS * 4).wrapping_add(number * 4 + job.mode as u64));
        let share = |all: u64| all / WORKERS + u64::from(number < all % WORKERS);
        let rulesets = share(job.rulesets).max(1);
        let packets = share(job.packets).div_ceil(rulesets);
        let deck = Deck { place, plan, file, case, rng, mode: job.mode, rulesets, packets, at: 0 };
        Ok((deck, arena))
    }
}

impl Iterator for Deck {
    type Item = Dealt;

    fn next(&mut self) -> Option<Dealt> {
        let at = self.at;
        if at == self.rulesets {
            return None;
        }
        self.at += 1;
        self.place.now = Place::clock();
        let v6 = self.file.as_ref().map_or(at % 2 == 1, |file| file.v6);
        let plan = Plan { v6, ..self.plan };
        // One in four of both families; some with entries, for what looks at those.
        let is_flat = match self.mode {
            Mode::Counters => at % 8 >= 6,
            Mode::Connections => at % 8 >= 6,
            _ => false,
        };
        let is_flat = is_flat && self.file.is_none();
        let is_crowd = self.mode == Mode::Sequence && matches!(at % 32, 4 | 5);
        let flat = is_flat.then(|| Flat::random(plan, &mut self.rng));
        let own;
        let rules = match (&flat, &self.file) {
            (Some(flat), _) => &flat.rules,
            (None, Some(file)) => {
                own = file.rules(plan);
                &own
            }
            (None, None) => {
                let (is_open, tracked) = (matches!(self.mode, Mode::Trace | Mode::Nft), plan.tracked);
                let ordered = matches!(self.mode, Mode::Trace | Mode::Connections | Mode::Nft);
                own = match at % 16 {
                    _ if is_crowd => Rules::crowd(plan, &mut self.rng),
                    2 | 3 | 6..=9 if plan.stateful => Rules::doubts(plan, &mut self.rng),
                    6 | 7 if is_open => Rules::doubts(plan, &mut self.rng),
                    5 if self.mode == Mode::Counters => Rules::long(plan, &mut self.rng),
                    4 if self.mode == Mode::Trace => Rules::long(plan, &mut self.rng),
                    8 | 9 if is_open && (tracked || v6) => Rules::translated(plan, &mut self.rng),
                    2 | 3 | 8..=11 if ordered => Rules::rewriting(plan, &mut self.rng),
                    _ => Rules::random(plan, &mut self.rng),
                };
                &own
            }
        };
        let count = if is_crowd { self.packets * 12 } else { self.packets };
        let shots = rules.shots(count, plan, &mut self.rng);
        let case = Case { v6, text: rules.text.clone(), shots, ..self.case.clone() };
        Some(Dealt { at, case, flat })
    }
}
