//! What is found in small rulesets.

use super::*;
use crate::dialect::{Dialect, Family};
use crate::lower::{Options, lower};
use crate::source::Source;
use crate::text::parse;
use crate::value::BuiltinNames;

pub(super) fn ruleset(text: &str) -> Ruleset {
    let parsed = parse(&Source::new("rules", text).unwrap());
    lower(&parsed.tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames)).ruleset
}

fn filter(rules: &str) -> Ruleset {
    ruleset(&format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:user - [0:0]\n{rules}\nCOMMIT\n"
    ))
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
        "-A OUTPUT -d 192.0.2.0/24 -j DROP\n-A OUTPUT -d 192.0.2.7/32 -p tcp --dport 22 -j REJECT\n-A OUTPUT -p tcp --dport 22 -m multiport --dports 80,443 -j DROP\n-A OUTPUT -s 1.2.3.4 -j DROP\n-A OUTPUT -d 192.0.2.8 -j LOG",
        "OUTPUT",
    );
    assert_eq!(found, [Standing::Alive, by(&[0]), Standing::Impossible, Standing::Alive, by(&[0])]);
}

#[test]
fn several_rules_together_take_all() {
    let rules = "-A INPUT -p tcp --dport 0:100 -j ACCEPT\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -p tcp --dport 101:65535 -j ACCEPT\n-A INPUT -p tcp -s 192.0.2.1 -j ACCEPT\n-A INPUT -m conntrack --ctstate NEW -j LOG";
    assert_eq!(standings(rules, "INPUT")[3], by(&[0, 2]));
    // Without connection tracking there are later fragments, which have no ports.
    let without = rules.rsplit_once('\n').unwrap().0.replace("INPUT", "FORWARD");
    assert_eq!(standings(&without, "FORWARD")[3], Standing::Alive);
}

#[test]
fn calls_come_back_and_gotos_do_not() {
    let rules = "-A INPUT -p tcp -j user\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp --dport 80 -j ACCEPT\n-A user -p tcp --dport 80 -j RETURN\n-A user -j DROP\n-A user -p udp -j ACCEPT";
    assert_eq!(standings(rules, "INPUT")[1..], [by(&[0]), Standing::Alive]);
    assert_eq!(standings(rules, "user")[2], by(&[1]));
    let rules = "-A INPUT -g user\n-A INPUT -j ACCEPT\n-A user -p tcp -j ACCEPT";
    assert_eq!(standings(rules, "INPUT"), [Standing::Alive, by(&[0])]);
    let rules = "-A INPUT -p tcp -j user\n-A user -p udp -j ACCEPT";
    assert_eq!(standings(rules, "user"), [Standing::Unreachable(Cover { rules: Vec::new(), outside: true })]);
}

#[test]
fn what_depends_on_more_than_the_packet_takes_nothing() {
    for condition in
        ["-m limit --limit 1/s", "-m statistic --mode random --probability 0.5", "-m recent --rcheck"]
    {
        let rules = format!(
            "-A INPUT {condition} -j ACCEPT\n-A INPUT {condition} -j ACCEPT\n-A INPUT -p tcp -j ACCEPT"
        );
        assert_eq!(standings(&rules, "INPUT"), vec![Standing::Alive; 3], "{condition}");
    }
    // The same set holds the same packet.
    let rules =
        "-A INPUT -m set --match-set a src -j ACCEPT\n-A INPUT -s 192.0.2.1 -m set --match-set a src -j LOG";
    assert_eq!(standings(rules, "INPUT")[1], by(&[0]));
    // Unless a rule changes it.
    let rules = format!("{rules}\n-A INPUT -j SET --add-set a src");
    assert_eq!(standings(&rules, "INPUT")[1], Standing::Alive);
}

