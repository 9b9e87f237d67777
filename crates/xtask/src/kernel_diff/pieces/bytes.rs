//! Matches of any bytes.

use super::{Maker, Piece, Place};
use crate::kernel_diff::pool;
use crate::kernel_diff::rng::Rng;

/// Where the special offsets of packet filter programs begin: what is known besides, and the header of the link.
const ANCILLARY: u32 = 0xffff_f000;
const LINK: u32 = 0xffe0_0000;

pub(super) const MAKERS: &[Maker] =
    &[Maker::new("u32", u32_test), Maker::new("string", string), Maker::new("bpf", bpf)];

/// Tests that look at a field whose values come from the pools; others at any bytes.
fn u32_test(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("u32");
    let port = place.rng.pick(&pool::PORTS);
    let tos = place.rng.pick(&pool::TOS);
    let range = |rng: &mut Rng, low: u32, high: u32| {
        if rng.chance(50) { format!("{low:#x}") } else { format!("{low:#x}:{high:#x}") }
    };
    let (low, high) = (u32::from(port), u32::from(port).saturating_add(place.rng.below(500) as u32));
    let ports = range(place.rng, low, high);
    let mut tests = Vec::new();
    for _ in 0..place.rng.within(1, 2) {
        tests.push(match (place.rng.below(7), place.v6) {
            (0, false) => "6&0xff=6,17,132".to_owned(),
            (0, true) => "4>>8&0xff=6,17,132".to_owned(),
            (1, false) => format!("0>>22&0x3c@0&0xffff={ports}"),
            (1, true) => format!("40&0xffff={ports}"),
            (2, false) => format!("0>>22&0x3c@0>>16={ports}"),
            (2, true) => format!("40>>16={ports}"),
            (3, false) => format!("0&0xff0000>>16={tos:#x}"),
            (3, true) => format!("0>>20&0xff={tos:#x}"),
            (4, _) => format!("{}&0xffff=0:0x7fff", place.rng.pick(&[0, 4, 8, 20, 36, 60, 100, 400])),
            (5, _) => format!(
                "{}>>28<<4&0xf0={}",
                place.rng.pick(&[0, 1, 3]),
                place.rng.pick(&["0x40,0x60", "0:0x50", "0x10"])
            ),
            _ => "0>>26&0x3c@4>>24@0=0:0xffffffff".to_owned(),
        });
    }
    let text = format!("--u32 \"{}\"", tests.join("&&"));
    piece.option(place.not(), &text, move |draft, rng| {
        draft.layout.extensions.clear();
        draft.ports(Some(port), Some(rng.pick(&[port, port.wrapping_add(7)])));
        draft.layout.tos = tos;
    });
    piece
}

/// Bytes of each kind of token.
const OF_KIND: [&[u8]; 14] = [
    b"aZ\0",
    b"z\x90",
    b"05",
    b"fF9",
    b" \xa0",
    b"z\xdf",
    b"7\xde",
    b"\x7f\0",
    b"\x07\x7f",
    b"#\xbf",
    b"q\xe9\xff",
    b"Q\xc9",
    b"!\xd7\xa1\xf7",
    b" \xa0\t",
];

/// First and last bytes of all kinds, and some beside them.
const EDGES: &[u8] =
    b"\0\x08\t\x0d\x0e !/0:9@AFGZ[`afgz{~\x7f\x80\xa0\xa1\xbf\xc0\xd6\xd7\xd8\xde\xdf\xf6\xf7\xf8\xff";

