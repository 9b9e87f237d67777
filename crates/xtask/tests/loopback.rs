//! Packets that come back through the loopback interface: they bring along the connection with which they left. Sets of rules by
//! chance, a datagram from one socket of a namespace to another, the answer to it, and what every rule counted.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use ptables::dialect::Family;
use ptables::model::Ruleset;
use ptables::packet::{Connection, Layout, Owner, Packet, Path, Transport};
use ptables::simulate::{Options, Simulator, StepKind, Trace, Verdict};
use ptables::value::ct_state::CtState;
use ptables::value::iface::Iface;
use ptables_judge::restore::{self, Loader};
use ptables_judge::saved::{self, Counts};
use ptables_judge::{sys, world};
use ptables_kernel::netns::scratch_or_skip;
use xtask::kernel_diff::rng::Rng;
use xtask::kernel_diff::trial;

const RULESETS: u16 = 120;

/// One back end and family.
#[derive(Clone, Copy, Debug)]
struct Side {
    nft: bool,
    v6: bool,
}

/// Ports of a round: the sender's, that to which it sends, and others to which rules translate. No round has those of another,
/// so no connection is known from before.
struct Ports {
    from: u16,
    to: u16,
    others: [u16; 2],
}

impl Ports {
    fn of(round: u16) -> Ports {
        let first = 20_000 + round * 8;
        Ports { from: first, to: first + 1, others: [first + 2, first + 3] }
    }

    fn any(&self, rng: &mut Rng) -> u16 {
        rng.pick(&[self.from, self.to, self.others[0], self.others[1]])
    }
}

/// Conditions about a connection and the way of a packet.
fn condition(side: Side, (table, hook): (&str, &str), ports: &Ports, rng: &mut Rng) -> String {
    if matches!(hook, "PREROUTING" | "INPUT") && rng.chance(15) {
        return link(side, (table, hook), rng);
    }
    let not = if rng.chance(25) { "! " } else { "" };
    let port = ports.any(rng);
    let end = rng.pick(&["ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport"]);
    let status = rng.pick(&["NONE", "CONFIRMED", "SEEN_REPLY", "EXPECTED"]);
    let state =
        rng.pick(&["NEW", "ESTABLISHED", "INVALID", "UNTRACKED", "RELATED", "NEW,UNTRACKED", "DNAT", "SNAT"]);
    match rng.below(9) {
        0..=2 => format!(" -m conntrack {not}--ctstate {state}"),
        3 => format!(" -m conntrack {not}--ctstatus {status}"),
        4 => format!(" -m conntrack --ctdir {}", rng.pick(&["ORIGINAL", "REPLY"])),
        5 => format!(" -m conntrack {not}--{end} {port}"),
        6 => format!(" -p udp -m udp {not}--dport {port}"),
        7 => format!(" -m connmark {not}--mark 0x{}/0x3", rng.below(4)),
        _ if matches!(hook, "PREROUTING" | "INPUT") => format!(" {not}-i {}", rng.pick(&["lo", "eth0"])),
        _ => format!(" {not}-o {}", rng.pick(&["lo", "eth0"])),
    }
}

/// Conditions about the interface: it is no Ethernet, and what comes back needs no path.
fn link(side: Side, (table, hook): (&str, &str), rng: &mut Rng) -> String {
    let not = if rng.chance(50) { "! " } else { "" };
    let mac = rng.pick(&["00:00:00:00:00:00", "02:00:00:00:00:01"]);
    match rng.below(4) {
        0 if hook == "PREROUTING" && matches!(table, "raw" | "mangle") => {
            format!(
                " -m rpfilter{}",
                rng.pick(&["", " --invert", " --loose", " --validmark", " --accept-local"])
            )
        }
        1 if side.v6 => " -m eui64".to_owned(),
        0..=2 => format!(" -m mac {not}--mac-source {mac}"),
        _ => format!(" -m pkttype {not}--pkt-type {}", rng.pick(&["unicast", "broadcast", "multicast"])),
    }
}

