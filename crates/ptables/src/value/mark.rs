//! Values with a mask: marks.

use super::number::{base0, prefix_base0, push_hex};
use super::{Bad, Parsed};

/// `value/mask`, as in `--mark 0x1/0xff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The bits.
    pub value: u32,
    /// Which bits count.
    pub mask: u32,
}

impl Mark {
    /// All bits of a value.
    pub const fn exactly(value: u32) -> Mark {
        Mark { value, mask: u32::MAX }
    }

    /// Reads `value[/mask]` in base 0.
    ///
    /// # Errors
    /// `Form` or `Range` if a part is not a 32-bit number.
    pub fn parse(text: &[u8]) -> Parsed<Mark> {
        let expected = || Bad::form("a 32-bit number, perhaps with `/mask`");
        let (value, rest) = prefix_base0(text).ok_or_else(expected)?;
        let value = u32::try_from(value).map_err(|_| Bad::range("a number from 0 to 4294967295"))?;
        let mask = match rest {
            [] => u32::MAX,
            [b'/', mask @ ..] => base0(mask, 0, u64::from(u32::MAX))? as u32,
            _ => return Err(expected()),
        };
        Ok(Mark { value, mask })
    }

    /// Appends `0xvalue`, and `/0xmask` unless all bits count.
    pub fn push(&self, out: &mut Vec<u8>) {
        push_hex(out, u64::from(self.value));
        if self.mask != u32::MAX {
            out.push(b'/');
            push_hex(out, u64::from(self.mask));
        }
    }

    /// Appends `0xvalue/0xmask`, whatever the mask.
    pub fn push_full(&self, out: &mut Vec<u8>) {
        push_hex(out, u64::from(self.value));
        out.push(b'/');
        push_hex(out, u64::from(self.mask));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_hexadecimal_and_a_full_mask_is_hidden() {
        let print = |text: &[u8]| {
            let mut out = Vec::new();
            Mark::parse(text).unwrap().push(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(print(b"10"), "0xa");
        assert_eq!(print(b"0x10/255"), "0x10/0xff");
        for text in ["", "x", "1/", "1/x", "4294967296", "1 2"] {
            assert!(Mark::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
