//! Of which family an address in a rule is.

use crate::dialect::Family;
use crate::ext::Families;
use crate::value::Names;
use crate::value::addr;

/// Families that something belongs to: IPv4, IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct In {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

impl In {
    pub(super) const BOTH: In = In { v4: true, v6: true };
    pub(super) const NONE: In = In { v4: false, v6: false };

    pub(super) fn one(family: Family) -> In {
        In { v4: family == Family::V4, v6: family == Family::V6 }
    }

    /// These; without any, all.
    pub(super) fn all(families: Option<Families>) -> In {
        let has = |family| families.is_none_or(|it| it.has(family));
        In { v4: has(Family::V4), v6: has(Family::V6) }
    }

    pub(super) fn has(self, family: Family) -> bool {
        if family == Family::V4 { self.v4 } else { self.v6 }
    }

    pub(super) fn and(self, other: In) -> In {
        In { v4: self.v4 && other.v4, v6: self.v6 && other.v6 }
    }

    pub(super) fn or(self, other: In) -> In {
        In { v4: self.v4 || other.v4, v6: self.v6 || other.v6 }
    }

    /// The only one, if it is one.
    pub(super) fn only(self) -> Option<Family> {
        match (self.v4, self.v6) {
            (true, false) => Some(Family::V4),
            (false, true) => Some(Family::V6),
            _ => None,
        }
    }
}

/// The families of an address, a network, a range or the name of a host. What is none of these is for both: lowering says what
/// is wrong with it.
pub(super) fn of(text: &[u8], names: &dyn Names) -> In {
    let end = memchr::memchr(b'/', text).unwrap_or(text.len());
    let text = text.get(..end).unwrap_or_default();
    if let Some(family) = literal(text) {
        return In::one(family);
    }
    // Names of hosts hold hyphens too, so a range is what begins with an address.
    let first = text.split(|byte| *byte == b'-').next().unwrap_or_default();
    if let Some(family) = literal(first) {
        return In::one(family);
    }
    let Some(name) =
        std::str::from_utf8(text).ok().filter(|it| it.bytes().any(|it| it.is_ascii_alphabetic()))
    else {
        return In::BOTH;
    };
    let known =
        In { v4: !names.host(name, Family::V4).is_empty(), v6: !names.host(name, Family::V6).is_empty() };
    if known == In::NONE { In::BOTH } else { known }
}

/// The families of what `--to-destination` and its like take: `[ADDRESS[-ADDRESS]][:PORTS]`, IPv6 addresses in brackets.
pub(super) fn of_nat(text: &[u8]) -> In {
    if text.first() == Some(&b'[') || memchr::memchr_iter(b':', text).count() > 1 {
        return In::one(Family::V6);
    }
    let end = text.iter().position(|byte| matches!(byte, b':' | b'-')).unwrap_or(text.len());
    match text.get(..end).and_then(literal) {
        Some(family) => In::one(family),
        None => In::BOTH,
    }
}

/// The family of an address by itself.
pub(super) fn literal(text: &[u8]) -> Option<Family> {
    if text.contains(&b':') {
        return addr::strict(Family::V6, text).map(|_| Family::V6);
    }
    addr::loose(Family::V4, text).map(|_| Family::V4)
}

/// A comma list, as each family gets it: `None` where nothing is for it.
pub(super) fn list(text: &[u8], names: &dyn Names) -> [Option<Vec<u8>>; 2] {
    let items: Vec<(&[u8], In)> = text.split(|it| *it == b',').map(|it| (it, of(it, names))).collect();
    Family::ALL.map(|family| {
        let own: Vec<&[u8]> = items.iter().filter(|it| it.1.has(family)).map(|it| it.0).collect();
        (!own.is_empty()).then(|| own.join(&b","[..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::BuiltinNames;

    #[test]
    fn addresses_tell_their_family() {
        for (text, expected) in [
            ("10.0.0.0/8", Some(Family::V4)),
            ("10.1", Some(Family::V4)),
            ("10.0.0.1-10.0.0.9", Some(Family::V4)),
            ("0.0.0.0/0", Some(Family::V4)),
            ("2001:db8::/32", Some(Family::V6)),
            ("2001:db8::1-2001:db8::9", Some(Family::V6)),
            ("localhost", Some(Family::V4)),
            ("no-such-host.example", None),
            ("00:11:22:33:44:55", None),
            ("", None),
        ] {
            assert_eq!(of(text.as_bytes(), &BuiltinNames).only(), expected, "{text}");
        }
        for (text, expected) in [
            ("10.0.0.1:80", Some(Family::V4)),
            ("10.0.0.1-10.0.0.9", Some(Family::V4)),
            ("[2001:db8::1]:80", Some(Family::V6)),
            ("2001:db8::1", Some(Family::V6)),
            (":80", None),
        ] {
            assert_eq!(of_nat(text.as_bytes()).only(), expected, "{text}");
        }
    }

    #[test]
    fn lists_are_taken_apart() {
        let parts = list(b"10.0.0.1,2001:db8::1,10.0.0.2", &BuiltinNames);
        let parts = parts.map(|it| String::from_utf8(it.unwrap()).unwrap());
        assert_eq!(parts, ["10.0.0.1,10.0.0.2", "2001:db8::1"]);
    }
}
