//! Firewalls of zones: what becomes of packets, and whose rules they are.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use ptables::compile::compile_families;
use ptables::diag::{Diagnostic, Severity};
use ptables::dialect::{Dialect, Family};
use ptables::expect::Wanted;
use ptables::firewall::Firewall;
use ptables::lower::Options;
use ptables::packet::Packet;
use ptables::program::{Families, IpSet, Tables};
use ptables::simulate::{self, Simulator};
use ptables::source::Text;
use ptables::value::BuiltinNames;

fn gateway() -> Firewall {
    let mut fw = Firewall::new();
    fw.zone("wan", "eth0");
    fw.zone("lan", "eth1").networks("192.168.1.0/24 fd00:1::/64");
    fw.zone("dmz", "eth2").networks("192.168.2.0/24 fd00:2::/64");
    fw.zone("guest", "eth3").networks("192.168.3.0/24 fd00:3::/64");
    fw.allow("lan", "wan dmz");
    fw.allow("guest", "wan").services("domain http https");
    fw.allow("lan guest", "host").services("domain dhcp ping");
    fw.allow("lan:192.168.1.7,fd00:1::7", "host").services("ssh");
    fw.reject("lan", "host").services("telnet");
    fw.allow("wan", "host").services("ssh").limit("4/minute");
    fw.publish("wan", "http https", "192.168.2.80 fd00:2::80").address("203.0.113.5").hairpin(true);
    fw.publish("wan", "tcp/2222", "192.168.2.81").port(22);
    fw.masquerade("wan").sources("lan dmz guest");
    fw.policy("guest", "host", "REJECT");
    fw.syn_limit("wan", "100/second");
    fw
}

/// What becomes of packets: the expected word, then the packet.
fn ask(tables: &Tables, questions: &[&str]) {
    let compiled = compile_families(tables, Families::Both, Options::new(Dialect::default(), &BuiltinNames));
    let wrong: Vec<&Diagnostic> =
        compiled.diagnostics.iter().filter(|it| it.severity != Severity::Note).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for question in questions {
        let (wanted, packet) = question.split_once(' ').unwrap();
        let packet =
            Packet::parse(&Text::from(packet)).unwrap_or_else(|error| panic!("{packet}: {}", error.message));
        let part = &compiled.parts[usize::from(packet.family() == Family::V6)];
        let simulator = Simulator::new(&part.ruleset, simulate::Options::new(None));
        let trace = simulator.session().simulate(&packet);
        let wanted = Wanted::find(wanted.as_bytes()).unwrap();
        assert!(wanted.holds(trace.verdict), "{question}: {:?}", trace.verdict);
    }
}

