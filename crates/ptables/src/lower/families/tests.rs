use crate::dialect::Family;
use crate::prelude::*;
use crate::program::{Body, IpSet};
use crate::value::BuiltinNames;

use super::{Split, split};

/// The rules of INPUT that each family gets of these lines, and the codes of what was found.
fn parts(lines: &[&str]) -> ([Vec<String>; 2], Vec<&'static str>) {
    parts_with(lines, [])
}

fn parts_with(
    lines: &[&str],
    sets: impl IntoIterator<Item = IpSet>,
) -> ([Vec<String>; 2], Vec<&'static str>) {
    let mut tables = default_tables();
    sets.into_iter().for_each(|it| tables.add_set(it));
    for line in lines {
        tables["filter"]["INPUT"].push(Rule::custom(*line));
    }
    let made = split(&tables, &BuiltinNames);
    (Family::ALL.map(|it| rules(&made, it)), made.diagnostics.iter().map(|it| it.code.as_str()).collect())
}

fn rules(made: &Split, family: Family) -> Vec<String> {
    made.of(family)["filter"]["INPUT"]
        .iter()
        .map(|rule| match &rule.body {
            Body::Line(text) => text.to_lossy().replace('"', ""),
            _ => panic!("a line stays a line"),
        })
        .collect()
}

#[test]
fn rules_follow_what_they_hold() {
    for (line, v4, v6) in [
        (
            "-p tcp --dport 22 -j ACCEPT",
            Some("-p tcp --dport 22 -j ACCEPT"),
            Some("-p tcp --dport 22 -j ACCEPT"),
        ),
        ("-s 10.0.0.1 -j DROP", Some("-s 10.0.0.1 -j DROP"), None),
        ("--source=2001:db8::/32 -j DROP", None, Some("--source=2001:db8::/32 -j DROP")),
        ("-p icmp -j ACCEPT", Some("-p icmp -j ACCEPT"), None),
        ("-p icmpv6 -j ACCEPT", None, Some("-p icmpv6 -j ACCEPT")),
        ("-p 58 -j ACCEPT", None, Some("-p 58 -j ACCEPT")),
        ("-s 10.0.0.1,fd00::1 -j DROP", Some("-s 10.0.0.1 -j DROP"), Some("-s fd00::1 -j DROP")),
        ("-m iprange --src-range 10.0.0.1-10.0.0.9", Some("-m iprange --src-range 10.0.0.1-10.0.0.9"), None),
        ("-m conntrack --ctorigdst fd00::1 -j DROP", None, Some("-m conntrack --ctorigdst fd00::1 -j DROP")),
        (
            "-p tcp -j DNAT --to-destination 10.0.0.1:80",
            Some("-p tcp -j DNAT --to-destination 10.0.0.1:80"),
            None,
        ),
        (
            "-p tcp -j DNAT --to-destination [fd00::1]:80",
            None,
            Some("-p tcp -j DNAT --to-destination [fd00::1]:80"),
        ),
        (
            "-p tcp -j DNAT --to-destination :80",
            Some("-p tcp -j DNAT --to-destination :80"),
            Some("-p tcp -j DNAT --to-destination :80"),
        ),
        ("-s localhost -j DROP", Some("-s localhost -j DROP"), None),
        ("-4 -j DROP", Some("-j DROP"), None),
        ("--ipv6 -j DROP", None, Some("-j DROP")),
        ("-m ttl --ttl-lt 5 -4 -j DROP", Some("-m ttl --ttl-lt 5 -j DROP"), None),
        ("! -s 10.0.0.1,fd00::1 -j DROP", Some("! -s 10.0.0.1 -j DROP"), Some("! -s fd00::1 -j DROP")),
        ("-6 -m set --match-set unheard src", None, Some("-m set --match-set unheard src")),
        ("-4 ! -s 10.0.0.1 -j DROP", Some("! -s 10.0.0.1 -j DROP"), None),
        ("-d 10.0.0.2 ! -s 10.0.0.1 -j DROP", Some("-d 10.0.0.2 ! -s 10.0.0.1 -j DROP"), None),
        (
            "-m comment --comment 10.0.0.1 -j DROP",
            Some("-m comment --comment 10.0.0.1 -j DROP"),
            Some("-m comment --comment 10.0.0.1 -j DROP"),
        ),
        (
            "-m mac --mac-source 00:11:22:33:44:55 -j DROP",
            Some("-m mac --mac-source 00:11:22:33:44:55 -j DROP"),
            Some("-m mac --mac-source 00:11:22:33:44:55 -j DROP"),
        ),
        ("-j REJECT", Some("-j REJECT"), Some("-j REJECT")),
        (
            "-p tcp -j REJECT --reject-with tcp-reset",
            Some("-p tcp -j REJECT --reject-with tcp-reset"),
            Some("-p tcp -j REJECT --reject-with tcp-reset"),
        ),
        (
            "-j REJECT --reject-with icmp-port-unreachable",
            Some("-j REJECT --reject-with icmp-port-unreachable"),
            Some("-j REJECT --reject-with icmp6-port-unreachable"),
        ),
        (
            "-j REJECT --reject-with=icmp6-adm-prohibited",
            Some("-j REJECT --reject-with=icmp-admin-prohibited"),
            Some("-j REJECT --reject-with=icmp6-adm-prohibited"),
        ),
        (
            "-s 10.0.0.1 -j REJECT --reject-with icmp6-no-route",
            Some("-s 10.0.0.1 -j REJECT --reject-with icmp-net-unreachable"),
            None,
        ),
    ] {
        let (found, codes) = parts(&[line]);
        let wanted = [v4, v6].map(|it| it.map(str::to_owned).into_iter().collect::<Vec<_>>());
        assert_eq!(found, wanted, "{line}");
        assert_eq!(codes, [""; 0], "{line}");
    }
}