/// A machine of tokens for `--algo fsm`, and what it takes. What is behind `--to` counts or not by where the packet lies in
/// memory, so the simulator may not know.
fn machine(place: &mut Place<'_>, mut piece: Piece) -> Piece {
    let payload_at = if place.v6 { 48 } else { 28 };
    let not = place.not();
    let rng = &mut *place.rng;
    if rng.chance(30) {
        // One byte of one kind, which is the whole content of a datagram.
        let [low, high] = (rng.below(14) as u16).to_ne_bytes();
        let text = format!("--hex-string \"|{low:02x}{high:02x}0061|\" --algo fsm --from {payload_at}");
        piece.option(not, &text, move |draft, rng| {
            draft.layout.extensions.clear();
            draft.layout.payload = vec![rng.pick(EDGES)];
        });
        return piece;
    }
    let (count, plain) = (rng.within(1, 4), rng.chance(25));
    let (mut tokens, mut fitting) = (Vec::new(), Vec::new());
    for at in 0..if plain { 2 } else { count } {
        let (kind, value) = (rng.below(14), rng.pick(b"aZy\0\xff"));
        let times = match at {
            0 if plain || count > 1 && rng.chance(60) => 4,
            _ if plain => 0,
            _ => rng.below(4),
        };
        tokens.extend((kind as u16).to_ne_bytes());
        tokens.extend([times as u8, value]);
        let most = [1, 1, 4, 4, 6][times as usize];
        for _ in 0..rng.within(u64::from(times == 0 || times == 3), most) {
            fitting.push(if kind == 0 { value } else { rng.pick(OF_KIND[kind as usize]) });
        }
    }
    let from = rng.pick(&[0, 20, payload_at, payload_at, payload_at, 60]);
    let long = rng.chance(50).then(|| rng.pick(&[4, 5, 7, 8, 9, 12, 16, 17, 20, 28, 40]));
    let to = long.map_or(String::new(), |long| format!(" --to {}", from + long));
    let hex: String = tokens.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("--hex-string \"|{hex}|\" --algo fsm --from {from}{to}");
    piece.option(not, &text, move |draft, rng| {
        draft.layout.extensions.clear();
        let mut payload = fitting.clone();
        match rng.below(8) {
            0 => payload.push(rng.any() as u8),
            1 => payload.insert(0, rng.any() as u8),
            // What fits so far, and then does not.
            2..=4 => {
                let mut start = fitting[..rng.below(fitting.len() as u64 + 1) as usize].to_vec();
                start.extend(rng.bytes(rng.clone().below(2) as usize));
                start.append(&mut payload);
                payload = start;
            }
            // The packet ends where the machine is told to.
            5 => {
                if let Some(long) = long.filter(|_| from == payload_at) {
                    let rest = fitting.first().copied().unwrap_or(b'.');
                    let size = payload.len().max(long);
                    payload.splice(0..0, std::iter::repeat_n(rest, size - payload.len()));
                    payload.truncate(long);
                }
            }
            _ => {}
        }
        draft.layout.payload = payload;
    });
    piece
}

fn string(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("string");
    // What it reads behind the end is not known.
    if !place.decided && place.rng.chance(60) {
        return machine(place, piece);
    }
    let word = place.rng.pick(&pool::WORDS);
    let fold = place.rng.chance(30);
    let text = match (place.rng.below(3), word) {
        (0, _) => {
            let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("--hex-string \"|{hex}|\"")
        }
        (_, "\"q\\") => "--string \"\\\"q\\\\\"".to_owned(),
        _ => format!("--string \"{word}\""),
    };
    let mut text = format!("{text} --algo {}", place.rng.pick(&["bm", "kmp"]));
    let (from, to) = place.rng.pair(&[0, 20, 28, 40, 41, 43, 60, 61, 100, 500, 65535]);
    if place.rng.chance(40) {
        text.push_str(&format!(" --from {from}"));
    }
    if place.rng.chance(40) {
        text.push_str(&format!(" --to {to}"));
    }
    if fold {
        text.push_str(" --icase");
    }
    piece.option(place.not(), &text, move |draft, rng| {
        let word = if fold && rng.chance(50) { word.to_ascii_lowercase() } else { word.to_owned() };
        let size = draft.layout.payload.len().max(word.len() + 4);
        draft.layout.payload.resize(size, b'a');
        let at =
            rng.pick(&[0, 1, (size - word.len()) as u64, rng.clone().below((size - word.len()) as u64 + 1)])
                as usize;
        draft.layout.payload[at..at + word.len()].copy_from_slice(word.as_bytes());
    });
    piece
}

/// An instruction: code, ways of a jump, number.
type Word = (u16, u8, u8, u32);

/// Loads into the accumulator, or into the index register and from there. Some count from the IP header in so many words.
fn load(rng: &mut Rng, (v6, decided): (bool, bool)) -> Vec<Word> {
    let mut at = rng.pick(&[0, 1, 2, 6, 8, 9, 12, 20, 22, 40, 42, 60, 200, 0xfff0_0009, 0xfff0_0000]);
    if !decided && rng.chance(12) {
        // The header of the link, and an interface: nobody tells the simulator.
        at = rng.pick(&[LINK, LINK + 6, ANCILLARY + 8]);
    }
    match rng.below(11) {
        // What is known besides: the protocol, the kind of packet, the mark, the processor, an exclusive or.
        6 => vec![(32, 0, 0, ANCILLARY + rng.pick(&[0, 4, 20, 36]))],
        7 => vec![(0, 0, 0, 0x55), (1, 0, 0, 0x0f), (32, 0, 0, ANCILLARY + 40)],
        0 => vec![(48, 0, 0, at)],
        1 => vec![(40, 0, 0, at)],
        2 => vec![(32, 0, 0, at)],
        3 => vec![(128, 0, 0, 0)],
        4 if !v6 => vec![(177, 0, 0, 0), (72, 0, 0, rng.pick(&[0, 2, 12]))],
        // The length of a header that is elsewhere, is not there, or cannot be: no special place is one.
        4 | 8 => vec![
            (177, 0, 0, rng.pick(&[0, 9, 20, 40, 200, 0xfff0_0000, ANCILLARY + 4, ANCILLARY + 20])),
            rng.pick(&[(72, 0, 0, 0), (135, 0, 0, 0), (12, 0, 0, 0)]),
        ],
        5 => vec![(1, 0, 0, at), (80, 0, 0, rng.pick(&[0, 1, 4]))],
        // Both registers begin with 0.
        9 => vec![rng.pick(&[(12, 0, 0, 0), (135, 0, 0, 0), (4, 0, 0, 0), (7, 0, 0, 0), (68, 0, 0, 4)])],
        // By the index register no special place is reached.
        _ => vec![
            (1, 0, 0, rng.pick(&[ANCILLARY, 0xffff_effc, 0xfff0_0004])),
            (rng.pick(&[64, 72, 80]), 0, 0, rng.pick(&[0, 4, 20, 36, 40])),
        ],
    }
}

