//! Small rulesets, mended.

use super::*;
use crate::compile::compile;
use crate::dialect::{Dialect, Family};
use crate::lower;
use crate::source::Source;
use crate::text::parse;
use crate::value::BuiltinNames;

fn read(source: &Source) -> Vec<Ruleset> {
    let options = lower::Options::new(Dialect::default(), &BuiltinNames);
    vec![compile(&parse(source).tables, Family::V4, options).ruleset]
}

/// What becomes of the filter table's rules, the patch, and how many changes could not be proved.
fn fixed(rules: &str) -> (String, String, usize) {
    let head = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:user - [0:0]\n";
    let source = Source::new("rules", format!("{head}{rules}\nCOMMIT\n")).unwrap();
    let old = read(&source);
    let parts: Vec<&Ruleset> = old.iter().collect();
    let silenced = |code: Code, origin: &Origin| {
        let found = crate::diag::Diagnostic::warning(code, "").at(origin.clone(), "");
        crate::diag::remark::is_silenced(&found, &|_, _| None)
    };
    let options = Options { is_kept: &silenced, ..Options::default() };
    let found = fix(&parts, options).unwrap();
    let patch = patch(&source, &parts, &found, &read).unwrap();
    let text = String::from_utf8(patch.text).unwrap();
    let text = text.strip_prefix(head).unwrap().strip_suffix("COMMIT\n").unwrap().trim_end().to_owned();
    (text, String::from_utf8(patch.unified).unwrap(), found.unproved)
}

#[test]
fn dead_and_redundant_rules_go() {
    let rules = "-A INPUT -s 192.0.2.7 -j ACCEPT\n-A INPUT -s 192.0.2.0/24 -j ACCEPT\n-A INPUT -s 192.0.2.8 -j LOG\n-A INPUT -p tcp -j DROP";
    let (text, unified, unproved) = fixed(rules);
    assert_eq!((text.as_str(), unproved), ("-A INPUT -s 192.0.2.0/24 -j ACCEPT", 0));
    assert_eq!(
        unified,
        "--- rules\n+++ rules\n@@ -3,8 +3,5 @@\n :FORWARD DROP [0:0]\n :OUTPUT ACCEPT [0:0]\n :user - [0:0]\n--A INPUT -s 192.0.2.7 -j ACCEPT\n -A INPUT -s 192.0.2.0/24 -j ACCEPT\n--A INPUT -s 192.0.2.8 -j LOG\n--A INPUT -p tcp -j DROP\n COMMIT\n"
    );
}

#[test]
fn what_is_noticed_stays() {
    for rules in [
        "-A INPUT -s 192.0.2.7 -j LOG",
        "-A INPUT -s 192.0.2.7",
        // Without the first rule the second would count its packets.
        "-A INPUT -s 192.0.2.7 -j DROP\n-A INPUT -p tcp",
        "-A INPUT -s 192.0.2.7 -j DROP\n-A INPUT -p tcp -m recent --set\n-A INPUT -p tcp -m recent --rcheck -j ACCEPT",
        "-A INPUT -p tcp -m recent --set -j DROP\n-A INPUT -p udp -m recent --rcheck -j ACCEPT",
        "-A INPUT -m set --match-set a src -j DROP",
        "-A INPUT -s 192.0.2.7 -j DROP\n-A INPUT -p tcp -m limit --limit 1/s -j ACCEPT",
        // A remark keeps it.
        "# ptables: ignore check/redundant-rule: says what is meant\n-A INPUT -s 192.0.2.7 -j DROP",
        // Of one line, one of two rules would go.
        "-A INPUT -s 192.0.2.7,192.0.2.8 -j ACCEPT\n-A INPUT -s 192.0.2.8 -j LOG\n-A INPUT -s 192.0.2.8/31 -j ACCEPT",
    ] {
        let (text, unified, _) = fixed(rules);
        let kept = rules.replace("-A INPUT -s 192.0.2.8 -j LOG\n", "");
        assert_eq!(text, kept, "{unified}");
    }
}