#[test]
fn packets_pass_and_fail_as_the_statements_say() {
    let tables = gateway().tables().unwrap();
    ask(
        &tables,
        &[
            // this machine
            "ACCEPT tcp 127.0.0.1:40000 -> 127.0.0.1:80 in lo new",
            "ACCEPT tcp [::1]:40000 -> [::1]:80 in lo new",
            "ACCEPT tcp 198.51.100.9:443 -> 203.0.113.5:40000 in eth0 established",
            "ACCEPT icmp 198.51.100.9 -> 203.0.113.5 in eth0 type=destination-unreachable related",
            "DROP tcp 198.51.100.9:443 -> 203.0.113.5:40000 in eth0 invalid",
            "ACCEPT icmpv6 fe80::2 -> ff02::1:ff00:1 in eth1 type=neighbour-solicitation hop-limit=255",
            "ACCEPT icmpv6 fe80::2 -> ff02::2 in eth3 type=router-solicitation hop-limit=255",
            "DROP icmpv6 fd00:1::9 -> fd00:1::1 in eth0 type=neighbour-solicitation hop-limit=64",
            "ACCEPT tcp 198.51.100.9:40000 -> 203.0.113.5:22 in eth0 new",
            "ACCEPT tcp [2001:db8::9]:40000 -> [2001:db8::1]:22 in eth0 new",
            "DROP tcp 198.51.100.9:40000 -> 203.0.113.5:25 in eth0 new",
            "ACCEPT udp 192.168.1.9:40000 -> 192.168.1.1:53 in eth1 new",
            "ACCEPT udp 0.0.0.0:68 -> 255.255.255.255:67 in eth1 new dst-type=BROADCAST",
            "ACCEPT udp [fe80::9]:546 -> [ff02::1:2]:547 in eth3 new",
            "ACCEPT icmp 192.168.3.9 -> 192.168.3.1 in eth3 type=echo-request new",
            "ACCEPT icmpv6 fd00:3::9 -> fd00:3::1 in eth3 type=echo-request new",
            "DROP icmp 198.51.100.9 -> 203.0.113.5 in eth0 type=echo-request new",
            "ACCEPT tcp 192.168.1.7:40000 -> 192.168.1.1:22 in eth1 new",
            "ACCEPT tcp [fd00:1::7]:40000 -> [fd00:1::1]:22 in eth1 new",
            "DROP tcp 192.168.1.8:40000 -> 192.168.1.1:22 in eth1 new",
            "REJECT tcp 192.168.1.8:40000 -> 192.168.1.1:23 in eth1 new",
            "REJECT tcp 192.168.3.8:40000 -> 192.168.3.1:22 in eth3 new",
            "ACCEPT tcp 203.0.113.5:40000 -> 198.51.100.9:25 out eth0 new",
            // between zones
            "ACCEPT tcp 192.168.1.9:40000 -> 198.51.100.9:25 in eth1 out eth0 new",
            "ACCEPT udp [fd00:1::9]:40000 -> [2001:db8::9]:5000 in eth1 out eth0 new",
            "ACCEPT tcp 192.168.3.9:40000 -> 198.51.100.9:443 in eth3 out eth0 new",
            "ACCEPT udp 192.168.3.9:40000 -> 198.51.100.9:443 in eth3 out eth0 new",
            "DROP tcp 192.168.3.9:40000 -> 198.51.100.9:25 in eth3 out eth0 new",
            "DROP tcp 192.168.3.9:40000 -> 192.168.1.9:80 in eth3 out eth1 new",
            "DROP tcp [fd00:3::9]:40000 -> [fd00:1::9]:80 in eth3 out eth1 new",
            "DROP tcp 198.51.100.9:40000 -> 192.168.1.9:80 in eth0 out eth1 new",
            "DROP tcp [2001:db8::9]:40000 -> [fd00:1::9]:80 in eth0 out eth1 new",
            // servers: by the forwarded port, and by their own address in IPv6 only
            "ACCEPT tcp 198.51.100.9:40000 -> 203.0.113.5:443 in eth0 out eth2 new",
            "ACCEPT tcp 198.51.100.9:40000 -> 203.0.113.5:2222 in eth0 out eth2 new dst-type=LOCAL",
            "DROP tcp 198.51.100.9:40000 -> 192.168.2.80:443 in eth0 out eth2 new dst-type=UNICAST",
            "ACCEPT tcp [2001:db8::9]:40000 -> [fd00:2::80]:443 in eth0 out eth2 new",
            "DROP tcp [2001:db8::9]:40000 -> [fd00:2::80]:22 in eth0 out eth2 new",
            "ACCEPT tcp 192.168.3.9:40000 -> 203.0.113.5:443 in eth3 out eth2 new",
            "ACCEPT tcp 192.168.2.9:40000 -> 203.0.113.5:443 in eth2 out eth2 new",
            // spoofed
            "DROP tcp 10.0.0.1:40000 -> 198.51.100.9:25 in eth1 out eth0 new",
            "DROP tcp 192.168.1.7:40000 -> 203.0.113.5:22 in eth0 new",
            "DROP tcp [fd00:1::7]:40000 -> [2001:db8::1]:22 in eth0 new",
            "DROP tcp [fd00:3::9]:40000 -> [2001:db8::9]:25 in eth1 out eth0 new",
            "DROP tcp 127.0.0.1:40000 -> 203.0.113.5:22 in eth0 new",
        ],
    );
}

#[test]
fn nat_hides_networks_and_forwards_ports() {
    let compiled = compile_families(
        &gateway().tables().unwrap(),
        Families::Both,
        Options::new(Dialect::default(), &BuiltinNames),
    );
    let mut text = Vec::new();
    compiled.parts[0].ruleset.print(&mut text, false);
    let text = String::from_utf8(text).unwrap();
    for rule in [
        "-A PREROUTING -d 203.0.113.5/32 -i eth0 -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 192.168.2.80",
        "-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -m addrtype --dst-type LOCAL -j DNAT --to-destination 192.168.2.81:22",
        "-A PREROUTING -d 203.0.113.5/32 -i eth2 -p udp -m udp --dport 443 -j DNAT --to-destination 192.168.2.80",
        "-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE",
        "-A POSTROUTING -s 192.168.2.0/24 -d 192.168.2.80/32 -p tcp -m multiport --dports 80,443 -m conntrack --ctstate DNAT -j MASQUERADE",
    ] {
        assert!(text.contains(rule), "{rule}\n{text}");
    }
    let mut text = Vec::new();
    compiled.parts[1].ruleset.print(&mut text, false);
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains("NAT") && !text.contains("MASQUERADE"), "{text}");
    assert!(text.contains("--hashlimit-srcmask 64"), "{text}");
}

