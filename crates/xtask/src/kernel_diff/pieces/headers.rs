//! Matches of the extension headers of IPv6.

use super::{Maker, Piece, Place, incoming};
use crate::kernel_diff::draft::extension;
use crate::kernel_diff::pool;

pub(super) const MAKERS: &[Maker] = &[
    Maker::new("frag", frag).only(v6),
    Maker::new("hbh", |place| options(place, "hbh", 0)).only(v6),
    Maker::new("dst", |place| options(place, "dst", 60)).only(v6),
    Maker::new("rt", rt).only(v6),
    Maker::new("ah6", ah).only(v6),
    Maker::new("ipv6header", ipv6header).only(v6),
    Maker::new("mh", mh).only(v6).of(&[135]),
    Maker::new("srh", srh).only(v6),
    Maker::new("eui64", eui64).only(|place| place.v6 && incoming(place)),
];

fn v6(place: &Place<'_>) -> bool {
    place.v6
}

fn frag(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("frag");
    let (mut number, mut offset, mut more, mut reserved) = (5, 0, true, 0);
    if place.given() {
        let (text, aim) = place.range(&pool::NUMBERS);
        number = aim;
        piece.option(place.not(), &format!("--fragid {text}"), |_, _| {});
    }
    if place.rng.chance(15) {
        piece.word("--fraglen 8");
    }
    if place.rng.chance(25) {
        piece.word("--fragres");
    } else {
        reserved = place.rng.pick(&[0, 1, 4]);
    }
    if place.rng.chance(35) {
        piece.word("--fragfirst");
    } else {
        offset = place.rng.pick(&[0, 1, 7]);
    }
    match place.rng.below(4) {
        0 => piece.word("--fragmore"),
        1 => {
            piece.word("--fraglast");
            more = false;
        }
        _ => {}
    }
    piece.wishes.push(std::rc::Rc::new(move |draft, _| draft.add_fragment(number, offset, more, reserved)));
    piece
}

fn options(place: &mut Place<'_>, name: &'static str, number: u8) -> Piece {
    let mut piece = Piece::new(name);
    if number == 60 && place.rng.chance(20) {
        // A machine that the packet only passes does not mind an option that reaches beyond its header.
        piece.word(&format!("--{name}-opts {}", place.rng.pick(&["30:9", "30:9,1", "30:9,0"])));
        piece.wishes.push(std::rc::Rc::new(move |draft, _| draft.extension(60, vec![30, 9, 1, 2, 3, 4])));
        return piece;
    }
    let content = place.rng.pick(&[
        &[1, 4, 0, 0, 0, 0][..],
        &[0, 1, 3, 0, 0, 0],
        &[5, 2, 0, 0, 1, 0],
        &[30, 4, 1, 2, 3, 4],
        &[30, 4, 1, 2, 3, 4, 1, 6, 0, 0, 0, 0, 0, 0],
    ]);
    if place.given() {
        let length = place.rng.pick(&[8, 8, 16, 24]);
        piece.option(place.not(), &format!("--{name}-len {length}"), |_, _| {});
    }
    if place.given() {
        let list = place.rng.pick(&[
            "1", "1:4", "0,1", "0,1:3", "5:2,1", "5:2", "30:4", "30,1:6", "30:4,1", "5,1:255", "1:0",
        ]);
        piece.word(&format!("--{name}-opts {list}"));
    }
    piece.wishes.push(std::rc::Rc::new(move |draft, rng| {
        let content = if rng.chance(70) { content.to_vec() } else { extension(number, rng) };
        draft.extension(number, content);
    }));
    piece
}

fn rt(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("rt");
    let kind = place.rng.pick(&[0_u8, 0, 2, 4]);
    let count = place.rng.within(0, 3) as usize;
    let addresses: Vec<u128> = (0..count).map(|_| pool::address(place.rng, true)).collect();
    if kind == 0 || place.given() {
        // What begins with `--rt-0` is about type 0 only.
        let not = kind != 0 && place.not();
        piece.option(not, &format!("--rt-type {kind}"), |_, _| {});
    }
    let mut left = 0;
    if place.given() {
        let (text, aim) = place.range(&[0, 1, 2, 255]);
        left = aim as u8;
        piece.option(place.not(), &format!("--rt-segsleft {text}"), |_, _| {});
    }
    if place.given() {
        let length = 8 + 16 * place.rng.within(0, 3);
        piece.option(place.not(), &format!("--rt-len {length}"), |_, _| {});
    }
    if kind == 0 {
        if place.rng.chance(30) {
            piece.word("--rt-0-res");
        }
        if count > 0 && place.given() {
            let few = place.rng.within(1, count as u64) as usize;
            let skipped = count - few;
            let names: Vec<String> = addresses
                .iter()
                .skip(if place.rng.chance(50) { skipped } else { 0 })
                .take(few)
                .map(|it| pool::text(*it, true))
                .collect();
            piece.word(&format!("--rt-0-addrs {}", names.join(",")));
            if place.rng.chance(50) {
                piece.word("--rt-0-not-strict");
            }
        }
    }
    piece.wishes.push(std::rc::Rc::new(move |draft, rng| {
        let mut content = vec![kind, left, rng.pick(&[0, 0, 0, 9]), 0, 0, 0];
        let mut addresses = addresses.clone();
        if rng.chance(35) {
            // One is another.
            let at = rng.below(3) as usize;
            addresses.iter_mut().skip(at).take(1).for_each(|it| *it ^= 1);
        }
        content.extend(addresses.iter().flat_map(|it| it.to_be_bytes()));
        draft.extension(43, content);
    }));
    piece
}

