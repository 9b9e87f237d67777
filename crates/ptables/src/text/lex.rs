//! The words of a restore line (facts: iptables.md 4).

use std::borrow::Cow;

/// One word and where it stands in its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// What it says, without quotes and escapes.
    pub bytes: Cow<'a, [u8]>,
    /// Offset of its first byte, a quote included.
    pub start: u32,
    /// Offset after its last byte, a quote included.
    pub end: u32,
}

/// The longest word, in bytes.
pub const MAX_WORD: usize = 1023;
/// The longest line, in bytes; a longer one is cut in pieces by the tools.
pub const MAX_LINE: usize = 10_239;
/// The most words of a rule line, with `-A CHAIN`.
pub const MAX_WORDS: usize = 251;

/// Splits a line into words, appended to `words`. Says whether a quote was left open.
///
/// Blanks and tabs separate. A `"` opens a quote anywhere and the closing one ends the word (`"a"b` is two words); in a
/// quote, `\` makes the next byte ordinary. `'` is ordinary, and so is a carriage return.
pub fn words<'a>(line: &'a [u8], words: &mut Vec<Word<'a>>) -> bool {
    let mut open = false;
    // Up to where words have been read; what follows begins a word.
    let mut done = 0;
    let mut block_start = 0;
    while block_start < line.len() {
        let block = line.get(block_start..(block_start + 64).min(line.len())).unwrap_or_default();
        let mut special = candidates(block);
        // Only bytes that may end a word need looking at.
        while special != 0 {
            let at = block_start + special.trailing_zeros() as usize;
            special &= special - 1;
            if at < done {
                continue;
            }
            let begin = done;
            let byte = line.get(at).copied().unwrap_or(b' ');
            if byte == b'"' {
                let (bytes, length, closed) = quoted(line.get(begin..).unwrap_or_default(), at - begin);
                done = begin + length;
                open |= !closed;
                words.push(Word { bytes, start: begin as u32, end: done as u32 });
            } else if matches!(byte, b' ' | b'\t' | b'\n') {
                if at > begin {
                    let bytes = Cow::Borrowed(line.get(begin..at).unwrap_or_default());
                    words.push(Word { bytes, start: begin as u32, end: at as u32 });
                }
                done = at + 1;
            }
        }
        block_start += 64;
    }
    if done < line.len() {
        let bytes = Cow::Borrowed(line.get(done..).unwrap_or_default());
        words.push(Word { bytes, start: done as u32, end: line.len() as u32 });
    }
    open
}

/// A bit for each byte of a block (64 at most) that is below `#`: blanks, quotes, `!` and control characters.
///
/// Eight bytes at a time and without branches: this runs over every byte of every rule, words are too short for `memchr`, and
/// their lengths are what a processor predicts worst.
fn candidates(block: &[u8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    let mut bits = 0;
    let mut shift = 0;
    let (chunks, tail) = block.as_chunks::<8>();
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        // A carry into the high bit of each byte that is `#` or more; no carry leaves its byte.
        let not_below = ((word & !HIGH) + ONES * (0x80 - 0x23)) | word;
        // Gathers the eight high bits into one byte.
        bits |= (((!not_below & HIGH) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << shift;
        shift += 8;
    }
    for byte in tail {
        bits |= u64::from(*byte < b'#') << shift;
        shift += 1;
    }
    bits
}

/// The word that begins `rest`, whose quote opens at `quote`: its bytes, its length, and whether the quote closes.
fn quoted(rest: &[u8], quote: usize) -> (Cow<'_, [u8]>, usize, bool) {
    let inner = rest.get(quote + 1..).unwrap_or_default();
    let special = memchr::memchr2(b'"', b'\\', inner).unwrap_or(inner.len());
    if quote == 0 && inner.get(special) == Some(&b'"') {
        return (Cow::Borrowed(inner.get(..special).unwrap_or_default()), special + 2, true);
    }
    let mut bytes = rest.get(..quote).unwrap_or_default().to_vec();
    let mut escaped = false;
    for (index, byte) in inner.iter().enumerate() {
        match byte {
            _ if escaped => {
                bytes.push(*byte);
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => return (Cow::Owned(bytes), quote + index + 2, true),
            _ => bytes.push(*byte),
        }
    }
    (Cow::Owned(bytes), rest.len(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        let mut found = Vec::new();
        words(line.as_bytes(), &mut found);
        found.iter().map(|word| String::from_utf8_lossy(&word.bytes).into_owned()).collect()
    }

    #[test]
    fn quotes_open_anywhere_and_end_the_word() {
        assert_eq!(split("-A  INPUT\t-j x"), ["-A", "INPUT", "-j", "x"]);
        assert_eq!(split("\"a\"b"), ["a", "b"]);
        assert_eq!(split("a\"b\"c"), ["ab", "c"]);
        assert_eq!(split("x \"\" y"), ["x", "", "y"]);
        assert_eq!(split("a!bcdefghijk!lmnop q"), ["a!bcdefghijk!lmnop", "q"]);
        assert_eq!(split(r#""a\"b\\c" d\e 'f g'"#), ["a\"b\\c", "d\\e", "'f", "g'"]);
        assert_eq!(split("\"a b"), ["a b"]);
        assert!(words(b"\"a b", &mut Vec::new()));
        assert!(!words(b"\"a b\"", &mut Vec::new()));
    }

    #[test]
    fn words_know_their_places() {
        let mut found = Vec::new();
        words(b"ab \"c d\" e", &mut found);
        let places: Vec<(u32, u32)> = found.iter().map(|word| (word.start, word.end)).collect();
        assert_eq!(places, [(0, 2), (3, 8), (9, 10)]);
    }
}
