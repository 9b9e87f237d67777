//! Sets of packets agree with the simulator: a packet drawn from the set of a condition matches, one from outside does not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::ext::{CATALOGUE, Context, cases};
use ptables::lower::{self, Options};
use ptables::meaning::Pred;
use ptables::model::{Policy, Ruleset};
use ptables::packet::Path;
use ptables::simulate::{self, Simulator, Verdict};
use ptables::source::Source;
use ptables::space::{Census, Free, Space};
use ptables::text;
use ptables::value::BuiltinNames;

/// Random bits that a seed repeats.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() >> 33) as usize % count
    }

    fn bit(&mut self) -> bool {
        self.next() >> 63 == 1
    }
}

fn ruleset(context: Context, rule: &str) -> Ruleset {
    let text = format!("*filter\n:FORWARD DROP [0:0]\n-A FORWARD {rule} -j ACCEPT\nCOMMIT\n");
    let parsed = text::parse(&Source::new("rule", text).unwrap());
    lower::lower(&parsed.tables, context.family, Options::new(context.dialect, &BuiltinNames)).ruleset
}

/// Whether all of a condition is in fields that a packet can be made of.
fn is_plain(pred: &Pred) -> bool {
    match pred {
        Pred::Not(inner) => is_plain(inner),
        Pred::All(all) | Pred::Any(all) => all.iter().all(is_plain),
        Pred::Header(it) => {
            !format!("{it:?}").contains("Extension") && !format!("{it:?}").contains("Mobility")
        }
        Pred::True | Pred::False | Pred::InIface(_) | Pred::OutIface(_) => true,
        Pred::Range(field, ..) | Pred::Bits(field, ..) | Pred::AnyBit(field, _) => {
            let name = format!("{field:?}");
            let headers =
                ["Ah", "Fragment", "Routing", "Headers", "Mobility", "IpComp", "Dccp", "TcpMss", "Spi"];
            // Counters, labels and translated ports need a history that a witness does not tell.
            let histories =
                ["Packets", "Bytes", "Average", "Port", "CtProto", "CtOrig", "CtReply", "CtExpire"];
            let history = name.starts_with("Ct") && histories.iter().any(|it| name.contains(it));
            let elsewhere = ["Uid", "Gid", "HasSocket", "ControlGroup", "Mac", "HasBridge"];
            let odd =
                elsewhere.iter().chain(&headers).any(|it| name.starts_with(it) && name != "LaterFragment");
            !history && !odd
        }
        _ => false,
    }
}

/// Draws packets that match a rule and such that do not, and asks the simulator. Gives how many were asked.
fn compare(context: Context, rule: &str, rng: &mut Rng, draws: usize) -> Result<usize, String> {
    let ruleset = ruleset(context, rule);
    let Some(pred) = ruleset.rules().next().and_then(|it| it.2.as_typed().map(|it| it.meaning(context)))
    else {
        return Ok(0);
    };
    if !is_plain(&pred) {
        return Ok(0);
    }
    let mut census = Census::new(context.family, false);
    census.add(&pred);
    let mut space = Space::new(&census, 1_000_000, rng.bit());
    let pair = space.compile(&pred, &Free::default()).unwrap();
    assert!(pair.is_exact(), "{rule}");
    let incoming = space.no_iface(true).unwrap().not();
    let outgoing = space.no_iface(false).unwrap().not();
    let domain = space.arena().and(incoming, outgoing).unwrap();
    let within = space.arena().and(pair.must, domain).unwrap();
    let outside = space.arena().minus(domain, pair.must).unwrap();
    let simulator = Simulator::new(&ruleset, simulate::Options::new(Some(Policy::Drop)));
    let mut asked = 0;
    for (set, expected) in [(within, Verdict::Accept), (outside, Verdict::Drop)] {
        for _ in 0..draws {
            let Some(mut packet) = space.draw(set, Path::Forward, &mut || rng.bit()) else { continue };
            // What comes with 1 or 0 hops is not forwarded.
            if packet.layout().hop_limit < 2 || rule.contains("ttl") || rule.contains("hl ") {
                continue;
            }
            packet.facts.now = None;
            let verdict = simulator.simulate(&packet).verdict;
            if verdict != expected {
                return Err(format!(
                    "{context:?} `{rule}`: {packet}: {verdict:?}, but the set says {expected:?}"
                ));
            }
            asked += 1;
        }
    }
    Ok(asked)
}

#[test]
fn the_conditions_of_the_catalogue_hold_of_the_packets_of_their_sets() {
    let mut rng = Rng(0x5eed);
    let (mut wrong, mut asked, mut met) = (Vec::new(), 0, BTreeSet::new());
    for entry in CATALOGUE {
        for case in cases::parse(entry.spec, entry.cases).unwrap() {
            let Some(rule) =
                case.rule.split(" -j ").next().filter(|it| it.contains("-m ") || it.contains("-p "))
            else {
                continue;
            };
            for context in case.contexts() {
                match compare(context, rule, &mut rng, 6) {
                    Ok(count) => {
                        asked += count;
                        if count > 0 {
                            met.insert(entry.spec.name);
                        }
                    }
                    Err(error) => wrong.push(error),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} conditions:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 2000 && met.len() > 15, "{asked} packets, {met:?}");
}

#[test]
fn random_conditions_hold_of_the_packets_of_their_sets() {
    let seed = 7;
    println!("seed {seed}");
    let mut rng = Rng(seed);
    let pieces: [&[&str]; 8] = [
        &["", "-s 192.0.2.0/24", "! -s 10.0.0.0/8", "-s 192.0.2.1/255.0.255.0"],
        &["", "-d 192.0.2.7", "! -d 198.51.100.0/25", "-d 0.0.0.1/0.0.0.1"],
        &["", "-i eth0", "! -i eth+", "-i wg+"],
        &["", "-o eth1", "! -o tun0"],
        &[
            "-p tcp --dport 22",
            "-p tcp ! --sport 1000:2000 --dport 80:443",
            "-p udp -m multiport --ports 53,67:68",
            "-p tcp -m multiport ! --dports 1:10,99",
            "-p tcp --tcp-flags SYN,ACK,FIN SYN",
            "-p tcp ! --syn",
            "-p icmp --icmp-type echo-request",
            "-p icmp ! --icmp-type 3/4",
            "! -p tcp",
            "",
        ],
        &[
            "",
            "-m conntrack --ctstate NEW,RELATED",
            "-m conntrack ! --ctstate INVALID,SNAT",
            "-m state --state ESTABLISHED",
        ],
        &["", "-m mark --mark 0x4/0xc", "-m mark ! --mark 7", "-m connmark --mark 0x10/0x30"],
        &[
            "",
            "-m iprange --src-range 10.0.0.5-10.1.0.9",
            "-m length --length 60:200",
            "-m pkttype --pkt-type multicast",
            "-m addrtype --dst-type LOCAL,BROADCAST",
        ],
    ];
    let mut asked = 0;
    for _ in 0..300 {
        let mut rule = String::new();
        for choice in pieces {
            rule.push_str(choice[rng.below(choice.len())]);
            rule.push(' ');
        }
        let backend = if rng.bit() { Backend::Legacy } else { Backend::Nft };
        let context = Context::new(Family::V4, Dialect::new(backend, Version::V1_8_9));
        match compare(context, rule.trim(), &mut rng, 8) {
            Ok(count) => asked += count,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(asked > 2000, "{asked}");
}
