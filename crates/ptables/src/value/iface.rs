//! Interface names with their `+` wildcard.

use std::fmt;

use super::{Bad, BadKind, Parsed};

/// An interface name: at most 15 bytes; a `+` at the end stands for any text.
///
/// A lone `+` (any interface) is [`Iface::ANY`] and is never printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Iface {
    bytes: [u8; 15],
    len: u8,
}

impl Iface {
    /// Any interface: no condition.
    pub const ANY: Iface = Iface { bytes: [0; 15], len: 0 };
    /// The loopback interface, `lo`.
    pub const LOOPBACK: Iface = Iface { bytes: *b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0", len: 2 };
    /// Longest name, in bytes (`IFNAMSIZ - 1`).
    pub const MAX: usize = 15;

    /// The name as written; a lone `+` gives [`Iface::ANY`].
    ///
    /// # Errors
    /// `Interface` if it is empty or longer than 15 bytes.
    pub fn parse(text: &[u8]) -> Parsed<Iface> {
        let mut bytes = [0; 15];
        match bytes.get_mut(..text.len()) {
            Some(to) => to.copy_from_slice(text),
            None => return Err(Bad::new(BadKind::Interface, "an interface name of at most 15 bytes")),
        }
        if text.is_empty() {
            return Err(Bad::new(BadKind::Interface, "an interface name"));
        }
        if text == b"+" {
            return Ok(Iface::ANY);
        }
        Ok(Iface { bytes, len: text.len() as u8 })
    }

    /// The name as written.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The name as a number: the same for the same name.
    #[inline]
    pub(crate) fn as_bits(&self) -> u128 {
        let mut bits = [0; 16];
        let (name, len) = bits.split_at_mut(Iface::MAX);
        name.copy_from_slice(&self.bytes);
        len.copy_from_slice(&[self.len]);
        u128::from_be_bytes(bits)
    }

    /// Whether it is no condition at all.
    pub fn is_any(&self) -> bool {
        self.len == 0
    }

    /// The text before the wildcard, and whether there is one.
    pub fn stem(&self) -> (&[u8], bool) {
        match self.as_bytes().strip_suffix(b"+") {
            Some(stem) => (stem, true),
            None => (self.as_bytes(), false),
        }
    }
}

impl Default for Iface {
    fn default() -> Iface {
        Iface::ANY
    }
}

impl fmt::Debug for Iface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_a_lone_plus_is_any() {
        assert!(Iface::parse(b"+").unwrap().is_any());
        assert_eq!(Iface::parse(b"eth+").unwrap().stem(), (&b"eth"[..], true));
        assert!(Iface::parse(b"abcdefghijklmno").is_ok());
        assert!(Iface::parse(b"abcdefghijklmnop").is_err());
    }
}
