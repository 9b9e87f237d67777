//! The judge sees what is known of the kernel. Every test is in a namespace of its own.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::Write;

use ptables_judge::conntrack::{ASSURED, CONFIRMED, Connections, Entry, Ports, SEEN_REPLY, Tuple};
use ptables_judge::counters::{Kind, Table};
use ptables_judge::restore::{self, Loader};
use ptables_judge::sys;
use ptables_judge::trace::{Event, Log, NftTrace};
use ptables_judge::world::{Link, Path, Watch, Wire, World};

/// Runs in a thread, whose namespace goes with it.
fn in_a_world(watch: Watch, tracked: bool, test: impl FnOnce(World) + Send + 'static) {
    if !sys::is_root() {
        assert!(std::env::var_os("CI").is_none(), "the kernel as a judge needs the root of the machine");
        // Nobody is left to tell if this fails.
        let _ = writeln!(std::io::stderr(), "SKIPPED: the kernel as a judge needs the root of the machine");
        return;
    }
    std::thread::spawn(move || test(World::new(watch, tracked).unwrap())).join().unwrap();
}

/// UDP from 192.0.2.1:1000 to 198.51.100.2:53.
fn packet(ttl: u8) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 28, 0, 7, 0, 0, ttl, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2];
    let sum: u32 = packet.chunks(2).map(|it| u32::from(it[0]) << 8 | u32::from(it[1])).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend([0x03, 0xe8, 0, 53, 0, 8, 0, 0]);
    packet
}

fn wire(path: Path, packet: &[u8]) -> Wire<'_> {
    Wire {
        path,
        input: 1,
        output: 2,
        mark: 0x12345,
        mac: [2, 0, 0, 0, 0, 1],
        link: Link::Host,
        owner: 1,
        untracked: false,
        packet,
    }
}

const RULES: &str = "*raw
-A PREROUTING -i eth1 -m mark --mark 0x12345
COMMIT
*mangle
-A PREROUTING -m mark --mark 0x12345 -j MARK --set-mark 7
COMMIT
*filter
:INPUT ACCEPT
:FORWARD DROP
:OUTPUT DROP
:user -
-A INPUT -m mark --mark 7 -j ACCEPT
-A FORWARD -m ttl --ttl-eq 63 -j user
-A user -o wlan0 -p udp -j ACCEPT
-A OUTPUT -o wlan0 -m owner --uid-owner 1234 -m mark --mark 0x12345 -j ACCEPT
COMMIT
";

#[test]
fn packets_take_the_path_that_they_are_to_take_and_are_counted() {
    in_a_world(Watch::Counters, false, |mut world| {
        let mut loader = Loader::legacy(false, world.lock_file());
        loader.load("*nonsense\nCOMMIT\n").unwrap_err();
        loader.load(RULES).unwrap();
        let mut filter = Table::new(false, "filter").unwrap();
        let shape = filter.shape().unwrap();
        for path in Path::ALL {
            world.send(&wire(path, &packet(64))).unwrap();
        }
        let mut counts = Vec::new();
        filter.counts(&mut counts).unwrap();
        let counted: Vec<(String, Kind)> = shape
            .iter()
            .zip(&counts)
            .filter(|(_, count)| **count == (1, 28))
            .map(|(entry, _)| (entry.chain.clone(), entry.kind))
            .collect();
        let rule = |chain: &str| (chain.to_owned(), Kind::Rule(0));
        assert_eq!(counted, [rule("INPUT"), rule("FORWARD"), rule("OUTPUT"), rule("user")]);
        assert_eq!(counts.iter().map(|it| it.0).sum::<u64>(), 4);
        assert!(shape.iter().any(|it| it.chain == "user" && it.kind == Kind::End));
    });
}

