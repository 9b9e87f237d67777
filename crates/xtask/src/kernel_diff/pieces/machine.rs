//! Matches of what the machine knows besides the packet.

use std::time::{SystemTime, UNIX_EPOCH};

use ptables::ext::Hook;
use ptables_judge::world::{DEVICES, Link, MARK_BITS, OWNERS, Path};

use super::{Maker, Piece, Place, incoming, outgoing};
use crate::kernel_diff::pool;

pub(super) const MAKERS: &[Maker] = &[
    Maker::new("mark", mark),
    Maker::new("mac", mac).only(incoming),
    Maker::new("pkttype", pkttype),
    Maker::new("owner", owner).only(|place| matches!(place.hook, Hook::Output | Hook::Postrouting)),
    Maker::new("cpu", cpu),
    Maker::new("cgroup", cgroup)
        .only(|place| !place.nft && matches!(place.hook, Hook::Output | Hook::Postrouting | Hook::Input)),
    Maker::new("devgroup", devgroup),
    // Translation changes the kinds of addresses, which the simulator is told of the packet as it comes.
    Maker::new("addrtype", addrtype).only(|place| !place.tracked || !place.decided),
    Maker::new("rpfilter", rpfilter)
        .only(|place| place.hook == Hook::Prerouting && matches!(place.table, "raw" | "mangle")),
    Maker::new("realm", realm).only(|place| !place.v6 && place.hook != Hook::Prerouting),
    Maker::new("physdev", physdev),
    Maker::new("policy", policy),
    Maker::new("socket", socket).only(|place| {
        place.tracked
            && matches!(place.hook, Hook::Prerouting | Hook::Input)
            && !matches!(place.table, "nat" | "security")
    }),
    Maker::new("time", time),
];

fn mark(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("mark");
    let value = place.rng.pick(&pool::MARKS);
    let mask = place.rng.pick(&pool::MARK_MASKS);
    let text = match place.rng.below(8) {
        // Bits outside of the mask: equal to nothing.
        0 => format!("--mark {value:#x}/{mask:#x}"),
        1 => format!("--mark {value}"),
        _ => format!("--mark {:#x}/{mask:#x}", value & mask),
    };
    piece.option(place.not(), &text, move |draft, _| draft.shot.mark = value);
    piece
}

fn mac(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("mac");
    let mac = place.rng.pick(&pool::MACS);
    let text: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    piece.option(place.not(), &format!("--mac-source {}", text.join(":")), move |draft, _| {
        draft.shot.mac = mac
    });
    piece
}

fn pkttype(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("pkttype");
    let (name, link) = place.rng.pick(&[
        ("unicast", Link::Host),
        ("broadcast", Link::Broadcast),
        ("multicast", Link::Multicast),
        ("otherhost", Link::Host),
    ]);
    piece.option(place.not(), &format!("--pkt-type {name}"), move |draft, _| {
        if draft.shot.path == Path::Input {
            draft.shot.link = link;
        }
    });
    piece
}

fn owner(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("owner");
    let at = place.rng.below(OWNERS.len() as u64) as usize;
    let (user, group) = OWNERS[at];
    let which = place.rng.below(3);
    let range = |rng: &mut crate::kernel_diff::rng::Rng, id: u32| match rng.below(3) {
        0 => format!("{}-{}", id.saturating_sub(5), id + 5),
        1 => format!("{}-{}", id + 1, id + 9),
        _ => id.to_string(),
    };
    if which != 1 {
        let text = range(place.rng, user);
        piece.option(place.not(), &format!("--uid-owner {text}"), move |draft, _| draft.shot.owner = at);
    }
    if which == 1 || place.rng.chance(30) {
        let text = range(place.rng, group);
        piece.option(place.not(), &format!("--gid-owner {text}"), move |draft, _| draft.shot.owner = at);
    }
    if place.rng.chance(15) {
        piece.option(place.not(), "--socket-exists", |_, _| {});
    }
    piece
}

fn cpu(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("cpu");
    let number = if place.rng.chance(60) { place.cpu } else { place.cpu + 1 };
    piece.option(place.not(), &format!("--cpu {number}"), |_, _| {});
    piece
}

/// All senders are of class 0.
fn cgroup(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("cgroup");
    let class = place.rng.below(2);
    piece.option(place.not(), &format!("--cgroup {class}"), |_, _| {});
    piece
}

fn devgroup(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("devgroup");
    let mut add = |place: &mut Place<'_>, name: &str| {
        let group = place.rng.below(5) * 2;
        let text = if place.rng.chance(70) { format!("{group:#x}") } else { format!("{:#x}/0x6", group & 6) };
        let device = group as usize / 2 % DEVICES.len();
        let source = name == "src";
        piece.option(place.not(), &format!("--{name}-group {text}"), move |draft, _| match source {
            true => draft.shot.input = device,
            false if draft.shot.path == Path::Forward => draft.shot.output = device,
            false => {}
        });
    };
    let input = incoming(place);
    if input && (place.hook != Hook::Forward || place.rng.chance(60)) {
        add(place, "src");
        if place.hook != Hook::Forward {
            return piece;
        }
    } else {
        add(place, "dst");
        return piece;
    }
    if place.rng.chance(40) {
        add(place, "dst");
    }
    piece
}

