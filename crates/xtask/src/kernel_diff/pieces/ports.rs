//! Matches of transport headers.

use ptables::packet::Transport;

use super::{Maker, Piece, Place};
use crate::kernel_diff::draft::Draft;
use crate::kernel_diff::pool;
use crate::kernel_diff::rng::Rng;

pub(super) const MAKERS: &[Maker] = &[
    Maker::new("tcp", tcp).of(&[6]),
    Maker::new("udp", udp).of(&[17]),
    Maker::new("multiport", multiport).of(&[6, 17, 132, 33, 136]),
    Maker::new("tcpmss", tcpmss).of(&[6]),
    Maker::new("sctp", sctp).of(&[132]),
    Maker::new("dccp", dccp).of(&[33]),
    Maker::new("icmp", icmp).of(&[1]).only(|place| !place.v6),
    Maker::new("icmp6", icmp).of(&[58]).only(|place| place.v6),
    Maker::new("esp", esp).of(&[50]),
    Maker::new("ipcomp", ipcomp).of(&[108]),
    Maker::new("ah", ah4).of(&[51]).only(|place| !place.v6),
];

/// Source and destination ports, at least one.
fn both_ports(place: &mut Place<'_>, piece: &mut Piece) {
    if place.nft && place.rng.chance(35) {
        // What iptables-nft 1.8.9 puts into one comparison, or nearly so.
        let one = |rng: &mut Rng| rng.pick(&["0", "1", "22", "80", "65534", "22:80", "0:65535"]);
        let (from, to) = (one(place.rng), one(place.rng));
        piece.option(true, &format!("--sport {from}"), |draft, rng| {
            let some = &[0, 1, 22, 80, 40_000, 65534];
            draft.ports(Some(rng.pick(some)), Some(rng.pick(some)))
        });
        return piece.option(place.rng.chance(80), &format!("--dport {to}"), |_, _| {});
    }
    let (source, destination) = (place.given(), place.given());
    if source {
        let (text, low, high) = place.port_range();
        piece.option(place.not(), &format!("--sport {text}"), move |draft, rng| {
            draft.ports(Some(rng.pick(&[low, high])), None)
        });
    }
    if destination {
        let (text, low, high) = place.port_range();
        piece.option(place.not(), &format!("--dport {text}"), move |draft, rng| {
            draft.ports(None, Some(rng.pick(&[low, high])))
        });
    }
}

const FLAGS: [&str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];

fn flags(bits: u8) -> String {
    let names: Vec<&str> =
        FLAGS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|it| *it.1).collect();
    if names.is_empty() { "NONE".to_owned() } else { names.join(",") }
}

fn tcp(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("tcp");
    both_ports(place, &mut piece);
    if place.given() {
        let mask = place.rng.pick(&[0x17, 0x3f, 2, 0x12, 0x3f, 0]);
        let set = mask & place.rng.pick(&[2, 0x12, 0x10, 0x3f, 0, 4]);
        if place.rng.chance(25) {
            piece.option(place.not(), "--syn", |draft, rng| draft.tcp(rng, |tcp| tcp.flags = 2));
        } else {
            let text = format!("--tcp-flags {} {}", flags(mask), flags(set));
            piece.option(place.not(), &text, move |draft, rng| {
                draft.tcp(rng, |tcp| tcp.flags = tcp.flags & !mask | set)
            });
        }
    }
    if place.rng.chance(20) {
        let number = place.rng.pick(&[2, 3, 4, 5, 254, 1]);
        piece.option(place.not(), &format!("--tcp-option {number}"), move |draft, rng| {
            draft.tcp(rng, |tcp| tcp.options = if number == 1 { vec![1] } else { vec![number, 4, 5, 0xb4] });
        });
    }
    piece
}

fn udp(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("udp");
    both_ports(place, &mut piece);
    piece
}

fn multiport(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("multiport");
    let which = place.rng.below(3);
    let mut parts = Vec::new();
    let mut aims = Vec::new();
    for _ in 0..place.rng.within(1, 5) {
        let (text, low, high) = place.port_range();
        parts.push(text);
        aims.extend([low, high]);
    }
    let text = format!("--{} {}", ["sports", "dports", "ports"][which as usize], parts.join(","));
    piece.option(place.not(), &text, move |draft, rng| {
        let aim = Some(rng.pick(&aims));
        match which {
            0 => draft.ports(aim, None),
            1 => draft.ports(None, aim),
            _ if rng.chance(50) => draft.ports(aim, None),
            _ => draft.ports(None, aim),
        }
    });
    piece
}

fn tcpmss(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("tcpmss");
    let (low, high) = place.rng.pair(&[0_u16, 1, 536, 1399, 1400, 1401, 1460, 65535]);
    piece.option(place.not(), &format!("--mss {low}:{high}"), move |draft, rng| {
        let [a, b] = rng.pick(&[low, high]).to_be_bytes();
        draft.tcp(rng, |tcp| tcp.options = vec![2, 4, a, b]);
    });
    piece
}

