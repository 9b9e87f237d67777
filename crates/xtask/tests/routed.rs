//! Packets whose way is left to routes, through a namespace: which interface they leave through, from which address, and which
//! of them come to the machine itself.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use ptables::ext::Hook;
use ptables::packet::{Packet, Path};
use ptables::routes::Routes;
use ptables::simulate::{Options, Simulator, Trace, Verdict};
use ptables::source::{Source, Text};
use ptables::value::iface::Iface;
use ptables_judge::counters::{Kind, Table};
use ptables_judge::restore::Loader;
use ptables_judge::{sys, world};
use ptables_kernel::Kernel;
use ptables_kernel::netns::scratch_or_skip;
use xtask::kernel_diff::rng::Rng;
use xtask::kernel_diff::trial;

const DEVICES: [&str; 3] = ["wan", "lan", "ppp0"];
const RULESETS: u64 = 24;
const PACKETS: u64 = 60;

/// The namespace of this thread: what goes in and out of its interfaces.
struct Net {
    taps: Vec<OwnedFd>,
    readers: Vec<File>,
    senders: [OwnedFd; 2],
}

impl Net {
    /// From now on the rules of routing that ask for an interface lead senders to this one.
    fn choose(&self, device: Option<usize>) {
        let number = device.map_or(0, |at| sys::interface_number(DEVICES[at]).unwrap());
        // IP_UNICAST_IF and IPV6_UNICAST_IF.
        for (sender, level, name) in [(&self.senders[0], 0, 50), (&self.senders[1], 41, 76)] {
            sys::set_option(sender, level, name, number.to_be().cast_signed()).unwrap();
        }
    }
}

/// Machines to which a route leads that the simulator is not told of.
const HOSTS_APART: [&str; 2] = ["198.51.100.77", "2001:db8:9::77"];

/// Routes that only a sender takes which names an interface: the simulator is told where it leaves, not these.
fn choices() {
    for family in ["-4", "-6"] {
        let lines = DEVICES.iter().enumerate().map(|(at, name)| {
            let table = 200 + at;
            format!(
                "route add default dev {name} table {table}\nrule add pref 50 oif {name} lookup {table}\n"
            )
        });
        // One that no snapshot has: packets to there are told their way.
        let far = if family == "-4" { HOSTS_APART[0] } else { HOSTS_APART[1] };
        let apart = format!("rule add pref 120 to {far} lookup 201\n");
        world::run("ip", &[family, "-batch", "-"], &(lines.collect::<String>() + &apart)).unwrap();
    }
}

fn host(v6: bool, device: usize, number: u64) -> String {
    match v6 {
        false => format!("10.{device}.0.{number}"),
        true => format!("2001:db8:{device}::{number:x}"),
    }
}