/// Some instructions that compute.
const COMPUTE: [Word; 31] = [
    (84, 0, 0, 0xff),
    (4, 0, 0, 3),
    (20, 0, 0, 1),
    (36, 0, 0, 2),
    (52, 0, 0, 3),
    (116, 0, 0, 4),
    (100, 0, 0, 2),
    (68, 0, 0, 0x10),
    (164, 0, 0, 0x0f),
    (132, 0, 0, 0),
    (148, 0, 0, 7),
    (7, 0, 0, 0),
    (135, 0, 0, 0),
    (12, 0, 0, 0),
    (28, 0, 0, 0),
    (44, 0, 0, 0),
    (60, 0, 0, 0),
    (156, 0, 0, 0),
    (76, 0, 0, 0),
    (92, 0, 0, 0),
    (172, 0, 0, 0),
    (108, 0, 0, 0),
    (124, 0, 0, 0),
    (2, 0, 0, 5),
    (3, 0, 0, 15),
    (96, 0, 0, 5),
    (97, 0, 0, 15),
    (0, 0, 0, 77),
    (1, 0, 0, 3),
    (129, 0, 0, 0),
    (5, 0, 0, 0),
];

/// Short programs: a load, some arithmetic, a jump, and two ends.
fn bpf(place: &mut Place<'_>) -> Piece {
    let mut piece = Piece::new("bpf");
    let rng = &mut *place.rng;
    let mut program = load(rng, (place.v6, place.decided));
    if rng.chance(25) {
        // Through the memory and back, one way or the other.
        program.extend(rng.pick(&[
            &[(2, 0, 0, 5), (0, 0, 0, 77), (96, 0, 0, 5)][..],
            &[(7, 0, 0, 0), (3, 0, 0, 15), (96, 0, 0, 15)],
            &[(2, 0, 0, 15), (97, 0, 0, 15), (12, 0, 0, 0)],
            &[(2, 0, 0, 15), (0, 0, 0, 77), (97, 0, 0, 15), (12, 0, 0, 0)],
        ]));
    }
    for _ in 0..rng.below(3) {
        program.push(rng.pick(&COMPUTE));
        // Memory that was never written must not be read.
        let read = program.last().map(|it| it.0);
        if read == Some(96) && !program.contains(&(2, 0, 0, 5))
            || read == Some(97) && !program.contains(&(3, 0, 0, 15))
        {
            program.pop();
        }
    }
    let value = rng.pick(&[0, 0, 1, 4, 6, 17, 20, 22, 40, 64, 0x45, 0x60, 80, 443, 1024, 0x800, 0x86dd]);
    let code = rng.pick(&[21, 21, 37, 53, 69, 29, 45, 61, 77]);
    let ends = if rng.chance(50) { [1, 0] } else { [0, 65535] };
    program.push((code, 0, 1, if code & 8 == 0 { value } else { 0 }));
    match rng.below(5) {
        // The accumulator is the answer; some kernels take no other register for it.
        0 => program.extend([(22, 0, 0, 0), (6, 0, 0, ends[1])]),
        1 => program.extend([(5, 0, 0, 1), (6, 0, 0, ends[0]), (6, 0, 0, ends[1])]),
        _ => program.extend([(6, 0, 0, ends[0]), (6, 0, 0, ends[1])]),
    }
    let words: Vec<String> = program.iter().map(|(a, b, c, d)| format!("{a} {b} {c} {d}")).collect();
    piece.word(&format!("--bytecode \"{},{}\"", program.len(), words.join(",")));
    piece
}