#[test]
fn the_legacy_tables_tell_the_ordered_path() {
    in_a_world(Watch::Legacy, false, |mut world| {
        Loader::legacy(false, world.lock_file()).load(RULES).unwrap();
        let mut log = Log::new(64).unwrap();
        world.send(&wire(Path::Forward, &packet(64))).unwrap();
        world.send(&wire(Path::Forward, &packet(1))).unwrap();
        let mut told = Vec::new();
        log.drain(|event| match event {
            Event::Step { table, chain, rule, .. } => told.push(format!("{table} {chain} {rule}")),
            Event::Out { mark, packet, .. } => {
                told.push(format!("out {mark} ttl {} of {}", packet[8], packet.len()))
            }
            Event::Answer { packet } => told.push(format!("answer {} {}", packet[20], packet[21])),
        })
        .unwrap();
        let path = [
            "raw PREROUTING 0",
            "raw PREROUTING 1",
            "mangle PREROUTING 0",
            "mangle PREROUTING 1",
            "mangle FORWARD 0",
            "filter FORWARD 0",
            "filter user 0",
            "mangle POSTROUTING 0",
            "out 7 ttl 63 of 28",
            // Its hops are used up.
            "raw PREROUTING 0",
            "raw PREROUTING 1",
            "mangle PREROUTING 0",
            "mangle PREROUTING 1",
            "answer 11 0",
        ];
        assert_eq!(told, path);
    });
}

#[test]
fn nf_tables_tells_the_ordered_path() {
    in_a_world(Watch::Nft, false, |mut world| {
        restore::nft(false, RULES).unwrap();
        let (mut trace, mut log) = (NftTrace::new().unwrap(), Log::new(64).unwrap());
        trace.learn(false).unwrap();
        world.send(&wire(Path::Forward, &packet(64))).unwrap();
        let mut told = Vec::new();
        trace
            .drain(|_, event| match event {
                Event::Step { table, chain, rule, .. } => told.push(format!("{table} {chain} {rule}")),
                Event::Out { .. } | Event::Answer { .. } => panic!("the trace does not tell this"),
            })
            .unwrap();
        let path = [
            "raw PREROUTING 0",
            "raw PREROUTING 1",
            "mangle PREROUTING 0",
            "mangle PREROUTING 1",
            "filter FORWARD 0",
            "filter user 0",
        ];
        assert_eq!(told, path);
        let mut out = 0;
        log.drain(|event| out += u32::from(matches!(event, Event::Out { mark: 7, .. }))).unwrap();
        assert_eq!(out, 1);
    });
}

#[test]
fn a_connection_that_was_put_there_is_the_packets_own() {
    in_a_world(Watch::Counters, true, |mut world| {
        let rules = "*filter\n-A FORWARD -m conntrack --ctstate NEW\n-A FORWARD -m conntrack --ctstate ESTABLISHED --ctdir REPLY -m connmark --mark 5\n-A FORWARD -m conntrack --ctstate UNTRACKED\nCOMMIT\n";
        Loader::legacy(false, world.lock_file()).load(rules).unwrap();
        let mut filter = Table::new(false, "filter").unwrap();
        filter.shape().unwrap();
        let packet = packet(64);
        let seen = wire(Path::Forward, &packet);
        world.send(&seen).unwrap();
        world.send(&Wire { untracked: true, ..seen.clone() }).unwrap();
        let tuple = Tuple {
            source: [192, 0, 2, 1].into(),
            destination: [198, 51, 100, 2].into(),
            proto: 17,
            ports: Ports::Ports(1000, 53),
        };
        let mut connections = Connections::new().unwrap();
        let entry = Entry {
            original: tuple.turned(),
            reply: tuple,
            status: SEEN_REPLY | ASSURED | CONFIRMED,
            tcp_state: None,
            mark: 5,
            timeout: 600,
            master: None,
            labels: 0,
            helper: None,
            nat: None,
        };
        connections.insert(&entry).unwrap();
        world.send(&seen).unwrap();
        connections.delete(&tuple.turned()).unwrap();
        let mut counts = Vec::new();
        filter.counts(&mut counts).unwrap();
        let counts: Vec<u64> = counts.iter().map(|it| it.0).collect();
        // INPUT's policy; the three rules and the policy of FORWARD.
        assert_eq!(counts[..5], [0, 1, 1, 1, 3]);
    });
}