#[test]
fn every_rule_knows_the_statement_that_asked_for_it() {
    let fw = gateway();
    let tables = fw.tables().unwrap();
    let origins: Vec<_> = tables.iter().flatten().flat_map(|it| it.iter()).map(|it| &it.origin).collect();
    assert!(origins.len() > 60, "{}", origins.len());
    for origin in origins {
        let parent = origin.parent().place().unwrap();
        let known = fw.statements().iter().map(|it| &it.origin).chain([&fw.origin]);
        assert!(known.filter_map(|it| it.place()).any(|it| it == parent), "{parent}");
        assert_eq!(origin.place().unwrap().line, parent.line);
    }
    let text = tables.to_iptables().unwrap();
    assert!(text.contains("tests/firewall.rs:"), "{text}");
    assert!(text.contains(" publish)\n"), "{text}");
}

fn mistakes(say: impl FnOnce(&mut Firewall)) -> Vec<(&'static str, String)> {
    let mut fw = Firewall::new();
    fw.zone("wan", "eth0");
    fw.zone("lan", "eth1").networks("192.168.1.0/24");
    say(&mut fw);
    let found = fw.make().1;
    for it in &found {
        assert!(it.origin().place().unwrap().file.ends_with("firewall.rs"));
    }
    found.into_iter().map(|it| (it.code.as_str(), it.message + &it.help.unwrap_or_default())).collect()
}

#[test]
fn mistakes_name_their_line_and_what_to_do() {
    let one = |code: &str, part: &str, say: &dyn Fn(&mut Firewall)| {
        let found = mistakes(say);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0 == code && found[0].1.contains(part), "{found:?}");
    };
    one("firewall/unknown-zone", "did you mean `lan`", &|fw| {
        fw.allow("lna", "wan");
    });
    one("firewall/unknown-service", "did you mean `http`", &|fw| {
        fw.allow("lan", "wan").services("htpp");
    });
    let bad = "firewall/bad-statement";
    one(bad, "no name of an interface", &|fw| {
        fw.zone("x", "a-name-that-is-too-long");
    });
    one(bad, "already", &|fw| {
        fw.zone("lan", "eth2");
    });
    one(bad, "`host` is there already", &|fw| {
        fw.zone("host", "eth2");
    });
    one(bad, "no network", &|fw| {
        fw.zone("x", "eth2").networks("10.0.0.0/33");
    });
    one(bad, "`10.x`", &|fw| {
        fw.allow("lan:10.x", "wan");
    });
    one(bad, "no rate", &|fw| {
        fw.allow("lan", "wan").limit("4/minutes!");
    });
    one(bad, "no policy", &|fw| {
        fw.policy("lan", "wan", "MAYBE");
    });
    one(bad, "no argument `port`", &|fw| {
        fw.allow("lan", "wan").port(1);
    });
    one(bad, "ZONE:10.0.0.1", &|fw| {
        fw.publish("wan", "http", "10.0.0.1");
    });
    one(bad, "`address`", &|fw| {
        fw.publish("wan", "http", "192.168.1.1").hairpin(true);
    });
    one(bad, "networks to be told by", &|fw| {
        fw.masquerade("lan").sources("wan");
    });
    one(bad, "different families", &|fw| {
        fw.allow("lan:10.0.0.1", "wan:2001:db8::1");
    });
    one(bad, "no conntrack helper", &|fw| {
        fw.service("x", "tcp/1").helper("fpt");
        fw.allow("lan", "wan").services("x");
    });
    one(bad, "no protocol or port", &|fw| {
        fw.service("x", "tcp:1");
    });
}

