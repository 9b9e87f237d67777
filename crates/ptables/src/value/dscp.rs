//! Code points of differentiated services, and the older type of service.

use super::number::{base0, prefix_base0};
use super::{Bad, Parsed};

/// A code point by the name of its class, in any case: `EF`, `BE`, `CS0` to `CS7`, `AF11` to `AF43`.
///
/// # Errors
/// `Form` for any other name.
pub fn class(text: &[u8]) -> Parsed<u8> {
    let upper = text.to_ascii_uppercase();
    Ok(match *upper.as_slice() {
        [b'E', b'F'] => 0x2e,
        [b'B', b'E'] => 0,
        [b'C', b'S', class @ b'0'..=b'7'] => (class - b'0') * 8,
        [b'A', b'F', class @ b'1'..=b'4', drop @ b'1'..=b'3'] => (class - b'0') * 8 + (drop - b'0') * 2,
        _ => return Err(Bad::form("a class: EF, BE, CS0 to CS7 or AF11 to AF43")),
    })
}

/// Names of RFC 1349 types of service; they are compared in six bits.
const TOS: [(&str, u8); 5] = [
    ("Minimize-Delay", 16),
    ("Maximize-Throughput", 8),
    ("Maximize-Reliability", 4),
    ("Minimize-Cost", 2),
    ("Normal-Service", 0),
];

/// A type of service with its mask: `VALUE[/MASK]` in base 0, each up to 255, or a name in any case, whose mask is 0x3f.
/// `mask` is that of a number without one.
///
/// # Errors
/// `Form` or `Range` for anything else.
pub fn tos(text: &[u8], mask: u8) -> Parsed<(u8, u8)> {
    let bad = || Bad::form("a number from 0 to 255, perhaps with `/mask`, or a name such as Minimize-Delay");
    if let Some((_, value)) = TOS.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(text)) {
        return Ok((*value, 0x3f));
    }
    let (value, rest) = prefix_base0(text).ok_or_else(bad)?;
    let value = u8::try_from(value).map_err(|_| Bad::range("a number from 0 to 255"))?;
    match rest {
        [] => Ok((value, mask)),
        [b'/', mask @ ..] => Ok((value, base0(mask, 0, 255)? as u8)),
        _ => Err(bad()),
    }
}

/// Appends a byte as `0x` and two hexadecimal digits.
pub fn push_byte(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(format!("{byte:#04x}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_names_have_their_numbers() {
        assert_eq!(class(b"ef"), Ok(46));
        assert_eq!(class(b"AF43"), Ok(38));
        assert_eq!(class(b"cs7"), Ok(56));
        for text in ["", "E", "AF44", "AF14", "CS8", "LE", "5"] {
            assert!(class(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(tos(b"minimize-COST", 0xff), Ok((2, 0x3f)));
        assert_eq!(tos(b" 0x10", 0xff), Ok((16, 0xff)));
        assert_eq!(tos(b"1/2", 0xff), Ok((1, 2)));
        for text in ["", "256", "1x", "1/", "1/256", "min", "-1"] {
            assert!(tos(text.as_bytes(), 0xff).is_err(), "{text}");
        }
    }
}
