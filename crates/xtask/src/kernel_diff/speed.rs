//! Packets per second of processor time: the kernel's and the simulator's, with the same rules and packets.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use ptables::model::Ruleset;
use ptables::packet::Packet;
use ptables::simulate::{Options, Simulator};
use ptables_judge::sys;
use ptables_judge::world::{DEVICES, Watch};

use super::arena::Arena;
use super::file::FileRules;
use super::rng::Rng;
use super::ruleset::{Plan, Rules};
use super::shot::{Entry, Shot};
use super::subject::Place;
use super::trial;

/// Packets of a measurement, each another.
const PACKETS: usize = 20_000;
/// Packets that are made at once.
const TOGETHER: usize = 100;
const ROUNDS: usize = 7;

/// Measures with the rules of a file, and with 1,000 rules in a straight line.
///
/// # Errors
/// What kept it from being done.
pub fn measure(file: Option<&Path>) -> Result<String, String> {
    let mut text = String::new();
    // Each in a thread of its own, whose namespace goes with it.
    let straight = std::thread::spawn(|| one("1,000 rules in a straight line", &straight(), false, &[]));
    text.push_str(&straight.join().map_err(|_| "a measurement failed")??);
    if let Some(path) = file {
        let path = path.to_owned();
        let of_file = move || {
            // Where a rule asks for a rate or a list, the simulator's way ends: those rules are left out on both sides.
            let file = FileRules::read(&path, false)?.decided(false)?;
            one(&path.display().to_string(), file.text(), file.v6, &file.devices)
        };
        text.push_str(&std::thread::spawn(of_file).join().map_err(|_| "a measurement failed")??);
    }
    Ok(text)
}

/// None of the rules is met by a packet that is not one of theirs, so all are asked.
fn straight() -> String {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n".to_owned();
    for number in 0..1000 {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "-A FORWARD -s 10.{}.{}.0/24 -p tcp -m tcp --dport {} -j DROP",
            number / 250,
            number % 250,
            1 + number
        );
    }
    text.push_str("COMMIT\n");
    text
}

fn one(name: &str, text: &str, v6: bool, devices: &[String]) -> Result<String, String> {
    sys::pin(0).map_err(|error| error.to_string())?;
    let usual: Vec<String> = DEVICES.map(str::to_owned).to_vec();
    let devices = if devices.is_empty() { &usual } else { devices };
    let tracked = text.contains("state");
    let plan = Plan { v6, tracked, entries: false, nft: false, stateful: false, decided: false, cpu: 0 };
    let file = FileRules::of_text(text.to_owned(), false)?;
    let rules: Rules = file.rules(plan);
    let mut rng = Rng::new(1);
    let mut shots = rules.shots(PACKETS as u64, plan, &mut rng);
    // Of the others something would have to be told, or the kernel throws them away before any rule sees them.
    shots
        .retain(|it| matches!(it.entry, Entry::None) && Packet::from_bytes(&it.bytes, it.sim_path()).is_ok());
    let ruleset = trial::read(v6, false, text)?;

    let mut arena = Arena::new(Watch::Counters, tracked, devices).map_err(|error| error.to_string())?;
    let load = |arena: &mut Arena, text: &str, ruleset: &Ruleset| {
        arena.load(v6, text, ruleset).map_err(|error| error.to_string())
    };
    // A few at a time: both sides get a packet right after it was made, as they would from its sender, and 20,000 others come
    // before it comes again.
    let kernel = |arena: &mut Arena, some: &[Shot]| {
        let some = some.to_vec();
        timer(|| some.iter().try_for_each(|shot| arena.send(shot)).map_err(|error| error.to_string()))
    };
    let place = Place::new(devices, tracked, 0);
    let simulator = Simulator::new(&ruleset, Options::default());
    let verdict = |packet: &Packet| {
        std::hint::black_box(simulator.verdict(std::hint::black_box(packet)));
    };
    let decide = |some: &[Shot]| {
        let packets: Vec<Packet> = some.iter().map(|shot| place.bare(shot)).collect::<Result<_, _>>()?;
        timer(|| {
            packets.iter().for_each(verdict);
            Ok(())
        })
    };
    let read_too = |some: &[Shot]| {
        let some = some.to_vec();
        timer(|| {
            some.iter().try_for_each(|shot| {
                let mut packet =
                    Packet::from_bytes(&shot.bytes, shot.sim_path()).map_err(|error| error.to_string())?;
                place.tell(shot, &mut packet);
                verdict(&packet);
                Ok(())
            })
        })
    };
    let empty: String = text.lines().filter(|it| !it.starts_with("-A")).map(|it| format!("{it}\n")).collect();
    let without = trial::read(v6, false, &empty)?;
    let [mut way, mut whole, mut decided, mut read] = [(); 4].map(|()| Least::default());
    // In turn, so that both sides have the same share of a machine that others use too.
    for _ in 0..ROUNDS {
        load(&mut arena, &empty, &without)?;
        way.round(&shots, |some| kernel(&mut arena, some))?;
        load(&mut arena, text, &ruleset)?;
        whole.round(&shots, |some| kernel(&mut arena, some))?;
        decided.round(&shots, decide)?;
        read.round(&shots, read_too)?;
    }
    let [way, whole, decided, read_too] = [way, whole, decided, read].map(|it| it.sum());
    let each = |time: Duration| time.as_secs_f64() * 1e6 / shots.len() as f64;
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    let rules = whole.saturating_sub(way);
    let mut told = format!(
        "{name}: {} rules; processor time of each of {} packets, in \u{b5}s\n",
        ruleset.rules().count(),
        shots.len()
    );
    // Writing to a string does not fail.
    let _ = writeln!(
        told,
        "  from its bytes to its end: kernel {:.2}, simulator {:.3}: {:.1} times\n  its rules: kernel {:.2} (the way without rules: {:.2}), simulator {:.3}, with connection tracking: {:.1} times",
        each(whole),
        each(read_too),
        ratio(whole, read_too),
        each(rules),
        each(way),
        each(decided),
        ratio(rules, decided),
    );
    let _ = writeln!(
        told,
        "  the whole way of the kernel to a packet that was read before: {:.1} times",
        ratio(whole, decided)
    );
    Ok(told)
}

/// The least processor time of each hundred packets in all rounds.
#[derive(Default)]
struct Least(Vec<Duration>);

impl Least {
    fn round(
        &mut self,
        shots: &[Shot],
        mut work: impl FnMut(&[Shot]) -> Result<Duration, String>,
    ) -> Result<(), String> {
        self.0.resize(shots.len().div_ceil(TOGETHER), Duration::MAX);
        for (least, some) in self.0.iter_mut().zip(shots.chunks(TOGETHER)) {
            *least = work(some)?.min(*least);
        }
        Ok(())
    }

    fn sum(&self) -> Duration {
        self.0.iter().sum()
    }
}

fn timer(work: impl FnOnce() -> Result<(), String>) -> Result<Duration, String> {
    let start = sys::thread_time();
    work()?;
    Ok(sys::thread_time() - start)
}