fn net() -> Net {
    sys::new_network().unwrap();
    for (name, value) in [
        ("ipv6/conf/default/addr_gen_mode", "1"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/default/router_solicitations", "0"),
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
        ("ipv4/ip_forward", "1"),
        ("ipv6/conf/all/forwarding", "1"),
    ] {
        std::fs::write(format!("/proc/sys/net/{name}"), value).unwrap();
    }
    let taps: Vec<OwnedFd> = DEVICES.iter().map(|it| sys::tap(it).unwrap()).collect();
    let mut links = "link set lo up\n".to_owned();
    for (at, name) in DEVICES.iter().enumerate() {
        links.push_str(&format!("link set {name} address 02:aa:00:00:00:{at:02x} arp off up\n"));
    }
    world::run("ip", &["-batch", "-"], &links).unwrap();
    for v6 in [false, true] {
        let mut text = String::new();
        for (at, name) in DEVICES.iter().enumerate() {
            let length = if v6 { 64 } else { 24 };
            text.push_str(&format!("addr add {}/{length} dev {name}\n", host(v6, at, 1)));
        }
        // A second address, which counts for a router in its network only.
        if !v6 {
            text.push_str("addr add 172.16.9.1/24 dev ppp0\n");
        }
        let router = if v6 { "2001:db8:2::fe" } else { "172.16.9.254" };
        text.push_str(&format!("route add default via {} dev wan\n", host(v6, 0, 254)));
        text.push_str(&format!("route add default via {router} dev ppp0 table 100\n"));
        text.push_str(if v6 {
            "route add blackhole 2001:db8:66::/48\n"
        } else {
            "route add blackhole 10.66.0.0/16\n"
        });
        text.push_str("rule add pref 100 fwmark 1/0xff lookup 100\n");
        text.push_str("rule add pref 101 fwmark 2/0xff lookup main\nrule add pref 105 iif lan lookup 100\n");
        text.push_str(&format!("rule add pref 110 from {} lookup 100\n", host(v6, 1, 77)));
        world::run("ip", &[if v6 { "-6" } else { "-4" }, "-batch", "-"], &text).unwrap();
    }
    let sender = |domain| sys::socket(domain, 3, 255).unwrap();
    let senders = [sender(2), sender(10)];
    // IPV6_HDRINCL.
    sys::set_option(&senders[1], 41, 36, 1).unwrap();
    let readers = taps.iter().map(|it| File::from(it.try_clone().unwrap())).collect();
    Net { taps, readers, senders }
}

/// `chosen`: senders may name an interface, and then nobody tells by which router they leave, which MASQUERADE looks at.
fn rules(rng: &mut Rng, v6: bool, chosen: bool) -> String {
    let host = |device, number| host(v6, device, number);
    let other = |rng: &mut Rng| host(rng.below(3) as usize, rng.within(20, 30));
    let dnat = |rng: &mut Rng| {
        let to = other(rng);
        if v6 { format!("[{to}]:{}", rng.pick(&[22, 80])) } else { format!("{to}:{}", rng.pick(&[22, 80])) }
    };
    let mut text = "*mangle\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n".to_owned();
    for hook in ["PREROUTING", "OUTPUT"] {
        if rng.chance(60) {
            text.push_str(&format!(
                "-A {hook} -p tcp -m tcp --dport {} -j MARK --set-mark {}\n",
                rng.pick(&[22, 80]),
                rng.pick(&[0, 1, 2])
            ));
        }
    }
    // What else a route is found by, or is not.
    let change = match (rng.below(4), v6) {
        (0, _) => {
            format!("TOS --set-tos {:#x}/{:#x}", rng.pick(&[1, 0x10, 0x90, 0xff]), rng.pick(&[0xff, 0x10]))
        }
        (1, _) => format!("DSCP --set-dscp {}", rng.pick(&[0, 4, 46])),
        (2, true) => format!("HL --hl-{} {}", rng.pick(&["set", "inc"]), rng.pick(&[1, 64])),
        (2, false) => format!("TTL --ttl-{} {}", rng.pick(&["set", "inc"]), rng.pick(&[1, 64])),
        _ => "DSCP --set-dscp 4".to_owned(),
    };
    text.push_str(&format!("-A OUTPUT -p {} -j {change}\n", rng.pick(&["tcp", "udp"])));
    text.push_str("COMMIT\n*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n");
    for hook in ["PREROUTING", "OUTPUT"] {
        for port in [22, 80] {
            match rng.below(6) {
                0 | 1 => text.push_str(&format!(
                    "-A {hook} -p tcp -m tcp --dport {port} -j DNAT --to-destination {}\n",
                    dnat(rng)
                )),
                2 if !v6 || hook == "OUTPUT" => {
                    text.push_str(&format!("-A {hook} -p udp -m udp --dport {port} -j REDIRECT\n"));
                }
                // Which of several ports it is makes no difference to its way, but which of several addresses.
                3 if !v6 && rng.chance(50) => text.push_str(&format!(
                    "-A {hook} -p tcp -m tcp --dport {port} -j DNAT --to-destination :1000-1010\n"
                )),
                4 if rng.chance(40) => text.push_str(&format!(
                    "-A {hook} -p tcp -m tcp --dport {port} -j DNAT --to-destination {}-{}\n",
                    host(0, 20),
                    host(2, 30)
                )),
                _ => {}
            }
        }
    }
    for device in DEVICES {
        if !chosen && rng.chance(50) {
            text.push_str(&format!("-A POSTROUTING -o {device} -j MASQUERADE\n"));
        }
    }
    // What comes here is counted, and answered by nobody.
    text.push_str("COMMIT\n*filter\n:INPUT DROP\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n");
    // Under which address it comes is asked as well.
    let here = [host(0, 1), host(1, 1), host(2, 1), (if v6 { "::1" } else { "127.0.0.1" }).to_owned()];
    here.iter().for_each(|it| text.push_str(&format!("-A INPUT -d {it}\n")));
    text.push_str("COMMIT\n");
    text
}

fn packet(rng: &mut Rng, v6: bool, chosen: bool, port: u64) -> String {
    let end = |address: String, port: u64| {
        if v6 { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    };
    let proto = rng.pick(&["tcp", "tcp", "udp"]);
    let from = rng.below(4) as usize;
    let far = if v6 { "2001:db8:9::9".to_owned() } else { "198.51.100.9".to_owned() };
    let hole = if v6 { "2001:db8:66::9".to_owned() } else { "10.66.0.9".to_owned() };
    let kind = rng.below(9);
    let apart = HOSTS_APART[usize::from(v6)].to_owned();
    let to = match kind {
        0..=2 => far,
        8 if matches!(from, 0 | 2) => apart,
        3 => hole,
        4 => host(v6, rng.below(3) as usize, 1),
        _ => host(v6, rng.below(3) as usize, rng.within(20, 30)),
    };
    let to = end(to, rng.pick(&[22, 80, 443]));
    let id = if v6 { "" } else { " id=7" };
    match DEVICES.get(from) {
        Some(name) => {
            let out = if kind == 8 && from != 1 { " out lan" } else { "" };
            format!(
                "{proto} {} -> {to} in {name}{out}{id}",
                end(host(v6, from, rng.pick(&[20, 21, 77])), port)
            )
        }
        None => {
            let from = end(host(v6, rng.below(3) as usize, 1), port);
            let mark = rng.pick(&["", "", " mark=1"]);
            // To itself it goes by no other way.
            let out = if chosen && kind != 4 && rng.chance(70) {
                format!(" out {}", rng.pick(&DEVICES))
            } else {
                String::new()
            };
            let (tos, flow) = (rng.pick(&[0, 0x10]), if v6 { rng.pick(&["", " flow=5"]) } else { "" });
            format!("{proto} {from} -> {to}{out}{id}{mark} tos={tos}{flow}")
        }
    }
}

/// What left, and through which interface: a frame with this source port, before or after translation.
fn left(net: &mut Net, port: u16, v6: bool) -> Option<(usize, Vec<u8>)> {
    let mut found = None;
    let mut frame = vec![0; 4096];
    for (at, reader) in net.readers.iter_mut().enumerate() {
        while let Ok(length) = reader.read(&mut frame) {
            let bytes = &frame[14..length];
            let transport = if v6 { 40 } else { 20 };
            let version = bytes.first().map(|it| it >> 4);
            let ours = bytes.get(transport..transport + 2) == Some(&port.to_be_bytes());
            if version == Some(if v6 { 6 } else { 4 }) && ours {
                found = Some((at, bytes.to_vec()));
            }
        }
    }
    found
}

#[test]
fn packets_leave_where_routes_lead_them() {
    if scratch_or_skip().is_none() {
        return;
    }
    let seed = std::env::var("PTABLES_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(7);
    println!("PTABLES_SEED={seed}");
    let mut rng = Rng::new(seed);
    let mut net = net();
    // The routes of new addresses come a moment later.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let snapshot = Source::new("routes", Kernel::new().save_routes().unwrap()).unwrap();
    let (routes, wrong) = Routes::parse(&snapshot);
    assert!(wrong.is_empty(), "{wrong:?}");
    choices();
    let lock = std::env::temp_dir().join(format!("ptables-routed-{}", std::process::id()));
    let mut port = 20_000;
    let mut seen = [0; 6];
    for number in 0..RULESETS {
        let v6 = number % 2 == 1;
        let chosen = number % 4 > 1;
        let text = rules(&mut rng, v6, chosen);
        Loader::legacy(v6, &lock).load(&text).unwrap();
        let ruleset = trial::read(v6, false, &text).unwrap();
        let simulator = Simulator::new(&ruleset, Options::default()).with_routes(routes.clone());
        let nothing = trial::read(v6, false, "").unwrap();
        let plain = Simulator::new(&nothing, Options::default()).with_routes(routes.clone());
        let mut input = Table::new(v6, "filter").unwrap();
        let shape = input.shape().unwrap();
        let end = shape.iter().position(|it| it.chain == "INPUT" && it.kind == Kind::Policy).unwrap();
        let mut counts = Vec::new();
        for _ in 0..PACKETS {
            port += 1;
            let line = packet(&mut rng, v6, chosen, port);
            let told = Packet::parse_routed(&Text::from(line.as_str())).unwrap();
            input.counts(&mut counts).unwrap();
            let before = counts.clone();
            let bytes = told.to_bytes();
            match told.in_iface {
                Some(iface) => {
                    let at = DEVICES.iter().position(|it| it.as_bytes() == iface.as_bytes()).unwrap();
                    let mut frame = vec![2, 0xaa, 0, 0, 0, at as u8, 2, 0, 0, 0, 0, 9];
                    frame.extend(if v6 { [0x86, 0xdd] } else { [8, 0] });
                    frame.extend(bytes);
                    sys::write(&net.taps[at], &frame).unwrap();
                }
                // What has no way is refused at once.
                None => {
                    let at = |it: Iface| DEVICES.iter().position(|name| name.as_bytes() == it.as_bytes());
                    net.choose(told.out_iface.and_then(at));
                    drop(sys::send_marked(&net.senders[usize::from(v6)], bytes, told.mark));
                }
            }
            let left = left(&mut net, port as u16, v6);
            input.counts(&mut counts).unwrap();
            let came_here = counts[end].0 > before[end].0;
            let hits: Vec<usize> = (0..end).filter(|at| counts[*at].0 > before[*at].0).collect();
            let trace = simulator.simulate(&told);
            let context = format!("PTABLES_SEED={seed}: {line}\n{text}{}", simulator.human(&trace));
            assert!(!trace.packet.routed, "it says where it went: {context}");
            // Without a word about where it came from, what is known must be right.
            let mut part = told.clone();
            part.in_iface = None;
            for less in [simulator.simulate(&part), trace.clone()] {
                let out = left.as_ref().map(|it| DEVICES[it.0].as_bytes());
                let right = match less.verdict {
                    Verdict::Unknown => true,
                    Verdict::Accept => {
                        less.packet.out_iface.as_ref().map(Iface::as_bytes) == out || came_here
                    }
                    _ => out.is_none(),
                };
                assert!(right, "told less: {context}{}", simulator.human(&less));
            }
            if trace.verdict == Verdict::Unknown {
                seen[0] += 1;
                continue;
            }
            // What is told the way that it would take without rules goes the same one, where they change it too.
            let without = plain.simulate(&told);
            if without.verdict == Verdict::Accept {
                let mut whole = told.clone();
                whole.routed = false;
                (whole.path, whole.out_iface) = (without.packet.path, without.packet.out_iface);
                let again = simulator.simulate(&whole);
                // What goes nowhere stays where it was.
                let way =
                    |it: &Trace| Some((it.packet.path, it.packet.out_iface)).filter(|_| it.ended.is_none());
                let end = |it: &Trace| (it.verdict, it.ended, way(it));
                assert_eq!(end(&again), end(&trace), "{context}{}", simulator.human(&again));
                assert_eq!(again.packet.to_bytes(), trace.packet.to_bytes(), "{context}");
            }
            match (&left, came_here) {
                (Some((at, bytes)), _) => {
                    seen[1] += 1;
                    assert_eq!(trace.verdict, Verdict::Accept, "{context}");
                    let out = trace.packet.out_iface.unwrap();
                    assert_eq!(out.as_bytes(), DEVICES[*at].as_bytes(), "{context}");
                    let untold = trace.untold.iter().any(|it| it.0.is_of_bytes());
                    // Which of several ports and addresses it is, nobody tells.
                    assert!(
                        !untold
                            || text.contains(":1000-1010")
                            || text.contains(&format!("{}-", host(v6, 0, 20))),
                        "{context}"
                    );
                    if !untold {
                        seen[4] += 1;
                        assert_eq!(bytes, trace.packet.to_bytes(), "{context}");
                    }
                }
                (None, true) => {
                    seen[2] += 1;
                    let to_itself = trace.packet.out_iface.is_some_and(|it| it.as_bytes() == b"lo");
                    assert!(trace.packet.path == Path::Input || to_itself, "{context}");
                    let filter =
                        ruleset.tables.iter().position(|it| it.name.as_bytes() == b"filter").unwrap();
                    let asked = |trace: &Trace| -> Vec<usize> {
                        let steps =
                            trace.path.iter().filter(|it| it.at.table == filter && it.hook == Hook::Input);
                        steps.filter_map(|it| it.at.rule).collect()
                    };
                    if !to_itself {
                        assert_eq!(asked(&trace), hits, "{context}");
                    } else if trace.verdict == Verdict::Accept {
                        // It comes back, as a packet of the same connection, of which all is settled.
                        let mut back = trace.packet.clone();
                        (back.path, back.in_iface, back.out_iface) = (Path::Input, back.out_iface, None);
                        let back = simulator.simulate(&back);
                        let context = format!("{context}{}", simulator.human(&back));
                        assert_eq!((back.packet.path, asked(&back)), (Path::Input, hits), "{context}");
                        seen[5] += 1;
                    }
                }
                (None, false) => {
                    seen[3] += 1;
                    assert!(trace.ended.is_some(), "{context}");
                }
            }
        }
    }
    // The tools have made it.
    let _ = std::fs::remove_file(lock);
    println!("unknown, left, came here, refused, left with all told, came back: {seen:?}");
    assert!(seen[1] > 200 && seen[4] > 200 && seen[2] > 20 && seen[3] > 20 && seen[0] < 200, "{seen:?}");
    assert!(seen[5] > 5, "{seen:?}");
}
