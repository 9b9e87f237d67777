//! An index against the same rules asked one by one.

use super::super::index::Index;
use super::*;
use crate::model::Ruleset;

/// Numbers of a seed that is told where something fails.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

const SEED: u64 = 20_261_123;

/// Wildcards, ranges and inversions, of so many kinds.
fn rules(count: u32, kinds: u32) -> Ruleset {
    let rule = |number: u32| match number % kinds {
        0 => format!("-s 10.0.{}.{} -d 10.1.0.0/25", number % 16, number % 20),
        1 => format!("-d 10.1.0.{}/30 -p 17 -i eth1+", number % 32),
        2 => format!("-s 10.0.{}.0/28 -i eth{}", number % 16, number % 3),
        3 => format!("-p tcp -m tcp --dport {}:{}", number % 250, number % 250 + 40),
        4 => format!("-p udp -m udp ! --sport {number}"),
        5 => format!("-i eth{}", number % 3),
        6 => "-i eth+ ! -s 10.0.3.0/24".to_owned(),
        _ => format!("-p 6 -m multiport --ports 1,{}", number % 250),
    };
    filter(&(0..count).map(|it| format!("-A INPUT {} -j b\n", rule(it))).collect::<String>())
}

fn packet_of(random: &mut Random) -> String {
    let place = ["eth0", "eth1", "eth17", "ppp0", "lo"][random.below(5) as usize];
    let (one, other) = (random.below(17), random.below(20));
    let (to, port, own) = (random.below(33), random.below(240), random.below(240));
    match random.below(8) {
        0 => format!("icmp 10.0.{one}.{other} -> 10.1.0.{to} in {place}"),
        1 => format!("gre 10.0.{one}.{other} -> 10.1.0.{to} in eth0"),
        it => {
            let proto = ["tcp", "udp", "sctp"][it as usize % 3];
            format!("{proto} 10.0.{one}.{other}:{own} -> 10.1.0.{to}:{port} in {place}")
        }
    }
}

#[test]
fn an_index_leaves_out_no_rule_that_matches() {
    // Those that overlap need more room than a tree has, few have no index.
    for (count, kinds, is_tree) in [(60, 4, Some(true)), (3000, 8, Some(false)), (5, 8, None)] {
        let rules = rules(count, kinds);
        let simulator = Simulator::new(&rules, Options::default());
        let chains = simulator.tables.iter().flatten().flat_map(|it| &it.chains);
        let longest = chains.max_by_key(|it| it.rules.len()).unwrap();
        assert_eq!(longest.index.as_ref().map(|it| matches!(it, Index::Tree(_))), is_tree, "{count} rules");
        let (mut random, mut matched) = (Random(SEED), 0);
        for _ in 0..if count > 1000 { 200 } else { 1000 } {
            let text = packet_of(&mut random);
            let packet = packet(&text);
            let fast: Vec<At> = simulator.simulate(&packet).path.iter().map(|it| it.at).collect();
            let slow = simulator.explain(&packet).path;
            let slow = slow.iter().filter(|it| it.kind != StepKind::Miss).map(|it| it.at);
            assert_eq!(fast, slow.collect::<Vec<At>>(), "seed {SEED}, {count} rules: {text}");
            matched += fast.len() - 1;
        }
        assert!(matched > 100, "{count} rules: only {matched} matched");
    }
}