/// What a rule does; nothing in most.
fn target(table: &str, hook: &str, side: Side, ports: &Ports, rng: &mut Rng) -> String {
    let address = if side.v6 { "[::1]" } else { "127.0.0.1" };
    match (table, hook) {
        ("raw", _) if rng.chance(40) => {
            format!(" -j {}", rng.pick(&["CT --notrack", "NOTRACK", "CT --ctevents new"]))
        }
        ("nat", "PREROUTING" | "OUTPUT") if rng.chance(60) => {
            format!(" -p udp -j DNAT --to-destination {address}:{}", rng.pick(&ports.others))
        }
        ("nat", "POSTROUTING" | "INPUT") if rng.chance(50) => {
            format!(" -p udp -j SNAT --to-source {address}:{}", ports.others[1] + 1 + rng.below(3) as u16)
        }
        ("mangle", "OUTPUT" | "PREROUTING" | "INPUT") if rng.chance(25) => {
            format!(" -j CONNMARK --set-xmark 0x{}/0x3", rng.below(4))
        }
        ("filter", _) if rng.chance(7) => " -j DROP".to_owned(),
        _ => String::new(),
    }
}

/// All tables, so that what was loaded before is gone.
fn rules(side: Side, ports: &Ports, rng: &mut Rng) -> String {
    let tables = [
        ("raw", &["PREROUTING", "OUTPUT"][..]),
        ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
        ("nat", &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]),
        ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
    ];
    let mut text = String::new();
    for (table, hooks) in tables {
        // Writing to a string does not fail.
        let _ = writeln!(text, "*{table}");
        hooks.iter().for_each(|hook| {
            let _ = writeln!(text, ":{hook} ACCEPT [0:0]");
        });
        for hook in hooks.iter().filter(|it| **it != "FORWARD") {
            for _ in 0..rng.within(1, 4) {
                let condition =
                    if rng.chance(85) { condition(side, (table, hook), ports, rng) } else { String::new() };
                let mut target = target(table, hook, side, ports, rng);
                if condition.contains("-p udp") {
                    target = target.replace(" -p udp", "");
                }
                let _ = writeln!(text, "-A {hook}{condition}{target}");
            }
        }
        text.push_str("COMMIT\n");
    }
    text
}

/// Adds what the simulator counts.
fn count(ruleset: &Ruleset, trace: &Trace, counts: &mut Counts) {
    for step in trace.path.iter().filter(|it| it.kind != StepKind::Miss && it.kind != StepKind::Torn) {
        let table = &ruleset.tables[step.at.table];
        let chain = &table.chains[step.at.chain];
        let rule = step.at.rule.unwrap_or(chain.rules.len());
        *counts.entry((table.name.to_lossy(), chain.name.to_lossy(), rule)).or_default() += 1;
    }
}

/// A datagram as it leaves a socket.
fn datagram(side: Side, from: SocketAddr, to: SocketAddr) -> Packet {
    let bits = |it: SocketAddr| match it.ip() {
        std::net::IpAddr::V4(it) => u128::from(u32::from(it)),
        std::net::IpAddr::V6(it) => u128::from(it),
    };
    let mut layout = Layout::new(bits(from), bits(to), 17);
    layout.transport = Transport::Udp { source: from.port(), destination: to.port() };
    layout.payload = b"x".to_vec();
    let bytes = layout.to_bytes(if side.v6 { Family::V6 } else { Family::V4 }).unwrap();
    let mut packet = Packet::from_bytes(&bytes, Path::Output).unwrap();
    packet.out_iface = Some(Iface::LOOPBACK);
    packet.owner = Some(Owner { uid: 0, gid: 0 });
    packet
}

/// The packet that comes back for one that left, if any does.
fn come_back(left: &Trace) -> Option<Packet> {
    if left.verdict != Verdict::Accept {
        return None;
    }
    let mut packet = Packet::from_bytes(left.packet.to_bytes(), Path::Input).unwrap();
    packet.mark = left.packet.mark;
    packet.in_iface = Some(Iface::LOOPBACK);
    packet.entry.clone_from(&left.packet.entry);
    Some(packet)
}

/// The socket that received something, and from whom. It is there when sending returns, unless the machine has much to do.
fn received(receivers: &[UdpSocket]) -> Option<(&UdpSocket, SocketAddr)> {
    let mut buffer = [0; 8];
    let mut once = || receivers.iter().find_map(|it| Some((it, it.recv_from(&mut buffer).ok()?.1)));
    once().or_else(|| {
        thread::sleep(Duration::from_millis(20));
        once()
    })
}

