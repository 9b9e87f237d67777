//! How many packets a second the simulator follows: 1,000 rules in a straight line, and a university's firewall of 5,556
//! rules if it lies beside the repository.
//!
//! `cargo bench -p ptables --bench simulate`.
#![expect(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods, reason = "a benchmark")]

mod cpu;

use std::fmt::Write;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::Path;

use cpu::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ptables::compile::compile;
use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::lower::Options;
use ptables::model::Ruleset;
use ptables::packet::Packet;
use ptables::simulate::{self, Simulator, Verdict};
use ptables::source::{Source, Text};
use ptables::text;
use ptables::value::BuiltinNames;

const UNIVERSITY: &str =
    "../../../shared/rulesets/repaired/netnetwork--TUM_chair__iptables-save-2016-06-27_16-29-01.mac";

fn ruleset(rules: &[u8]) -> Ruleset {
    let source = Source::new("bench", rules).unwrap();
    let parsed = text::parse(&source);
    let dialect = Dialect::new(Backend::Legacy, Version::V1_8_9);
    compile(&parsed.tables, Family::V4, Options::new(dialect, &BuiltinNames)).ruleset
}

/// Rules of which none matches, as in the measurement of the kernel.
fn straight(rules: u32) -> String {
    let mut out = String::from("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n");
    for k in 0..rules {
        let address = Ipv4Addr::from(0x0a01_0000 + k);
        writeln!(out, "-A FORWARD -s {address}/32 -p tcp -m tcp --dport {} -j DROP", 1 + k % 1000).unwrap();
    }
    out.push_str("COMMIT\n");
    out
}

/// Packets among these addresses and ports.
fn packets(count: u32, (incoming, outgoing): (&str, &str), networks: &[u32]) -> Vec<Packet> {
    let mut seed = 7u64;
    let mut random = |below: u32| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u32 % below
    };
    let pick = |at: u32| Ipv4Addr::from(networks.get(at as usize % networks.len()).copied().unwrap_or(0));
    (0..count)
        .map(|_| {
            let (source, destination) = (pick(random(100_000)), pick(random(100_000)));
            let proto = if random(4) == 0 { "udp" } else { "tcp" };
            let port = [22, 53, 80, 443, 8080, 40_000].get(random(6) as usize).copied().unwrap_or(1);
            let text = format!(
                "{proto} {source}:{} -> {destination}:{port} in {incoming} out {outgoing} new mac=02:00:00:00:00:01",
                1024 + random(60_000)
            );
            Packet::parse(&Text::from(text)).unwrap()
        })
        .collect()
}

fn measure(criterion: &mut Criterion<CpuTime>, name: &str, ruleset: &Ruleset, packets: &[Packet]) {
    let simulator = Simulator::new(ruleset, simulate::Options::default());
    let mut group = criterion.benchmark_group("simulate");
    group.throughput(Throughput::Elements(packets.len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            packets.iter().filter(|packet| simulator.verdict(black_box(packet)) == Verdict::Accept).count()
        });
    });
    group.finish();
}

fn simulated(criterion: &mut Criterion<CpuTime>) {
    let rules = ruleset(straight(1000).as_bytes());
    let networks: Vec<u32> = (0..1000).map(|k| 0x0a01_0000 + k).collect();
    measure(criterion, "1,000 straight rules", &rules, &packets(1000, ("eth0", "eth1"), &networks));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(UNIVERSITY);
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let rules = ruleset(&text);
    let networks: Vec<u32> = rules
        .rules()
        .filter_map(|(.., rule)| rule.as_typed())
        .flat_map(|rule| [rule.source.bits().0, rule.destination.bits().0])
        .map(|bits| bits as u32)
        .filter(|bits| *bits != 0)
        .collect();
    measure(criterion, "university, 5,556 rules", &rules, &packets(1000, ("eth0", "eth1.110"), &networks));
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = simulated
}
criterion_main!(benches);
