//! Routes as we read them against the kernel's own answers (`ip route get`), for tables and addresses by chance.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ptables::dialect::Family;
use ptables::routes::{Query, Refusal, Routes, Way};
use ptables::source::Source;
use ptables::value::iface::Iface;
use ptables_kernel::netns::{Scratch, scratch_or_skip};
use xtask::kernel_diff::rng::Rng;

const DEVICES: [&str; 3] = ["eth0", "eth1", "wan"];
/// Tables and questions of each run.
const WORLDS: usize = 8;
const QUESTIONS: usize = 150;

/// An address of few networks, so that routes and packets meet.
fn address(rng: &mut Rng, v6: bool) -> u128 {
    let (net, sub, host) =
        (rng.below(3) as u128, rng.below(4) as u128, u128::from(rng.pick(&[1_u8, 2, 9, 255])));
    if v6 {
        0x2001_0db8 << 96 | net << 80 | sub << 64 | host
    } else {
        [0x0a00_0000, 0xc000_0200, 0x5db8_0000][net as usize] | sub << 8 | host
    }
}

fn text(address: u128, v6: bool) -> String {
    if v6 { Ipv6Addr::from(address).to_string() } else { Ipv4Addr::from(address as u32).to_string() }
}

fn network(rng: &mut Rng, v6: bool) -> String {
    let length = rng.pick(if v6 { &[32, 48, 64, 128, 0] } else { &[8, 16, 24, 32, 0] });
    let mask = if length == 0 { 0 } else { u128::MAX << (if v6 { 128 } else { 32 } - length) };
    format!("{}/{length}", text(address(rng, v6) & mask, v6))
}

/// Interfaces, addresses, routes and rules.
fn world(rng: &mut Rng, v6: bool) -> String {
    let mut batch = String::new();
    let mut line = |text: String| batch.push_str(&(text + "\n"));
    for (at, name) in DEVICES.iter().enumerate() {
        let (net, host) = if v6 {
            (format!("2001:db8:{at}::"), format!("2001:db8:{at}::1/64"))
        } else {
            (
                ["10.0.0.", "192.0.2.", "93.184.0."][at].to_owned(),
                format!("{}1/24", ["10.0.0.", "192.0.2.", "93.184.0."][at]),
            )
        };
        line(format!("addr add {host} dev {name}{}", if v6 { " nodad" } else { "" }));
        let second = if v6 { format!("{net}1:1/128") } else { format!("{net}77/32") };
        if rng.chance(50) {
            line(format!("addr add {second} dev {name}{}", if v6 { " nodad" } else { "" }));
        }
    }
    for _ in 0..rng.within(3, 12) {
        let table = rng.pick(&["main", "main", "100", "101"]);
        let to = network(rng, v6);
        let metric = rng.pick(&[100, 200, 300]);
        let at = rng.below(3) as usize;
        let route = match rng.below(8) {
            0 => format!("unreachable {to}"),
            1 => format!("blackhole {to}"),
            2 => format!("prohibit {to}"),
            3 => format!("throw {to}"),
            4 | 5 => format!("{to} dev {}", DEVICES[at]),
            6 if v6 => format!("{to} via 2001:db8:{at}::fe dev {}", DEVICES[at]),
            6 => format!("{to} via {}254 dev {}", ["10.0.0.", "192.0.2.", "93.184.0."][at], DEVICES[at]),
            _ if v6 => format!("{to} nexthop via 2001:db8:0::fe nexthop via 2001:db8:1::fe"),
            _ => format!("{to} nexthop via 10.0.0.254 nexthop via 192.0.2.254"),
        };
        line(format!("route add {route} table {table} metric {metric}"));
    }
    for _ in 0..rng.within(0, 5) {
        let priority = rng.within(10, 60);
        let mut rule = format!("rule add pref {priority}");
        if rng.chance(15) {
            rule.push_str(" not");
        }
        match rng.below(5) {
            0 => rule.push_str(&format!(" from {}", network(rng, v6))),
            1 => rule.push_str(&format!(" to {}", network(rng, v6))),
            2 => rule.push_str(&format!(" fwmark {}", rng.pick(&["1", "0x10/0xf0", "2"]))),
            3 => rule.push_str(&format!(" iif {}", rng.pick(&["eth0", "eth1", "lo"]))),
            _ => rule.push_str(" fwmark 1 to 10.0.0.0/8"),
        }
        if v6 && rule.contains("10.0.0.0") {
            continue;
        }
        rule.push_str(match rng.below(8) {
            0 => " prohibit",
            1 => " unreachable",
            2 => " blackhole",
            3 => " lookup main suppress_prefixlength 0",
            4 => " lookup main",
            _ => rng.pick(&[" lookup 100", " lookup 101"]),
        });
        line(rule);
    }
    batch
}

/// Runs a program, and gives what it printed, or what it said against it.
fn run(scratch: &Scratch, program: &str, words: &[&str], input: &str) -> Result<String, String> {
    let output = scratch.run(program, words, input.as_bytes()).expect("the program runs");
    let read = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(read(&output.stdout)) } else { Err(read(&output.stderr)) }
}

fn snapshot(scratch: &Scratch) -> Routes {
    let text = scratch.kernel().save_routes().expect("ip prints");
    let source = Source::new("<snapshot>", text).expect("short");
    let (routes, wrong) = Routes::parse(&source);
    assert!(wrong.is_empty(), "{wrong:?}");
    routes
}

