//! What is found in small rulesets.

use super::*;
use crate::dialect::{Dialect, Family};
use crate::lower::{Options, lower};
use crate::source::Source;
use crate::text::parse;
use crate::value::BuiltinNames;

fn ruleset(text: &str) -> Ruleset {
    let parsed = parse(&Source::new("rules", text).unwrap());
    lower(&parsed.tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames)).ruleset
}

fn filter(rules: &str) -> Ruleset {
    ruleset(&format!("*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:user - [0:0]\n{rules}\nCOMMIT\n"))
}

fn standings(rules: &str, chain: &str) -> Vec<Standing> {
    let ruleset = filter(rules);
    let analysis = Analysis::new(&ruleset, Limits::default());
    let table = &ruleset.tables[0];
    let at = table.chains.iter().position(|it| it.name.as_bytes() == chain.as_bytes()).unwrap();
    analysis.tables[0].as_ref().unwrap().chains[at].rules.clone()
}

fn by(rules: &[usize]) -> Standing {
    Standing::Unreachable(Cover { rules: rules.to_vec(), outside: false })
}

#[test]
fn rules_behind_others_are_unreachable() {
    let found = standings(
        "-A INPUT -s 192.0.2.0/24 -j DROP\n-A INPUT -s 192.0.2.7/32 -p tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp --dport 22 -m multiport --dports 80,443 -j ACCEPT\n-A INPUT -s 1.2.3.4 -j ACCEPT",
        "INPUT",
    );
    assert_eq!(found, [Standing::Alive, by(&[0]), Standing::Impossible, Standing::Alive]);
}