#[test]
fn long_chains_are_split_and_names_stay_short() {
    let mut fw = Firewall::new();
    let zones: Vec<String> = (0..12).map(|it| format!("a-zone-with-a-long-name-{it}")).collect();
    for (at, zone) in zones.iter().enumerate() {
        fw.zone(zone, format!("eth{at}"));
    }
    for port in 1..1000_u16 {
        fw.allow(zones[0].as_str(), zones[1].as_str()).services(format!("tcp/{port}"));
    }
    fw.allow("any", "any").services("ping");
    let tables = fw.tables().unwrap();
    let names: Vec<String> = tables["filter"].iter().map(|it| it.name.to_lossy()).collect();
    assert!(names.iter().all(|it| it.len() <= 28), "{names:?}");
    assert!(tables.iter().flatten().all(|it| it.len() <= 200));
    ask(
        &tables,
        &[
            "ACCEPT tcp 192.0.2.1:40000 -> 192.0.2.2:999 in eth0 out eth1 new",
            "ACCEPT icmp 192.0.2.1 -> 192.0.2.2 in eth0 out eth1 type=echo-request new",
            "DROP tcp 192.0.2.1:40000 -> 192.0.2.2:1000 in eth0 out eth1 new",
            "DROP tcp 192.0.2.1:40000 -> 192.0.2.2:999 in eth0 out eth2 new",
        ],
    );
}

#[test]
fn zones_of_one_interface_are_told_by_their_networks() {
    let mut fw = Firewall::new();
    fw.zone("office", "eth0").networks("10.1.0.0/16");
    fw.zone("rest", "eth0");
    fw.zone("vpn", "").networks("10.9.0.0/16");
    fw.zone("wan", "eth1");
    fw.allow("office vpn", "wan").services("ssh");
    fw.allow("rest", "wan").services("http");
    ask(
        &fw.tables().unwrap(),
        &[
            "ACCEPT tcp 10.1.0.9:40000 -> 192.0.2.2:22 in eth0 out eth1 new",
            "DROP tcp 10.1.0.9:40000 -> 192.0.2.2:80 in eth0 out eth1 new",
            "ACCEPT tcp 10.2.0.9:40000 -> 192.0.2.2:80 in eth0 out eth1 new",
            "DROP tcp 10.2.0.9:40000 -> 192.0.2.2:22 in eth0 out eth1 new",
            "ACCEPT tcp 10.9.0.9:40000 -> 192.0.2.2:22 in eth0 out eth1 new",
        ],
    );
}

#[test]
fn helpers_sets_snat_and_what_this_machine_sends() {
    let mut fw = Firewall::new();
    fw.zone("wan", "eth0");
    fw.zone("lan", "eth1").networks("192.168.1.0/24 fd00:1::/64");
    fw.service("intranet", "tcp/8080 tcp/8443");
    fw.allow("lan", "wan").services("ftp intranet");
    fw.drop("wan:@blocked", "host");
    fw.snat("wan", "203.0.113.7").sources("lan:192.168.1.9");
    fw.allow("host", "wan").services("domain ntp");
    fw.policy("host", "wan", "REJECT");
    let mut tables = fw.tables().unwrap();
    tables.add_set(IpSet::new("blocked", "hash:net").entries(["198.51.100.0/24", "2001:db8::/32"]));
    let text = tables.to_iptables().unwrap();
    for rule in [
        "-A PREROUTING -i eth1 -p tcp -j CT --dport 21 --helper ftp",
        "-A POSTROUTING -o eth0 -s 192.168.1.9 -j SNAT --to-source 203.0.113.7",
        "-A wan-host -j DROP -m set --match-set blocked src",
        "-A lan-wan -p tcp -j ACCEPT -m multiport --dports 21,8080,8443",
    ] {
        assert!(text.contains(rule), "{rule}\n{text}");
    }
    ask(
        &tables,
        &[
            "ACCEPT udp 203.0.113.7:40000 -> 192.0.2.2:53 out eth0 new",
            "REJECT tcp 203.0.113.7:40000 -> 192.0.2.2:25 out eth0 new",
            "ACCEPT tcp 192.168.1.1:40000 -> 192.168.1.9:25 out eth1 new",
            "ACCEPT icmpv6 fe80::1 -> ff02::1 out eth0 type=router-advertisement hop-limit=255",
        ],
    );
}

#[test]
fn a_firewall_of_one_family_says_nothing_of_the_other() {
    for (family, families, other) in
        [(Family::V4, Families::V4, "2001:db8"), (Family::V6, Families::V6, "192.168")]
    {
        let mut fw = Firewall::new().family(families);
        fw.zone("wan", "eth0");
        fw.zone("lan", "eth1").networks("192.168.1.0/24 2001:db8::/64");
        fw.allow("lan", "host").services("ssh ping");
        let tables = fw.tables().unwrap();
        let compiled = compile_families(&tables, families, Options::new(Dialect::default(), &BuiltinNames));
        assert!(compiled.is_restorable(), "{:?}", compiled.diagnostics);
        assert!(!tables.to_iptables().unwrap().contains(other), "{family}");
    }
}
