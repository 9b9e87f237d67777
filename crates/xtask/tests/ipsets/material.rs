//! Sets, rules and packets by chance, from few addresses, so that they meet.

use ptables::ipset::{PartKind, SetType};
use ptables_judge::world::Path;
use xtask::kernel_diff::rng::Rng;
use xtask::kernel_diff::shot::Shot;

/// A set with its entries as words.
pub struct Draft {
    create: String,
    entries: Vec<String>,
}

const V4: [&str; 6] = ["192.0.2.1", "192.0.2.2", "192.0.2.9", "192.0.3.1", "198.51.100.1", "0.0.0.0"];
const V6: [&str; 6] = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "2001:db8:1::1", "fd00::1", "::"];
const NETS4: [&str; 9] = [
    "192.0.2.0/24",
    "192.0.2.0/28",
    "192.0.0.0/16",
    "192.0.2.1",
    "0.0.0.0/0",
    "198.51.100.0/25",
    "192.0.2.1-192.0.2.9",
    "128.0.0.0/1",
    "192.0.2.9/8",
];
const NETS6: [&str; 7] = [
    "2001:db8::/64",
    "2001:db8::/32",
    "2001:db8::1",
    "::/0",
    "fd00::/8",
    "2001:db8::1-2001:db8::9",
    "8000::/1",
];
const PORTS: [&str; 20] = [
    "80",
    "tcp:80",
    "udp:53",
    "udp:50-60",
    "tcp:79-81",
    "sctp:80",
    "udplite:53",
    "icmp:8/0",
    "icmp:ping",
    "icmpv6:128/0",
    "icmpv6:ping",
    "47:0",
    "gre:0",
    "esp:0",
    "59:0",
    "253:0",
    "icmp:8",
    "gre:7",
    "tcp:x",
    "0:0",
];
const MACS: [&str; 3] = ["02:00:00:00:00:01", "02:00:00:00:00:07", "00:00:00:00:00:00"];
const IFACES: [&str; 7] = ["eth0", "eth1", "eth", "eth1+", "physdev:eth0", "ppp0", "0123456789012345"];

impl Draft {
    /// A set of a type; `good`: of options and entries that are likely right.
    pub fn new(kind: SetType, v6: bool, rng: &mut Rng, good: bool) -> Draft {
        let mut create = kind.as_str().to_owned();
        let family = kind.takes("family") && (v6 || rng.chance(30));
        if family {
            create.push_str(if v6 { " family inet6" } else { " family inet" });
        }
        let v6 = v6 && kind.takes("family");
        if kind.takes("range") {
            create.push_str(match (kind == SetType::BitmapPort, rng.below(3)) {
                (true, 0) => " range 50-100",
                (true, _) => " range 0-1023",
                (false, 0) => " range 192.0.2.0-192.0.2.200",
                (false, _) => " range 192.0.2.0/24",
            });
        }
        if rng.chance(30) && kind.takes("netmask") {
            create.push_str(&match (v6, kind.takes("range")) {
                (true, _) => format!(" netmask {}", rng.pick(&[64, 112, 128])),
                (false, true) if !create.contains("192.0.2.200") => {
                    format!(" netmask {}", rng.pick(&[28, 30, 32]))
                }
                (false, true) => String::new(),
                (false, false) => format!(" netmask {}", rng.pick(&[24, 30, 32])),
            });
        }
        if rng.chance(10) && kind.is_hash() {
            create.push_str(&format!(" maxelem {}", rng.within(1, 12)));
        }
        // The program takes several lines at once, with the flags of the first of them.
        let exist = good || rng.chance(30);
        let mut entries: Vec<String> = (0..rng.within(0, 5))
            .map(|_| {
                let parts = kind.parts().iter().map(|it| part(*it, v6, rng, good)).collect::<Vec<_>>();
                let mut entry = parts.join(",");
                // Of a range the kernel cuts the first address only, and what it saves then is no text for it.
                if kind == SetType::HashIpPort && create.contains("netmask") {
                    entry = entry
                        .replace("192.0.2.0-192.0.2.4", "192.0.2.4")
                        .replace("192.0.2.8/30", "192.0.2.8");
                }
                if rng.chance(20) && (kind.has_networks() || !good) {
                    entry.push_str(" nomatch");
                }
                if rng.chance(20) && kind == SetType::HashNetIface {
                    entry.push_str(" wildcard");
                }
                if exist {
                    entry.push_str(" -exist");
                }
                entry
            })
            .collect();
        if kind == SetType::ListSet {
            entries.truncate(if good { 0 } else { 1 });
        }
        Draft { create, entries }
    }

