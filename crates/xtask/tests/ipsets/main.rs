//! Sets: our reader and printer beside the program `ipset`, our membership beside the kernel's. In namespaces of their own.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod material;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use ptables::diag::Diagnostic;
use ptables::ipset::{Contents, SetType, Sets, parse, print};
use ptables::model::Policy;
use ptables::simulate::{At, Options, Seen, Simulator, Verdict};
use ptables::source::Source;
use ptables::value::BuiltinNames;
use ptables_judge::sys;
use ptables_judge::world::{DEVICES, Watch};
use ptables_kernel::netns::{Scratch, scratch_or_skip};
use xtask::kernel_diff::arena::Arena;
use xtask::kernel_diff::rng::Rng;
use xtask::kernel_diff::shot::Shot;
use xtask::kernel_diff::subject::Place;
use xtask::kernel_diff::trial;

use material::Draft;

const SEED: u64 = 11;

fn read(text: &[u8]) -> (Sets, Vec<Diagnostic>) {
    parse(&Source::new("sets", text).unwrap(), &BuiltinNames)
}

/// The contents, and the first complaint.
pub fn contents(text: &[u8]) -> (Contents, Option<String>) {
    let (sets, mut errors) = read(text);
    let (contents, more) = Contents::new(&sets);
    errors.extend(more);
    (contents, errors.first().map(|it| it.message.clone()))
}

/// Whether `ipset restore` takes a text, and what is there then.
fn restored(scratch: &Scratch, text: &[u8]) -> Result<Vec<u8>, String> {
    scratch.run("ipset", &["flush"], b"").unwrap();
    scratch.run("ipset", &["destroy"], b"").unwrap();
    let output = scratch.run("ipset", &["restore"], text).unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(scratch.run("ipset", &["save"], b"").unwrap().stdout)
}

/// The types that this kernel has.
fn types(scratch: &Scratch) -> Vec<SetType> {
    let has = |kind: &SetType| {
        let range = match kind.as_str() {
            "bitmap:port" => " range 0-99",
            it if it.starts_with("bitmap") => " range 192.0.2.0/24",
            _ => "",
        };
        restored(scratch, format!("create s {}{range}\n", kind.as_str()).as_bytes()).is_ok()
    };
    SetType::all().filter(has).collect()
}

#[test]
fn texts_are_taken_and_refused_as_by_ipset() {
    let Some(scratch) = scratch_or_skip() else { return };
    println!("seed {SEED}");
    let mut rng = Rng::new(SEED);
    let (mut taken, mut refused) = (0, 0);
    for kind in types(&scratch) {
        for v6 in [false, true] {
            for round in 0..60 {
                let draft = Draft::new(kind, v6, &mut rng, round % 3 != 0);
                let text = draft.text("s");
                let (ours, complaint) = contents(text.as_bytes());
                let theirs = restored(&scratch, text.as_bytes());
                match (theirs, complaint) {
                    (Ok(saved), None) => {
                        taken += 1;
                        let (back, complaint) = contents(&saved);
                        let saved = String::from_utf8_lossy(&saved).into_owned();
                        assert_eq!(complaint, None, "{text}saved as\n{saved}");
                        assert_eq!(ours, back, "{text}saved as\n{saved}");
                        let printed = print(&read(text.as_bytes()).0).unwrap();
                        let again = restored(&scratch, &printed).unwrap();
                        assert_eq!(contents(&again).0, ours, "{}", String::from_utf8_lossy(&printed));
                    }
                    (Err(_), Some(_)) => refused += 1,
                    (Ok(_), Some(complaint)) => panic!("ipset takes this, we do not: {complaint}\n{text}"),
                    (Err(complaint), None) => panic!("we take this, ipset does not: {complaint}\n{text}"),
                }
            }
        }
    }
    println!("{taken} texts were taken, {refused} refused");
    assert!(taken > 300 && refused > 100, "{taken} taken, {refused} refused");
}

