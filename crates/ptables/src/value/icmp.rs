//! ICMP and ICMPv6 types.

use super::number::{base0, push};
use super::{Bad, Parsed};
use crate::dialect::Family;

/// A type with a range of codes; [`IcmpType::ANY`] is every ICMP packet (IPv4 only).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpType {
    /// The type; 255 is "any" in IPv4.
    pub kind: u8,
    /// First and last code.
    pub codes: (u8, u8),
}

type Named = (&'static str, u8, Option<u8>);

/// Names of RFC 792 types and codes with the tools' spellings (facts: catalogue and probes).
const V4: &[Named] = &[
    ("any", 255, None),
    ("echo-reply", 0, None),
    ("pong", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("TOS-network-unreachable", 3, Some(11)),
    ("TOS-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("TOS-network-redirect", 5, Some(2)),
    ("TOS-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("ping", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

/// Names of RFC 4443 and 4861 types and codes. 1.8.11 adds the MLD ones.
const V6: &[Named] = &[
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("ping", 128, None),
    ("echo-reply", 129, None),
    ("pong", 129, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-solicitation", 135, None),
    ("neighbour-advertisement", 136, None),
    ("neighbor-advertisement", 136, None),
    ("redirect", 137, None),
];

const V6_SINCE_1_8_11: &[Named] = &[
    ("mld-listener-query", 130, None),
    ("mld-listener-report", 131, None),
    ("mld-listener-done", 132, None),
    ("mld-listener-reduction", 132, None),
    ("mld2-listener-report", 143, None),
];

impl IcmpType {
    /// Every ICMP packet; IPv4 only.
    pub const ANY: IcmpType = IcmpType { kind: 255, codes: (0, 255) };

    /// A type with all its codes.
    pub const fn of(kind: u8) -> IcmpType {
        IcmpType { kind, codes: (0, 255) }
    }

    /// A type with one code.
    pub const fn with_code(kind: u8, code: u8) -> IcmpType {
        IcmpType { kind, codes: (code, code) }
    }

    /// The names of a family; `new` adds those of 1.8.11.
    pub fn names(family: Family, new: bool) -> impl Iterator<Item = &'static str> {
        table(family, new).map(|(name, _, _)| *name)
    }

    /// Reads a name (any prefix, in any case, that only one type has), `type`, `type/code` or `type/low:high`.
    ///
    /// # Errors
    /// `Form` if it is none of these or an ambiguous prefix.
    pub fn parse(family: Family, new: bool, text: &[u8]) -> Parsed<IcmpType> {
        if text.first().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b' ' | b'\t')) {
            return numbers(text);
        }
        let fits =
            |name: &str| name.as_bytes().get(..text.len()).is_some_and(|it| it.eq_ignore_ascii_case(text));
        let mut found = table(family, new).filter(|(name, _, _)| fits(name));
        match (found.next(), found.next()) {
            (Some((_, kind, code)), None) => {
                Ok(IcmpType { kind: *kind, codes: code.map_or((0, 255), |code| (code, code)) })
            }
            (Some((first, _, _)), Some((second, _, _))) => {
                Err(Bad::form(format!("one type: this begins both `{first}` and `{second}`")))
            }
            _ => Err(Bad::form("an ICMP type: a name, `type` or `type/code`")),
        }
    }

    /// Appends `any`, `type` or `type/code`. In 1.8.9 every IPv4 type 255 is `any`. Of a range of codes the first is
    /// printed, as iptables-save does.
    pub fn push(self, out: &mut Vec<u8>, family: Family, new: bool) {
        let all = self.codes == (0, 255);
        if self.kind == 255 && family == Family::V4 && (all || !new) {
            out.extend_from_slice(b"any");
            return;
        }
        push(out, u64::from(self.kind));
        if !all {
            out.push(b'/');
            push(out, u64::from(self.codes.0));
        }
    }
}

fn table(family: Family, new: bool) -> impl Iterator<Item = &'static Named> {
    let (main, more): (&[Named], &[Named]) = match family {
        Family::V4 => (V4, &[]),
        Family::V6 => (V6, if new { V6_SINCE_1_8_11 } else { &[] }),
    };
    main.iter().chain(more)
}

fn numbers(text: &[u8]) -> Parsed<IcmpType> {
    let (kind, codes) = match text.iter().position(|byte| *byte == b'/') {
        None => (text, None),
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
    };
    let kind = base0(kind, 0, 255)? as u8;
    let Some(codes) = codes else { return Ok(IcmpType::of(kind)) };
    let one = |code: &[u8]| base0(code, 0, 255).map(|code| code as u8);
    let codes = match codes.iter().position(|byte| *byte == b':') {
        None => one(codes).map(|code| (code, code))?,
        Some(at) => {
            (one(codes.get(..at).unwrap_or_default())?, one(codes.get(at + 1..).unwrap_or_default())?)
        }
    };
    Ok(IcmpType { kind, codes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unambiguous_prefixes_and_print_as_numbers() {
        let v4 = |text: &str| {
            IcmpType::parse(Family::V4, false, text.as_bytes()).map(|it| {
                let mut out = Vec::new();
                it.push(&mut out, Family::V4, false);
                String::from_utf8(out).unwrap()
            })
        };
        for (text, printed) in [
            ("any", "any"),
            ("an", "any"),
            ("255", "any"),
            ("ECHO-req", "8"),
            ("network-redirect", "5/0"),
            ("3/3", "3/3"),
            ("0x8", "8"),
            ("3/0:255", "3"),
            ("3/1:4", "3/1"),
            ("010", "8"),
        ] {
            assert_eq!(v4(text).as_deref(), Ok(printed), "{text}");
        }
        for text in ["p", "", "a", "network", "8/256", "8/", "8/x", "/3", "foo"] {
            assert!(v4(text).is_err(), "{text}");
        }
        assert!(IcmpType::parse(Family::V6, false, b"any").is_err());
    }
}
