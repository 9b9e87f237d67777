//! The bounds of what rules remember.

use super::*;

/// The verdict of each packet of a sequence.
fn verdicts(rules: &Ruleset, packets: impl IntoIterator<Item = String>) -> Vec<Verdict> {
    let simulator = Simulator::new(rules, Options::default());
    let mut session = simulator.session();
    packets.into_iter().map(|it| session.simulate(&packet(&it)).verdict).collect()
}

fn udp(host: u32, ports: (u16, u16), more: &str) -> String {
    format!("udp 10.0.{}.{}:{} -> 2.2.2.2:{} in eth0 {more}", host / 250, host % 250, ports.0, ports.1)
}

fn limited(options: &str) -> Ruleset {
    filter(&format!(
        "-A INPUT -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-name h {options} -j ACCEPT"
    ))
}

use Verdict::{Accept, Drop, Unknown};

#[test]
fn a_table_tells_apart_what_its_mode_names() {
    let seen = |mode: &str| {
        let packets = [(1, (1, 1)), (1, (2, 1)), (1, (1, 2)), (2, (1, 1))];
        verdicts(&limited(mode), packets.map(|(host, ports)| udp(host, ports, "")))
    };
    assert_eq!(seen(""), [Accept, Drop, Drop, Drop]);
    assert_eq!(seen("--hashlimit-mode srcip"), [Accept, Drop, Drop, Accept]);
    assert_eq!(seen("--hashlimit-mode srcport"), [Accept, Accept, Drop, Drop]);
    assert_eq!(seen("--hashlimit-mode dstport"), [Accept, Drop, Accept, Drop]);
    assert_eq!(seen("--hashlimit-mode srcport,dstport"), [Accept, Accept, Accept, Drop]);
    // ICMP has no ports, and of some such protocols the kernel takes other bytes for them.
    let ports = limited("--hashlimit-mode dstport");
    assert_eq!(verdicts(&ports, ["icmp 1.1.1.1 -> 2.2.2.2 in eth0".to_owned()]), [Unknown]);
    let first = "udp 1.1.1.1:1 -> 2.2.2.2:2 in a out b fragment=8".to_owned();
    let forward = "-A FORWARD -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-name h --hashlimit-mode dstport -j ACCEPT";
    assert_eq!(verdicts(&filter(forward), [first]), [Unknown]);
}

#[test]
fn a_full_table_and_an_old_entry_are_unknown() {
    let rules = limited("--hashlimit-mode srcip --hashlimit-htable-size 1 --hashlimit-htable-max 3");
    let all = verdicts(&rules, (1..=4).map(|it| udp(it, (1, 1), "")));
    assert_eq!(all, [Accept, Accept, Accept, Unknown]);
    // Nothing is known of the table after that.
    let again = verdicts(&rules, [1, 2, 3, 3, 4, 1].map(|it| udp(it, (1, 1), "")));
    assert_eq!(again, [Accept, Accept, Accept, Drop, Unknown, Unknown]);
    let rules = limited("--hashlimit-mode srcip --hashlimit-htable-expire 5000");
    let at = |seconds: u64| udp(1, (1, 1), &format!("now={}", 1_795_341_600 + seconds));
    assert_eq!(verdicts(&rules, [at(0), at(4), at(9)]), [Accept, Drop, Unknown]);
    assert_eq!(verdicts(&rules, [at(0), at(0), at(4), at(8)]), [Accept, Drop, Drop, Drop]);
    let fast = filter(
        "-A INPUT -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 1 --hashlimit-name h --hashlimit-mode srcip --hashlimit-htable-expire 60000 -j ACCEPT",
    );
    assert_eq!(
        verdicts(&fast, [at(0), at(0), at(1), at(1), at(3), at(3)]),
        [Accept, Drop, Accept, Drop, Accept, Drop]
    );
}

#[test]
fn a_limit_fills_with_time() {
    let rules = filter("-A INPUT -m limit --limit 1/sec --limit-burst 2 -j ACCEPT");
    let at = |seconds: u64| udp(1, (1, 1), &format!("now={}", 1_795_341_600 + seconds));
    let all = verdicts(&rules, [at(0), at(0), at(0), at(1), at(1), at(9), at(9), at(9)]);
    assert_eq!(all, [Accept, Accept, Drop, Accept, Drop, Accept, Accept, Drop]);
}