fn addrtype(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("addrtype");
    let which = place.rng.below(3);
    let v6 = place.v6;
    if !place.decided && place.rng.chance(30) && (incoming(place) || outgoing(place)) {
        // Whose addresses an interface has, nobody tells.
        piece.word(if incoming(place) { "--limit-iface-in" } else { "--limit-iface-out" });
    }
    for (at, name) in ["src", "dst"].into_iter().enumerate() {
        if which == at as u64 {
            continue;
        }
        let types = if v6 {
            // What becomes of several is not known.
            let all = ["LOCAL", "UNICAST", "MULTICAST", "UNREACHABLE", "UNSPEC", "ANYCAST", "LOCAL,UNICAST"];
            place.rng.pick(if place.decided { &all[..6] } else { &all })
        } else {
            place.rng.pick(&[
                "LOCAL",
                "UNICAST",
                "MULTICAST",
                "BROADCAST",
                "LOCAL,BROADCAST",
                "UNSPEC",
                "UNICAST,MULTICAST",
            ])
        };
        piece.option(place.not(), &format!("--{name}-type {types}"), move |draft, rng| {
            let multicast = types.contains("MULTICAST") && draft.shot.path == Path::Output;
            if at == 0 && types.contains("LOCAL") {
                draft.layout.source = pool::local(rng.below(5) as usize, v6);
            } else if types.contains("LOCAL") {
                draft.layout.destination = pool::local(rng.below(5) as usize, v6);
            } else if at == 1 && types.contains("BROADCAST") && draft.shot.path == Path::Input {
                draft.layout.destination = 0x0a09_00ff | u128::from(rng.within(1, 5)) << 8;
            } else if at == 1 && multicast {
                draft.layout.destination = if v6 { 0xff0e << 112 | 5 } else { 0xe000_0009 };
            }
        });
    }
    piece
}

fn rpfilter(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("rpfilter");
    // The other options change what is a reverse path; the simulator is told whether there is one.
    if place.rng.chance(30) {
        piece.word("--invert");
    }
    piece.wishes.push(std::rc::Rc::new(|draft, rng| draft.shot.input = rng.pick(&[0, 0, 1])));
    piece
}

fn realm(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("realm");
    let text = place.rng.pick(&["--realm 0", "--realm 0x7", "--realm 0x10/0xff", "--realm 0x0/0xf"]);
    piece.option(place.not(), text, |_, _| {});
    piece
}

/// There is no bridge: every condition is false, inverted ones are true.
fn physdev(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("physdev");
    let option = if place.hook == Hook::Output {
        place.rng.pick(&["--physdev-is-in", "--physdev-in eth0", "--physdev-in eth+", "--physdev-in +"])
    } else {
        place.rng.pick(&[
            "--physdev-in eth0",
            "--physdev-is-in",
            "--physdev-is-out",
            "--physdev-is-bridged",
            "--physdev-in eth+",
            "--physdev-in +",
        ])
    };
    piece.option(place.not(), option, |_, _| {});
    piece
}

/// Nothing is encrypted.
fn policy(place: &mut Place<'_>) -> Piece {
    let direction =
        if outgoing(place) && (place.hook != Hook::Forward || place.rng.chance(50)) { "out" } else { "in" };
    let mut piece = Piece::new("policy");
    let pol = place.rng.pick(&[
        "none",
        "none",
        "ipsec",
        "ipsec --reqid 7",
        "ipsec ! --proto esp",
        "ipsec --strict --mode tunnel",
    ]);
    piece.word(&format!("--dir {direction} --pol {pol}"));
    piece
}

/// No socket waits. The match makes the kernel put fragments together: only where it does so anyhow.
fn socket(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("socket");
    if place.rng.chance(40) {
        piece.word(place.rng.pick(&["--transparent", "--nowildcard", "--transparent --nowildcard"]));
    }
    piece
}

/// Hours and days away from now, or around it; never near an edge.
fn time(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("time");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
    let rng = &mut *place.rng;
    // So long before or after now that no test lasts, and as a time of the day.
    let hour = |away: i64| {
        let second = (now as i64 + away).rem_euclid(86_400);
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    };
    let (start, stop) =
        (rng.pick(&[-40_000, -7_200, -1_800, 1_800]), rng.pick(&[-900, 900, 5_400, 30_000, 50_000]));
    // Between so many seconds of a day, the day is the same.
    let steady = (1_000..85_400).contains(&(now % 86_400));
    let week_day = (now / 86_400 + 3) % 7;
    let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let day = |away: u64| names[((week_day + away) % 7) as usize];
    // All chances are taken before the clock is looked at: a seed means the same set of rules at any time.
    let (which, other_day, of_span) = (rng.below(9), rng.pick(&[0, 6, 1, 3]), rng.pick(&[0, 6, 1]));
    let is_today = rng.chance(50);
    let text = match which {
        0 => "--datestart 2020-01-01".to_owned(),
        1 => "--datestop 2020-01-01".to_owned(),
        2 => "--datestart 2037-01-01T00:00:00".to_owned(),
        3 if steady => format!("--weekdays {}", day(other_day)),
        4 => "--datestart 2020-01-01 --datestop 2037-01-01".to_owned(),
        5 if steady && hour(start) > hour(stop) => format!(
            "--timestart {} --timestop {} --contiguous --weekdays {}",
            hour(start),
            hour(stop),
            day(of_span)
        ),
        6 if steady => {
            let today = u64::from(ptables::value::clock::day_of_month(now / 86_400));
            format!("--monthdays {}", if is_today { today } else { today % 28 + 1 })
        }
        _ => format!("--timestart {} --timestop {}", hour(start), hour(stop)),
    };
    piece.word(&text);
    piece
}

/// Marks that a rule may set keep within the bits that a namespace leaves.
pub(crate) const fn within(mark: u32) -> u32 {
    mark & MARK_BITS
}