/// Waits until the kernel has made the routes of new addresses, which it does behind our back for IPv6.
fn settle(scratch: &Scratch, batch: &str) {
    let added = |line: &str| line.strip_prefix("addr add ")?.split('/').next()?.parse::<Ipv6Addr>().ok();
    let addresses: Vec<Ipv6Addr> = batch.lines().filter_map(added).collect();
    for _ in 0..500 {
        let there = run(scratch, "ip", &["-6", "route", "show", "table", "local"], "").unwrap_or_default();
        if addresses.iter().all(|it| there.contains(&format!("local {it} "))) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the routes of the addresses never came");
}

/// What the kernel says, in our words.
fn kernel(answer: Result<String, String>, incoming: bool) -> Way {
    let refused = |text: &str| {
        Way::Refused(match text {
            _ if text.contains("Permission denied") || text.starts_with("prohibit") => Refusal::Prohibit,
            _ if text.contains("Invalid cross-device") => Refusal::Martian,
            _ if text.contains("Invalid argument") || text.starts_with("blackhole") => Refusal::Blackhole,
            _ if text.contains("No route to host") => Refusal::Unreachable,
            _ => Refusal::NoRoute,
        })
    };
    let line = match &answer {
        Err(said) => return refused(said),
        Ok(said) => said.trim(),
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |name: &str| words.iter().position(|it| *it == name).and_then(|at| words.get(at + 1));
    match words.first().copied() {
        Some("unreachable" | "prohibit" | "blackhole") => refused(line),
        Some("local" | "broadcast" | "anycast") if incoming => Way::Local,
        _ => {
            let gateway = after("via").and_then(|it| it.parse::<IpAddr>().ok());
            let gateway = gateway.map(|it| match it {
                IpAddr::V4(it) => u128::from(u32::from(it)),
                IpAddr::V6(it) => u128::from(it),
            });
            let iface = Iface::parse(after("dev").expect("an interface").as_bytes()).expect("a name");
            Way::Out { iface, gateway }
        }
    }
}

/// What the kernel does not tell apart here.
fn alike(ours: Way, theirs: Way, v6: bool) -> bool {
    use Refusal::{Blackhole, Martian, NoRoute, NotForwarding, Unreachable};
    match (ours, theirs) {
        (Way::Refused(one), Way::Refused(other)) => {
            one == other
                || v6 && [one, other].iter().all(|it| matches!(it, NoRoute | Unreachable))
                || matches!((one, other), (Martian, Blackhole) | (NotForwarding, Unreachable | NoRoute))
        }
        // IPv6 finds the way first.
        (Way::Refused(NotForwarding), Way::Out { .. }) => v6,
        (one, other) => one == other,
    }
}

#[test]
fn routes_lead_where_the_kernel_sends() {
    let seed = std::env::var("PTABLES_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |it| it.as_secs())
    });
    println!("PTABLES_SEED={seed}");
    let mut rng = Rng::new(seed);
    let (mut known, mut unknown) = (0, 0);
    for number in 0..WORLDS {
        let v6 = number % 2 == 1;
        let Some(scratch) = scratch_or_skip() else { return };
        let filter = rng.pick(&["0", "0", "1", "2"]);
        let forward = if rng.chance(85) { "1" } else { "0" };
        let mut links = String::new();
        for (at, name) in DEVICES.iter().enumerate() {
            let _ = writeln!(links, "link add {name} type veth peer name peer{at}");
            let _ = writeln!(links, "link set {name} up\nlink set peer{at} up");
        }
        run(&scratch, "ip", &["-batch", "-"], &links).expect("links");
        for setting in [
            "net.ipv4.conf.all.rp_filter=0".to_owned(),
            format!("net.ipv4.conf.eth0.rp_filter={filter}"),
            "net.ipv4.conf.eth1.rp_filter=0".to_owned(),
            format!("net.ipv4.ip_forward={forward}"),
            format!("net.ipv6.conf.all.forwarding={forward}"),
        ] {
            run(&scratch, "sysctl", &["-w", &setting], "").expect("sysctl");
        }
        let batch = world(&mut rng, v6);
        // What stands there already, or cannot be reached, is not added.
        let family = if v6 { "-6" } else { "-4" };
        let _ = run(&scratch, "ip", &[family, "-force", "-batch", "-"], &batch);
        settle(&scratch, &batch);
        let routes = snapshot(&scratch);
        for _ in 0..QUESTIONS {
            let query = Query {
                family: if v6 { Family::V6 } else { Family::V4 },
                source: address(&mut rng, v6),
                destination: address(&mut rng, v6),
                mark: rng.pick(&[0, 0, 1, 2, 0x10, 0x13]),
                from: rng
                    .pick(&[None, Some("eth0"), Some("eth1")])
                    .map(|it| Iface::parse(it.as_bytes()).expect("a name")),
                is_made: true,
            };
            let query = if query.from.is_none() {
                // The kernel itself sends from its own addresses only.
                Query { source: if v6 { 0x2001_0db8 << 96 | 1 } else { 0x0a00_0001 }, ..query }
            } else {
                query
            };
            let (to, from, mark) =
                (text(query.destination, v6), text(query.source, v6), query.mark.to_string());
            let name = query.from.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
            let mut words = vec![family, "route", "get", &to, "from", &from, "mark", &mark];
            words.extend(name.iter().flat_map(|it| ["iif", it.as_str()]));
            let theirs = kernel(run(&scratch, "ip", &words, ""), query.from.is_some());
            match routes.find(&query) {
                Err(_) => unknown += 1,
                Ok(ours) => {
                    known += 1;
                    assert!(
                        alike(ours, theirs, v6),
                        "PTABLES_SEED={seed}: ip {}\nours {ours:?}, the kernel's {theirs:?}\n{batch}{}",
                        words.join(" "),
                        run(&scratch, "ip", &[family, "route", "show", "table", "all"], "")
                            .unwrap_or_default()
                    );
                }
            }
        }
    }
    println!("{known} known, {unknown} unknown");
    assert!(known > unknown, "{known} known, {unknown} unknown");
}
