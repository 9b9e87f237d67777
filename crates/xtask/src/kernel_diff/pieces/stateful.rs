//! Matches that remember earlier packets, and decide by their order alone.

use super::{Maker, Piece, Place};

pub(super) const MAKERS: &[Maker] = &[
    Maker::new("statistic", statistic),
    Maker::new("quota", quota),
    Maker::new("limit", limit),
    Maker::new("recent", recent),
];

fn statistic(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("statistic");
    if place.rng.chance(20) {
        let share = place.rng.pick(&["0", "1"]);
        piece.word("--mode random");
        piece.option(place.not(), &format!("--probability {share}"), |_, _| {});
        return piece;
    }
    let every = place.rng.within(1, 5);
    let packet = place.rng.below(every);
    piece.word("--mode nth");
    piece.option(place.not(), &format!("--every {every}"), |_, _| {});
    piece.word(&format!("--packet {packet}"));
    piece
}

fn quota(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("quota");
    let bytes = place.rng.pick(&[0, 28, 100, 500, 3000]);
    piece.option(place.not(), &format!("--quota {bytes}"), |_, _| {});
    piece
}

/// So slow that nothing is added while a test runs.
fn limit(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("limit");
    let burst = place.rng.within(1, 6);
    piece.word(&format!("--limit 1/hour --limit-burst {burst}"));
    piece
}

fn recent(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("recent");
    let list = place.rng.pick(&["one", "two"]);
    let action = place.rng.pick(&["--set", "--set", "--rcheck", "--update", "--remove"]);
    piece.option(place.not(), action, |_, _| {});
    if matches!(action, "--rcheck" | "--update") {
        if place.rng.chance(50) {
            piece.word(&format!("--hitcount {}", place.rng.within(1, 4)));
        }
        if place.rng.chance(25) {
            piece.word("--rttl");
        }
    }
    // Both families share their lists.
    piece.word(&format!("--name {list}{}", if place.v6 { 6 } else { 4 }));
    // The mask is that of the rule that makes the list.
    if list == "two" {
        piece.word(if place.v6 { "--mask ffff:ffff:ffff::" } else { "--mask 255.255.255.0" });
    }
    piece.word(if place.rng.chance(70) { "--rsource" } else { "--rdest" });
    piece
}