#[test]
fn redundant_rules_are_found_from_the_end() {
    let rules =
        "-A INPUT -s 192.0.2.1 -j ACCEPT\n-A INPUT -d 192.0.2.2 -j DROP\n-A INPUT -s 192.0.2.1 -j ACCEPT";
    assert_eq!(standings(rules, "INPUT")[0], Standing::Alive);
    let rules = "-A INPUT -s 192.0.2.1 -j ACCEPT\n-A INPUT -s 192.0.2.0/24 -j ACCEPT\n-A INPUT -s 192.0.2.0/23 -j ACCEPT";
    let found = standings(rules, "INPUT");
    assert_eq!(found[..2], [Standing::Redundant(Instead::Rule(2)), Standing::Redundant(Instead::Rule(2))]);
    assert_eq!(found[2], Standing::Alive);
    // A log line would notice.
    let rules = "-A INPUT -s 192.0.2.1 -j ACCEPT\n-A INPUT -j LOG\n-A INPUT -s 192.0.2.0/24 -j ACCEPT";
    assert_eq!(standings(rules, "INPUT"), vec![Standing::Alive; 3]);
    // Whoever removes one rule alone is told the truth too.
    let rules = "-A INPUT -s 192.0.2.1 -j DROP\n-A INPUT -s 192.0.2.1 -j user\n-A user -j ACCEPT";
    assert_eq!(standings(rules, "INPUT"), [Standing::Alive, by(&[0])]);
}

#[test]
fn rewritten_fields_are_not_relied_upon() {
    let rules = |target: &str| {
        let text = format!(
            "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m mark --mark 1 -j ACCEPT\n{target}\n-A PREROUTING -m mark --mark 1 -j DROP\nCOMMIT\n"
        );
        let ruleset = ruleset(&text);
        let analysis = Analysis::new(&ruleset, Limits::default());
        let chains = &analysis.tables[0].as_ref().unwrap().chains;
        chains.iter().flat_map(|it| it.rules.clone()).next_back()
    };
    assert_eq!(rules("-A PREROUTING -j LOG"), Some(by(&[0])));
    assert_eq!(rules("-A PREROUTING -p tcp -j MARK --set-mark 1"), Some(Standing::Alive));
}

#[test]
fn too_large_sets_are_told() {
    let ruleset = filter("-A INPUT -s 192.0.2.1 -p tcp --dport 22 -j ACCEPT");
    let analysis = Analysis::new(&ruleset, Limits::new(4));
    assert!(analysis.tables[0].is_err());
}

fn compared(old: &str, new: &str) -> Comparison {
    let (old, new) = (ruleset(old), ruleset(new));
    let found = compare(&old, &new, Given::default()).unwrap();
    println!("{}", found.human(&old, &new));
    found
}

fn filters(old: &str, new: &str) -> Comparison {
    let whole = |rules: &str| {
        format!(
            "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:user - [0:0]\n{rules}\nCOMMIT\n"
        )
    };
    compared(&whole(old), &whole(new))
}

#[test]
fn the_same_firewall_in_other_words_is_the_same() {
    for (old, new) in [
        (
            "-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT",
            "-A INPUT -p tcp --dport 80 -j ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT",
        ),
        (
            "-A INPUT -s 10.0.0.0/8 -j ACCEPT",
            "-A INPUT -s 10.0.0.0/9 -j ACCEPT\n-A INPUT -s 10.128.0.0/9 -j ACCEPT",
        ),
        (
            "-A INPUT -p tcp -j user\n-A user -s 10.0.0.1 -j RETURN\n-A user -j ACCEPT",
            "-A INPUT -p tcp ! -s 10.0.0.1 -j ACCEPT",
        ),
        (
            "-A INPUT -m limit --limit 1/s -j ACCEPT",
            "-A INPUT -m limit --limit 1/s -j ACCEPT\n-A INPUT -j DROP",
        ),
        (
            "-A INPUT -m set --match-set a src -j ACCEPT",
            "-A INPUT -m set ! --match-set a src -j DROP\n-A INPUT -j ACCEPT",
        ),
    ] {
        assert!(filters(old, new).is_same(), "{old} | {new}");
    }
}

#[test]
fn differences_have_a_witness_and_the_rules_that_decide() {
    let found = filters(
        "-A FORWARD -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT\n-A INPUT -p udp -j REJECT",
        "-A FORWARD -s 10.0.0.0/9 -p tcp --dport 22 -j ACCEPT\n-A INPUT -p udp -j DROP",
    );
    assert!(found.undecided.is_empty());
    let [answer, dropped] = found.differences.as_slice() else { panic!("{:?}", found.differences) };
    assert_eq!((answer.old.fate, answer.new.fate), (Fate::Reject, Fate::Drop));
    assert_eq!((dropped.old.fate, dropped.new.fate), (Fate::Accept, Fate::Drop));
    assert_eq!(dropped.path, crate::packet::Path::Forward);
    let region = "source 10.128.0.0/9; protocol tcp; destination port 22; fragment first or none";
    assert_eq!(dropped.region.to_string(), region);
    assert_eq!(dropped.old.by.unwrap().rule, Some(0));
    assert_eq!(dropped.new.by.unwrap().rule, None);
}

