//! Ports of bridges: frames that a bridge passes on, takes for the machine or gives to its routes, and others, through rules by chance
//! about its ports; and what every rule counted.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use ptables::dialect::Family;
use ptables::packet::{Layout, Packet, Path, Transport};
use ptables::simulate::{Options, Simulator, StepKind};
use ptables::value::iface::Iface;
use ptables_judge::restore::{self, Loader};
use ptables_judge::saved::{self, Counts};
use ptables_judge::{sys, world};
use ptables_kernel::netns::scratch_or_skip;
use xtask::kernel_diff::rng::Rng;
use xtask::kernel_diff::trial;

const RULESETS: u32 = 60;
/// A socket waits here.
const PORT: u16 = 5300;
/// The address of each interface, its peer's with a 2 at the end, and their Ethernet addresses.
const BRIDGE: [u8; 6] = [2, 0xaa, 0, 0, 0, 1];
const ETHER: [u8; 6] = [2, 0xaa, 0, 0, 0, 2];
/// Nobody has it: a bridge passes it on.
const STRANGER: [u8; 6] = [2, 0xbb, 0, 0, 0, 9];

/// One back end and family.
#[derive(Clone, Copy, Debug)]
struct Side {
    nft: bool,
    v6: bool,
}

/// A packet's way.
#[derive(Clone, Copy, Debug)]
struct Way {
    path: Path,
    input: &'static str,
    output: &'static str,
    /// The port of the bridge that it comes through, and that to which it is passed on.
    ports: [Option<&'static str>; 2],
}

const WAYS: [Way; 6] = [
    Way { path: Path::Forward, input: "br0", output: "br0", ports: [Some("p1"), Some("q2")] },
    Way { path: Path::Input, input: "br0", output: "", ports: [Some("p1"), None] },
    Way { path: Path::Forward, input: "br0", output: "eth0", ports: [Some("p1"), None] },
    Way { path: Path::Forward, input: "eth0", output: "br0", ports: [None, None] },
    Way { path: Path::Input, input: "eth0", output: "", ports: [None, None] },
    Way { path: Path::Output, input: "", output: "br0", ports: [None, None] },
];

fn condition(hook: &str, rng: &mut Rng) -> String {
    if matches!(hook, "PREROUTING" | "INPUT") && rng.chance(15) {
        return " -m socket --nowildcard".to_owned();
    }
    let mut text = " -m physdev".to_owned();
    let before = text.len();
    let bridged = rng.chance(25);
    // What leaves is not asked in OUTPUT, unless it is bridged.
    let out = hook != "OUTPUT" || bridged;
    let mut option = |holds: bool, option: &str| {
        let not = if rng.chance(40) { " !" } else { "" };
        if holds && rng.chance(35) {
            let _ = write!(text, "{not} --physdev-{option}");
            if option.len() < 4 {
                let _ = write!(text, " {}", rng.pick(&["p1", "q2", "p+", "q+", "eth0", "br0"]));
            }
        }
    };
    option(true, "is-in");
    option(true, "in");
    option(out, "is-out");
    option(out, "out");
    if bridged || text.len() == before {
        let not = if rng.chance(40) && hook != "OUTPUT" { " !" } else { "" };
        let _ = write!(text, "{not} --physdev-is-bridged");
    }
    text
}

fn rules(rng: &mut Rng) -> String {
    let tables = [
        ("raw", &["PREROUTING", "OUTPUT"][..]),
        ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
        ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
    ];
    let mut text = String::new();
    for (table, hooks) in tables {
        let _ = writeln!(text, "*{table}");
        for hook in hooks {
            let _ = writeln!(text, ":{hook} ACCEPT [0:0]");
        }
        for hook in hooks {
            for _ in 0..rng.within(3, 8) {
                let _ = writeln!(text, "-A {hook}{}", condition(hook, rng));
            }
        }
        text.push_str("COMMIT\n");
    }
    text
}

fn address(v6: bool, network: u128, host: u128) -> u128 {
    if v6 { 0xfd09 << 112 | network << 96 | host } else { 0x0a09_0000 | network << 8 | host }
}

/// The interfaces, up, and nothing that the kernel says by itself.
fn links() -> [OwnedFd; 3] {
    sys::new_network().unwrap();
    for (name, value) in [
        ("ipv6/conf/default/addr_gen_mode", "1"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
        ("ipv4/ip_forward", "1"),
        ("ipv6/conf/all/forwarding", "1"),
    ] {
        std::fs::write(format!("/proc/sys/net/{name}"), value).unwrap();
    }
    let taps = ["p1", "q2", "eth0"].map(|name| sys::tap(name).unwrap());
    let mut text = "link set lo up\nlink add br0 type bridge stp_state 0 mcast_snooping 0\n\
                    link set br0 address 02:aa:00:00:00:01 up\nlink set eth0 address 02:aa:00:00:00:02 up\n\
                    link set p1 master br0 up\nlink set q2 master br0 up\n"
        .to_owned();
    for (network, name) in [(1, "br0"), (2, "eth0")] {
        let _ = write!(
            text,
            "addr add 10.9.{network}.1/24 dev {name}\naddr add fd09:{network}::1/64 dev {name} nodad\n\
             neigh add 10.9.{network}.2 lladdr 02:bb:00:00:00:09 dev {name} nud permanent\n\
             neigh add fd09:{network}::2 lladdr 02:bb:00:00:00:09 dev {name} nud permanent\n"
        );
    }
    // What the kernel says by itself comes to no rule.
    let mute = "add table inet mute\nadd chain inet mute out { type filter hook output priority -500; }\n\
                add rule inet mute out meta l4proto { icmp, icmpv6 } drop\n";
    world::run("nft", &["-f", "-"], mute).unwrap();
    world::run("ip", &["-batch", "-"], &text).unwrap();
    for name in ["iptables", "ip6tables"] {
        std::fs::write(format!("/proc/sys/net/bridge/bridge-nf-call-{name}"), "1").unwrap();
    }
    taps
}

/// The packet of a way, and whether a socket waits for it.
fn packet(side: Side, way: Way, waits: bool) -> (Vec<u8>, Packet) {
    let near = if way.input == "eth0" { 2 } else { 1 };
    let source = if way.path == Path::Output { (1, 1) } else { (near, 2) };
    let destination = match (way.path, way.output) {
        (Path::Input, _) => (near, 1),
        (_, "eth0") => (2, 2),
        // To a neighbour on the same wire.
        (Path::Forward, _) if way.input == "br0" => (1, 7),
        _ => (1, 2),
    };
    let of = |(network, host)| address(side.v6, network, host);
    let mut layout = Layout::new(of(source), of(destination), 17);
    layout.transport = Transport::Udp { source: 40000, destination: PORT + u16::from(!waits) };
    let bytes = layout.to_bytes(if side.v6 { Family::V6 } else { Family::V4 }).unwrap();
    let mut packet = Packet::from_bytes(&bytes, way.path).unwrap();
    let iface = |name: &str| (!name.is_empty()).then(|| Iface::parse(name.as_bytes()).unwrap());
    (packet.in_iface, packet.out_iface) = (iface(way.input), iface(way.output));
    let [came, goes] = way.ports.map(|it| Some(it.and_then(iface).unwrap_or(Iface::ANY)));
    (packet.facts.bridge_in, packet.facts.bridge_out) = (came, goes);
    packet.facts.socket = Some(waits && way.path == Path::Input);
    (bytes, packet)
}

fn send(taps: &[OwnedFd; 3], side: Side, way: Way, bytes: &[u8]) {
    if way.path == Path::Output {
        let port = u16::from_be_bytes([bytes[bytes.len() - 6], bytes[bytes.len() - 5]]);
        let to = if side.v6 { "fd09:1::2" } else { "10.9.1.2" };
        let any = if side.v6 { "::" } else { "0.0.0.0" };
        UdpSocket::bind((any, 0)).unwrap().send_to(b"", (to, port)).unwrap();
        return;
    }
    let to = match (way.input, way.ports[1]) {
        (_, Some(_)) => STRANGER,
        ("br0", None) => BRIDGE,
        _ => ETHER,
    };
    let kind: [u8; 2] = if side.v6 { [0x86, 0xdd] } else { [8, 0] };
    let frame = [&to[..], &[2, 0xcc, 0, 0, 0, 7], &kind, bytes].concat();
    sys::write(&taps[if way.input == "eth0" { 2 } else { 0 }], &frame).unwrap();
}

/// What the rules count: the kernel's, which is there when sending returns unless the machine has much to do.
fn counted(side: Side, told: &Counts) -> Counts {
    let seen = saved::counts(side.nft, side.v6).unwrap();
    if seen == *told {
        return seen;
    }
    thread::sleep(Duration::from_millis(30));
    saved::counts(side.nft, side.v6).unwrap()
}

/// How often conditions were true.
fn compare(side: Side, seed: u64) -> u64 {
    let taps = links();
    let lock = std::env::temp_dir().join(format!("ptables-bridges-{}", std::process::id()));
    let any = if side.v6 { "fd09:1::1" } else { "10.9.1.1" };
    let other = if side.v6 { "fd09:2::1" } else { "10.9.2.1" };
    let _waiting = [any, other].map(|it| UdpSocket::bind((it, PORT)).unwrap());
    let mut rng = Rng::new(seed);
    let (mut held, mut wrong) = (0, Vec::new());
    for _ in 0..RULESETS {
        let text = rules(&mut rng);
        let ruleset = trial::read(side.v6, side.nft, &text).unwrap();
        let way = rng.pick(&WAYS);
        let (bytes, packet) = packet(side, way, rng.chance(50));
        let loaded = match side.nft {
            true => restore::nft(side.v6, &text),
            false => Loader::legacy(side.v6, &lock).load(&text),
        };
        loaded.map_err(|error| format!("{error}\n{text}")).unwrap();
        send(&taps, side, way, &bytes);
        let trace = Simulator::new(&ruleset, Options::default()).simulate(&packet);
        assert!(trace.unknown.is_empty(), "{:?}\n{text}", trace.unknown);
        let mut told = Counts::new();
        for step in trace.path.iter().filter(|it| matches!(it.kind, StepKind::Match | StepKind::Policy(_))) {
            let table = &ruleset.tables[step.at.table];
            let chain = &table.chains[step.at.chain];
            let rule = step.at.rule.unwrap_or(chain.rules.len());
            held += u64::from(step.at.rule.is_some());
            *told.entry((table.name.to_lossy(), chain.name.to_lossy(), rule)).or_default() += 1;
        }
        let seen = counted(side, &told);
        let line = |it: &(String, String, usize)| {
            let of_table = text.split('*').find(|part| part.starts_with(&it.0)).unwrap_or_default();
            of_table
                .lines()
                .filter(|line| line.starts_with(&format!("-A {} ", it.1)))
                .nth(it.2)
                .map(str::to_owned)
        };
        let differ = seen.keys().chain(told.keys()).filter(|it| seen.get(it) != told.get(it));
        wrong.extend(differ.map(|it| {
            let rule = line(it).unwrap_or_default();
            format!(
                "{side:?} {way:?} {} {} {rule}: kernel {:?}, simulator {:?}",
                it.0,
                it.1,
                seen.get(it),
                told.get(it)
            )
        }));
    }
    // There is none of nf_tables.
    let _ = std::fs::remove_file(lock);
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    held
}

#[test]
fn ports_of_bridges_are_seen_where_the_kernel_sees_them() {
    if scratch_or_skip().is_none() {
        return;
    }
    let seed = std::env::var("PTABLES_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(3);
    println!("PTABLES_SEED={seed}");
    for nft in [false, true] {
        for v6 in [false, true] {
            let side = Side { nft, v6 };
            // A namespace is that of its thread.
            let held = thread::spawn(move || compare(side, seed)).join().unwrap();
            println!("{side:?}: rules that matched: {held}");
            assert!(held > 100, "{held}");
        }
    }
}
