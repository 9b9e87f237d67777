//! Addresses of hosts inside extensions, with a mask: read as `getaddrinfo` reads them, not as `-s` does.

use super::addr::{self, Bits, prefix_length, prefix_mask, push_address, push_mask};
use super::number::base0;
use super::{Bad, BadKind, Names, Parsed};
use crate::dialect::{Dialect, Family};

/// An address and which of its bits count. Host bits stay as they were written: the tools print them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostMask {
    /// The address.
    pub address: Bits,
    /// Which bits count; may have holes.
    pub mask: Bits,
}

impl HostMask {
    /// Reads `host[/length]` or `host[/mask]`, with [`host`] and [`mask`].
    ///
    /// # Errors
    /// `Address` or `Name` if a part is neither.
    pub fn parse(text: &[u8], family: Family, names: &dyn Names) -> Parsed<HostMask> {
        let all = prefix_mask(family, family.bits());
        let Some(at) = memchr::memchr(b'/', text) else {
            return Ok(HostMask { address: host(text, family, names)?, mask: all });
        };
        let address = host(text.get(..at).unwrap_or_default(), family, names)?;
        Ok(HostMask { address, mask: mask(text.get(at + 1..).unwrap_or_default(), family)? })
    }

    /// Whether the tools lose the mask when they save it: 1.8.9 does if it has holes.
    pub fn is_lost(self, family: Family, dialect: Dialect) -> bool {
        !dialect.since_1_8_11() && prefix_length(family, self.mask).is_none()
    }

    /// Appends `address`, and `/length` or `/mask` unless all bits count.
    pub fn push(self, out: &mut Vec<u8>, family: Family, dialect: Dialect) {
        push_address(out, family, self.address);
        if self.mask != prefix_mask(family, family.bits()) && !self.is_lost(family, dialect) {
            push_mask(out, family, self.mask);
        }
    }
}

/// Reads a prefix length in base 0, or a mask; what is no length is read as an address, so that `33` is 0.0.0.33.
///
/// # Errors
/// `Address` if it is neither.
pub fn mask(text: &[u8], family: Family) -> Parsed<Bits> {
    let length = base0(text, 0, u64::from(family.bits())).ok().and_then(|it| u8::try_from(it).ok());
    match length {
        Some(length) => Ok(prefix_mask(family, length)),
        None => addr::host(family, text).ok_or_else(|| {
            Bad::new(BadKind::Address, format!("a prefix length from 0 to {} or a mask", family.bits()))
        }),
    }
}

/// Reads one address or the name of a host that has one.
///
/// # Errors
/// `Address` if it is neither; `Name` if nobody knows the name, or if it has several addresses.
pub fn host(text: &[u8], family: Family, names: &dyn Names) -> Parsed<Bits> {
    if let Some(address) = addr::host(family, text) {
        return Ok(address);
    }
    let name = std::str::from_utf8(text).ok().filter(|name| name.bytes().any(|it| it.is_ascii_alphabetic()));
    let name = name.filter(|name| !name.contains(':'));
    let Some(name) = name else {
        return Err(Bad::new(BadKind::Address, format!("an {family} address")));
    };
    match names.host(name, family).as_slice() {
        [one] => Ok(*one),
        [] => Err(Bad::new(BadKind::Name, format!("an {family} address: names are not looked up"))),
        _ => Err(Bad::new(BadKind::Name, format!("one {family} address: this name has several"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Backend, Version};
    use crate::value::BuiltinNames;

    #[test]
    fn a_mask_is_a_length_or_an_address() {
        let new = Dialect::new(Backend::Nft, Version::V1_8_11);
        for (text, old, latest) in [
            ("10.1", "10.0.0.1", "10.0.0.1"),
            ("1.2.3.4/24", "1.2.3.4/24", "1.2.3.4/24"),
            ("1.2.3.4/255.255.0.0", "1.2.3.4/16", "1.2.3.4/16"),
            ("1.2.3.4/33", "1.2.3.4", "1.2.3.4/0.0.0.33"),
            ("::ffff:1.2.3.4/0", "1.2.3.4/0", "1.2.3.4/0"),
        ] {
            let parsed = HostMask::parse(text.as_bytes(), Family::V4, &BuiltinNames).unwrap();
            for (dialect, printed) in [(Dialect::default(), old), (new, latest)] {
                let mut out = Vec::new();
                parsed.push(&mut out, Family::V4, dialect);
                assert_eq!(String::from_utf8(out).unwrap(), printed, "{text}");
            }
        }
        for text in ["", "1.2.3.4/", "1.2.3.4/8/8", "1.2.3.4/x", "::1", "1.2.3.4,5.6.7.8", "example.org"] {
            assert!(HostMask::parse(text.as_bytes(), Family::V4, &BuiltinNames).is_err(), "{text}");
        }
    }
}