#[test]
fn neighbours_become_one() {
    for (rules, wanted) in [
        (
            "-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp --dport 80 -j ACCEPT\n-A INPUT -p tcp -m multiport --dports 443,8000:8080 -j ACCEPT",
            "-A INPUT -p tcp -m multiport --dports 22,80,443,8000:8080 -j ACCEPT",
        ),
        (
            "-A INPUT -p tcp --dport 22 --syn -j ACCEPT\n-A INPUT -p tcp --dport 80 --syn -j ACCEPT",
            "-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22,80 -j ACCEPT",
        ),
        (
            "-A INPUT -s 192.0.2.0/25 -j ACCEPT\n-A INPUT -s 192.0.2.128/25 -j ACCEPT\n-A INPUT -s 192.0.4.0/24 -j ACCEPT",
            "-A INPUT -s 192.0.2.0/24 -j ACCEPT\n-A INPUT -s 192.0.4.0/24 -j ACCEPT",
        ),
    ] {
        let (text, unified, unproved) = fixed(rules);
        assert_eq!((text.as_str(), unproved), (wanted, 0), "{unified}");
    }
}

#[test]
fn neighbours_that_are_not_one_stay() {
    let many: Vec<String> =
        (0..16).map(|it| format!("-A INPUT -p tcp --dport {} -j ACCEPT", it * 2)).collect();
    let (text, _, _) = fixed(&many.join("\n"));
    assert_eq!(text.lines().count(), 2, "{text}");
    for rules in [
        "-A INPUT -p tcp --dport 22 -j LOG\n-A INPUT -p tcp --dport 80 -j LOG",
        "-A INPUT -p tcp --dport 22 -m comment --comment a -j ACCEPT\n-A INPUT -p tcp --dport 80 -m comment --comment b -j ACCEPT",
        "-A INPUT -p tcp --dport 22 -m limit --limit 1/s -j ACCEPT\n-A INPUT -p tcp --dport 80 -m limit --limit 1/s -j ACCEPT",
        "-A INPUT -p tcp --dport 22 -j ACCEPT\n# the web\n-A INPUT -p tcp --dport 80 -j ACCEPT",
        "-A INPUT -p tcp ! --dport 22 -j user\n-A INPUT -p tcp ! --dport 80 -j user\n-A user -p tcp -j LOG",
        "[5:300] -A INPUT -p tcp --dport 22 -j ACCEPT\n[5:300] -A INPUT -p tcp --dport 80 -j ACCEPT",
    ] {
        let (text, unified, _) = fixed(rules);
        assert_eq!(text, rules, "{unified}");
    }
}

#[test]
fn many_addresses_become_a_set() {
    let rules: Vec<String> =
        (0..9).map(|it| format!("-A INPUT -s 192.0.{}.0/24 -p tcp --dport 22 -j ACCEPT\n", it * 2)).collect();
    let text =
        format!("*filter\n:INPUT DROP [0:0]\n{}-A INPUT -s 10.0.0.1 -j ACCEPT\nCOMMIT\n", rules.concat());
    let source = Source::new("rules", text).unwrap();
    let old = read(&source);
    let parts: Vec<&Ruleset> = old.iter().collect();
    assert!(fix(&parts, Options::default()).unwrap().changes.is_empty());
    let found = fix(&parts, Options { sets: Some(8), ..Options::default() }).unwrap();
    let patch = patch(&source, &parts, &found, &read).unwrap();
    let new = "-A INPUT -p tcp -m set --match-set set-INPUT-1 src -m tcp --dport 22 -j ACCEPT\n-A INPUT -s 10.0.0.1 -j ACCEPT\n";
    assert_eq!(String::from_utf8(patch.text).unwrap(), format!("*filter\n:INPUT DROP [0:0]\n{new}COMMIT\n"));
    let sets = String::from_utf8(crate::ipset::print(found.sets()).unwrap()).unwrap();
    assert!(sets.starts_with("create set-INPUT-1 hash:net\nadd set-INPUT-1 192.0.0.0/24\n"), "{sets}");
    assert_eq!((sets.lines().count(), found.unproved), (10, 0));
}
