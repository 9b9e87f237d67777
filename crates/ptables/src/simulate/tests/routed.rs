//! Packets whose way is left to routes.

use super::*;
use crate::routes::Routes;

const ROUTES: &str = "\
# ip -4 rule
0: from all lookup local
100: from all fwmark 0x1 lookup 100
32766: from all lookup main
# ip -4 route show table all
default via 203.0.113.1 dev ppp0 table 100
default via 192.0.2.1 dev wan
10.0.0.0/24 dev lan scope link
blackhole 10.66.0.0/16
local 192.0.2.7 dev wan table local
local 10.0.0.1 dev lan table local
local 203.0.113.7 dev ppp0 table local
# ip -4 addr
1: wan    inet 192.0.2.7/24 scope global wan
2: lan    inet 10.0.0.1/24 scope global lan
3: ppp0    inet 203.0.113.7/24 scope global ppp0
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.wan.rp_filter = 0
net.ipv4.conf.lan.rp_filter = 0
";

fn trace(rules: &Ruleset, text: &str) -> Trace {
    let (routes, wrong) = Routes::parse(&Source::new("routes", ROUTES).unwrap());
    assert!(wrong.is_empty(), "{wrong:?}");
    let packet = Packet::parse_routed(&Text::from(text)).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    Simulator::new(rules, Options::default()).with_routes(routes).simulate(&packet)
}

/// Verdict, and the packet as it leaves.
fn end(rules: &Ruleset, text: &str) -> (Verdict, String) {
    let trace = trace(rules, text);
    (trace.verdict, trace.packet.to_string())
}

#[test]
fn routes_choose_the_hook_and_the_interface() {
    let rules = filter("-A INPUT -j ACCEPT\n-A FORWARD -i lan -o wan -j ACCEPT");
    let (verdict, packet) = end(&rules, "udp 10.0.0.5:1 -> 198.51.100.1:53 in lan");
    assert_eq!(verdict, Verdict::Accept);
    assert!(packet.contains("in lan out wan"), "{packet}");
    assert_eq!(end(&rules, "udp 10.0.0.5:1 -> 10.0.0.1:53 in lan").0, Verdict::Accept);
    assert_eq!(end(&rules, "udp 10.0.0.5:1 -> 10.0.0.9:53 in wan").0, Verdict::Drop, "the policy of FORWARD");
    // What is told counts.
    let (_, packet) = end(&rules, "udp 10.0.0.5:1 -> 198.51.100.1:53 in lan input");
    assert!(!packet.contains("out"), "{packet}");
    let (_, packet) = end(&rules, "udp 10.0.0.1:1 -> 198.51.100.1:53");
    assert!(packet.contains("out wan"), "{packet}");
}

#[test]
fn what_has_no_route_ends_between_the_hooks() {
    let rules = filter("-A FORWARD -j ACCEPT");
    let gone = trace(&rules, "udp 10.0.0.5:1 -> 10.66.0.1:53 in lan");
    assert_eq!((gone.verdict, gone.ended), (Verdict::Drop, Some("its route is `blackhole`")));
    let unknown = trace(&rules, "udp 10.0.0.5:1 -> 224.0.0.9:53 in lan");
    assert_eq!(unknown.verdict, Verdict::Unknown);
}

#[test]
fn a_new_destination_or_mark_leads_elsewhere() {
    let nat = ruleset(
        "*mangle\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n-A PREROUTING -p tcp -j MARK --set-mark 1\n\
         -A OUTPUT -p tcp -j MARK --set-mark 1\nCOMMIT\n\
         *nat\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n-A PREROUTING -p udp --dport 80 -j DNAT --to-destination 10.0.0.5\n\
         -A PREROUTING -p udp --dport 81 -j REDIRECT\n-A OUTPUT -p udp --dport 80 -j DNAT --to-destination 10.0.0.5\n\
         -A POSTROUTING -o ppp0 -j MASQUERADE\n-A POSTROUTING -o wan -j MASQUERADE\nCOMMIT\n",
    );
    let leaves = |text: &str, wanted: &str| {
        let (verdict, packet) = end(&nat, text);
        assert_eq!(verdict, Verdict::Accept, "{text}");
        assert!(wanted.split('|').all(|it| packet.contains(it)), "{text}: {packet}");
    };
    leaves("udp 198.51.100.9:9 -> 192.0.2.7:80 in wan", "10.0.0.5:80|in wan out lan");
    leaves("udp 198.51.100.9:9 -> 192.0.2.7:80 in wan input", "10.0.0.5:80|in wan out lan");
    leaves("tcp 10.0.0.5:1 -> 198.51.100.1:22 in lan", "in lan out ppp0");
    leaves("tcp 10.0.0.5:1 -> 198.51.100.1:22 in lan out wan", "in lan out ppp0");
    leaves("tcp 10.0.0.5:1 -> 198.51.100.1:22 in lan", "tcp 203.0.113.7:1 ->");
    leaves("udp 10.0.0.5:1 -> 198.51.100.1:53 in lan", "udp 192.0.2.7:1 ->");
    leaves("tcp 192.0.2.7:1 -> 198.51.100.1:22", "tcp 203.0.113.7:1 -> 198.51.100.1:22|out ppp0");
    leaves("udp 192.0.2.7:1 -> 198.51.100.1:80", "udp 192.0.2.7:1 -> 10.0.0.5:80|out lan");
    leaves("udp 10.0.0.5:1 -> 198.51.100.1:81 in lan", "-> 10.0.0.1:81|in lan");
    assert!(!trace(&nat, "udp 10.0.0.5:1 -> 198.51.100.1:53 in lan").packet.routed, "it has its way");
}

#[test]
fn what_else_a_route_is_found_by_is_asked_for_again() {
    let rules = |rule: &str| ruleset(&format!("*mangle\n:OUTPUT ACCEPT\n-A OUTPUT {rule}\nCOMMIT\n"));
    let out = |rule: &str| {
        let (_, packet) = end(&rules(rule), "udp 192.0.2.7:1 -> 198.51.100.1:53 out lan tos=0x10 ttl=9");
        ["lan", "wan"].into_iter().find(|it| packet.contains(&format!("out {it}")))
    };
    assert_eq!(out("-j TOS --set-tos 0x10/0xff"), Some("lan"));
    for bit in [0x11, 0x90, 0x18] {
        assert_eq!(out(&format!("-j TOS --set-tos {bit}/0xff")), Some("wan"));
    }
    assert_eq!(out("-j TTL --ttl-set 8"), Some("lan"), "of IPv4 it does not count");
}
