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

/// As slow. Rules that share a table have the same settings, but for one table, of which the simulator knows nothing then.
fn hashlimit(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("hashlimit");
    let header = match place.proto {
        Some(6) => "tcp",
        Some(17) => "udp",
        Some(33) => "dccp",
        Some(132) => "sctp",
        _ => "",
    };
    if !header.is_empty() && place.rng.chance(60) {
        // Only where there are ports: of other packets the kernel takes other bytes for them.
        piece = Piece::new(&format!("{header} --dport 0:65535 -m hashlimit"));
        let by_ports = [
            (5, "--hashlimit-mode srcport", ""),
            (6, "--hashlimit-mode dstport", ""),
            (7, "--hashlimit-mode srcip,dstport", "--hashlimit-srcmask 16"),
            (8, "--hashlimit-mode srcport,dstport", ""),
        ];
        return table(place, piece, by_ports);
    }
    let by_addresses = [
        (if place.rng.chance(20) { MIXED } else { 1 }, "", ""),
        (2, "--hashlimit-mode srcip", ""),
        (3, "--hashlimit-mode dstip", "--hashlimit-dstmask 25"),
        (4, "--hashlimit-mode srcip,dstip", "--hashlimit-srcmask 8"),
    ];
    table(place, piece, by_addresses)
}

/// The number of the table whose rules have several settings.
const MIXED: u64 = 9;

/// A rule of one of these tables.
fn table(place: &mut Place<'_>, mut piece: Piece, of: [(u64, &str, &str); 4]) -> Piece {
    let (number, mode, masks) = place.rng.pick(&of);
    let side = place.rng.pick(&["upto", "above"]);
    let burst = if number == MIXED { place.rng.within(1, 3) } else { number % 4 + 2 };
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
        if place.rng.chance(50) {
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