#[test]
fn marks_and_translations_lead_from_table_to_table() {
    let marked = |mark: u32| {
        format!(
            "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 22 -j MARK --set-mark 1\nCOMMIT\n*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m mark --mark {mark} -j ACCEPT\nCOMMIT\n"
        )
    };
    let plain = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 22 -j MARK --set-mark 1\nCOMMIT\n*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp --dport 22 -j ACCEPT\n-A FORWARD -m mark --mark 1 -j ACCEPT\nCOMMIT\n";
    assert!(compared(&marked(1), plain).is_same());
    assert!(!compared(&marked(2), plain).is_same());
    let served = |port: u32, to: &str| {
        format!(
            "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport {port} -j DNAT --to-destination {to}\nCOMMIT\n*filter\n:FORWARD DROP [0:0]\n-A FORWARD -d 10.0.0.2 -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n"
        )
    };
    let found = compared(&served(8080, "10.0.0.2:80"), &served(8081, "10.0.0.2:80"));
    assert!(found.undecided.len() == 1 && found.differences.len() >= 2, "{found:?}");
    for it in &found.differences {
        let port = it.region.spans.iter().find(|it| it.field == "destination port").unwrap();
        assert!(port.values == ["8080"] || port.values == ["8081"], "{port:?}");
    }
    // From two addresses the kernel chooses.
    let found = compared(&served(8080, "10.0.0.2:80"), &served(8080, "10.0.0.2-10.0.0.3:80"));
    assert!(found.differences.is_empty() && !found.undecided.is_empty());
}

#[test]
fn the_first_word_about_tracking_counts() {
    let raw = |rules: &str| {
        format!(
            "*raw\n:PREROUTING ACCEPT [0:0]\n{rules}\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT\nCOMMIT\n"
        )
    };
    let [hang, not] = ["-A PREROUTING -p tcp -j CT --ctevents new", "-A PREROUTING -j CT --notrack"];
    let only_others = raw("-A PREROUTING ! -p tcp -j CT --notrack");
    assert!(compared(&raw(&format!("{hang}\n{not}")), &only_others).is_same());
    assert!(!compared(&raw(&format!("{not}\n{hang}")), &only_others).is_same());
    assert!(compared(&raw(&format!("{not}\n{hang}")), &raw(not)).is_same());
    // Conditions of the table see what was said, and no state but that.
    let drops = |before: &str, state: &str| {
        raw(&format!("{before}\n-A PREROUTING ! -i lo -m conntrack --ctstate {state} -j DROP"))
    };
    let all = |before: &str| raw(&format!("{before}\n-A PREROUTING ! -i lo -j DROP"));
    let udp = "-A PREROUTING -p udp -j CT --notrack";
    assert!(compared(&drops("", "INVALID"), &all("")).is_same());
    assert!(compared(&drops("", "NEW,ESTABLISHED,UNTRACKED"), &raw("")).is_same());
    assert!(compared(&drops(not, "UNTRACKED"), &all(not)).is_same());
    assert!(
        compared(&drops(udp, "UNTRACKED"), &raw(&format!("{udp}\n-A PREROUTING ! -i lo -p udp -j DROP")))
            .is_same()
    );
    let hung = format!("{hang}\n{not}");
    assert!(
        compared(&drops(&hung, "NEW"), &raw(&format!("{hung}\n-A PREROUTING ! -i lo -p tcp -j DROP")))
            .is_same()
    );
    // Of what CT hangs on packets not all is known.
    let marked = raw(&format!("{hang}\n-A PREROUTING -m connmark --mark 1 -j DROP"));
    let found = compared(&marked, &raw(hang));
    assert!(!found.undecided.is_empty() && !found.is_same());
    // Without it there is no connection.
    assert!(compared(&raw("-A PREROUTING ! -i lo -m connmark --mark 1 -j DROP"), &raw("")).is_same());
}

