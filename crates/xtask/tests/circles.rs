//! Chains that lead to each other by chance: the kernel takes them unless they lead back to where they were reached from, and
//! of those the simulator finds no end.

use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::lower::{self, lower};
use ptables::model::Policy;
use ptables::packet::Packet;
use ptables::simulate::{Options, Simulator, Verdict};
use ptables::source::{Source, Text};
use ptables::text::parse;
use ptables::value::BuiltinNames;
use ptables_judge::restore::Loader;
use ptables_judge::sys;
use ptables_kernel::netns::scratch_or_skip;
use xtask::kernel_diff::rng::Rng;
use xtask::kernel_diff::trial;

const CHAINS: u64 = 6;
const RULESETS: u64 = 300;

/// Every rule leads to a chain, whatever the packet: so one packet goes every way that there is.
fn rules(rng: &mut Rng) -> String {
    let mut text = "*filter\n".to_owned();
    (0..CHAINS).for_each(|at| text.push_str(&format!(":chain{at} -\n")));
    text.push_str(":INPUT ACCEPT\n");
    for from in 0..=CHAINS {
        let name = if from == CHAINS { "INPUT".to_owned() } else { format!("chain{from}") };
        for _ in 0..rng.within(1, 3) {
            // Seldom back.
            let to = if rng.chance(15) { rng.below(CHAINS) } else { from.saturating_sub(rng.within(1, 3)) };
            // Now and then to itself.
            if to != from || rng.chance(10) {
                text.push_str(&format!("-A {name} -j chain{to}\n"));
            }
        }
    }
    text + "COMMIT\n"
}

#[test]
fn chains_that_lead_back_are_those_that_the_kernel_refuses() {
    if scratch_or_skip().is_none() {
        return;
    }
    let seed = std::env::var("PTABLES_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(5);
    println!("PTABLES_SEED={seed}");
    // A namespace stays that of its thread.
    let compare = move || {
        sys::new_network().unwrap();
        let mut rng = Rng::new(seed);
        let lock = std::env::temp_dir().join(format!("ptables-circles-{}", std::process::id()));
        let packet = Packet::parse(&Text::from("udp 1.1.1.1:1 -> 2.2.2.2:2 in eth0")).unwrap();
        let mut taken = 0;
        for _ in 0..RULESETS {
            let text = rules(&mut rng);
            let loaded = Loader::legacy(false, &lock).load(&text);
            // The check finds them too.
            assert_eq!(trial::read(false, false, &text).is_ok(), loaded.is_ok(), "{loaded:?}\n{text}");
            let parsed = parse(&Source::new("rules", text.as_str()).unwrap());
            let dialect = Dialect::new(Backend::Legacy, Version::V1_8_9);
            let ruleset =
                lower(&parsed.tables, Family::V4, lower::Options::new(dialect, &BuiltinNames)).ruleset;
            let simulator = Simulator::new(&ruleset, Options::new(Some(Policy::Accept)));
            let trace = simulator.simulate(&packet);
            let ends = trace.verdict == Verdict::Accept;
            assert_eq!(ends, loaded.is_ok(), "{loaded:?}\n{text}{}", simulator.human(&trace));
            taken += u64::from(ends);
        }
        // The tools have made it.
        let _ = std::fs::remove_file(lock);
        println!("{taken} of {RULESETS} were taken");
        assert!(taken > RULESETS / 4 && taken < RULESETS * 3 / 4, "{taken}");
    };
    std::thread::spawn(compare).join().unwrap();
}
