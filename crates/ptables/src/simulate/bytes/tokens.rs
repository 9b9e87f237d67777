//! Machines of `--algo fsm`: tokens in a line, each a kind of byte and how often such may come.

use std::cell::Cell;

/// Whether a machine finds itself between two offsets. `None` if that depends on how the packet lies in memory: the
/// machine may read on behind `to`, up to the end of the piece in which that is; and when it has come to the end of the
/// packet and asks for more, as it does for a token that need not come, the kernel may begin anew.
pub(super) fn machine_matches(bytes: &[u8], tokens: &[u8], from: u16, to: u16) -> Option<bool> {
    let tokens: Vec<Token> = tokens.chunks_exact(4).filter_map(Token::new).collect();
    let (from, to) = (usize::from(from), usize::from(to));
    // The kernel takes the bytes of the tokens for the length of what is found.
    let room = to.saturating_sub(from).checked_sub(tokens.len() * 4);
    let Some(room) = room else { return Some(false) };
    let part =
        Part { bytes: bytes.get(from..).unwrap_or_default(), read: Cell::default(), ends: Cell::default() };
    let found = search(&part, &tokens).is_some_and(|start| start <= room);
    let within = to >= bytes.len() || from + part.read.get() < to;
    (within && part.ends.get() < 2).then_some(found)
}

/// Bytes, and how far they were looked at.
struct Part<'a> {
    bytes: &'a [u8],
    read: Cell<usize>,
    /// How often there was no more. Who asks a second time gets the packet from its beginning, if it lies in one piece.
    ends: Cell<u32>,
}

impl Part<'_> {
    fn get(&self, at: usize) -> Option<u8> {
        self.read.set(self.read.get().max(at));
        let byte = self.bytes.get(at).copied();
        self.ends.set(self.ends.get() + u32::from(byte.is_none()));
        byte
    }
}

/// How often a byte may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Once,
    Perhaps,
    Any,
    Many,
    /// As often as it likes before the rest, which may then begin anywhere. Only the first token.
    Before,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: u16,
    value: u8,
    times: Times,
}

impl Token {
    /// From the four bytes of a rule, which lie as the machine has them.
    fn new(bytes: &[u8]) -> Option<Token> {
        let [low, high, times, value] = *bytes else { return None };
        let times = match times {
            0 => Times::Once,
            1 => Times::Perhaps,
            2 => Times::Any,
            3 => Times::Many,
            _ => Times::Before,
        };
        Some(Token { kind: u16::from_ne_bytes([low, high]), value, times })
    }

    /// Whether a byte is of this kind; letters and signs are those of Latin-1.
    fn takes(&self, byte: u8) -> bool {
        let lower = matches!(byte, b'a'..=b'z' | 223..=246 | 248..);
        let upper = matches!(byte, b'A'..=b'Z' | 192..=214 | 216..=222);
        let sign = byte.is_ascii_punctuation() || matches!(byte, 161..=191 | 215 | 247);
        let blank = matches!(byte, b' ' | 160);
        let digit = byte.is_ascii_digit();
        match self.kind {
            0 => byte == self.value,
            2 => digit,
            3 => byte.is_ascii_hexdigit(),
            4 => lower || upper || digit || sign || blank,
            5 => lower || upper,
            6 => lower || upper || digit,
            7 => byte.is_ascii(),
            8 => byte.is_ascii_control(),
            9 => lower || upper || digit || sign,
            10 => lower,
            11 => upper,
            12 => sign,
            13 => blank || matches!(byte, 9..=13),
            _ => true,
        }
    }
}

/// What a token makes of the bytes from a place on.
enum Step {
    /// The next token looks at this place.
    On(usize),
    /// The same, and what is found begins there.
    Begin(usize),
    /// Whatever follows.
    Found,
    /// The byte at this place does not fit.
    Unfit(usize),
    /// Nothing is found.
    Never,
}

/// Where the bytes begin that the machine takes, up to the last one.
fn search(part: &Part<'_>, tokens: &[Token]) -> Option<usize> {
    let begins_anywhere = tokens.first()?.times == Times::Before;
    part.get(0)?;
    let (mut at, mut start, mut number) = (0, 0, 0);
    while let Some(token) = tokens.get(number) {
        number += 1;
        match step(part, at, token, tokens.get(number)) {
            Step::On(place) => at = place,
            Step::Begin(place) => (at, start) = (place, place),
            Step::Found => return Some(start),
            // It does not go back: what it has read is gone.
            // The first token says anew where it begins.
            Step::Unfit(place) if begins_anywhere => (at, number) = (place + 1, 0),
            Step::Unfit(_) | Step::Never => return None,
        }
    }
    part.get(at).is_none().then_some(start)
}

