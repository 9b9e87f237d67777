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
    let mut at = 0;
    let mut open = false;
    while let Some(byte) = line.get(at) {
        if matches!(byte, b' ' | b'\t' | b'\n') {
            at += 1;
            continue;
        }
        let rest = line.get(at..).unwrap_or_default();
        let plain =
            rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'"')).unwrap_or(rest.len());
        let start = at as u32;
        if rest.get(plain) == Some(&b'"') {
            let (bytes, length, closed) = quoted(rest, plain);
            at += length;
            open |= !closed;
            words.push(Word { bytes, start, end: at as u32 });
        } else {
            at += plain;
            let bytes = Cow::Borrowed(rest.get(..plain).unwrap_or_default());
            words.push(Word { bytes, start, end: at as u32 });
        }
    }
    open
}

/// The word that begins `rest`, whose quote opens at `quote`: its bytes, its length, and whether the quote closes.
fn quoted(rest: &[u8], quote: usize) -> (Cow<'_, [u8]>, usize, bool) {
    let inner = rest.get(quote + 1..).unwrap_or_default();
    let special = inner.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(inner.len());
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
