//! The witnesses of `diff` on the real kernel: it gives them the verdicts that are told, with the rules of both sides.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::fmt::Write;

use ptables::analysis::{Fate, Given, Limits, compare};
use ptables::dialect::{Backend, Dialect, Family};
use ptables::ext::Context;
use ptables::model::Ruleset;
use ptables::source::Source;
use ptables::text::{FamilyHint, family};
use ptables_kernel::netns::scratch_or_skip;
use ptables_kernel::wire::sys::is_root;
use ptables_kernel::{Kernel, Ran};
use xtask::oracle::{Ours, files};
use xtask::shared;

/// Whether packets can be sent here: that needs the root of the machine, not only of a namespace.
fn may_send() -> bool {
    let may = scratch_or_skip().is_some() && is_root();
    if !may {
        eprintln!("SKIPPED, packets cannot be sent");
    }
    may
}

/// Numbers that a seed decides.
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % count
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of.get(self.below(of.len())).copied().unwrap_or_default()
    }
}

fn seeded() -> Random {
    let seed = std::env::var("PTABLES_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(20_261_123);
    println!("seed {seed}");
    Random(seed)
}

/// Rules of this back end; `None` if not all of them are understood.
fn read(text: &str, family: Family, backend: Backend) -> Option<Ruleset> {
    let version = Kernel::new().version(backend).unwrap_or(Dialect::default().version);
    let ours = Ours::read(Context::new(family, Dialect::new(backend, version)), text).unwrap();
    (ours.errors().is_empty() && !ours.has_raw()).then_some(ours.ruleset)
}

/// What came of witnesses.
#[derive(Debug, Default)]
struct Count {
    confirmed: usize,
    not_sent: usize,
    not_loaded: usize,
    undecided: usize,
    wrong: Vec<String>,
}

impl Count {
    fn pair(&mut self, name: &str, old: &Ruleset, new: &Ruleset, most: usize) {
        let mut given = Given::default();
        (given.limits, given.most) = (Limits::new(8_000_000), most);
        let found = compare(old, new, given).unwrap();
        self.undecided += found.undecided.len();
        for it in &found.differences {
            // Whatever is told of it, connection tracking takes such a segment for invalid.
            if it.witness.to_string().contains("flags=NONE") {
                self.not_sent += 1;
                continue;
            }
            for (ruleset, side) in [(old, it.old), (new, it.new)] {
                let Ok(tried) = Kernel::new().try_packets(ruleset, b"", &[(&it.witness, None)]) else {
                    self.not_loaded += 1;
                    continue;
                };
                match (tried.ran.first(), side.fate) {
                    (Some(Ran::NotRun(why)), _) => {
                        println!("{name}: not sent: {why}");
                        self.not_sent += 1;
                    }
                    (None, _) => self.not_sent += 1,
                    (Some(Ran::Accept), Fate::Accept)
                    | (Some(Ran::Drop), Fate::Drop)
                    | (Some(Ran::Reject), Fate::Reject) => self.confirmed += 1,
                    (ran, fate) => self.wrong.push(format!("{name}: {}: {fate:?}, but {ran:?}", it.witness)),
                }
            }
        }
    }

    fn end(&self, least: usize) {
        println!(
            "{} confirmed, {} not sent, {} not loaded, {} undecided",
            self.confirmed, self.not_sent, self.not_loaded, self.undecided
        );
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        assert!(self.confirmed >= least, "too few to say anything");
    }
}

/// Some rules for a chain, and a chain that they call.
fn generated(random: &mut Random) -> Vec<String> {
    let mut lines = Vec::new();
    for _ in 0..14 {
        let chain = random.one(&["INPUT", "FORWARD", "OUTPUT", "user", "FORWARD"]);
        let source =
            random.one(&["", " -s 192.0.2.0/24", " -s 192.0.2.128/25", " ! -s 10.0.0.0/8", " -s 10.1.2.3"]);
        let destination = random.one(&["", "", " -d 198.51.100.0/24", " -d 198.51.100.2"]);
        let iface = match chain {
            "INPUT" => random.one(&["", " -i eth0", " -i eth+", " ! -i eth1"]),
            "OUTPUT" => random.one(&["", " -o eth1"]),
            "FORWARD" => random.one(&["", " -i eth0 -o eth1", " -o eth1"]),
            _ => "",
        };
        let service = random.one(&[
            "",
            " -p tcp --dport 22",
            " -p tcp -m multiport --dports 22,80,8000:8080",
            " -p udp ! --dport 53",
            " -p udp --sport 1024:",
            " -p icmp --icmp-type echo-request",
            " -p tcp --syn",
            " -m conntrack --ctstate NEW,RELATED",
            " -m conntrack --ctstate ESTABLISHED",
        ]);
        let target = match chain {
            "user" => random.one(&["ACCEPT", "DROP", "RETURN", "REJECT"]),
            _ => random.one(&["ACCEPT", "DROP", "user", "REJECT", "ACCEPT"]),
        };
        lines.push(format!("-A {chain}{source}{destination}{iface}{service} -j {target}"));
    }
    lines
}

fn text(rules: &[String], policies: [&str; 3]) -> String {
    let mut text = String::from("*filter\n");
    for (chain, policy) in ["INPUT", "FORWARD", "OUTPUT"].iter().zip(policies) {
        writeln!(text, ":{chain} {policy} [0:0]").unwrap();
    }
    text + ":user - [0:0]\n" + &rules.join("\n") + "\nCOMMIT\n"
}

#[test]
fn generated_rulesets_differ_in_the_kernel_as_told() {
    if !may_send() {
        return;
    }
    let mut random = seeded();
    let mut count = Count::default();
    for round in 0..24 {
        let old = generated(&mut random);
        let mut new = old.clone();
        for _ in 0..2 {
            let at = random.below(new.len());
            match random.below(3) {
                0 => drop(new.remove(at)),
                1 => new.swap(at, 0),
                _ => new[at] = generated(&mut random).swap_remove(0),
            }
        }
        let policies = [(); 3].map(|()| random.one(&["ACCEPT", "DROP"]));
        let backend = Backend::ALL[round % 2];
        let [old, new] = [old, new].map(|it| read(&text(&it, policies), Family::V4, backend));
        let (Some(old), Some(new)) = (old, new) else { continue };
        count.pair(&format!("round {round}"), &old, &new, 4);
    }
    count.end(30);
}

/// Rules more than this take long to load for each packet.
const RULES: usize = 200;

#[test]
fn real_rulesets_differ_in_the_kernel_as_told() {
    if !may_send() {
        return;
    }
    let Some(folder) = shared::folder() else { return };
    let mut random = seeded();
    let mut count = Count::default();
    for file in files::read(&folder.join("rulesets")).unwrap() {
        let Ok(whole) = String::from_utf8(file.bytes) else { continue };
        let FamilyHint::One(family) = family(&Source::new(&file.name, whole.clone()).unwrap()) else {
            continue;
        };
        let Some(old) = read(&whole, family, Backend::Legacy) else { continue };
        if old.rules().count() > RULES {
            continue;
        }
        // Without one rule of the filter table.
        let lines: Vec<&str> = whole.lines().collect();
        let start = lines.iter().position(|it| *it == "*filter").unwrap_or(lines.len());
        let end = lines.iter().skip(start).position(|it| *it == "COMMIT").map_or(start, |it| start + it);
        let rules: Vec<usize> = (start..end).filter(|it| lines[*it].starts_with("-A")).collect();
        for _ in 0..rules.len().min(4) {
            let gone = rules[random.below(rules.len())];
            let new: String =
                lines.iter().enumerate().filter(|it| it.0 != gone).map(|it| format!("{}\n", it.1)).collect();
            let Some(new) = read(&new, family, Backend::Legacy) else { continue };
            count.pair(&format!("{} without line {}", file.name, gone + 1), &old, &new, 2);
        }
    }
    count.end(10);
}