#[test]
fn what_comes_back_through_the_loopback_interface_was_tracked_before() {
    let raw = |rules: &str| {
        format!(
            "*raw\n:PREROUTING ACCEPT [0:0]\n{rules}\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n"
        )
    };
    // Too late to say that it is not tracked, and its state is known.
    assert!(compared(&raw("-A PREROUTING -i lo -j CT --notrack"), &raw("")).is_same());
    let dropped = raw("-A PREROUTING -i lo -m conntrack --ctstate NEW -j DROP");
    assert!(compared(&dropped, &raw("-A PREROUTING -i lo -j DROP")).is_same());
    assert!(!compared(&dropped, &raw("")).is_same());
    // Nor is it translated once more.
    let nat = |rules: &str| {
        format!(
            "*nat\n:PREROUTING ACCEPT [0:0]\n{rules}\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 80 -j ACCEPT\nCOMMIT\n"
        )
    };
    let redirect = "-p tcp --dport 8080 -j REDIRECT --to-ports 80";
    assert!(compared(&nat(&format!("-A PREROUTING -i lo {redirect}")), &nat("")).is_same());
    assert!(!compared(&nat(&format!("-A PREROUTING -i eth0 {redirect}")), &nat("")).is_same());
    let ruleset = ruleset(&nat(&format!("-A PREROUTING -i lo {redirect}")));
    let analysis = Analysis::new(&ruleset, Limits::default());
    let found = &analysis.tables[0].as_ref().unwrap().chains[0].rules;
    assert_eq!(*found, [Standing::Impossible]);
}

#[test]
fn what_later_packets_come_with_must_be_left_alike() {
    let text = |raw: &str, mangle: &str| {
        format!(
            "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{raw}\nCOMMIT\n\
             *mangle\n:INPUT ACCEPT [0:0]\n:user - [0:0]\n{mangle}\nCOMMIT\n\
             *filter\n:INPUT DROP [0:0]\n:OUTPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n\
             -A INPUT -p tcp --dport 22 -j ACCEPT\n-A OUTPUT -m connmark --mark 1 -j ACCEPT\nCOMMIT\n"
        )
    };
    let unlike = |one: [&str; 2], other: [&str; 2]| {
        let found = compared(&text(one[0], one[1]), &text(other[0], other[1]));
        assert!(found.differences.is_empty());
        found.undecided.len()
    };
    // The same packet with the same state gets the same verdict; but it gets another state.
    assert_eq!(unlike(["-A PREROUTING -i eth0 -j CT --zone 1", ""], ["", ""]), 1);
    assert_eq!(unlike(["-A PREROUTING -p tcp --dport 22 -j CT --notrack", ""], ["", ""]), 1);
    assert_eq!(unlike(["-A PREROUTING -j CT --ctevents new", ""], ["", ""]), 0);
    let split = "-A OUTPUT -s 10.0.0.0/9 -j NOTRACK\n-A OUTPUT -s 10.128.0.0/9 -j NOTRACK";
    assert_eq!(unlike([split, ""], ["-A OUTPUT -s 10.0.0.0/8 -j CT --notrack", ""]), 0);
    // Who comes first counts.
    let zones = ["-A PREROUTING -p tcp -j CT --zone 1", "-A PREROUTING -s 10.0.0.1 -j CT --zone 2"];
    let [one, other] = [[zones[0], zones[1]], [zones[1], zones[0]]].map(|it| it.join("\n"));
    assert_eq!(unlike([&one, ""], [&other, ""]), 1);
    let mark = "-A INPUT -p tcp --dport 22 -j CONNMARK --set-mark 1";
    assert_eq!(unlike(["", mark], ["", ""]), 1);
    assert_eq!(unlike(["", mark], ["", mark]), 0);
    assert_eq!(unlike(["", mark], ["", &format!("{mark}\n-A INPUT -s 10.0.0.1 -j LOG")]), 0);
    let second = "-A INPUT -j CONNMARK --set-mark 2";
    let [one, other] = [[mark, second], [second, mark]].map(|it| it.join("\n"));
    assert_eq!(unlike(["", &one], ["", &other]), 1);
    // A rule that no packet meets leaves nothing.
    assert_eq!(
        unlike(
            [
                "",
                &format!(
                    "{mark}\n-A INPUT -p tcp --dport 1 -m multiport --dports 2,3 -j CONNMARK --set-mark 3"
                )
            ],
            ["", mark]
        ),
        0
    );
    let called = format!("-A INPUT -j user\n{}", mark.replace("INPUT", "user"));
    assert_eq!(unlike(["", &called], ["", &format!("{called}\n-A INPUT -s 10.0.0.1 -j LOG")]), 1);
}

