//! Layer 0. A piece of a source line, escaped, with the places of its bytes: what a snippet is drawn from.

use std::ops::Range;

use super::escape;
use crate::source::Text;

/// What stands for the part of a line that is left out.
const CUT: &str = "...";

/// Part of a line as it is shown.
#[derive(Debug)]
pub(super) struct Excerpt {
    /// The bytes of the source that it shows.
    range: Range<usize>,
    /// Escaped, with [`CUT`] where the line goes on.
    pub text: String,
    /// For each piece shown: its offset in the source, and in `text`; then the ends of both.
    places: Vec<(usize, usize)>,
}

impl Excerpt {
    /// Of the bytes `line` of a source, those that surround the `focus`: `reach` bytes more on either side, less when
    /// that would split a character.
    pub(super) fn new(source: &[u8], line: Range<usize>, focus: Range<usize>, reach: usize) -> Excerpt {
        let inside = |byte: usize| byte.clamp(line.start, line.end);
        let start = whole_char(source, inside(focus.start.saturating_sub(reach))).max(line.start);
        let end = whole_char(source, inside(focus.end.saturating_add(reach))).max(start);
        let mut text = String::with_capacity(end - start + 2 * CUT.len());
        if start > line.start {
            text.push_str(CUT);
        }
        let mut places = Vec::with_capacity(end - start + 1);
        let mut at = start;
        for (len, piece) in escape::pieces(source.get(start..end).unwrap_or_default()) {
            places.push((at, text.len()));
            at += len;
            // A string takes whatever is written to it.
            let _ = piece.write(&mut text);
        }
        places.push((at, text.len()));
        if end < line.end {
            text.push_str(CUT);
        }
        Excerpt { range: start..end, text, places }
    }

    /// Whether it shows this byte of the source.
    pub(super) fn shows(&self, byte: usize) -> bool {
        self.range.contains(&byte) || byte == self.range.end
    }

    /// Where bytes of the source stand in the text, widened to whole characters and cut to what is shown.
    pub(super) fn span(&self, bytes: Range<usize>) -> Range<usize> {
        let first = self.places.partition_point(|(source, _)| *source <= bytes.start).saturating_sub(1);
        let after = self.places.partition_point(|(source, _)| *source < bytes.end);
        let place =
            |index: usize| self.places.get(index).or(self.places.last()).map_or(0, |(_, shown)| *shown);
        let start = place(first);
        start..place(after).max(start)
    }
}

/// The bytes of the lines from the one that `text` begins in to the one that it ends in, without the last line end.
pub(super) fn lines_of(text: &Text) -> Range<usize> {
    let source = text.source();
    let (first, column) = text.place();
    let start = text.start() - (column - 1);
    // The end of text that takes a line end with it stands in the next line, of which it holds nothing.
    let last = source.place(text.end().saturating_sub(1).max(text.start())).0.max(first);
    let end = source.line(last).map_or(text.end(), |line| line.end());
    start as usize..end as usize
}

/// `at`, or up to three bytes earlier if a character is split there.
fn whole_char(source: &[u8], at: usize) -> usize {
    let continues = |byte: usize| source.get(byte).is_some_and(|byte| byte & 0xc0 == 0x80);
    (at.saturating_sub(3)..=at).rev().find(|at| !continues(*at)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use proptest::prelude::*;

    #[test]
    fn spans_follow_the_escapes() {
        let line = "a\tb é\x1bc".as_bytes();
        let excerpt = Excerpt::new(line, 0..line.len(), 2..3, 99);
        assert_eq!(excerpt.text, r"a\tb é\x1bc");
        assert_eq!(&excerpt.text[excerpt.span(2..3)], "b");
        assert_eq!(&excerpt.text[excerpt.span(1..2)], r"\t");
        assert_eq!(&excerpt.text[excerpt.span(5..6)], "é", "half a character is widened");
        assert_eq!(&excerpt.text[excerpt.span(6..7)], r"\x1b");
        assert_eq!(excerpt.span(8..8), 12..12, "the end of the line");
    }

    #[test]
    fn what_is_left_out_is_marked() {
        let line = b"0123456789";
        let excerpt = Excerpt::new(line, 0..10, 4..6, 2);
        assert_eq!(excerpt.text, "...234567...");
        assert_eq!(&excerpt.text[excerpt.span(4..6)], "45");
        assert_eq!(&excerpt.text[excerpt.span(0..4)], "23");
        assert_eq!(Excerpt::new(line, 0..10, 1..2, 2).text, "0123...");
    }

    #[test]
    fn the_lines_of_a_text_have_no_line_end() {
        let source = Source::new("x", "ab\ncd\nef").unwrap();
        assert_eq!(lines_of(&source.text(1, 2)), 0..2);
        assert_eq!(lines_of(&source.text(3, 5)), 3..5);
        assert_eq!(lines_of(&source.text(3, 6)), 3..5);
        assert_eq!(lines_of(&source.text(4, 7)), 3..8);
        assert_eq!(lines_of(&source.text(8, 8)), 6..8);
        assert_eq!(lines_of(&source.text(2, 2)), 0..2);
    }

    proptest! {
        #[test]
        fn spans_are_of_whole_characters(line: Vec<u8>, a: usize, b: usize, reach in 0..20_usize) {
            let (a, b) = (a % (line.len() + 1), b % (line.len() + 1));
            let excerpt = Excerpt::new(&line, 0..line.len(), a.min(b)..a.max(b), reach);
            let span = excerpt.span(a.min(b)..a.max(b));
            prop_assert!(excerpt.text.get(span).is_some());
            prop_assert!(!excerpt.text.chars().any(escape::is_unsafe));
        }
    }
}
