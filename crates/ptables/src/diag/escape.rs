//! Layer 0. Makes text that a caller passed safe to show: on a terminal, and on one line of a `#` comment.
//!
//! Characters that move the cursor, end a line, turn the direction of writing or show nothing are written as a
//! visible escape: `\n`, `\t`, `\r`, `\x1b` (other controls below U+0080), `\u{202e}` (the rest); a byte that is
//! no UTF-8 is written as `\xff`. Everything else stays, a backslash too, so this can't be undone in general.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// `text` with every unsafe character escaped; borrowed if there is none.
pub fn line(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) || !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(Escaped(text.as_bytes()).to_string())
}

/// `bytes` as text, with every unsafe character and every byte that is no UTF-8 escaped; borrowed if there is none.
pub fn bytes(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => line(text),
        Err(_) => Cow::Owned(Escaped(bytes).to_string()),
    }
}

/// Appends what [`bytes`] gives.
pub(crate) fn push(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        out.extend_from_slice(text);
    } else {
        out.extend_from_slice(bytes(text).as_bytes());
    }
}

/// Shows bytes as [`bytes`] does, without a string in between.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(
    /// What is shown.
    pub &'a [u8],
);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pieces(self.0).try_for_each(|(_, piece)| piece.write(f))
    }
}

/// Whether a character is escaped: a control, a line separator, a bidirectional control, or one that shows nothing.
///
/// Variation selectors U+FE00 to U+FE0F stay: they only choose the look of the character before them.
pub fn is_unsafe(char: char) -> bool {
    matches!(char,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A character, or a byte that is no UTF-8: what is escaped as one.
#[derive(Clone, Copy)]
pub(super) enum Piece {
    Char(char),
    Byte(u8),
}

impl Piece {
    pub(super) fn write(self, out: &mut impl Write) -> fmt::Result {
        match self {
            Piece::Char('\n') => out.write_str("\\n"),
            Piece::Char('\t') => out.write_str("\\t"),
            Piece::Char('\r') => out.write_str("\\r"),
            Piece::Char(char) if !is_unsafe(char) => out.write_char(char),
            Piece::Char(char) if char.is_ascii() => write!(out, "\\x{:02x}", u32::from(char)),
            Piece::Char(char) => write!(out, "\\u{{{:x}}}", u32::from(char)),
            Piece::Byte(byte) => write!(out, "\\x{byte:02x}"),
        }
    }
}

/// The pieces of `bytes`, in order, each with the number of bytes that it was read from.
pub(super) fn pieces(bytes: &[u8]) -> impl Iterator<Item = (usize, Piece)> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|char| (char.len_utf8(), Piece::Char(char)));
        valid.chain(chunk.invalid().iter().map(|byte| (1, Piece::Byte(*byte))))
    })
}

fn is_plain(bytes: &[u8]) -> bool {
    // Without a way out in the middle, so that it is compiled to look at many bytes at once.
    bytes.iter().fold(true, |plain, byte| plain & (0x20..0x7f).contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_visible() {
        assert_eq!(line("a\nb\tc\r\x1b[31m\x7f\0"), r"a\nb\tc\r\x1b[31m\x7f\x00");
        assert_eq!(line("\u{85}\u{9b}\u{2028}\u{2029}"), r"\u{85}\u{9b}\u{2028}\u{2029}");
        assert_eq!(line("\u{202e}gpj.\u{2066}\u{61c}\u{200f}"), r"\u{202e}gpj.\u{2066}\u{61c}\u{200f}");
        assert_eq!(line("a\u{200b}b\u{feff}c\u{e0041}"), r"a\u{200b}b\u{feff}c\u{e0041}");
        assert_eq!(bytes(b"caf\xe9 \xf0\x9f \xff\n"), r"caf\xe9 \xf0\x9f \xff\n");
    }

    #[test]
    fn ordinary_text_is_borrowed() {
        for text in ["", "-A INPUT -j ACCEPT", "Grüße, 世界 é", r#"a\b "c""#, "❤\u{fe0f}"] {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text), "{text}");
            assert!(matches!(bytes(text.as_bytes()), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_unsafe_comes_out(input: Vec<u8>, text: String, odd in "[\u{0}-\u{ff}\u{2000}-\u{2070}]*") {
            for shown in [bytes(&input), line(&text), line(&odd)] {
                prop_assert!(!shown.chars().any(|char| is_unsafe(char) || char.is_control()), "{shown:?}");
            }
        }

        #[test]
        fn printable_text_stays(text in "[ -~à-ÿ一-三😀]*") {
            prop_assert_eq!(line(&text), text.as_str());
        }

        #[test]
        fn bytes_line_pieces_and_display_agree(text: String) {
            let mut joined = String::new();
            let mut len = 0;
            for (bytes, piece) in pieces(text.as_bytes()) {
                piece.write(&mut joined).unwrap();
                len += bytes;
            }
            prop_assert_eq!(len, text.len());
            prop_assert_eq!(&*line(&text), &joined);
            prop_assert_eq!(&*bytes(text.as_bytes()), &joined);
            prop_assert_eq!(Escaped(text.as_bytes()).to_string(), joined);
        }
    }
}