    /// Text for `ipset restore`.
    pub fn text(&self, name: &str) -> String {
        let mut text = format!("create {name} {}\n", self.create);
        for entry in &self.entries {
            text.push_str(&format!("add {name} {entry}\n"));
        }
        text
    }
}

fn part(kind: PartKind, v6: bool, rng: &mut Rng, good: bool) -> String {
    let most = |len: usize| if good { len - 1 } else { len };
    match kind {
        PartKind::Ip | PartKind::OneIp => {
            let all = if v6 { &V6 } else { &V4 };
            let one = rng.pick(&all[..most(all.len())]);
            match rng.below(8) {
                0 if !v6 && (kind == PartKind::Ip || !good) => "192.0.2.0-192.0.2.4".to_owned(),
                1 if !v6 && (kind == PartKind::Ip || !good) => "192.0.2.8/30".to_owned(),
                2 if !good => "192.0.2".to_owned(),
                _ => one.to_owned(),
            }
        }
        PartKind::Net(zero) => {
            let all: &[&str] = if v6 { &NETS6 } else { &NETS4 };
            let fits = |it: &&str| !good || ((zero || !it.ends_with("/0")) && !(v6 && it.contains('-')));
            let all: Vec<&str> = all.iter().copied().filter(fits).collect();
            rng.pick(&all).to_owned()
        }
        PartKind::Port => {
            let wrong = if v6 { "icmp:" } else { "icmpv6:" };
            let all: Vec<&str> = PORTS[..if good { 16 } else { 20 }]
                .iter()
                .copied()
                .filter(|it| !good || !it.starts_with(wrong))
                .collect();
            rng.pick(&all).to_owned()
        }
        PartKind::BarePort => rng
            .pick(if good {
                &["80", "53", "60-90", "udp:80"]
            } else {
                &["80", "1-9", "TCP:80-81", "sctp:80"]
            })
            .to_owned(),
        PartKind::Mac(_) => rng.pick(&MACS[..most(3)]).to_owned(),
        PartKind::Mark => rng.pick(&["0x5", "7", "0"]).to_owned(),
        PartKind::Iface => rng.pick(&IFACES[..most(7)]).to_owned(),
        PartKind::Set => rng.pick(&["nowhere", "s"]).to_owned(),
    }
}

/// Sets, and rules that ask for them; `kinds` has the type of each rule's set.
pub struct World {
    pub sets: String,
    pub rules: String,
    pub kinds: Vec<String>,
}

pub fn world(types: &[SetType], v6: bool, rng: &mut Rng) -> World {
    let mut world =
        World { sets: String::new(), rules: "*raw\n:fill - [0:0]\n".to_owned(), kinds: Vec::new() };
    let mut known = Vec::new();
    known.push(("first".to_owned(), SetType::HashIp));
    world.sets.push_str(&format!("create first hash:ip{}\n", if v6 { " family inet6" } else { "" }));
    for number in 0..6 {
        let kind = rng.pick(types);
        let name = format!("s{number}");
        // A rule is not taken with a set of the other family.
        if v6 && kind.has_addresses() && !kind.takes("family") {
            continue;
        }
        let mut draft = Draft::new(kind, v6, rng, true);
        while super::contents(draft.text("s").as_bytes()).1.is_some() {
            draft = Draft::new(kind, v6, rng, true);
        }
        if kind == SetType::ListSet {
            let members: Vec<&String> = known
                .iter()
                .filter(|(_, kind)| *kind != SetType::ListSet)
                .map(|it: &(String, SetType)| &it.0)
                .collect();
            draft.entries =
                members.iter().filter(|_| rng.chance(60)).map(|it| format!("{it} -exist")).collect();
        }
        world.sets.push_str(&draft.text(&name));
        known.push((name, kind));
    }
    // What the kernel's counters of entries say nobody is told: after such a rule a world is over.
    let counted = rng.chance(10);
    for number in 0..18 {
        let (name, kind) = &known[rng.below(known.len() as u64) as usize];
        let count = kind.parts().len() as u64;
        let count = if rng.chance(90) { count.max(1) } else { rng.within(1, 4) };
        let mut dirs: Vec<&str> = (0..count.max(if *kind == SetType::ListSet { 3 } else { 1 }))
            .map(|_| rng.pick(&["src", "dst"]))
            .collect();
        // The Ethernet destination tells the namespace which way a packet goes.
        if dirs.len() > 1 {
            dirs[1] = "src";
        }
        let dirs = dirs.join(",");
        let rule = match rng.below(9) {
            // Whether both of its rules change sets may be open.
            8 if number < 14 => "-j fill".to_owned(),
            2 if counted => {
                format!("-m set --match-set {name} {dirs} --{}-gt 5", rng.pick(&["packets", "bytes"]))
            }
            0 => {
                let exist = rng.pick(&["", " --exist"]);
                format!("-j SET --add-set {name} {dirs}{exist}")
            }
            1 => format!("-j SET --del-set {name} {dirs}"),
            _ if number >= 14 => format!("-j SET --{}-set {name} {dirs}", rng.pick(&["add", "add", "del"])),
            _ => {
                let not = rng.pick(&["", "", "! "]);
                let exceptions = rng.pick(&["", "", " --return-nomatch"]);
                format!("-m set {not}--match-set {name} {dirs}{exceptions}")
            }
        };
        // Whether a set is changed may depend on what not everybody is told.
        let condition = match rule.starts_with("-j") && rng.chance(40) {
            true if number < 14 => {
                rng.pick(&["-i eth0 ", "! -i eth1 ", "-m mac --mac-source 02:00:00:00:00:01 "])
            }
            _ => "",
        };
        if number >= 14 {
            world.rules.push_str(&format!("-A fill {rule}\n"));
        } else {
            world.rules.push_str(&format!("-A PREROUTING {condition}{rule}\n"));
            world.kinds.push(kind.as_str().to_owned());
        }
    }
    world.rules.push_str("COMMIT\n");
    world
}

