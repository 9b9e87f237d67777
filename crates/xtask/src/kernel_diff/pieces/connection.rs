//! Matches of the packet's connection.

use std::sync::OnceLock;

use ptables::packet::Transport;

use super::{Maker, Piece, Place};
use crate::kernel_diff::draft::Draft;
use crate::kernel_diff::pool;
use crate::kernel_diff::shot::{Entry, Known};

pub(super) const MAKERS: &[Maker] = &[
    Maker::new("state", state).only(tracked),
    Maker::new("conntrack", conntrack).only(tracked),
    Maker::new("connmark", connmark).only(tracked),
    Maker::new("connlabel", connlabel).only(tracked),
    Maker::new("helper", helper).only(tracked),
    Maker::new("connbytes", connbytes).only(tracked),
    // Of a connection that another one expected, the kernel hashes that other one, which nobody tells the simulator.
    Maker::new("cluster", cluster).only(|place| place.tracked && !place.entries),
];

fn tracked(place: &Place<'_>) -> bool {
    place.tracked
}

/// Types of questions and their answers.
const ECHOES_V4: [[u8; 2]; 4] = [[8, 0], [13, 14], [15, 16], [17, 18]];
const ECHOES_V6: [[u8; 2]; 2] = [[128, 129], [139, 140]];

/// Changes the entry of a packet, which gets one if it has none.
fn known(draft: &mut Draft, change: impl FnOnce(&mut Known)) {
    if !matches!(draft.shot.entry, Entry::There(_)) {
        draft.shot.entry = Entry::There(Known { seen: true, ..Known::default() });
    }
    if let Entry::There(it) = &mut draft.shot.entry {
        change(it);
    }
}

fn aim_state(draft: &mut Draft, name: &str) {
    match name {
        "NEW" | "INVALID" => draft.shot.entry = Entry::None,
        "ESTABLISHED" => known(draft, |it| (it.seen, it.related) = (true, false)),
        "RELATED" => known(draft, |it| (it.seen, it.related, it.reply) = (false, true, false)),
        _ => draft.shot.entry = Entry::Untracked,
    }
}

const STATES: [&str; 5] = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];

fn states(place: &mut Place<'_>) -> (String, &'static str) {
    let (one, other) = (place.rng.pick(&STATES), place.rng.pick(&STATES));
    (if one == other { one.to_owned() } else { format!("{one},{other}") }, one)
}

fn state(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("state");
    let (text, aim) = states(place);
    piece.option(place.not(), &format!("--state {text}"), move |draft, _| aim_state(draft, aim));
    piece
}

fn conntrack(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("conntrack");
    let before = piece.text.len();
    let v6 = place.v6;
    // Every other rule has one option, which then tells by itself how often it was true.
    let mut only = place.rng.chance(50).then(|| place.rng.below(13));
    let is_echo = matches!(place.proto, Some(1 | 58));
    if is_echo && place.rng.chance(50) {
        only = Some(6 + place.rng.below(4));
    }
    let given = |place: &mut Place<'_>, number: u64, percent: u64| match only {
        Some(it) => it == number,
        None => place.rng.chance(percent),
    };
    if given(place, 0, 35) {
        let (text, aim) = states(place);
        let text = if place.rng.chance(10) { "SNAT,DNAT".to_owned() } else { text };
        piece.option(place.not(), &format!("--ctstate {text}"), move |draft, _| aim_state(draft, aim));
    }
    if given(place, 1, 20) {
        let proto = place.rng.pick(&[6, 17, 132, if v6 { 58 } else { 1 }]);
        piece.option(place.not(), &format!("--ctproto {proto}"), move |draft, rng| {
            draft.become_proto(proto, rng)
        });
    }
    for (number, name) in ["ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"].into_iter().enumerate() {
        if given(place, 2 + number as u64, 15) {
            let address = pool::address(place.rng, v6);
            let length =
                if v6 { place.rng.pick(&[128, 64, 48, 0]) } else { place.rng.pick(&[32, 24, 25, 8, 0]) };
            // Which end of the packet it is, if it goes in the direction of the first.
            let source = matches!(name, "ctorigsrc" | "ctrepldst");
            let text = format!("--{name} {}/{length}", pool::text(address, v6));
            piece.option(place.not(), &text, move |draft, _| {
                let reply = matches!(&draft.shot.entry, Entry::There(it) if it.reply);
                if source != reply {
                    draft.layout.source = address;
                } else {
                    draft.layout.destination = address;
                }
            });
        }
    }
    let ports = ["ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport"];
    for (number, name) in ports.into_iter().enumerate() {
        if given(place, 6 + number as u64, 12) {
            let (mut text, mut low, mut high) = place.port_range();
            let mut echo = None;
            if place.rng.chance(if is_echo { 85 } else { 50 }) {
                // Of ICMP the identifier stands for one port, type and code for the other.
                let pair = place.rng.pick(if v6 { &ECHOES_V6[..] } else { &ECHOES_V4 });
                (echo, low) = (Some(pair), u16::from(place.rng.pick(&pair)) << 8);
                (text, high) = (low.to_string(), low);
            }
            let source = matches!(name, "ctorigsrcport" | "ctrepldstport");
            piece.option(place.not(), &format!("--{name} {text}"), move |draft, rng| {
                if let Some(kinds) = echo {
                    draft.become_proto(if draft.v6 { 58 } else { 1 }, rng);
                    draft.layout.transport = Transport::Icmp { kind: rng.pick(&kinds), code: 0, rest: 7 };
                }
                let reply = matches!(&draft.shot.entry, Entry::There(it) if it.reply);
                let port = Some(rng.pick(&[low, high]));
                if source != reply { draft.ports(port, None) } else { draft.ports(None, port) }
            });
        }
    }
    if given(place, 10, 15) {
        let text = place.rng.pick(&[
            "NONE",
            "EXPECTED",
            "SEEN_REPLY",
            "ASSURED",
            "CONFIRMED",
            "SEEN_REPLY,EXPECTED",
        ]);
        piece.option(place.not(), &format!("--ctstatus {text}"), move |draft, _| {
            known(draft, |it| {
                it.related = text.contains("EXPECTED");
                it.seen = !it.related;
                it.reply &= !it.related;
            })
        });
    }
    if given(place, 11, 15) {
        // Far from every time that the kernel gives an entry.
        let text = place.rng.pick(&["0:5", "8:5000", "5000:4294967295", "77777777"]);
        let text = match text {
            "77777777" => text,
            _ if !begins_without_time() => "0:4294967295",
            _ => text,
        };
        let not = place.not();
        // Nobody tells the time of a template.
        if place.table != "raw" {
            piece.option(not, &format!("--ctexpire {text}"), |draft, _| known(draft, |_| {}));
        }
    }
    if given(place, 12, 15) || piece.text.len() == before {
        let (name, reply) = place.rng.pick(&[("ORIGINAL", false), ("REPLY", true)]);
        piece.option(false, &format!("--ctdir {name}"), move |draft, _| {
            known(draft, |it| {
                it.reply = reply;
                it.related &= !reply;
                it.seen |= reply;
            })
        });
    }
    piece
}