#[test]
fn hostile_texts_stay_in_their_place() {
    let Some(scratch) = scratch_or_skip() else { return };
    println!("seed {SEED}");
    let mut rng = Rng::new(SEED);
    let pieces: [&[u8]; 14] = [
        b"a",
        b" ",
        b"\"",
        b"\\",
        b"\n",
        b"add s 192.0.2.9",
        b"#",
        b"'",
        b"\r",
        b"\t",
        b"-exist",
        b"\xff",
        b"$(x)",
        b"\0",
    ];
    let mut written = 0;
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..rng.within(1, 6)).flat_map(|_| rng.pick(&pieces)).copied().collect();
        let text = b"create s hash:ip comment\nadd s 192.0.2.1 comment \"x\"\n";
        let (mut sets, _) = read(text);
        let mut set = sets.remove(b"s").unwrap();
        if rng.chance(50) {
            set.name = bytes.as_slice().into();
        } else {
            set.entries[0].comment = Some(bytes.as_slice().into());
        }
        let Ok(printed) = print([&set]) else { continue };
        written += 1;
        let saved = restored(&scratch, &printed).unwrap_or_else(|error| panic!("{error} {printed:?}"));
        let (back, errors) = read(&saved);
        assert!(errors.is_empty(), "{printed:?}");
        let back: Vec<_> = back.iter().collect();
        assert_eq!(back.len(), 1);
        assert_eq!((&back[0].name, back[0].entries.len()), (&set.name, 1), "{printed:?}");
        assert_eq!(back[0].entries[0].comment, set.entries[0].comment, "{printed:?}");
    }
    assert!(written > 50, "{written}");
}

/// A namespace stays that of its thread.
fn in_a_thread(work: impl FnOnce() + Send + 'static) {
    if sys::is_root() {
        std::thread::spawn(work).join().unwrap();
        return;
    }
    assert!(std::env::var_os("CI").is_none(), "the comparison with the kernel needs the root of the machine");
    let _ =
        writeln!(std::io::stderr(), "SKIPPED: the comparison with the kernel needs the root of the machine");
}

#[test]
fn packets_are_in_sets_as_in_the_kernel() {
    in_a_thread(|| {
        println!("seed {SEED}");
        let mut rng = Rng::new(SEED);
        let devices: Vec<String> = DEVICES.map(str::to_owned).to_vec();
        let mut arena = Arena::new(Watch::Counters, false, &devices).unwrap();
        let place = Place::new(&devices, false, 0);
        let Some(scratch) = scratch_or_skip() else { return };
        let types = types(&scratch);
        let (mut packets, mut known, mut matched) = (0, 0, BTreeMap::<String, (u64, u64)>::new());
        for round in 0..150 {
            let v6 = round % 2 == 1;
            let world = material::world(&types, v6, &mut rng);
            ipset(&["restore"], &world.sets);
            let ruleset = trial::read(v6, false, &world.rules).unwrap();
            arena.load(v6, &world.rules, &ruleset).unwrap_or_else(|error| panic!("{error}\n{}", world.rules));
            let (contents, complaint) = contents(world.sets.as_bytes());
            assert_eq!(complaint, None, "{}", world.sets);
            let simulator = Simulator::new(&ruleset, Options::new(Some(Policy::Accept))).with_sets(contents);
            let mut session = simulator.session();
            // The same, told less now and then.
            let mut doubtful = simulator.session();
            let in_chain =
                |at: &At| Some((ruleset.tables[at.table].chains[at.chain].name.to_lossy(), at.rule?));
            for number in 0..100 {
                let shot: Shot = material::shot(v6, &mut rng);
                let mut ours = BTreeMap::new();
                let mut undecided = false;
                let mut before = session.clone();
                let mut note = |at: At, seen: Seen, _: u64| {
                    undecided |= seen == Seen::Maybe;
                    if let (Seen::Rule, Some(rule)) = (seen, in_chain(&at)) {
                        *ours.entry(rule).or_insert(0) += 1;
                    }
                };
                let packet = place.packet(&shot).unwrap();
                session.watch(&packet, &mut note);
                if undecided {
                    let unknown = before.simulate(&packet).unknown;
                    let reasons = [
                        "two entries of the set say the opposite",
                        "which of two entries of the set is meant is not known",
                        "whether a full set takes an entry in the place of one that went depends on its hash",
                        "the counters of an entry of a set",
                    ];
                    if unknown.iter().all(|it| reasons.contains(&it.as_str())) {
                        break;
                    }
                    panic!("{unknown:?}\n{}{}", world.sets, world.rules);
                }
                arena.send(&shot).unwrap();
                let mut theirs = BTreeMap::new();
                arena
                    .counts(|step, count| {
                        let chain = &ruleset.tables[step.table].chains[step.chain];
                        if step.rule < chain.rules.len() {
                            theirs.insert((chain.name.to_lossy(), step.rule), count.0);
                        }
                    })
                    .unwrap();
                packets += 1;
                assert_eq!(ours, theirs, "{:?}\n{}{}", shot, world.sets, world.rules);
                if number % 10 == 0 {
                    doubtful = session.clone();
                    continue;
                }
                let mut part = packet;
                if rng.chance(15) {
                    part.in_iface = None;
                }
                if rng.chance(15) {
                    part.link = None;
                }
                let at_once = doubtful.clone().verdict(&part);
                // Whether a rule leads elsewhere may be open.
                let open = part.in_iface.is_none() || part.link.is_none();
                assert!(
                    at_once == Verdict::Accept || open && at_once == Verdict::Unknown,
                    "no rule of these drops"
                );
                let told = doubtful.simulate(&part);
                assert!(told.verdict == Verdict::Accept, "no rule of these drops");
                if told.unknown.is_empty() {
                    known += 1;
                    let met: BTreeSet<_> = told.path.iter().filter_map(|it| in_chain(&it.at)).collect();
                    let context = (&shot, &world.sets, &world.rules);
                    assert!(met.iter().eq(theirs.keys()), "told less: {context:?}");
                }
                for (rule, kind) in world.kinds.iter().enumerate() {
                    let count = matched.entry(kind.clone()).or_default();
                    *(if ours.contains_key(&("PREROUTING".to_owned(), rule)) {
                        &mut count.0
                    } else {
                        &mut count.1
                    }) += 1;
                }
            }
            arena.load(v6, "*raw\nCOMMIT\n", &trial::read(v6, false, "*raw\nCOMMIT\n").unwrap()).unwrap();
            // Members of a list are in use.
            ipset(&["flush"], "");
            ipset(&["destroy"], "");
        }
        println!(
            "{packets} packets, {known} of them decided when less was told; rules matched and not, by type: {matched:?}"
        );
        assert!(known > packets / 8, "{known} of {packets}");
        assert!(matched.values().all(|it| it.0 > 50 && it.1 > 50), "{matched:?}");
    });
}

