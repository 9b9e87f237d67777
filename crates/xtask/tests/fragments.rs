//! Which rules make the kernel put fragments together before the first table: fragments are sent through each rule of a list,
//! and the paths of the kernel say whether any rule has seen them alone.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "tests")]

use std::thread;

use ptables::dialect::Family;
use ptables::packet::{Layout, Transport};
use ptables::simulate::{Options, Simulator};
use ptables_judge::sys;
use ptables_judge::world::{DEVICES, Path, Watch};
use ptables_kernel::netns::scratch_or_skip;
use xtask::kernel_diff::arena::{Arena, Fate};
use xtask::kernel_diff::shot::Shot;
use xtask::kernel_diff::subject::{Place, Subject};
use xtask::kernel_diff::trial::{agree, read};

/// The list, of which the unit tests of the simulator say the same.
const RULES: &str = include_str!("../../ptables/src/simulate/tests/tracked.txt");
/// Bytes of a packet behind its IP header that the first fragment has.
const FIRST: usize = 24;
/// The place of the table among those of a text.
const NAT: usize = 2;
const HELD: &str = "the rules make the kernel wait for the other fragments first";

/// What is asked of one back end and family.
#[derive(Clone, Copy)]
struct Side {
    nft: bool,
    v6: bool,
}

/// A line of the list.
struct Line<'a> {
    /// `tracks`, `holds` (fragments back, without tracking) or `no`.
    kind: &'a str,
    table: &'a str,
    rule: &'a str,
}

fn lines(v6: bool) -> impl Iterator<Item = Line<'static>> {
    RULES.lines().filter(|it| !it.starts_with('#')).filter_map(move |line| {
        let [kind, family, table, rule] = line.splitn(4, ' ').collect::<Vec<_>>().try_into().unwrap();
        (family != if v6 { "v4" } else { "v6" }).then_some(Line { kind, table, rule })
    })
}

/// All tables, so that what was loaded before is gone; in raw a rule that every packet meets.
fn text(line: Option<&Line<'_>>) -> String {
    let tables = [
        ("raw", &["PREROUTING", "OUTPUT"][..]),
        ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
        ("nat", &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]),
        ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
        ("security", &["INPUT", "FORWARD", "OUTPUT"]),
    ];
    let mut text = String::new();
    for (name, chains) in tables {
        text.push_str(&format!("*{name}\n"));
        chains.iter().for_each(|chain| text.push_str(&format!(":{chain} ACCEPT [0:0]\n")));
        if name == "raw" {
            text.push_str("-A PREROUTING\n-A OUTPUT\n");
        }
        if let Some(line) = line.filter(|it| it.table == name) {
            text.push_str(&format!("{}\n", line.rule));
        }
        text.push_str("COMMIT\n");
    }
    text
}

/// A packet, and the two fragments of it.
fn packets(v6: bool, number: u16) -> [Vec<u8>; 3] {
    let (source, destination) =
        if v6 { (0x2001_0db8 << 96 | 7, 0x2001_0db8 << 96 | 8) } else { (0xc000_0207, 0xc000_0208) };
    let family = if v6 { Family::V6 } else { Family::V4 };
    let mut layout = Layout::new(source, destination, 17);
    layout.id = number;
    layout.transport = Transport::Udp { source: 4000, destination: 5000 };
    layout.payload = vec![b'Z'; 40];
    let whole = layout.to_bytes(family).unwrap();
    let part = |at: usize, content: &[u8], more: bool| {
        let mut layout = layout.clone();
        layout.transport = Transport::None;
        layout.payload = content.to_vec();
        if v6 {
            let mut header = vec![0];
            header.extend((at as u16 | u16::from(more)).to_be_bytes());
            header.extend(u32::from(number).to_be_bytes());
            layout.extensions = vec![(44, header)];
        } else {
            layout.fragment = (at as u16 / 8) | if more { 0x2000 } else { 0 };
        }
        layout.to_bytes(family).unwrap()
    };
    let content = whole.get(if v6 { 40 } else { 20 }..).unwrap();
    let (first, rest) = content.split_at(FIRST);
    [part(0, first, true), part(FIRST, rest, false), whole]
}

