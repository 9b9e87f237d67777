//! Matches of the IP header.

use super::{Maker, Piece, Place};
use crate::kernel_diff::pool;

pub(super) const MAKERS: &[Maker] = &[
    Maker::new("ttl", hops).only(|place| !place.v6),
    Maker::new("hl", hops).only(|place| place.v6),
    Maker::new("tos", tos),
    Maker::new("dscp", dscp),
    Maker::new("ecn", ecn),
    Maker::new("length", length),
    Maker::new("iprange", iprange),
    Maker::new("comment", |_| Piece { text: "-m comment --comment \"a b\"".to_owned(), wishes: Vec::new() }),
];

fn hops(place: &mut Place<'_>) -> Piece {
    let name = if place.v6 { "hl" } else { "ttl" };
    let mut piece = Piece::new(name);
    let value = place.rng.pick(&pool::HOPS);
    match place.rng.below(3) {
        0 => piece.option(place.not(), &format!("--{name}-eq {value}"), move |draft, rng| {
            // Forwarding takes one off.
            draft.layout.hop_limit = value.saturating_add(rng.below(2) as u8);
        }),
        1 => {
            let value = if place.rng.chance(15) { 0 } else { value };
            piece.option(false, &format!("--{name}-lt {value}"), move |draft, _| {
                draft.layout.hop_limit = 2.max(value.saturating_sub(1))
            })
        }
        _ => piece.option(false, &format!("--{name}-gt {value}"), move |draft, _| {
            draft.layout.hop_limit = value.saturating_add(1)
        }),
    }
    piece
}

fn tos(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("tos");
    let value = place.rng.pick(&pool::TOS);
    let mask = place.rng.pick(&[0xff, 0x3f, 0x10, 0xfc, 0]);
    // Bits outside of the mask: equal to nothing.
    let wanted = if place.rng.chance(15) { value } else { value & mask };
    let text = format!("--tos {wanted:#x}/{mask:#x}");
    piece.option(place.not(), &text, move |draft, _| draft.layout.tos = value);
    piece
}

fn dscp(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("dscp");
    let value = place.rng.pick(&pool::TOS) >> 2;
    let text = match value {
        46 if place.rng.chance(50) => "--dscp-class EF".to_owned(),
        8 if place.rng.chance(50) => "--dscp-class CS1".to_owned(),
        _ => format!("--dscp {value}"),
    };
    piece.option(place.not(), &text, move |draft, rng| draft.layout.tos = value << 2 | rng.below(4) as u8);
    piece
}

fn ecn(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("ecn");
    let tcp = place.proto == Some(6);
    let (ece, cwr) = (tcp && place.given(), tcp && place.given());
    if ece {
        piece.option(place.not(), "--ecn-tcp-ece", |draft, rng| draft.tcp(rng, |tcp| tcp.flags |= 64));
    }
    if cwr {
        piece.option(place.not(), "--ecn-tcp-cwr", |draft, rng| draft.tcp(rng, |tcp| tcp.flags |= 128));
    }
    if !ece && !cwr || place.given() {
        let value = place.rng.below(4) as u8;
        let text = format!("--ecn-ip-ect {value}");
        piece.option(place.not(), &text, move |draft, _| draft.layout.tos = draft.layout.tos & 0xfc | value);
    }
    piece
}

fn length(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("length");
    let (low, high) =
        place.rng.pair(&[0_u32, 20, 28, 40, 41, 48, 60, 61, 72, 100, 140, 448, 500, 1240, 65535]);
    let text =
        if place.rng.chance(30) { format!("--length {low}") } else { format!("--length {low}:{high}") };
    piece.option(place.not(), &text, move |draft, rng| {
        let headers = if draft.v6 { 40 } else { 20 } + 8;
        let aim = rng.pick(&[low, high.min(1400), low.saturating_sub(1), high.min(1400) + 1]);
        draft.layout.payload.resize((aim as usize).saturating_sub(headers), b'y');
    });
    piece
}

fn iprange(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("iprange");
    let v6 = place.v6;
    let both = place.rng.below(3);
    for (at, name) in ["src", "dst"].into_iter().enumerate() {
        if both == at as u64 {
            continue;
        }
        let (one, other) = (pool::address(place.rng, v6), pool::address(place.rng, v6));
        let (low, high) = (one.min(other), one.max(other));
        let text = format!("--{name}-range {}-{}", pool::text(low, v6), pool::text(high, v6));
        piece.option(place.not(), &text, move |draft, rng| {
            let address = if at == 0 { &mut draft.layout.source } else { &mut draft.layout.destination };
            *address = rng.pick(&[low, high, low + (high - low) / 2, low.wrapping_sub(1), high + 1]);
        });
    }
    piece
}
