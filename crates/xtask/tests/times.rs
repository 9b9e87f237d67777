//! The seconds of `time`: rules whose edges lie a second or two ahead, and packets before, at and after them. Nobody sets a clock.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::thread;
use std::time::Duration;

use ptables::dialect::Family;
use ptables::packet::{Layout, Transport};
use ptables::simulate::{Options, Simulator};
use ptables::value::clock::{day_of_month, push_date, push_time};
use ptables_judge::sys::{self, kernel_second};
use ptables_judge::world::{DEVICES, Path, Watch};
use ptables_kernel::netns::scratch_or_skip;
use xtask::kernel_diff::arena::Arena;
use xtask::kernel_diff::shot::Shot;
use xtask::kernel_diff::subject::{Place, Subject};
use xtask::kernel_diff::trial::{agree, read};

const DAY: u64 = 86_400;
/// The edges of rules lie in so many seconds one after the other.
const EDGES: u64 = 4;
const WEEK: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn time(moment: u64) -> String {
    let mut out = Vec::new();
    push_time(&mut out, (moment % DAY) as u32);
    String::from_utf8(out).unwrap()
}

fn date(moment: u64) -> String {
    let mut out = Vec::new();
    push_date(&mut out, moment as u32);
    String::from_utf8(out).unwrap()
}

/// Conditions with edges at these seconds.
fn conditions(first: u64) -> Vec<String> {
    let mut all = Vec::new();
    for edge in first..first + EDGES {
        let [at, next, later] = [edge, edge + 1, edge + 2].map(time);
        all.push(format!("--timestart {at}"));
        all.push(format!("--timestop {at}"));
        all.push(format!("--timestart {at} --timestop {next}"));
        // One second of a day, which is all of it; a day from here to here; a day without the second between.
        all.push(format!("--timestart {at} --timestop {at}"));
        all.push(format!("--timestart {next} --timestop {at}"));
        all.push(format!("--timestart {later} --timestop {at}"));
        all.push(format!("--datestart {}", date(edge)));
        all.push(format!("--datestop {}", date(edge)));
        all.push(format!("--datestart {} --datestop {}", date(edge), date(edge + 1)));
        all.push(format!("--timestart {at} --datestop {}", date(edge)));
        // What reaches over midnight belongs to the day before up to its end.
        for away in [0, 1, 6] {
            let day = WEEK[((edge / DAY + 3 + away) % 7) as usize];
            for times in [
                format!("{at} --timestop {at}"),
                format!("{next} --timestop {at}"),
                format!("{later} --timestop {at}"),
            ] {
                all.push(format!("--timestart {times} --contiguous --weekdays {day}"));
                all.push(format!("--timestart {times} --weekdays {day}"));
            }
        }
        for day in [edge / DAY - 1, edge / DAY, edge / DAY + 1].map(day_of_month) {
            all.push(format!("--timestart {next} --timestop {at} --contiguous --monthdays {day}"));
            all.push(format!("--timestart {next} --timestop {at} ! --monthdays {day}"));
        }
    }
    // In the last seconds of a day some begin before they end: there the tools refuse `--contiguous`.
    all.retain(|it| !it.contains("--contiguous") || !it.starts_with("--timestart 00:00:0"));
    // Which of them holds changes at midnight only.
    all.extend(WEEK.iter().map(|day| format!("--weekdays {day}")));
    all.extend((1..=31).map(|day| format!("--monthdays {day}")));
    all
}

fn rules(first: u64) -> String {
    let mut text = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n".to_owned();
    for condition in conditions(first) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "-A PREROUTING -m time {condition}");
    }
    text + "COMMIT\n"
}

fn shot(v6: bool) -> Shot {
    let (source, destination) =
        if v6 { (0x2001_0db8 << 96 | 7, 0x2001_0db8 << 96 | 8) } else { (0xc000_0207, 0xc000_0208) };
    let mut layout = Layout::new(source, destination, 17);
    layout.transport = Transport::Udp { source: 4000, destination: 5000 };
    let bytes = layout.to_bytes(if v6 { Family::V6 } else { Family::V4 }).unwrap();
    Shot { mac: [2, 0, 0, 0, 0, 9], ..Shot::new(Path::Forward, bytes) }
}

/// Packets from before the first edge until behind the last. Returns the seconds in which one was compared, and of how many the
/// second was not certain; none if the rules came too late.
fn one(arena: &mut Arena, nft: bool, v6: bool, ahead: u64) -> (BTreeSet<u64>, u64, u64) {
    let (mut seen, mut compared, mut uncertain) = (BTreeSet::new(), 0, 0);
    let first = kernel_second() + ahead;
    let text = rules(first);
    let ruleset = read(v6, nft, &text).unwrap();
    arena.load(v6, &text, &ruleset).unwrap();
    let simulator = Simulator::new(&ruleset, Options::default());
    let devices = DEVICES.map(str::to_owned);
    let mut place = Place { nft, ..Place::new(&devices, false, 0) };
    let shot = shot(v6);
    let watch = if nft { Watch::Nft } else { Watch::Counters };
    while kernel_second() < first - 1 {
        thread::sleep(Duration::from_millis(20));
    }
    loop {
        let before = kernel_second();
        if before > first + EDGES + 1 {
            return (seen.into_iter().map(|it: u64| it + 1 - first).collect(), compared, uncertain);
        }
        let fate = arena.follow(&shot).unwrap();
        if kernel_second() != before {
            uncertain += 1;
            continue;
        }
        place.now = before;
        let simulated = Subject::new(&simulator, &place).fate(&shot);
        if !agree(&simulated, &fate, watch) {
            let of =
                |it: &[xtask::kernel_diff::arena::Step]| it.iter().map(|it| it.rule).collect::<BTreeSet<_>>();
            let (told, kernel) = (of(&simulated.unwrap().steps), of(&fate.steps));
            let all = conditions(first);
            let differ = told.symmetric_difference(&kernel).map(|at| (&all[*at], kernel.contains(at)));
            panic!(
                "at {before} ({}), and what the kernel says: {:?}",
                time(before),
                differ.collect::<Vec<_>>()
            );
        }
        seen.insert(before);
        compared += 1;
        thread::sleep(Duration::from_millis(4));
    }
}

/// Returns how it went.
fn compare(nft: bool, v6: bool) -> String {
    let mut told = String::new();
    sys::pin(0).unwrap();
    let devices = DEVICES.map(str::to_owned);
    let mut arena = Arena::new(if nft { Watch::Nft } else { Watch::Counters }, false, &devices).unwrap();
    // From the second before the first edge to that behind the last, both included; a machine with much to do gets more time.
    let all: BTreeSet<u64> = (0..EDGES + 2).collect();
    for ahead in [2, 4, 8, 16] {
        let (seen, compared, uncertain) = one(&mut arena, nft, v6, ahead);
        // Writing to a string does not fail.
        let _ = writeln!(
            told,
            "nft {nft}, IPv6 {v6}: {compared} packets in seconds {seen:?}, {uncertain} between two seconds"
        );
        if seen.is_superset(&all) {
            assert!(compared > 100, "{compared}");
            return told;
        }
    }
    panic!("never was a packet's second certain in each of them: {told}");
}

#[test]
fn seconds_of_times_are_those_of_the_kernel() {
    if scratch_or_skip().is_none() {
        return;
    }
    // A namespace is that of its thread.
    let threads = [(false, false), (true, true)].map(|(nft, v6)| thread::spawn(move || compare(nft, v6)));
    for thread in threads {
        println!("{}", thread.join().unwrap());
    }
}