fn shot(path: Path, bytes: &[u8]) -> Shot {
    Shot { mac: [2, 0, 0, 0, 0, 9], ..Shot::new(path, bytes.to_vec()) }
}

/// What the simulator says. The kernel does not ask nat where nothing makes it track connections.
fn asked(subject: &mut Subject<'_, '_>, shot: &Shot, kind: &str) -> Result<Fate, String> {
    let mut fate = subject.fate(shot)?;
    if kind != "tracks" {
        fate.steps.retain(|step| step.table != NAT);
    }
    Ok(fate)
}

/// How many rules held fragments back, did not, and were refused by the kernel or the tool, and of how many packets the simulator
/// does not know; and what is not as the list or the simulator says.
fn ask(side: Side) -> ([usize; 4], Vec<String>) {
    let devices = DEVICES.map(str::to_owned).to_vec();
    let watch = if side.nft { Watch::Nft } else { Watch::Legacy };
    sys::pin(0).unwrap();
    let mut arena = Arena::new(watch, false, &devices).unwrap();
    let place = Place { nft: side.nft, ..Place::new(&devices, false, 0) };
    let (mut seen, mut wrong) = ([0; 4], Vec::new());
    let mut number = 1;
    // Between two rules there is none: then fragments pass again.
    let all = lines(side.v6).flat_map(|line| [Some(line), None]);
    for line in all {
        let text = text(line.as_ref());
        let name = line.as_ref().map_or("no rule", |it| it.rule);
        let name =
            format!("{} {} {name}", if side.nft { "nft" } else { "legacy" }, if side.v6 { 6 } else { 4 });
        let ruleset = read(side.v6, side.nft, &text).unwrap();
        if arena.load(side.v6, &text, &ruleset).is_err() {
            // Not every kernel has every module.
            seen[2] += 1;
            continue;
        }
        let simulator = Simulator::new(&ruleset, Options::default());
        let mut subject = Subject::new(&simulator, &place);
        let kind = line.as_ref().map_or("no", |it| it.kind);
        for path in Path::ALL {
            // IPv4 waits for the others before INPUT in any case.
            if path == Path::Input && !side.v6 {
                continue;
            }
            number += 1;
            let [first, last, whole] = packets(side.v6, number).map(|bytes| shot(path, &bytes));
            let fates = [&first, &last].map(|it| arena.follow(it).unwrap());
            let held = fates[0].steps.is_empty() && fates[0].out.is_none();
            if held != (kind != "no") {
                wrong.push(format!("{name} {path:?}: {kind}, but held: {held}"));
            }
            for (part, fate) in [&first, &last].into_iter().zip(&fates) {
                let simulated = asked(&mut subject, part, kind);
                let right = match (held, &simulated) {
                    (true, it) => *it == Err(HELD.to_owned()),
                    // What nf_tables takes for a port in a later fragment depends on the kernel.
                    (false, Err(reason)) if reason != HELD => {
                        seen[3] += 1;
                        true
                    }
                    (false, it) => agree(it, fate, watch),
                };
                if !right {
                    wrong.push(format!("{name} {path:?}: held: {held}, {fate:?}, but {simulated:?}"));
                }
            }
            // The last one makes it whole.
            let simulated = asked(&mut subject, &whole, kind);
            if held && simulated.is_ok() && !agree(&simulated, &fates[1], watch) {
                wrong.push(format!("{name} {path:?}: {:?}, but {simulated:?}", fates[1]));
            }
        }
        seen[usize::from(kind == "no")] += 1;
    }
    (seen, wrong)
}

#[test]
fn fragments_are_held_back_by_the_rules_that_the_simulator_names() {
    if scratch_or_skip().is_none() {
        return;
    }
    let mut all = Vec::new();
    for nft in [false, true] {
        for v6 in [false, true] {
            // A namespace is that of its thread.
            let (seen, wrong) = thread::spawn(move || ask(Side { nft, v6 })).join().unwrap();
            println!("nft {nft}, IPv6 {v6}: held, passed, refused, packets not known: {seen:?}");
            assert!(seen[0] >= 26 && seen[1] >= 40 && seen[3] <= 1, "{seen:?}");
            all.extend(wrong);
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