/// Sets whose entries live for two or six seconds, or for longer, and rules that ask for them, fill them and renew what is there.
pub fn ageing(rng: &mut Rng) -> World {
    let mut world = World { sets: String::new(), rules: "*raw\n".to_owned(), kinds: Vec::new() };
    let times = [0, 2, 6, 100];
    for number in 0..12 {
        let (kind, all): (_, &[&str]) = rng.pick(&[("hash:ip", &V4[..5]), ("hash:net", &NETS4[..4])]);
        let usual = rng.pick(&times);
        world.sets.push_str(&format!("create s{number} {kind} timeout {usual}\n"));
        for _ in 0..3 {
            let (entry, time) = (rng.pick(all), rng.pick(&times));
            world.sets.push_str(&format!("add s{number} {entry} timeout {time} -exist\n"));
        }
        let change = match rng.below(3) {
            0 => format!("--del-set s{number} src"),
            _ => format!(
                "--add-set s{number} src{}{}",
                rng.pick(&["", " --exist"]),
                rng.pick(&["", " --timeout 2", " --timeout 6"])
            ),
        };
        let rules = [
            format!("-m mark --mark 7 -j SET {change}"),
            format!("-m set --match-set s{number} src"),
            format!("-m set ! --match-set s{number} dst"),
        ];
        rules.iter().for_each(|it| world.rules.push_str(&format!("-A PREROUTING {it}\n")));
    }
    world.rules.push_str("COMMIT\n");
    world
}

/// A packet of the same few addresses and ports.
pub fn shot(v6: bool, rng: &mut Rng) -> Shot {
    let all = if v6 { &V6 } else { &V4 };
    let (source, destination) = (rng.pick(all), rng.pick(&all[..5]));
    let port = |rng: &mut Rng| rng.pick(&[80, 53, 79, 443]);
    let (one, other) = (port(rng), port(rng));
    let wrap = |it: &str, port: u16| if v6 { format!("[{it}]:{port}") } else { format!("{it}:{port}") };
    let (from, to) = (wrap(source, one), wrap(destination, other));
    let mut text = match rng.below(9) {
        0 => format!("udp {from} -> {to}"),
        1 => format!("sctp {from} -> {to}"),
        2 => format!("udplite {from} -> {to}"),
        3 if v6 => format!("icmpv6 {source} -> {destination} type={}", rng.pick(&["128/0", "129/0"])),
        3 => format!("icmp {source} -> {destination} type={}", rng.pick(&["8/0", "3/1"])),
        4 => {
            format!(
                "{} {source} -> {destination} headless",
                rng.pick(&["47", "50", "6", "17", "59", "58", if v6 { "253" } else { "0" }])
            )
        }
        _ => format!("tcp {from} -> {to}"),
    };
    if rng.chance(12) && !v6 {
        text.push_str(" fragment=64");
    }
    if rng.chance(40) {
        text.push_str(" payload=0x0102030405060708090a0b0c");
    }
    text.push_str(" in eth0");
    let packet = ptables::packet::Packet::parse(&text.as_str().into());
    let bytes = packet.map_err(|it| it.message).unwrap().to_bytes().to_vec();
    Shot {
        input: rng.below(3) as usize,
        output: 1,
        mark: rng.pick(&[0, 5, 7]),
        mac: rng.pick(&[[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 7]]),
        ..Shot::new(Path::Forward, bytes)
    }
}