fn connmark(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("connmark");
    let value = place.rng.pick(&pool::MARKS);
    let mask = place.rng.pick(&pool::MARK_MASKS);
    let text = format!("--mark {:#x}/{mask:#x}", value & mask);
    piece.option(place.not(), &text, move |draft, _| known(draft, |it| it.mark = value));
    piece
}

fn connlabel(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("connlabel");
    let label = place.rng.pick(&[0, 1, 40, 127]);
    let set = if place.rng.chance(35) { " --set" } else { "" };
    piece.option(place.not(), &format!("--label {label}{set}"), move |draft, _| {
        known(draft, |it| it.labels |= 1 << label)
    });
    piece
}

fn helper(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("helper");
    // The other helpers are for IPv4 only.
    let name = if place.v6 { "ftp" } else { place.rng.pick(&["ftp", "irc"]) };
    let has_helper = move |draft: &mut Draft| {
        known(draft, |it| {
            it.related = true;
            it.reply &= it.seen;
            name.clone_into(&mut it.helper);
        });
    };
    piece.option(place.not(), &format!("--helper {name}"), move |draft, _| has_helper(draft));
    // By chance no packet has one.
    piece.wishes.push(std::rc::Rc::new(move |draft, rng| {
        if rng.chance(40) {
            has_helper(draft);
        }
    }));
    piece
}

fn connbytes(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("connbytes");
    let direction = place.rng.pick(&["original", "reply", "both"]);
    let (mode, range) = match place.rng.below(3) {
        0 => ("packets", place.rng.pair(&[0_u64, 1, 2, 3, 4])),
        1 => ("bytes", place.rng.pair(&[0, 28, 40, 48, 60, 100, 128, 500, 1260, 5000])),
        _ => ("avgpkt", place.rng.pair(&[0, 28, 40, 48, 60, 100, 128, 500, 1260])),
    };
    let (low, high) = range;
    let open = place.rng.chance(30);
    let text = if open { format!("--connbytes {low}") } else { format!("--connbytes {low}:{high}") };
    // iptables loses the `!` before one number.
    let not = low != high && place.not();
    piece.option(not, &text, move |draft, rng| known(draft, |it| it.before = rng.below(4) as u8));
    piece.word(&format!("--connbytes-mode {mode} --connbytes-dir {direction}"));
    piece
}

fn cluster(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("cluster");
    let total = place.rng.pick(&[2, 3, 5, 32]);
    let seed = place.rng.pick(&[0_u32, 1, 0xdead_beef]);
    let node = 1 + place.rng.below(total);
    piece.word(&format!("--cluster-total-nodes {total}"));
    piece.option(place.not(), &format!("--cluster-local-node {node}"), |_, _| {});
    piece.word(&format!("--cluster-hash-seed {seed:#x}"));
    piece
}

/// Whether the kernel tells conditions that a connection has no time left which begins with this packet. It notes how long the
/// entry is to live, and takes that for the moment of its end: of which so much of the kernel's clock has passed. That clock begins
/// five minutes before zero, and the longest such time is ten minutes; after some weeks half of the clock has passed, and all
/// moments look as if they were to come.
fn begins_without_time() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
        let seconds = text.split('.').next().and_then(|it| it.parse().ok()).unwrap_or(0_u64);
        // With a thousand ticks a second, half of the clock is 24 days.
        (16 * 60..24 * 24 * 60 * 60).contains(&seconds)
    })
}