/// A round: what the kernel and the simulator count. Returns how many packets came back.
fn round(side: Side, round: u16, lock: &std::path::Path, rng: &mut Rng) -> u64 {
    let ports = Ports::of(round);
    let text = rules(side, &ports, rng);
    let ruleset = trial::read(side.v6, side.nft, &text).unwrap();
    if side.nft {
        restore::nft(side.v6, &text).unwrap();
    } else {
        Loader::legacy(side.v6, lock).load(&text).unwrap();
    }
    let address = if side.v6 { "::1" } else { "127.0.0.1" };
    let socket = |port: u16| {
        let socket = UdpSocket::bind((address, port)).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    let sender = socket(ports.from);
    let receivers = [ports.to, ports.others[0], ports.others[1]].map(socket);
    let from = sender.local_addr().unwrap();
    let to = receivers[0].local_addr().unwrap();

    let simulator = Simulator::new(&ruleset, Options::default());
    let mut told = Counts::new();
    let mut go = |packet: &Packet| {
        let trace = simulator.simulate(packet);
        assert!(trace.unknown.is_empty(), "{:?}\n{text}", trace.unknown);
        count(&ruleset, &trace, &mut told);
        trace
    };
    // A table that drops the packet is no error of the sender's.
    let _ = sender.send_to(b"x", to);
    let left = go(&datagram(side, from, to));
    let mut back = 0;
    if let Some(packet) = come_back(&left) {
        back += 1;
        let came = go(&packet);
        let received = received(&receivers);
        assert_eq!(received.is_some(), came.verdict == Verdict::Accept, "{side:?}\n{text}");
        if let Some((receiver, source)) = received {
            let _ = receiver.send_to(b"x", source);
            let mut reply = datagram(side, receiver.local_addr().unwrap(), source);
            if let Some(entry) = came.packet.entry.filter(|it| it.is_tracked()) {
                let mut entry = *entry;
                (entry.state, entry.reply) = (CtState::Established, true);
                entry.status |= Connection::CONFIRMED | Connection::SEEN_REPLY;
                reply.entry = Some(Box::new(entry));
            }
            if let Some(packet) = come_back(&go(&reply)) {
                back += 1;
                go(&packet);
            }
        }
    }
    let seen = saved::counts(side.nft, side.v6).unwrap();
    let at = |name: &(String, String, usize)| {
        let chain = format!("-A {} ", name.1);
        let of_table = text.split('*').find(|it| it.starts_with(&name.0)).unwrap_or_default();
        of_table.lines().filter(|it| format!("{it} ").starts_with(&chain)).nth(name.2).map(str::to_owned)
    };
    let names = seen.keys().chain(told.keys()).filter(|it| seen.get(it) != told.get(it));
    let differ: Vec<_> = names.map(|it| (it, at(it), seen.get(it), told.get(it))).collect();
    assert!(differ.is_empty(), "{side:?}: the kernel, and the simulator: {differ:#?}\n{text}");
    back
}

#[test]
fn packets_on_the_loopback_interface_bring_their_connection_along() {
    if scratch_or_skip().is_none() {
        return;
    }
    let seed = std::env::var("PTABLES_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(7);
    println!("PTABLES_SEED={seed}");
    for nft in [false, true] {
        for v6 in [false, true] {
            let side = Side { nft, v6 };
            // A namespace is that of its thread.
            let compare = move || {
                sys::new_network().unwrap();
                world::run("ip", &["link", "set", "lo", "up"], "").unwrap();
                let lock = std::env::temp_dir().join(format!("ptables-loopback-{}", std::process::id()));
                let mut rng = Rng::new(seed);
                let back = (0..RULESETS).map(|it| round(side, it, &lock, &mut rng)).sum::<u64>();
                // There is none of nf_tables.
                let _ = std::fs::remove_file(lock);
                back
            };
            let back = thread::spawn(compare).join().unwrap();
            println!("{side:?}: {back} packets came back");
            assert!(back > u64::from(RULESETS), "{back}");
        }
    }
}
