mod changes;
mod indexes;
mod remembers;
mod routed;
mod times;
mod tracked;

use super::*;
use crate::dialect::{Backend, Dialect, Family, Version};
use crate::meaning::{Answer, Field};
use crate::packet::Packet;
use crate::source::{Source, Text};
use crate::value::BuiltinNames;

fn ruleset_for(backend: Backend, family: Family, text: &str) -> Ruleset {
    let source = Source::new("test", text).unwrap();
    let parsed = crate::text::parse(&source);
    let dialect = Dialect::new(backend, Version::V1_8_9);
    let options = crate::lower::Options::new(dialect, &BuiltinNames);
    let lowered = crate::lower::lower(&parsed.tables, family, options);
    let raw: Vec<_> = lowered.ruleset.rules().filter(|(.., rule)| rule.as_typed().is_none()).collect();
    assert!(raw.is_empty(), "{raw:?} {:?}", lowered.diagnostics);
    lowered.ruleset
}

fn ruleset(text: &str) -> Ruleset {
    ruleset_for(Backend::Legacy, Family::V4, text)
}

/// A filter table of these rules, with INPUT and FORWARD dropping by default.
fn filter(rules: &str) -> Ruleset {
    ruleset(&format!("*filter\n:INPUT DROP\n:FORWARD DROP\n:OUTPUT ACCEPT\n:a -\n:b -\n{rules}\nCOMMIT\n"))
}