fn sctp(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("sctp");
    both_ports(place, &mut piece);
    if place.given() {
        const TYPES: [(&str, u8); 8] = [
            ("DATA", 0),
            ("INIT", 1),
            ("INIT_ACK", 2),
            ("SACK", 3),
            ("ABORT", 6),
            ("COOKIE_ACK", 11),
            ("ASCONF", 0xc1),
            ("ASCONF_ACK", 0x80),
        ];
        let (one, other) = place.rng.pair(&TYPES);
        let how = place.rng.pick(&["all", "any", "only"]);
        let mut names = match place.rng.below(8) {
            0 => "ALL".to_owned(),
            1 => "NONE".to_owned(),
            2 if one.1 == 0 => "DATA:Be".to_owned(),
            3 if one.1 == 0 => "DATA:U".to_owned(),
            _ if one.1 == 6 => "ABORT:t".to_owned(),
            _ => one.0.to_owned(),
        };
        if one != other && !["ALL", "NONE"].contains(&names.as_str()) {
            names = format!("{names},{}", other.0);
        }
        let text = format!("--chunk-types {how} {names}");
        piece.option(place.not(), &text, move |draft, rng| {
            draft.become_proto(132, rng);
            let flags = rng.pick(&[0, 2, 1, 4]);
            draft.layout.payload = vec![one.1, flags, 0, 4];
            if other != one {
                draft.layout.payload.extend([other.1, 0, 0, 4]);
            }
        });
    }
    piece
}

fn dccp(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("dccp");
    both_ports(place, &mut piece);
    if place.given() {
        const TYPES: [&str; 11] = [
            "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK",
            "INVALID",
        ];
        let (one, other) = place.rng.pair(&[0_u8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let names = [TYPES[usize::from(one)], TYPES[usize::from(other)]];
        let text =
            format!("--dccp-types {}", if one == other { names[0].to_owned() } else { names.join(",") });
        piece.option(place.not(), &text, move |draft, rng| {
            draft.become_proto(33, rng);
            if let Transport::Dccp { kind, .. } = &mut draft.layout.transport {
                *kind = rng.pick(&[one, other]);
            }
        });
    }
    if place.rng.chance(30) {
        let number = place.rng.pick(&[0x20_u8, 33, 41, 44, 1, 2]);
        let holds = move |draft: &mut Draft, rng: &mut Rng| {
            draft.become_proto(33, rng);
            if let Transport::Dccp { rest, kind, .. } = &mut draft.layout.transport {
                // A type whose own header has eight bytes.
                *kind = 3;
                *rest = vec![0; 8];
                rest.extend(if number < 32 { [number, 0, 0, 0] } else { [number, 2, 0, 0] });
            }
        };
        let not = place.not();
        piece.option(not, &format!("--dccp-option {number}"), holds);
        if not {
            // By chance few packets hold it.
            piece.wishes.push(std::rc::Rc::new(move |draft, rng| {
                if rng.chance(40) {
                    holds(draft, rng);
                }
            }));
        }
    }
    piece
}

fn icmp(place: &mut Place<'_>) -> Piece {
    let (name, option) = if place.v6 { ("icmp6", "icmpv6-type") } else { ("icmp", "icmp-type") };
    let mut piece = Piece::new(name);
    let kind =
        if place.v6 { place.rng.pick(&[128, 129, 1, 3, 4]) } else { place.rng.pick(&[8, 0, 3, 11, 13]) };
    let code = place.rng.chance(40).then(|| place.rng.below(4) as u8);
    let text = match code {
        None if !place.v6 && place.rng.chance(15) => format!("--{option} any"),
        None => format!("--{option} {kind}"),
        Some(code) => format!("--{option} {kind}/{code}"),
    };
    piece.option(place.not(), &text, move |draft, rng| {
        draft.become_proto(if draft.v6 { 58 } else { 1 }, rng);
        draft.layout.transport =
            Transport::Icmp { kind, code: code.unwrap_or_else(|| rng.below(4) as u8), rest: 7 };
    });
    piece
}

fn esp(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("esp");
    let (text, aim) = place.range(&pool::NUMBERS);
    piece.option(place.not(), &format!("--espspi {text}"), move |draft, rng| {
        draft.become_proto(50, rng);
        draft.layout.transport = Transport::Esp { spi: aim, sequence: 1 };
    });
    piece
}

fn ipcomp(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("ipcomp");
    let (text, aim) = place.range(&pool::NUMBERS);
    piece.option(place.not(), &format!("--ipcompspi {text}"), move |draft, rng| {
        draft.become_proto(108, rng);
        draft.layout.transport = Transport::IpComp { next: 6, flags: 0, cpi: aim as u16 };
    });
    if place.rng.chance(30) {
        piece.word("--compres");
    }
    piece
}

fn ah4(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("ah");
    let (text, aim) = place.range(&pool::NUMBERS);
    piece.option(place.not(), &format!("--ahspi {text}"), move |draft, rng| {
        draft.become_proto(51, rng);
        if let Transport::Ah { spi, .. } = &mut draft.layout.transport {
            *spi = aim;
        }
    });
    piece
}
