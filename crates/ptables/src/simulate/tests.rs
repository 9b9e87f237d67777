mod remembers;
mod routed;
mod times;
mod tracked;

use super::*;
use crate::dialect::{Backend, Dialect, Family, Version};
use crate::meaning::Answer;
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
fn an_index_leaves_out_no_rule_that_matches() {
    // Wildcards, ranges, inversions and rules without conditions, against the same rules asked one by one.
    let mut rules = String::new();
    for number in 0..200u32 {
        rules.push_str(&match number % 7 {
            0 => format!("-A INPUT -s 10.0.{}.0/28 -j b\n", number % 16),
            1 => format!("-A INPUT -i eth{} -j b\n", number % 3),
            2 => "-A INPUT -i eth+ ! -s 10.0.3.0/24 -j b\n".to_owned(),
            3 => format!("-A INPUT -p tcp -m tcp --dport {}:{} -j b\n", number, number + 40),
            4 => format!("-A INPUT -p udp -m udp ! --sport {number} -j b\n"),
            5 => format!("-A INPUT -d 10.1.0.{}/30 -p 17 -j b\n", number % 32),
            _ => format!("-A INPUT ! -p {} -m multiport --ports 1,{number} -j b\n", number % 20)
                .replace("! -p", "-p"),
        });
    }
    rules = rules
        .lines()
        .filter(|it| !it.contains("multiport") || it.contains("-p 6 ") || it.contains("-p 17 "))
        .map(|it| format!("{it}\n"))
        .collect();
    let rules = filter(&rules);
    let simulator = Simulator::new(&rules, Options::default());
    let mut seed = 20_261_122u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..2000 {
        let proto = ["tcp", "udp", "sctp"][random(3) as usize];
        let text = format!(
            "{proto} 10.0.{}.{}:{} -> 10.1.0.{}:{} in {}",
            random(17),
            random(20),
            random(240),
            random(33),
            random(240),
            ["eth0", "eth1", "ppp0"][random(3) as usize]
        );
        let packet = packet(&text);
        let fast: Vec<At> = simulator.simulate(&packet).path.iter().map(|it| it.at).collect();
        let slow: Vec<At> = simulator
            .explain(&packet)
            .path
            .iter()
            .filter(|it| it.kind != StepKind::Miss)
            .map(|it| it.at)
            .collect();
        assert_eq!(fast, slow, "seed 20261122: {text}");
        assert!(!fast.is_empty());
    }
}

#[test]
fn a_miss_names_the_condition_that_failed() {
    let rules = filter("-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT");
    let trace = Simulator::new(&rules, Options::default()).explain(&packet(SSH));
    let why: Vec<&str> = trace.path.iter().flat_map(|it| &it.why).map(String::as_str).collect();
    assert_eq!(why, ["destination port is 22, asked is 80"]);
}
