//! Which rules make the kernel track connections, and with that put fragments together before any rule sees them.

use super::*;
use Field::{
    CtOrigDestination, CtOrigDestinationPort, CtReplyDestination, CtReplyDestinationPort, CtReplySource,
    CtReplySourcePort,
};

#[test]
fn rules_about_connections_and_sockets_keep_fragments_back() {
    let fragment = "udp 10.0.0.1:1 -> 10.0.0.2:2 in a out b mf";
    for line in include_str!("tracked.txt").lines().filter(|it| !it.starts_with('#')) {
        let (kind, text) = line.split_once(' ').unwrap();
        let (family, text) = text.split_once(' ').unwrap();
        if family == "v6" {
            continue;
        }
        let (table, rule) = text.split_once(' ').unwrap();
        let rules =
            ruleset(&format!("*{table}\n:{} ACCEPT\n{rule}\nCOMMIT\n", rule.split(' ').nth(1).unwrap()));
        let unknown = verdict(&rules, fragment) == Verdict::Unknown;
        assert_eq!(unknown, kind != "no", "{line}");
        assert_ne!(
            verdict(&rules, "icmp 10.0.0.1 -> 10.0.0.2 in a out b socket=no"),
            Verdict::Unknown,
            "{line}"
        );
    }
}

#[test]
fn what_a_translation_chooses_is_not_known_of_the_replies_either() {
    let lost = |chain: &str, target: &str| {
        let rules = ruleset(&format!("*nat\n:{chain} ACCEPT\n-A {chain} -p tcp -j {target}\nCOMMIT\n"));
        let told = packet("tcp 1.1.1.1:1 -> 2.2.2.2:2 in a out b");
        let trace = Simulator::new(&rules, Options::default()).simulate(&told);
        move |field: Field| trace.untold.iter().any(|it| it.0 == field)
    };
    let to_ports = lost("PREROUTING", "DNAT --to-destination 3.3.3.3:5-9");
    assert!(to_ports(CtReplySourcePort) && !to_ports(CtOrigDestinationPort) && !to_ports(CtReplySource));
    let from_ports = lost("POSTROUTING", "SNAT --to-source 3.3.3.3:5-9");
    assert!(from_ports(CtReplyDestinationPort) && !from_ports(Field::CtOrigSourcePort));
    let to_one = lost("PREROUTING", "DNAT --to-destination 3.3.3.3-3.3.3.9");
    assert!(to_one(CtReplySource) && !to_one(CtOrigDestination) && !to_one(CtReplySourcePort));
    let from_one = lost("POSTROUTING", "MASQUERADE");
    assert!(from_one(CtReplyDestination) && !from_one(Field::CtOrigSource));
}

#[test]
fn what_an_undecided_look_changes_is_not_known() {
    let doubt = "-m addrtype --dst-type LOCAL";
    let rules = |behind: &str, look: &str| {
        filter(&format!("-A INPUT {doubt} {behind}\n-A INPUT {look} -j DROP\n-A INPUT -j ACCEPT"))
    };
    // Whether `cluster` is asked, which makes a frame to many one's own, is not decided.
    let node = "-m cluster --cluster-total-nodes 1 --cluster-local-node 1 --cluster-hash-seed 0x1";
    let group = "udp 10.0.0.1:1 -> 10.0.0.2:2 in a new pkttype=multicast";
    let to_many = "-m pkttype --pkt-type multicast";
    assert_eq!(verdict(&rules(node, to_many), group), Verdict::Unknown);
    assert_eq!(verdict(&rules(node, to_many), &format!("{group} dst-type=LOCAL")), Verdict::Accept);
    assert_eq!(verdict(&rules(node, to_many), &format!("{group} dst-type=UNICAST")), Verdict::Drop);
    let (set, has) = ("-m connlabel --set --label 1", "-m connlabel --label 1");
    let packet = "udp 10.0.0.1:1 -> 10.0.0.2:2 in a new";
    assert_eq!(verdict(&rules(set, has), packet), Verdict::Unknown);
    assert_eq!(verdict(&rules(set, has), &format!("{packet} dst-type=LOCAL")), Verdict::Drop);
    assert_eq!(verdict(&rules(set, has), &format!("{packet} dst-type=UNICAST")), Verdict::Accept);
}

#[test]
fn what_a_rule_may_have_noted_is_not_known() {
    // Whether it leaves through `a` is not told, and with that whether the label is set.
    let rules = ruleset(
        "*filter\n:OUTPUT ACCEPT\n-A OUTPUT -o a -m connlabel --label 3 --set\n\
         -A OUTPUT -m connlabel --label 3 -j DROP\nCOMMIT\n",
    );
    let told = |out: &str, is_told, labels: u128| {
        let mut told = packet(&format!("tcp 1.1.1.1:1 -> 2.2.2.2:2 out {out} new"));
        let mut connection = told.connection();
        connection.labels = labels;
        told.entry = Some(Box::new(connection));
        told.out_iface = told.out_iface.filter(|_| is_told);
        Simulator::new(&rules, Options::default()).simulate(&told).verdict
    };
    assert_eq!([told("a", true, 0), told("b", true, 0)], [Verdict::Drop, Verdict::Accept]);
    assert_eq!([told("a", false, 0), told("a", false, 8)], [Verdict::Unknown, Verdict::Drop]);
}

#[test]
fn what_comes_back_through_the_loopback_interface_brings_its_connection_along() {
    let rules = ruleset(
        "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -m conntrack --ctstate ESTABLISHED -j DROP\n\
         -A PREROUTING -p udp -j CT --notrack\n-A PREROUTING -m conntrack --ctstate UNTRACKED -j ACCEPT\nCOMMIT\n\
         *nat\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.3\nCOMMIT\n\
         *filter\n:INPUT ACCEPT\n-A INPUT -m conntrack --ctstate UNTRACKED -j DROP\n\
         -A INPUT -m conntrack --ctstatus CONFIRMED -j ACCEPT\n-A INPUT -d 10.0.0.3 -j DROP\nCOMMIT\n",
    );
    let ends = "127.0.0.1:1 -> 127.0.0.1:80";
    for (packet, through_lo, through_eth0) in [
        (format!("tcp {ends}"), Verdict::Accept, Verdict::Drop),
        (format!("udp {ends}"), Verdict::Accept, Verdict::Drop),
        (format!("tcp {ends} established"), Verdict::Drop, Verdict::Accept),
        (format!("udp {ends} untracked"), Verdict::Drop, Verdict::Drop),
        // Without a connection it is a packet like others.
        (format!("udp {ends} invalid"), Verdict::Drop, Verdict::Drop),
    ] {
        assert_eq!(verdict(&rules, &format!("{packet} in lo")), through_lo, "{packet}");
        assert_eq!(verdict(&rules, &format!("{packet} in eth0")), through_eth0, "{packet}");
    }
    // It is no Ethernet, and needs no path back.
    let asked = |options: &str| {
        let rules =
            ruleset(&format!("*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -m {options} -j DROP\nCOMMIT\n"));
        ["lo", "eth0"].map(|it| verdict(&rules, &format!("udp {ends} in {it}")))
    };
    assert_eq!(asked("mac ! --mac-source 00:00:00:00:00:01"), [Verdict::Accept, Verdict::Unknown]);
    assert_eq!(asked("rpfilter"), [Verdict::Drop, Verdict::Unknown]);
    assert_eq!(asked("rpfilter --invert"), [Verdict::Accept, Verdict::Unknown]);
}