fn ah(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("ah");
    let mut number = 1;
    if place.given() {
        let (text, aim) = place.range(&pool::NUMBERS);
        number = aim;
        piece.option(place.not(), &format!("--ahspi {text}"), |_, _| {});
    }
    if place.given() {
        // To the kernel 0 is no condition.
        let length = place.rng.pick(&[12, 24, 0, 1]);
        piece.option(place.not(), &format!("--ahlen {length}"), |_, _| {});
    }
    if place.rng.chance(30) {
        piece.word("--ahres");
    }
    piece.wishes.push(std::rc::Rc::new(move |draft, rng| {
        let mut content = vec![0, rng.pick(&[0, 0, 3])];
        content.extend(number.to_be_bytes());
        content.extend([0, 0, 0, 1]);
        content.resize(rng.pick(&[10, 10, 22, 22, 6]), 0);
        draft.extension(51, content);
        if rng.chance(15) {
            // It says that it is longer than what there is of it.
            draft.layout.extensions.retain(|it| it.0 == 51);
            draft.cut = Some(40 + rng.pick(&[0, 1, 2, 4, 7, 8, 11, 12, 13, 16, 23]));
        }
    }));
    piece
}

fn ipv6header(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("ipv6header");
    let all = [
        ("hop", 0),
        ("dst", 60),
        ("route", 43),
        ("auth", 51),
        ("frag", 44),
        ("esp", 50),
        ("none", 59),
        ("prot", 255),
    ];
    let mut names = Vec::new();
    let mut numbers = Vec::new();
    for (name, number) in all {
        if place.rng.chance(30) {
            names.push(name);
            numbers.push(number);
        }
    }
    if names.is_empty() {
        names.push("prot");
    }
    let soft = if place.rng.chance(50) { " --soft" } else { "" };
    let text = format!("--header {}{soft}", names.join(","));
    piece.option(place.not(), &text, move |draft, rng| {
        if rng.chance(80) {
            draft.layout.extensions.clear();
        }
        for number in &numbers {
            match number {
                0 | 60 | 43 | 51 => draft.extension(*number, extension(*number, rng)),
                44 => draft.add_fragment(7, 0, true, 0),
                50 | 59 => draft.become_proto(*number, rng),
                _ => draft.become_proto(17, rng),
            }
        }
    });
    piece
}

fn mh(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("mh");
    let (low, high) = place.rng.pair(&[0_u8, 1, 2, 5, 6, 19]);
    let text = match place.rng.below(3) {
        0 => format!("--mh-type {low}"),
        1 => format!("--mh-type {low}:{high}"),
        _ => "--mh-type binding-refresh-request".to_owned(),
    };
    piece.option(place.not(), &text, move |draft, rng| {
        draft.become_proto(135, rng);
        if let Some(kind) = draft.layout.payload.get_mut(2) {
            *kind = low;
        }
    });
    piece
}

fn srh(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("srh");
    let count = place.rng.within(1, 3) as usize;
    let addresses: Vec<u128> = (0..count).map(|_| pool::address(place.rng, true)).collect();
    let left = place.rng.below(count as u64) as u8;
    let fields = [("hdr-len", 2 * count as u8), ("segs-left", left), ("last-entry", count as u8 - 1)];
    // Few options at a time: a rule with several is rarely met, and does not tell which of them failed.
    for _ in 0..place.rng.pick(&[0, 1, 1, 1, 1, 2, 3]) {
        let option = match place.rng.below(12) {
            0 => "--srh-next-hdr 17".to_owned(),
            1 | 2 => format!("--srh-tag {}", place.rng.pick(&[0, 5, 0x500])),
            which @ 3..=5 => {
                let name = ["psid", "nsid", "lsid"][which as usize - 3];
                let address = pool::text(place.rng.pick(&addresses), true);
                format!("--srh-{name} {address}/{}", place.rng.pick(&[128, 128, 64, 48, 0]))
            }
            _ => {
                // Each has three forms.
                let (name, value) = place.rng.pick(&fields);
                let how = place.rng.pick(&["eq", "gt", "lt"]);
                let number = match how {
                    "gt" => value.saturating_sub(place.rng.below(2) as u8),
                    "lt" => value + place.rng.pick(&[0, 1, 1, 2]),
                    _ => value,
                };
                format!("--srh-{name}-{how} {number}")
            }
        };
        let name = option.split(' ').next().unwrap_or_default().to_owned();
        if !piece.text.contains(&name) {
            piece.option(place.not(), &option, |_, _| {});
        }
    }
    piece.wishes.push(std::rc::Rc::new(move |draft, rng| {
        let mut content = vec![4, left, count as u8 - 1, 0, 0, rng.pick(&[0, 5])];
        content.extend(addresses.iter().flat_map(|it| it.to_be_bytes()));
        // Half of them differ in one thing.
        match rng.below(14) {
            0 => content[0] = rng.pick(&[0, 2, 3]),
            1 => content[1] = content[1].wrapping_add(1),
            2 => content[1] = content[1].saturating_sub(1),
            3 => content[2] = content[2].wrapping_add(1),
            4 => content[2] = content[2].saturating_sub(1),
            5 => content.extend(pool::address(rng, true).to_be_bytes()),
            6 => content.truncate(content.len() - 16),
            7 => content[6..].iter_mut().for_each(|byte| *byte ^= rng.below(2) as u8),
            8 => (content[1], content[2]) = (0, 0),
            _ => {}
        }
        draft.layout.extensions.clear();
        draft.extension(43, content);
        if rng.chance(70) {
            draft.become_proto(17, rng);
        }
    }));
    piece
}

fn eui64(_: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("eui64");
    piece.wishes.push(std::rc::Rc::new(|draft, _| {
        let [a, b, c, d, e, f] = draft.shot.mac;
        let low = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        draft.layout.source = draft.layout.source >> 64 << 64 | u128::from(low);
    }));
    piece
}
