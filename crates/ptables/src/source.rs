//! Layer 0. Bytes that rules were read from, and slices of them that keep their place.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Named bytes that rules were read from: a file, standard input, or the words of one built rule.
///
/// Cloning is cheap: clones share the bytes. A source holds at most 4 GiB - 1 bytes, because places are `u32`.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    name: Option<Box<str>>,
    bytes: Vec<u8>,
    /// Offset of the first byte of each line; computed when a place is first asked for.
    lines: OnceLock<Vec<u32>>,
}

/// The bytes given to [`Source::new`] are too many for `u32` places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceTooLong;

impl fmt::Display for SourceTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a source of rules holds at most 4 GiB - 1 bytes")
    }
}

impl std::error::Error for SourceTooLong {}

impl Source {
    /// Makes a source called `name` (a path, `<stdin>` …) of `bytes`.
    ///
    /// # Errors
    /// [`SourceTooLong`] if there are 4 GiB or more.
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Source, SourceTooLong> {
        let bytes = bytes.into();
        if u32::try_from(bytes.len()).is_err() {
            return Err(SourceTooLong);
        }
        Ok(Source(Arc::new(Inner { name: Some(name.into()), bytes, lines: OnceLock::new() })))
    }

    /// The name, or `None` for bytes that no file holds (a value made by a program).
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// All the bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The slice from byte `start` up to `end`, both clamped to the source.
    pub fn text(&self, start: u32, end: u32) -> Text {
        let len = self.len();
        let end = end.min(len);
        Text { source: Some(self.clone()), start: start.min(end), end }
    }

    /// Line and column of a byte, both from 1; the column counts bytes.
    pub fn place(&self, offset: u32) -> (u32, u32) {
        let lines = self.lines();
        let index = lines.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = lines.get(index).copied().unwrap_or(0);
        (u32::try_from(index + 1).unwrap_or(u32::MAX), offset.saturating_sub(start) + 1)
    }

    /// The line (from 1) without its end, if there is one.
    pub fn line(&self, number: u32) -> Option<Text> {
        let lines = self.lines();
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        let start = *lines.get(index)?;
        let end = lines.get(index + 1).map_or(self.len(), |next| next - 1);
        Some(self.text(start, end))
    }

    fn len(&self) -> u32 {
        // INVARIANT: every constructor refuses longer bytes.
        u32::try_from(self.0.bytes.len()).unwrap_or(u32::MAX)
    }

    fn lines(&self) -> &[u32] {
        self.0.lines.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', &self.0.bytes);
            std::iter::once(0).chain(ends.map(|end| u32::try_from(end + 1).unwrap_or(u32::MAX))).collect()
        })
    }

    fn is_same(&self, other: &Source) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.0.name).field("len", &self.0.bytes.len()).finish()
    }
}

/// A slice of a [`Source`]: bytes that know where they were written.
///
/// 16 bytes, cheap to clone, compared and hashed by content.
#[derive(Clone, Default)]
pub struct Text {
    /// `None` for the empty text that stands nowhere.
    source: Option<Source>,
    start: u32,
    end: u32,
}

impl Text {
    /// Text that no file holds.
    ///
    /// Bytes beyond 4 GiB - 1 are out of reach of every rule format; they are dropped.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Text {
        let mut bytes = bytes.into();
        bytes.truncate(u32::MAX as usize);
        let end = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let source = Source(Arc::new(Inner { name: None, bytes, lines: OnceLock::new() }));
        Text { source: Some(source), start: 0, end }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        let bytes = self.source.as_ref().map_or(&[][..], |source| &source.0.bytes);
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The bytes as text, for people: invalid UTF-8 is replaced.
    pub fn to_lossy(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).into_owned()
    }

    /// The source that holds it.
    pub fn source(&self) -> &Source {
        static NOWHERE: OnceLock<Source> = OnceLock::new();
        let nowhere = || {
            NOWHERE.get_or_init(|| {
                Source(Arc::new(Inner { name: None, bytes: Vec::new(), lines: OnceLock::new() }))
            })
        };
        self.source.as_ref().unwrap_or_else(nowhere)
    }

    /// Byte offset of its first byte in the source.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// Byte offset after its last byte in the source.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// A part of this text, from byte `start` to `end` of it, clamped.
    pub fn slice(&self, start: usize, end: usize) -> Text {
        let len = (self.end - self.start) as usize;
        let end = end.min(len);
        let start = start.min(end);
        // INVARIANT: both are at most `len`, which fits.
        Text { source: self.source.clone(), start: self.start + start as u32, end: self.start + end as u32 }
    }

    /// Line and column of its first byte, both from 1.
    pub fn place(&self) -> (u32, u32) {
        self.source().place(self.start)
    }

    /// Whether both stand in the same source.
    pub fn shares_source(&self, other: &Text) -> bool {
        self.source.as_ref().zip(other.source.as_ref()).is_some_and(|(one, other)| one.is_same(other))
    }
}

impl Deref for Text {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl std::borrow::Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_lossy())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::new(text.as_bytes())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text::new(text.into_bytes())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Text {
        Text::new(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one_and_follow_line_ends() {
        let source = Source::new("x", "ab\ncd\n").unwrap();
        assert_eq!(source.place(0), (1, 1));
        assert_eq!(source.place(2), (1, 3));
        assert_eq!(source.place(3), (2, 1));
        assert_eq!(source.place(4), (2, 2));
        assert_eq!(&source.line(2).unwrap()[..], b"cd");
        assert_eq!(&source.line(3).unwrap()[..], b"");
        assert!(source.line(4).is_none());
    }

    #[test]
    fn texts_compare_by_content_and_slices_are_clamped() {
        let source = Source::new("x", "abcabc").unwrap();
        assert_eq!(source.text(0, 3), source.text(3, 9));
        assert_eq!(source.text(0, 3).slice(1, 9), Text::from("bc"));
        assert_eq!(source.text(5, 2), Text::from(""));
        assert_eq!(size_of::<Text>(), 16);
    }
}
