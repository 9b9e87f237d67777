//! Matches that remember earlier packets, and decide by their order alone.

use super::{Maker, Piece, Place};

pub(super) const MAKERS: &[Maker] = &[
    Maker::new("statistic", statistic),
    Maker::new("quota", quota),
    Maker::new("limit", limit),
    Maker::new("hashlimit", hashlimit),
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

/// As slow. Rules that share a table have the same settings.
fn hashlimit(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("hashlimit");
    let (number, mode, masks) = place.rng.pick(&[
        (1, "", ""),
        (2, "--hashlimit-mode srcip", ""),
        (3, "--hashlimit-mode dstip", "--hashlimit-dstmask 25"),
        (4, "--hashlimit-mode srcip,dstip", "--hashlimit-srcmask 8"),
    ]);
    let side = place.rng.pick(&["upto", "above"]);
    let burst = number + 1;
    piece.option(place.not(), &format!("--hashlimit-{side} 1/hour"), |_, _| {});
    let family = if place.v6 { 6 } else { 4 };
    piece.word(&format!(
        "--hashlimit-burst {burst} {mode} {masks} --hashlimit-name table{number}v{family} --hashlimit-htable-size 64"
    ));
    piece
}

fn recent(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("recent");
    let list = place.rng.pick(&["one", "two", "three"]);
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
    // Where rules name several, the mask is that of the rule that makes the list.
    let masks = match (list, place.v6) {
        ("two", false) => &["255.255.255.0"][..],
        ("two", true) => &["ffff:ffff:ffff::"],
        ("three", false) => &["255.255.255.255", "255.255.255.0", "255.0.255.0"],
        ("three", true) => &["ffff:ffff:ffff::", "::ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
        _ => &[],
    };
    if !masks.is_empty() {
        piece.word(&format!("--mask {}", place.rng.pick(masks)));
    }
    piece.word(if place.rng.chance(70) { "--rsource" } else { "--rdest" });
    piece
}
