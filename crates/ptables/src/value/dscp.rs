//! Code points of differentiated services, and the older type of service.

use super::number::{base0, prefix_base0};
use super::{Bad, Parsed};

/// Names of RFC 2474, 2597 and 3246, and their numbers.
const CLASSES: [(&str, u8); 22] = [
    ("CS0", 0x00),
    ("CS1", 0x08),
    ("CS2", 0x10),
    ("CS3", 0x18),
    ("CS4", 0x20),
    ("CS5", 0x28),
    ("CS6", 0x30),
    ("CS7", 0x38),
    ("BE", 0x00),
    ("AF11", 0x0a),
    ("AF12", 0x0c),
    ("AF13", 0x0e),
    ("AF21", 0x12),
    ("AF22", 0x14),
    ("AF23", 0x16),
    ("AF31", 0x1a),
    ("AF32", 0x1c),
    ("AF33", 0x1e),
    ("AF41", 0x22),
    ("AF42", 0x24),
    ("AF43", 0x26),
    ("EF", 0x2e),
];

/// Reads the name of a class in any case. Like the tools, it does not look at what follows the name.
///
/// # Errors
/// `Form` for other names.
pub fn class(text: &[u8]) -> Parsed<u8> {
    let starts =
        |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
    let known = CLASSES.iter().find(|(name, _)| starts(name));
    known.map(|(_, number)| *number).ok_or_else(|| Bad::form("BE, EF, CS0 to CS7, or AF11 to AF43"))
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