#[test]
fn a_packet_that_does_not_say_when_comes_with_the_one_before() {
    let at = |seconds: u64| udp(1, (1, 1), &format!("now={}", 1_795_341_600 + seconds));
    let untold = || udp(1, (1, 1), "");
    let sequence = || [untold(), at(0), untold(), at(1), untold()];
    let wanted = [Accept, Drop, Drop, Accept, Drop];
    let limit = filter("-A INPUT -m limit --limit 1/sec --limit-burst 1 -j ACCEPT");
    assert_eq!(verdicts(&limit, sequence()), wanted);
    let table = filter(
        "-A INPUT -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 1 --hashlimit-name h --hashlimit-htable-expire 60000 -j ACCEPT",
    );
    assert_eq!(verdicts(&table, sequence()), wanted);
}

#[test]
fn a_way_to_an_unknown_end_leaves_nothing_known() {
    let rules = ruleset(
        "*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp -j TPROXY --on-port 1\n\
         -A PREROUTING -m statistic --mode nth --every 2 --packet 0 -j DROP\nCOMMIT\n",
    );
    let tcp = "tcp 1.1.1.1:1 -> 2.2.2.2:2 in a input".to_owned();
    let udp = || "udp 1.1.1.1:1 -> 2.2.2.2:2 in a input".to_owned();
    assert_eq!(verdicts(&rules, [udp(), udp(), udp(), tcp, udp()]), [Drop, Accept, Drop, Unknown, Unknown]);
}

#[test]
fn a_list_of_addresses_has_room_for_a_hundred() {
    let rules = filter(
        "-A INPUT -p tcp -m recent --name x --rcheck -j ACCEPT\n-A INPUT -p udp -m recent --name x --set",
    );
    let asked = "tcp 10.0.0.1:1 -> 2.2.2.2:2 in eth0".to_owned();
    let full = verdicts(&rules, (1..=100).map(|it| udp(it, (1, 1), "")).chain([asked.clone()]));
    assert_eq!(full.last(), Some(&Accept));
    let more = verdicts(&rules, (1..=101).map(|it| udp(it, (1, 1), "")).chain([asked]));
    assert_eq!(more.last(), Some(&Unknown));
}

#[test]
fn a_list_keeps_hop_limits_and_forgets_what_is_removed() {
    let rules = filter(
        "-A INPUT -p tcp -m recent --name x --rcheck --rttl -j ACCEPT\n-A INPUT -p udp -m recent --name x --set\n\
         -A INPUT -p sctp -m recent --name x --remove -j ACCEPT",
    );
    let of = |proto: &str, hops: u8| format!("{proto} 10.0.0.1:1 -> 2.2.2.2:2 in eth0 ttl={hops}");
    let all = verdicts(
        &rules,
        [("udp", 9), ("tcp", 9), ("tcp", 8), ("udp", 8), ("tcp", 8), ("tcp", 9)]
            .map(|(proto, hops)| of(proto, hops)),
    );
    assert_eq!(all, [Drop, Accept, Drop, Drop, Accept, Drop]);
    let gone = verdicts(
        &rules,
        [("udp", 9), ("sctp", 9), ("tcp", 9), ("sctp", 9)].map(|(proto, hops)| of(proto, hops)),
    );
    assert_eq!(gone, [Drop, Accept, Drop, Drop]);
}

#[test]
fn times_in_a_list_are_finer_than_ours() {
    let rules = filter(
        "-A INPUT -m recent --name x --set\n-A INPUT -p tcp -m recent --name x --rcheck --seconds 60 -j ACCEPT\n\
         -A INPUT -p udp -m recent --name x --rcheck -j ACCEPT",
    );
    let all = verdicts(&rules, ["tcp", "udp"].map(|it| format!("{it} 10.0.0.1:1 -> 2.2.2.2:2 in eth0")));
    assert_eq!(all, [Unknown, Accept]);
    let updates = filter(
        "-A INPUT -m recent --name x --set\n-A INPUT -p tcp -m recent --name x --update --seconds 60 -j ACCEPT\n\
         -A INPUT -p udp -m recent --name x --rcheck -j ACCEPT",
    );
    let all =
        verdicts(&updates, ["udp", "tcp", "udp"].map(|it| format!("{it} 10.0.0.1:1 -> 2.2.2.2:2 in eth0")));
    assert_eq!(all, [Accept, Unknown, Unknown]);
}