/// Packets at the beginning and after four seconds; entries that are over by then, and such as are not.
#[test]
fn packets_are_in_sets_that_grow_old() {
    in_a_thread(|| {
        println!("seed {SEED}");
        let mut rng = Rng::new(SEED);
        let devices: Vec<String> = DEVICES.map(str::to_owned).to_vec();
        let mut arena = Arena::new(Watch::Counters, false, &devices).unwrap();
        let mut place = Place::new(&devices, false, 0);
        let world = material::ageing(&mut rng);
        ipset(&["restore"], &world.sets);
        let ruleset = trial::read(false, false, &world.rules).unwrap();
        arena.load(false, &world.rules, &ruleset).unwrap();
        let (contents, complaint) = contents(world.sets.as_bytes());
        assert_eq!(complaint, None, "{}", world.sets);
        let simulator = Simulator::new(&ruleset, Options::new(Some(Policy::Accept))).with_sets(contents);
        let mut session = simulator.session();
        let mut met = BTreeSet::<(usize, u64)>::new();
        for moment in [0, 4] {
            if moment > 0 {
                std::thread::sleep(std::time::Duration::from_secs(moment));
                place.now += moment;
            }
            for number in 0..120 {
                let mut shot = material::shot(false, &mut rng);
                // Now and then rules fill the sets.
                shot.mark = u32::from(number % 6 == 0) * 7;
                let mut ours = Vec::new();
                let packet = place.packet(&shot).unwrap();
                session.watch(&packet, &mut |at: At, seen: Seen, _: u64| {
                    assert_ne!(seen, Seen::Maybe, "{shot:?}\n{}{}", world.sets, world.rules);
                    ours.extend(at.rule);
                });
                arena.send(&shot).unwrap();
                let mut theirs = Vec::new();
                arena
                    .counts(|step, _| {
                        let rules = ruleset.tables[step.table].chains[step.chain].rules.len();
                        theirs.extend(Some(step.rule).filter(|it| *it < rules));
                    })
                    .unwrap();
                theirs.sort_unstable();
                assert_eq!(ours, theirs, "after {moment} s: {shot:?}\n{}{}", world.sets, world.rules);
                met.extend(ours.iter().map(|rule| (*rule, moment)));
            }
        }
        let of = |moment| met.iter().filter(|it| it.1 == moment).count();
        assert!(of(0) > 5 && of(4) > 5, "{met:?}");
        arena.load(false, "*raw\nCOMMIT\n", &trial::read(false, false, "*raw\nCOMMIT\n").unwrap()).unwrap();
        ipset(&["flush"], "");
        ipset(&["destroy"], "");
    });
}

fn ipset(arguments: &[&str], input: &str) {
    let mut child = std::process::Command::new("ipset")
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{input}");
}
