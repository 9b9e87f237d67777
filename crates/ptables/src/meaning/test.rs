//! Conditions on bytes that no field holds.

use crate::source::Text;
use crate::value::is::Is;

/// A text that is sought, or a machine that seeks one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextTest {
    /// The text; or the tokens of a machine, four bytes each: two of a kind of byte (as the machine has numbers), how often it
    /// may come, and the byte itself.
    pub pattern: Text,
    /// Offset of the first byte that is looked at, from the IP header on.
    pub from: u16,
    /// Offset behind the last byte that is looked at.
    pub to: u16,
    /// Upper and lower case are the same.
    pub ignore_case: bool,
    /// It is a machine.
    pub machine: bool,
}

impl TextTest {
    /// A text, sought between two offsets.
    pub fn new(pattern: Text, from: u16, to: u16, ignore_case: bool) -> TextTest {
        TextTest { pattern, from, to, ignore_case, machine: false }
    }

    /// A machine, run between two offsets. It matches where its last token takes the packet's last byte, or takes any number.
    pub fn machine(tokens: Text, from: u16, to: u16) -> TextTest {
        TextTest { pattern: tokens, from, to, machine: true, ..TextTest::default() }
    }
}

/// What a segment routing header is compared with: numbers, and segments as address and mask.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SegmentTest {
    /// Comparisons of bytes of the header: its place in the header, and the values that it may have.
    pub bytes: Vec<(u8, Is<(u8, u8)>)>,
    /// Tag.
    pub tag: Option<Is<u16>>,
    /// The segment before the current one.
    pub previous: Option<Is<(u128, u128)>>,
    /// The segment after the current one.
    pub next: Option<Is<(u128, u128)>>,
    /// The last segment.
    pub last: Option<Is<(u128, u128)>>,
}