#[test]
fn what_lies_behind_an_undecided_condition_is_lost() {
    for (rule, known) in [
        ("-m limit --limit 1/hour --limit-burst 9", true),
        ("-m time --timestart 10:00 -m limit --limit 1/hour --limit-burst 9", false),
        ("-m time --timestart 10:00 -m statistic --mode nth --every 9 --packet 8", false),
        ("-m time --timestart 10:00 -m quota --quota 99999", false),
        ("-m time --timestart 10:00 -m recent --name x --set", false),
    ] {
        let rules = filter(&format!(
            "-A INPUT -p udp {rule} -j LOG\n-A INPUT -p tcp {} -j ACCEPT",
            rule.replace("-m time --timestart 10:00 ", "")
        ));
        let all = verdicts(&rules, ["udp", "tcp"].map(|it| format!("{it} 10.0.0.1:1 -> 2.2.2.2:2 in eth0")));
        assert_eq!(all.first(), Some(&Drop), "{rule}");
        assert_eq!(all.last() != Some(&Unknown), known || !rule.contains("recent"), "{rule}: {all:?}");
    }
}

#[test]
fn rates_that_are_compared_are_unknown() {
    // hashlimit by bytes, and by a rate within an interval.
    assert_eq!(verdicts(&limited(""), [udp(1, (1, 1), "")]), [Accept]);
    let matched = filter(
        "-A INPUT -m hashlimit --hashlimit-above 1000/sec --hashlimit-rate-match --hashlimit-name h -j ACCEPT",
    );
    assert_eq!(verdicts(&matched, [udp(1, (1, 1), "")]), [Unknown]);
    let bytes = filter("-A INPUT -m hashlimit --hashlimit-upto 1kb/s --hashlimit-name h -j ACCEPT");
    assert_eq!(verdicts(&bytes, [udp(1, (1, 1), "")]), [Unknown]);
}

#[test]
fn a_list_has_the_mask_of_the_rule_that_makes_it() {
    let rules = filter(
        "-A INPUT -p udp -m recent --name x --set --mask 255.255.255.0\n\
         -A INPUT -p tcp -m recent --name x --rcheck --mask 255.255.255.255 -j ACCEPT",
    );
    let tcp = "tcp 10.0.0.99:1 -> 2.2.2.2:2 in eth0".to_owned();
    assert_eq!(verdicts(&rules, [tcp.clone(), udp(1, (1, 1), ""), tcp.clone()]), [Drop, Drop, Accept]);
    let other = filter(
        "-A INPUT -p tcp -m recent --name x --rcheck --mask 255.255.255.255 -j ACCEPT\n\
         -A INPUT -p udp -m recent --name x --set --mask 255.255.255.0",
    );
    assert_eq!(verdicts(&other, [udp(1, (1, 1), ""), tcp]), [Drop, Drop]);
}

#[test]
fn a_set_is_known_until_a_rule_may_have_changed_it() {
    let rules = filter(
        "-A INPUT -p udp -j SET --add-set s src\n-A INPUT -p tcp -m time --timestart 10:00 -j a\n\
         -A INPUT -p esp -m time --timestart 10:00 -j b\n-A INPUT -p sctp -m set --match-set s src -j ACCEPT\n\
         -A b -j SET --add-set s src",
    );
    let (sets, wrong) =
        crate::ipset::parse(&Source::new("sets", "create s hash:ip\n").unwrap(), &BuiltinNames);
    assert!(wrong.is_empty(), "{wrong:?}");
    let simulator =
        Simulator::new(&rules, Options::default()).with_sets(crate::ipset::Contents::new(&sets).0);
    let mut session = simulator.session();
    let mut from = |proto: &str, host: u8| {
        session.simulate(&packet(&format!("{proto} 10.0.0.{host} -> 2.2.2.2 in eth0"))).verdict
    };
    let mut next = |proto| from(proto, 1);
    assert_eq!([next("sctp"), next("udp"), next("sctp")], [Drop, Drop, Accept]);
    // Two ways, and neither changes it.
    assert_eq!([next("tcp"), next("sctp")], [Drop, Accept]);
    // On one of two ways what it holds is added again.
    assert_eq!([next("esp"), next("sctp")], [Drop, Accept]);
    // On one of two ways it is changed.
    assert_eq!([from("esp", 2), from("sctp", 2)], [Drop, Unknown]);
}
