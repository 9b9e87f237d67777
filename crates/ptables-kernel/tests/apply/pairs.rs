//! Pairs of rulesets on the real kernel: a plan gives what is wanted, and its inverse what was.

use std::fmt::Write;

use super::*;

/// Numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn ruleset(random: &mut Random) -> String {
    let mut text = String::from("*filter\n");
    let own = random.below(2) == 1;
    if random.below(2) == 1 {
        text.push_str(":INPUT DROP [0:0]\n");
    }
    if own {
        text.push_str(":own - [0:0]\n");
    }
    for chain in ["INPUT", "FORWARD", "own"].iter().filter(|it| own || **it != "own") {
        for _ in 0..random.below(7) {
            let rule = match random.below(9) {
                0 if own && *chain != "own" => "-j own".to_owned(),
                1 => "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT".to_owned(),
                2 => "-i eth0 -m limit --limit 3/min -j LOG --log-prefix \"a b\"".to_owned(),
                3 => "-m comment --comment \"x \\\"y\\\"\" -j DROP".to_owned(),
                4 => "-p udp -m multiport --dports 53,67:68 -j REJECT".to_owned(),
                n => format!("-p tcp -m tcp --dport {n} -j ACCEPT"),
            };
            let _ = writeln!(text, "-A {chain} {rule}");
        }
    }
    text.push_str("COMMIT\n*mangle\n");
    for _ in 0..random.below(4) {
        let _ = writeln!(text, "-A PREROUTING -j MARK --set-mark {}", random.below(4));
    }
    text + "COMMIT\n"
}

#[test]
fn each_pair_of_rulesets_is_reached_and_left_again() {
    let seed = std::env::var("PTABLES_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(20_261_122);
    println!("seed {seed}");
    everywhere(|scratch, family, backend| {
        let mut random = Random(seed);
        docker(scratch, family, backend);
        let foreign = plain(&saved(scratch, family, backend));
        let foreign: Vec<&String> = foreign.iter().filter(|it| it.starts_with('[')).collect();
        for round in 0..20 {
            let applier = applier(scratch, backend).preflight(round % 4 == 0);
            let text = ruleset(&mut random);
            let before = plain(&saved(scratch, family, backend));
            let what = wanted(&[(family, &text)], backend);
            let (plans, _) = applier
                .apply(&what)
                .unwrap_or_else(|error| panic!("{backend} {family} round {round}: {error:?}\n{text}"));
            let now = saved(scratch, family, backend);
            let kept: Vec<&str> =
                now.lines().filter(|it| foreign.iter().any(|foreign| foreign == it)).collect();
            assert_eq!(kept, foreign, "{backend} {family} round {round}");
            assert!(
                applier.plan(&what).unwrap().iter().all(Plan::is_empty),
                "{backend} {family} round {round}"
            );
            // The way back, and there again.
            for plan in [&plans[0].inverse(), &plans[0]] {
                for (_, text) in plan.texts() {
                    scratch
                        .kernel()
                        .restore(family, backend, &text.bytes, RestoreOptions::new().noflush(true))
                        .unwrap();
                }
                if !std::ptr::eq(plan, &plans[0]) {
                    let tables =
                        |it: &[String]| it.iter().filter(|it| it.contains("-A")).cloned().collect::<Vec<_>>();
                    let there = plain(&saved(scratch, family, backend));
                    assert_eq!(
                        tables(&there).len(),
                        tables(&before).len(),
                        "{backend} {family} round {round}"
                    );
                    let bare = |it: &[String]| {
                        tables(it)
                            .iter()
                            .map(|it| it.split_once("] ").unwrap().1.to_owned())
                            .collect::<Vec<_>>()
                    };
                    assert_eq!(bare(&there), bare(&before), "{backend} {family} round {round}");
                }
            }
        }
    });
}
