//! Numbers with a mask that have names: groups of interfaces, realms of routes.

use super::mark::Mark;
use super::{Bad, BadKind, Parsed};
use crate::dialect::Dialect;

/// Reads `value[/mask]` in base 0, or the name of 0. Other names stand in files under /etc/iproute2, which newer systems
/// (those of 1.8.11) do not have: there no name is known.
///
/// # Errors
/// `Name` for other names; `Form` or `Range` if a part is not a 32-bit number.
pub fn parse(text: &[u8], zero: &str, dialect: Dialect) -> Parsed<Mark> {
    match text.first() {
        _ if text == zero.as_bytes() && !dialect.since_1_8_11() => Ok(Mark::exactly(0)),
        Some(byte) if byte.is_ascii_alphabetic() => {
            Err(Bad::new(BadKind::Name, "a number, perhaps with `/mask`: names are not looked up"))
        }
        _ => Mark::parse(text),
    }
}

/// Appends the name of 0, or the number in hexadecimal and its mask.
pub fn push(out: &mut Vec<u8>, value: Mark, zero: &str, dialect: Dialect) {
    if value == Mark::exactly(0) && !dialect.since_1_8_11() {
        out.extend_from_slice(zero.as_bytes());
    } else {
        value.push(out);
    }
}
