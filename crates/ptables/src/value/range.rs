//! Ranges of 32-bit numbers that conditions of headers are about.

/// A range, both ends included; the condition that a number of a header lies in it, or (inverted) does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range32 {
    /// First number.
    pub low: u32,
    /// Last number.
    pub high: u32,
    /// Whether `!` stands before it.
    pub inverted: bool,
}

impl Range32 {
    /// Every number.
    pub const ALL: Range32 = Range32::new(0, u32::MAX);

    /// From `low` to `high`.
    pub const fn new(low: u32, high: u32) -> Range32 {
        Range32 { low, high, inverted: false }
    }

    /// The opposite condition.
    #[must_use]
    pub const fn inverted(mut self) -> Range32 {
        self.inverted = !self.inverted;
        self
    }

    /// Whether it is every number.
    pub const fn is_all(self) -> bool {
        self.low == 0 && self.high == u32::MAX
    }
}
