//! Classes of the DSCP field.

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
