//! Security parameter indexes of IPsec.

/// A range of indexes, both ends included; the condition that a header's index lies in it, or (inverted) does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spis {
    /// First index.
    pub low: u32,
    /// Last index.
    pub high: u32,
    /// Whether `!` stands before it.
    pub inverted: bool,
}

impl Spis {
    /// Whether it is every index.
    pub const fn is_all(self) -> bool {
        self.low == 0 && self.high == u32::MAX
    }
}