fn packet(text: &str) -> Packet {
    Packet::parse(&Text::from(text)).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

fn verdict(ruleset: &Ruleset, text: &str) -> Verdict {
    let simulator = Simulator::new(ruleset, Options::default());
    let fast = simulator.verdict(&packet(text));
    let trace = simulator.explain(&packet(text));
    if fast != Verdict::Unknown {
        assert_eq!(trace.verdict, fast, "{text}");
    }
    trace.verdict
}

const SSH: &str = "tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new";

#[test]
fn chains_are_called_and_come_back() {
    let rules = filter(
        "-A INPUT -j a\n-A INPUT -p tcp --dport 22 -j ACCEPT\n\
         -A a -s 192.0.2.7 -g b\n-A a -j ACCEPT\n-A b -p udp -j ACCEPT\n-A b -p tcp --dport 23 -j RETURN",
    );
    let simulator = Simulator::new(&rules, Options::default());
    let trace = simulator.simulate(&packet(SSH));
    assert_eq!(trace.verdict, Verdict::Accept);
    let path: Vec<_> = trace.path.iter().map(|step| (step.at.chain, step.at.rule, step.kind)).collect();
    // Chains: INPUT, FORWARD, OUTPUT, a, b. After `goto` the end of b leads back to INPUT.
    let rule = |chain, rule| (chain, Some(rule), StepKind::Match);
    assert_eq!(path, [rule(0, 0), rule(3, 0), (4, None, StepKind::Return), rule(0, 1)]);
    assert_eq!(verdict(&rules, &SSH.replace(":22", ":23")), Verdict::Drop);
    assert_eq!(verdict(&rules, &SSH.replace("192.0.2.7", "192.0.2.8")), Verdict::Accept);
}

#[test]
fn a_goto_from_a_built_in_chain_ends_with_its_policy() {
    let rules = filter("-A INPUT -g a\n-A INPUT -j ACCEPT\n-A a -p udp -j ACCEPT");
    assert_eq!(verdict(&rules, SSH), Verdict::Drop);
}

#[test]
fn a_header_that_is_cut_off_drops_the_packet() {
    let rules = filter("-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -j ACCEPT");
    let cut = "tcp 192.0.2.7 -> 198.51.100.2 headless payload=0x9c400050 in eth0";
    assert_eq!(verdict(&rules, cut), Verdict::Drop);
    // Long chains are indexed; the answer is the same.
    let many: String =
        (1..40).map(|port| format!("-A INPUT -p tcp -m tcp --dport {port} -j ACCEPT\n")).collect();
    assert_eq!(verdict(&filter(&format!("{many}-A INPUT -j ACCEPT")), cut), Verdict::Drop);
    assert_eq!(verdict(&filter(&many), "tcp 1.1.1.1:1 -> 2.2.2.2:39 in eth0"), Verdict::Accept);
    assert_eq!(verdict(&filter(&many), "tcp 1.1.1.1:1 -> 2.2.2.2:40 in eth0"), Verdict::Drop);
    let nft = ruleset_for(
        Backend::Nft,
        Family::V4,
        "*filter\n:INPUT DROP\n-A INPUT -p tcp -m tcp --dport 81 -j ACCEPT\n-A INPUT -j ACCEPT\nCOMMIT\n",
    );
    assert_eq!(verdict(&nft, cut), Verdict::Accept, "iptables-nft compares with an expression of its own");
    // Of all ports it makes the kernel's module, and inverted nothing at all.
    let all = |not: &str| {
        format!("*filter\n:INPUT DROP\n-A INPUT -p udp -m udp {not}--dport 0:65535 -j ACCEPT\nCOMMIT\n")
    };
    let shorter = "udp 192.0.2.7 -> 198.51.100.2 headless payload=0x9c in eth0";
    let nft = |not| verdict(&ruleset_for(Backend::Nft, Family::V4, &all(not)), shorter);
    assert_eq!([nft(""), nft("! ")], [Verdict::Drop, Verdict::Accept]);
    assert_eq!(verdict(&ruleset_for(Backend::Legacy, Family::V4, &all("")), shorter), Verdict::Drop);
}

#[test]
fn iptables_nft_compares_two_inverted_ports_at_once() {
    let text = "*filter\n:INPUT DROP\n-A INPUT -p udp -m udp ! --sport 1 ! --dport 2 -j ACCEPT\nCOMMIT\n";
    for (ports, legacy, nft) in
        [((1, 2), false, false), ((1, 3), false, true), ((3, 2), false, true), ((3, 4), true, true)]
    {
        for (backend, accepted) in [(Backend::Legacy, legacy), (Backend::Nft, nft)] {
            let rules = ruleset_for(backend, Family::V4, text);
            let it = verdict(&rules, &format!("udp 1.1.1.1:{} -> 2.2.2.2:{} in eth0", ports.0, ports.1));
            assert_eq!(it == Verdict::Accept, accepted, "{backend} {ports:?}");
        }
    }
    let all = "*filter\n:INPUT DROP\n-A INPUT -p udp -m udp ! --dport 0:65535 -j ACCEPT\nCOMMIT\n";
    let packet = "udp 1.1.1.1:1 -> 2.2.2.2:2 in eth0";
    assert_eq!(verdict(&ruleset_for(Backend::Legacy, Family::V4, all), packet), Verdict::Drop);
    assert_eq!(verdict(&ruleset_for(Backend::Nft, Family::V4, all), packet), Verdict::Accept);
}

#[test]
fn the_path_leads_through_all_tables_and_changes_the_packet() {
    let rules = ruleset(
        "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -m conntrack --ctstate INVALID -j MARK --set-mark 1\nCOMMIT\n\
         *mangle\n:PREROUTING ACCEPT\n:FORWARD ACCEPT\n-A PREROUTING -m mark --mark 1 -j TTL --ttl-set 9\n\
         -A FORWARD -m ttl --ttl-eq 8 -j DSCP --set-dscp 10\nCOMMIT\n\
         *nat\n:PREROUTING ACCEPT\n:POSTROUTING ACCEPT\n-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5:8080\n\
         -A POSTROUTING -d 10.0.0.5 -j SNAT --to-source 10.0.0.1\nCOMMIT\n\
         *filter\n:FORWARD DROP\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD -d 10.0.0.5 -p tcp --dport 8080 -m conntrack --ctorigdst 198.51.100.2 --ctstate NEW -m conntrack --ctstate DNAT -j ACCEPT\nCOMMIT\n",
    );
    let simulator = Simulator::new(&rules, Options::default());
    let trace = simulator.simulate(&packet("tcp 192.0.2.7:40000 -> 198.51.100.2:80 in eth0 out eth1 new"));
    assert_eq!(trace.verdict, Verdict::Accept, "{:#?}", trace.path);
    let text = trace.packet.to_string();
    assert!(
        text.starts_with(
            "tcp 10.0.0.1:40000 -> 10.0.0.5:8080 flags=SYN ttl=8 tos=0x28 in eth0 out eth1 mark=0x1 new"
        ),
        "{text}"
    );
    // Of an established connection the nat table sees nothing, but the packet is translated.
    let reply = "tcp 10.0.0.5:8080 -> 10.0.0.1:40000 in eth1 out eth0 reply ctstatus=446 \
                 orig=192.0.2.7:40000>198.51.100.2:80 replies=10.0.0.5:8080>10.0.0.1:40000";
    let back = simulator.simulate(&packet(reply)).packet.to_string();
    assert!(back.starts_with("tcp 198.51.100.2:80 -> 192.0.2.7:40000"), "{back}");
}

#[test]
fn what_nobody_can_tell_is_unknown_unless_it_makes_no_difference() {
    let logged = filter("-A INPUT -m limit --limit 1/sec -j LOG\n-A INPUT -p tcp -j ACCEPT");
    assert_eq!(verdict(&logged, SSH), Verdict::Accept);
    let limited = filter("-A INPUT -m limit --limit 1/sec -j ACCEPT");
    let simulator = Simulator::new(&limited, Options::default());
    let trace = simulator.simulate(&packet(SSH));
    assert_eq!(
        (trace.verdict, trace.unknown.as_slice()),
        (Verdict::Unknown, &["how many packets came before".to_owned()][..])
    );
    let ways: Vec<Verdict> = simulator.ways(&packet(SSH)).iter().map(|it| it.verdict).collect();
    assert_eq!(ways, [Verdict::Drop, Verdict::Accept]);
    // Both answers lead to the same end.
    let same = filter("-A INPUT -m limit --limit 1/sec -j a\n-A INPUT -j ACCEPT\n-A a -j ACCEPT");
    assert_eq!(verdict(&same, SSH), Verdict::Accept);
    let masqueraded = ruleset(
        "*mangle\n:POSTROUTING ACCEPT\nCOMMIT\n*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n",
    );
    let trace = Simulator::new(&masqueraded, Options::default())
        .simulate(&packet("udp 10.0.0.1:1 -> 1.1.1.1:53 out eth0 uid=0"));
    assert_eq!(trace.untold.first().map(|it| it.0), Some(crate::meaning::Field::Source));
}

#[test]
fn chains_that_call_each_other_end_nowhere() {
    for rules in [
        "-A INPUT -j a\n-A a -j b\n-A b -j a",
        "-A INPUT -j a\n-A a -p tcp -g a",
        "-A INPUT -g a\n-A a -j b\n-A b -p udp\n-A b -g a",
    ] {
        let trace = Simulator::new(&filter(rules), Options::default()).simulate(&packet(SSH));
        assert_eq!(trace.verdict, Verdict::Unknown);
        assert_eq!(trace.unknown, ["chains call each other in a circle"], "{rules}");
    }
    let twice = filter("-A INPUT -j a\n-A INPUT -j a\n-A a -j b\n-A a -j b\n-A b -p udp -j ACCEPT");
    assert_eq!(verdict(&twice, SSH), Verdict::Drop);
}

#[test]
fn more_ways_than_can_be_gone_end_nowhere() {
    let rule = |second| format!("-A INPUT -m limit --limit 1/{second} -j a\n");
    let six: String = ["sec", "min", "hour", "day", "sec", "min"].map(rule).concat();
    let known = filter(&format!("{six}-A INPUT -j ACCEPT"));
    assert_eq!(verdict(&known, SSH), Verdict::Accept);
    let open = filter(&format!("{six}{}-A INPUT -j ACCEPT", rule("hour")));
    let simulator = Simulator::new(&open, Options::default());
    assert_eq!(simulator.ways(&packet(SSH)).len(), 64);
    let trace = simulator.simulate(&packet(SSH));
    assert_eq!(trace.verdict, Verdict::Unknown);
    assert!(trace.unknown.iter().any(|it| it.contains("64 ways")), "{:?}", trace.unknown);
    // In a sequence nothing is known of what such a packet left behind.
    let counted = filter(&format!(
        "-A INPUT -p udp -m statistic --mode nth --every 2 --packet 0 -j ACCEPT\n{}-A INPUT -j ACCEPT",
        "-A INPUT -p tcp -m time --timestart 10:00 -j a\n".repeat(7)
    ));
    let simulator = Simulator::new(&counted, Options::default());
    let mut session = simulator.session();
    let udp = packet("udp 1.1.1.1:1 -> 2.2.2.2:2 in eth0");
    assert_eq!(session.simulate(&udp).verdict, Verdict::Accept);
    assert_eq!(session.simulate(&packet(SSH)).verdict, Verdict::Unknown);
    assert!(!session.simulate(&udp).unknown.is_empty());
}

#[test]
fn a_verdict_that_is_unknown_leaves_nothing_known() {
    let rules = filter(
        "-A INPUT -p udp -m statistic --mode nth --every 9 --packet 8 -j ACCEPT\n-A INPUT -p tcp -m time --timestart 10:00 -j ACCEPT",
    );
    let simulator = Simulator::new(&rules, Options::default());
    let mut session = simulator.session();
    let udp = packet("udp 1.1.1.1:1 -> 2.2.2.2:2 in eth0");
    assert_eq!(session.verdict(&udp), Verdict::Drop);
    assert_eq!(session.verdict(&packet(SSH)), Verdict::Unknown);
    assert_eq!(session.verdict(&udp), Verdict::Unknown);
}

#[test]
fn a_rule_that_may_drop_by_a_look_is_a_way_of_its_own() {
    let torn = "sctp 1.1.1.1:1 -> 2.2.2.2:2 payload=0x00 in eth0";
    // (inverted, counted as a match that may be)
    for (not, kind) in [("!", StepKind::Maybe), ("", StepKind::Torn)] {
        let rules = filter(&format!(
            "-A INPUT -p sctp -m time --timestart 10:00 -m sctp {not} --chunk-types any INIT -j LOG\n-A INPUT -j ACCEPT"
        ));
        let ways = Simulator::new(&rules, Options::default()).ways(&packet(torn));
        let ends: Vec<_> =
            ways.iter().map(|it| (it.verdict, it.path.first().map(|step| step.kind))).collect();
        assert_eq!(ends, [(Verdict::Accept, Some(StepKind::Match)), (Verdict::Drop, Some(kind))], "{not}");
    }
}

#[test]
fn what_a_translation_leaves_open_is_unknown() {
    let redirected = ruleset(
        "*nat\n:PREROUTING ACCEPT\n-A PREROUTING -p udp -j REDIRECT\nCOMMIT\n*filter\n:INPUT DROP\n-A INPUT -m conntrack --ctstate DNAT -j ACCEPT\nCOMMIT\n",
    );
    assert_eq!(verdict(&redirected, "udp 1.1.1.1:1 -> 2.2.2.2:2 in eth0"), Verdict::Unknown);
    assert_eq!(verdict(&redirected, SSH), Verdict::Drop);
    // iptables-nft asks security behind nat.
    let ranged = "*nat\n:INPUT ACCEPT\n-A INPUT -j SNAT --to-source 10.0.0.1-10.0.0.9\nCOMMIT\n\
                  *security\n:INPUT ACCEPT\n-A INPUT -m conntrack --ctrepldst 10.0.0.5 -j DROP\nCOMMIT\n";
    let nft = ruleset_for(Backend::Nft, Family::V4, ranged);
    assert_eq!(verdict(&nft, SSH), Verdict::Unknown);
    let of_first = ruleset_for(Backend::Nft, Family::V4, &ranged.replace("ctrepldst", "ctorigdst"));
    assert_eq!(verdict(&of_first, SSH), Verdict::Accept);
}

#[test]
fn what_a_packet_leaves_with_tells_of_its_connection() {
    let rules = ruleset(
        "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -p udp -j CT --notrack\nCOMMIT\n*nat\n:PREROUTING ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT\n",
    );
    let left = |text: &str| Simulator::new(&rules, Options::default()).simulate(&packet(text)).packet;
    let entry = left("udp 1.1.1.1:1 -> 2.2.2.2:2 in a out b").entry.unwrap();
    assert_eq!(entry.state, crate::value::ct_state::CtState::Untracked);
    // Both translations are settled: 128 for the source, 256 for the destination.
    let entry = left("tcp 1.1.1.1:1 -> 2.2.2.2:2 in a out b new").entry.unwrap();
    assert_eq!(entry.status & 384, 384);
    let entry = left("tcp 1.1.1.1:1 -> 2.2.2.2:2 in a new").entry.unwrap();
    assert_eq!(entry.status & 384, 384);
}

#[test]
fn a_connection_that_is_established_has_its_status() {
    let rules = |status: &str| filter(&format!("-A INPUT -m conntrack --ctstatus {status} -j ACCEPT"));
    let of = |status: &str, state: &str| {
        verdict(&rules(status), &format!("tcp 1.1.1.1:1 -> 2.2.2.2:2 in eth0 {state}"))
    };
    for status in ["SEEN_REPLY", "ASSURED", "CONFIRMED"] {
        assert_eq!(of(status, "established"), Verdict::Accept, "{status}");
        assert_eq!(of(status, "new"), Verdict::Drop, "{status}");
    }
    assert_eq!(of("EXPECTED", "related"), Verdict::Accept);
    assert_eq!(of("EXPECTED", "established"), Verdict::Drop);
}

#[test]
fn an_icmp_error_is_not_counted_for_its_connection() {
    // The kernel (6.18) counted none for the reply to a datagram that no socket took.
    let v4 = filter(
        "-A INPUT -m connbytes --connbytes 1 --connbytes-mode packets --connbytes-dir reply -j ACCEPT",
    );
    let v6 = ruleset_for(
        Backend::Legacy,
        Family::V6,
        "*filter\n:INPUT DROP\n-A INPUT -m connbytes --connbytes 1 --connbytes-mode packets --connbytes-dir reply -j ACCEPT\nCOMMIT\n",
    );
    let ends = "orig=10.0.0.1:1>10.0.0.2:2 reply ctcounts=1/29/0/0 in eth0";
    for kind in [3, 4, 5, 11, 12] {
        let error = format!("icmp 10.0.0.2 -> 10.0.0.1 type={kind} related {ends}");
        assert_eq!(verdict(&v4, &error), Verdict::Drop, "{kind}");
    }
    let echo = "icmp 10.0.0.2 -> 10.0.0.1 type=0 established reply ctcounts=1/29/0/0 in eth0";
    assert_eq!(verdict(&v4, echo), Verdict::Accept);
    for kind in 1..=4 {
        let error = format!("icmpv6 fd00::2 -> fd00::1 type={kind} related reply ctcounts=1/29/0/0 in eth0");
        assert_eq!(verdict(&v6, &error), Verdict::Drop, "{kind}");
    }
    let echo = "icmpv6 fd00::2 -> fd00::1 type=129 established reply ctcounts=1/29/0/0 in eth0";
    assert_eq!(verdict(&v6, echo), Verdict::Accept);
}

#[test]
fn a_cluster_takes_for_its_own_what_is_sent_to_no_group() {
    let rules = filter(
        "-A INPUT -m cluster --cluster-total-nodes 2 --cluster-local-nodemask 3 --cluster-hash-seed 1\n\
         -A INPUT -m pkttype --pkt-type multicast -j ACCEPT",
    );
    let to = |address: &str, kind: &str| {
        verdict(&rules, &format!("udp 10.0.0.1:1 -> {address}:2 in eth0 pkttype={kind} new"))
    };
    for group in ["224.0.0.5", "239.255.255.255"] {
        assert_eq!(to(group, "multicast"), Verdict::Accept, "{group}");
    }
    for other in ["223.255.255.255", "240.0.0.0", "10.0.0.2"] {
        assert_eq!(to(other, "multicast"), Verdict::Drop, "{other}");
    }
    assert_eq!(to("224.0.0.5", "broadcast"), Verdict::Drop);
}

/// How many of so many equal packets are accepted, of which sizes.
fn accepted(rules: &Ruleset, text: &str, count: usize) -> Vec<usize> {
    let simulator = Simulator::new(rules, Options::default());
    let mut session = simulator.session();
    let packet = packet(text);
    (0..count).filter(|_| session.verdict(&packet) == Verdict::Accept).collect()
}

#[test]
fn sequences_count_as_the_kernel_counts() {
    // Facts: kernel-diff 5.
    let rule = |text: &str| filter(&format!("-A INPUT {text} -j ACCEPT"));
    let udp = "udp 1.1.1.1:1 -> 2.2.2.2:2 in eth0";
    assert_eq!(accepted(&rule("-m statistic --mode nth --every 3 --packet 0"), udp, 100).len(), 34);
    assert_eq!(accepted(&rule("-m statistic --mode nth --every 3 --packet 2"), udp, 100).len(), 33);
    assert_eq!(accepted(&rule("-m quota --quota 1000"), udp, 100).len(), 35);
    assert_eq!(accepted(&rule("-m limit --limit 1/hour --limit-burst 7"), udp, 100).len(), 7);
    let hash =
        "-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 3 --hashlimit-mode srcip --hashlimit-name h";
    assert_eq!(accepted(&rule(hash), udp, 10), [0, 1, 2]);
    // Rules that share a table share its buckets; if they do not agree about it, nobody knows which one made it.
    let above = hash.replace("upto", "above");
    let both = filter(&format!("-A INPUT {above} -j DROP\n-A INPUT {hash} -j ACCEPT"));
    assert_eq!(accepted(&both, udp, 10), [0]);
    let mixed = format!("-A INPUT {hash} -j ACCEPT\n-A INPUT {} -j ACCEPT", hash.replace("3", "4"));
    assert_eq!(accepted(&filter(&mixed), udp, 10).len(), 0);
    let recent = filter(
        "-A INPUT -m recent --name x --rcheck --hitcount 3 -j ACCEPT\n-A INPUT -m recent --name x --set",
    );
    assert_eq!(accepted(&recent, udp, 10), [3, 4, 5, 6, 7, 8, 9]);
    // A limit behind a condition that fails is not used up.
    let behind = filter(
        "-A INPUT -p udp -m udp --dport 3 -m limit --limit 1/hour --limit-burst 1 -j DROP\n-A INPUT -m limit --limit 1/hour --limit-burst 1 -m udp -p udp --dport 2 -j ACCEPT",
    );
    assert_eq!(accepted(&behind, udp, 10), [0]);
}

#[test]
fn rejects_tell_what_is_answered_and_hop_limits_expire() {
    let rules = filter("-A FORWARD -p tcp -j REJECT --reject-with tcp-reset\n-A FORWARD -j REJECT");
    assert_eq!(verdict(&rules, "tcp 1.1.1.1:1 -> 2.2.2.2:2 in a out b"), Verdict::Reject(Answer::TcpReset));
    assert_eq!(verdict(&rules, "udp 1.1.1.1:1 -> 2.2.2.2:2 in a out b"), Verdict::Reject(Answer::Icmp(3, 3)));
    assert_eq!(
        verdict(&rules, "udp 1.1.1.1:1 -> 2.2.2.2:2 in a out b ttl=1"),
        Verdict::Reject(Answer::Icmp(11, 0))
    );
}

#[test]
fn a_miss_names_the_condition_that_failed() {
    let rules = filter("-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT");
    let trace = Simulator::new(&rules, Options::default()).explain(&packet(SSH));
    let why: Vec<&str> = trace.path.iter().flat_map(|it| &it.why).map(String::as_str).collect();
    assert_eq!(why, ["destination port is 22, asked is 80"]);
}

#[test]
fn what_is_left_open_is_told_as_such() {
    let reason = |rules: &Ruleset, text: &str| {
        let trace = Simulator::new(rules, Options::default()).simulate(&packet(text));
        (trace.verdict, trace.unknown.len(), trace.untold.iter().any(|it| it.0 == Field::TcpMss))
    };
    // Of what the path takes, an option is made where there is none.
    let clamp = ruleset(
        "*mangle\n:FORWARD ACCEPT\n-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\nCOMMIT\n",
    );
    let syn = |more: &str| format!("tcp 1.1.1.1:1 -> 2.2.2.2:2 flags=SYN in a out b {more}");
    assert_eq!(reason(&clamp, &syn("")), (Verdict::Accept, 0, true));
    assert_eq!(reason(&clamp, &syn("payload=0x00")), (Verdict::Accept, 0, false));
    // A socket waits, but of which kind?
    for (option, open) in [
        ("--nowildcard", false),
        ("--transparent --nowildcard", true),
        ("--restore-skmark --nowildcard", true),
        ("", true),
    ] {
        let rules = ruleset(&format!(
            "*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -m socket {option} -j DROP\nCOMMIT\n"
        ));
        let seen = reason(&rules, "tcp 1.1.1.1:1 -> 2.2.2.2:2 in a input socket=yes");
        assert_eq!(seen.0 == Verdict::Unknown, open, "{option}");
    }
}

#[test]
fn the_first_packet_of_an_expected_connection_is_translated() {
    let rules =
        ruleset("*nat\n:PREROUTING ACCEPT\n-A PREROUTING -j DNAT --to-destination 10.0.0.5\nCOMMIT\n");
    let leaves = |state: &str| {
        let told = packet(&format!("udp 1.1.1.1:1 -> 2.2.2.2:2 in a out b {state}"));
        Simulator::new(&rules, Options::default()).simulate(&told).packet.view().destination()
    };
    for (state, wanted) in [("new", 0x0a00_0005), ("related", 0x0a00_0005), ("established", 0x0202_0202)] {
        assert_eq!(leaves(state), wanted, "{state}");
    }
}

#[test]
fn a_rule_that_changes_nothing_need_not_be_decided() {
    let rules = filter("-A INPUT -m mac --mac-source 02:00:00:00:00:01 -j LOG\n-A INPUT -j ACCEPT");
    let told = packet("udp 1.1.1.1:1 -> 2.2.2.2:2 in a");
    assert_eq!(Simulator::new(&rules, Options::default()).verdict(&told), Verdict::Accept);
}

#[test]
fn a_socket_takes_what_is_meant_for_it() {
    let rules = ruleset(
        "*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp -j TPROXY --on-port 1 --tproxy-mark 0x5/0x6\n-A PREROUTING -j DROP\nCOMMIT\n",
    );
    let told = packet("tcp 1.1.1.1:1 -> 2.2.2.2:2 in a input socket=yes mark=0xf");
    let trace = Simulator::new(&rules, Options::default()).simulate(&told);
    assert_eq!((trace.verdict, trace.packet.mark), (Verdict::Accept, 0xf & !6 ^ 5));
    let map =
        ruleset("*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -j SET --map-set x src --map-mark\nCOMMIT\n");
    let trace = Simulator::new(&map, Options::default()).simulate(&told);
    assert!(trace.untold.iter().any(|it| it.0 == Field::Mark), "{:?}", trace.untold);
}