#[test]
fn ports_of_bridges_are_those_of_the_hook() {
    let mangle = |rules: &str| {
        format!(
            "*mangle\n:PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}\nCOMMIT\n"
        )
    };
    let bridged = |chain: &str| mangle(&format!("-A {chain} -m physdev --physdev-is-bridged -j DROP"));
    assert!(compared(&bridged("PREROUTING"), &mangle("")).is_same());
    assert!(compared(&bridged("OUTPUT"), &mangle("")).is_same());
    assert!(!compared(&bridged("FORWARD"), &mangle("")).is_same());
    assert!(!compared(&bridged("FORWARD"), &mangle("-A FORWARD -j DROP")).is_same());
    let to_port = mangle("-A PREROUTING -m physdev --physdev-out p1 -j DROP");
    assert!(compared(&to_port, &mangle("")).is_same());
}

#[test]
fn what_remembers_packets_is_never_called_the_same() {
    // The packets of the first rule use up no tokens any more.
    let found = filters(
        "-A INPUT -m limit --limit 1/s -j ACCEPT\n-A INPUT -s 10.0.0.1 -j ACCEPT",
        "-A INPUT -s 10.0.0.1 -j ACCEPT\n-A INPUT -m limit --limit 1/s -j ACCEPT",
    );
    assert!(found.differences.is_empty() && !found.undecided.is_empty());
    let found = filters("-A INPUT -m limit --limit 1/s -j ACCEPT", "-A INPUT -m limit --limit 2/s -j ACCEPT");
    assert!(found.differences.is_empty() && !found.undecided.is_empty());
    let found = filters("-A INPUT -m limit --limit 1/s -j ACCEPT", "-A INPUT -p tcp -j ACCEPT");
    assert!(!found.undecided.is_empty());
    // Other packets are put into a set.
    let of = |port: u32| {
        format!(
            "-A INPUT -p tcp --dport {port} -j SET --add-set bad src\n-A FORWARD -m set --match-set bad src -j ACCEPT"
        )
    };
    let found = filters(&of(22), &of(23));
    assert!(found.differences.is_empty() && !found.undecided.is_empty());
    assert!(filters(&of(22), &format!("{}\n-A FORWARD -j DROP", of(22))).is_same());
}

#[test]
fn what_was_not_asked_of_every_rule_is_said() {
    let rules = (1..40).map(|it| format!("-A INPUT -s 10.0.{it}.0/24 -d 10.{it}.0.0/17 -j ACCEPT\n"));
    let ruleset = filter(&rules.collect::<String>());
    let told = |nodes: usize| -> Vec<String> {
        let found = crate::check::analyse(&ruleset, Limits::new(nodes));
        found.into_iter().map(|it| it.message.to_string()).collect()
    };
    let nodes = Analysis::new(&ruleset, Limits::default()).tables[0].as_ref().unwrap().nodes;
    let says = |it: &[String], part: &str| it.iter().any(|it| it.contains(part));
    // Enough for all, then for all but the last, then for not even that.
    assert!(!says(&told(nodes), "was asked whether") && !says(&told(nodes), "too large"));
    assert!(says(&told(nodes - 1), "not every rule of `filter` was asked whether it makes a difference"));
    assert!(says(&told(10), "too large"));
}

#[test]
fn whoever_waits_is_told_how_far_it_is() {
    let rules = (1..200).map(|it| format!("-A INPUT -s 10.0.{it}.0/24 -j ACCEPT\n"));
    let mut told = Vec::new();
    let ruleset = filter(&rules.collect::<String>());
    Analysis::watched(&ruleset, Limits::default(), &mut |it| {
        told.push((it.stage, it.done, it.thousandths()))
    });
    assert!(told.is_sorted(), "{told:?}");
    let third =
        |stage, at: usize| [0usize, 64, 128, 192].map(|done| (stage, done, (199 * at + done) * 1000 / 597));
    let stages = [third(Stage::Met, 0), third(Stage::Covered, 1), third(Stage::Redundant, 2)];
    assert_eq!(told, stages.concat());
}