#[test]
fn what_cannot_be_said_is_found() {
    for (line, code) in [
        ("-s 10.0.0.1 -d fd00::1 -j DROP", "family/neither"),
        ("-s fd00::1 -p icmp -j DROP", "family/neither"),
        ("-6 -p tcp -j DNAT --to-destination 10.0.0.1", "family/neither"),
        ("! -s 10.0.0.0/8 -j DROP", "family/inverted"),
        ("! -p icmp -j DROP", "family/inverted"),
        ("-m iprange ! --src-range 10.0.0.1-10.0.0.9 -j DROP", "family/inverted"),
        ("-m ttl --ttl-lt 5 -j DROP", "family/not-in-both"),
        ("-m hl --hl-lt 5 -j DROP", "family/not-in-both"),
        ("-f -j DROP", "family/not-in-both"),
        ("-j REJECT --reject-with icmp-proto-unreachable", "family/not-in-both"),
        ("-m set --match-set unheard src -j DROP", "family/unknown-set"),
    ] {
        let (_, codes) = parts(&[line]);
        assert_eq!(codes, [code], "{line}");
    }
}

#[test]
fn sets_split_and_rules_follow() {
    let both = IpSet::new("b", "hash:net").entries(["10.0.0.0/8", "fd00::/8"]);
    let four = IpSet::new("f", "hash:net").entries(["10.0.0.0/8 timeout 9"]);
    let six = IpSet::new("s", "hash:ip,port").entries(["fd00::1,tcp:80"]);
    let mac = IpSet::new("m", "hash:mac").entries(["00:11:22:33:44:55"]);
    let open = IpSet::new("o", "hash:net");
    let said = IpSet::new("x", "hash:net").option("family", "inet6");
    let lines = ["b", "f", "s", "m", "o", "x"].map(|it| format!("-m set --match-set {it} src -j DROP"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (found, codes) = parts_with(&lines, [both.clone(), four, six, mac, open, said]);
    let names = found
        .map(|rules| rules.iter().map(|it| it.split(' ').nth(3).unwrap().to_owned()).collect::<Vec<_>>());
    assert_eq!(names[0], ["b", "f", "m", "o"]);
    assert_eq!(names[1], ["b6", "s", "m", "o6", "x"]);
    assert_eq!(codes, [""; 0]);
    // Both parts, so both families can say what is not in it.
    let (found, codes) = parts_with(&["-m set ! --match-set b src -j DROP"], [both]);
    assert_eq!((found.map(|it| it.len()), codes.len()), ([1, 1], 0));
}

#[test]
fn rules_of_calls_keep_their_arguments_and_composites_their_heading() {
    let mut tables = default_tables();
    let input = &mut tables["filter"]["INPUT"];
    input.push(accept().proto(Tcp).source("10.0.0.1,fd00::1").dport(22).comment("a b"));
    let inner = vec![accept().source("fd00::1").into(), accept().proto(Udp).into()];
    input.push(Rule::composite(Some("heading".into()), inner));
    input.push(Rule::composite(Some("of IPv6".into()), vec![accept().source("fd00::1").into()]));
    let made = split(&tables, &BuiltinNames);
    let text = made.v4.to_iptables().unwrap();
    assert!(
        text.contains("\n-A INPUT -p tcp -s 10.0.0.1 -j ACCEPT --dport 22 -m comment --comment \"a b\"\n"),
        "{text}"
    );
    assert!(text.contains("# Rule: heading (") && !text.contains("of IPv6"), "{text}");
    assert_eq!(text.matches("\n-A").count(), 2, "{text}");
    let text = made.v6.to_iptables().unwrap();
    assert!(text.contains("-A INPUT -p tcp -s fd00::1 -j ACCEPT --dport 22"), "{text}");
    assert_eq!(text.matches("\n-A").count(), 4, "{text}");
    assert!(text.contains("tests.rs:"), "{text}");
}

#[test]
fn a_table_or_chain_of_one_family_is_in_it_alone_and_confines_its_rules() {
    let mut tables = default_tables().family(Families::Both);
    tables["nat"].families = Some(Families::V4);
    let filter = &mut tables["filter"];
    let mut only = Chain::user("six");
    only.families = Some(Families::V6);
    only.push(accept().proto("tcp"));
    only.push(accept().source(not("2001:db8::/32")));
    only.push(accept().source("192.0.2.1"));
    filter.push(only);
    filter["INPUT"].push(rule().proto("tcp").jump("six"));
    let split = split(&tables, &BuiltinNames);
    assert!(split.v4.get("nat").is_some() && split.v6.get("nat").is_none());
    assert!(split.v4["filter"].get("six").is_none() && split.v4["filter"]["INPUT"].is_empty());
    assert_eq!((split.v6["filter"]["six"].len(), split.v6["filter"]["INPUT"].len()), (2, 1));
    let found: Vec<_> = split.diagnostics.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(found, ["the rule is for neither family: `192.0.2.1` is IPv4, its chain is IPv6"]);
}