fn step(part: &Part<'_>, at: usize, token: &Token, next: Option<&Token>) -> Step {
    match token.times {
        Times::Once | Times::Many => match part.get(at) {
            None => return Step::Never,
            Some(byte) if !token.takes(byte) => return Step::Unfit(at),
            Some(_) if token.times == Times::Once => return Step::On(at + 1),
            Some(_) => {}
        },
        Times::Perhaps => {
            return match part.get(at) {
                Some(byte) if token.takes(byte) => Step::On(at + 1),
                _ => Step::On(at),
            };
        }
        Times::Any | Times::Before => {}
    }
    let Some(next) = next else { return Step::Found };
    let mut at = at + usize::from(token.times == Times::Many);
    let Some(mut byte) = part.get(at) else { return Step::On(at) };
    // On to the first byte that the next token takes.
    while !next.takes(byte) {
        match (token.takes(byte), token.times) {
            (true, _) => at += 1,
            (false, Times::Before) => return Step::Never,
            (false, _) => return Step::Unfit(at),
        }
        let Some(following) = part.get(at) else { return Step::Never };
        byte = following;
    }
    if token.times == Times::Before { Step::Begin(at) } else { Step::On(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(tokens: &[[u8; 3]], bytes: &[u8]) -> bool {
        let token = |[kind, times, value]: &[u8; 3]| {
            let [low, high] = u16::from(*kind).to_ne_bytes();
            [low, high, *times, *value]
        };
        let tokens: Vec<u8> = tokens.iter().flat_map(token).collect();
        machine_matches(bytes, &tokens, 0, u16::MAX).unwrap()
    }

    #[test]
    fn each_kind_takes_the_bytes_that_the_kernel_takes() {
        // Counted by the kernel (6.18) over all 256 bytes: how many there are, the first and the last.
        let kinds = [
            (1, 256, 0, 255),
            (2, 10, 48, 57),
            (3, 22, 48, 102),
            (4, 191, 32, 255),
            (5, 114, 65, 255),
            (6, 124, 48, 255),
            (7, 128, 0, 127),
            (8, 33, 0, 127),
            (9, 189, 33, 255),
            (10, 58, 97, 255),
            (11, 56, 65, 222),
            (12, 65, 33, 247),
            (13, 7, 9, 160),
        ];
        for (kind, count, first, last) in kinds {
            let taken: Vec<u8> = (0..=255).filter(|byte| finds(&[[kind, 0, 0]], &[*byte])).collect();
            assert_eq!((taken.len(), taken[0], taken[count - 1]), (count, first, last), "kind {kind}");
        }
    }

    #[test]
    fn a_machine_takes_the_bytes_up_to_the_last_one() {
        let (any, digit, upper) = (1, 2, 11);
        assert!(finds(&[[0, 0, b'a'], [0, 0, b'b']], b"ab") && !finds(&[[0, 0, b'a']], b"ab"));
        assert!(finds(&[[any, 4, 0], [0, 0, b'b'], [any, 2, 0]], b"xxbyy"), "anything, and a `b`");
        assert!(finds(&[[digit, 1, 0], [upper, 3, 0], [0, 0, b'.']], b"AB."));
        assert!(finds(&[[digit, 1, 0], [upper, 3, 0], [0, 0, b'.']], b"7AB."));
        assert!(!finds(&[[digit, 1, 0], [upper, 3, 0], [0, 0, b'.']], b"7."), "one at least");
        assert!(!finds(&[[digit, 2, 0], [upper, 0, 0]], b"77"), "what follows must come");
        assert!(!finds(&[[any, 1, 0]], b""));
    }

    #[test]
    fn what_is_read_behind_the_end_depends_on_memory() {
        let perhaps = [[0, 0, 0, b'a'], [0, 0, 1, b'b']].concat();
        let run = |bytes| machine_matches(bytes, &perhaps, 0, u16::MAX);
        assert_eq!((run(b"ab"), run(b"ac"), run(b"a")), (Some(true), Some(false), None));
        let tokens =
            [1u16.to_ne_bytes().as_slice(), &[2, 0], &[0, 0, 0, b'b'], &1u16.to_ne_bytes(), &[2, 0]].concat();
        let run = |to| machine_matches(b"aaaaaaaaaaaaaaaab.....", &tokens, 0, to);
        assert_eq!((run(11), run(12), run(15)), (Some(false), None, None), "no room; `b` is behind");
        assert_eq!((run(18), run(22)), (Some(true), Some(true)));
    }
}
