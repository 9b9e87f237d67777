//! Lists of options that stand in a hop-by-hop or destination options header of IPv6.

use super::number::{push, u64_base0};
use super::{Bad, BadKind, Parsed};

/// An option: its type, and the length of its data in bytes if that must be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeaderOption {
    /// Type, 0 to 255.
    pub number: u8,
    /// Length, 0 to 254; `None`: any.
    pub length: Option<u8>,
}

/// The kernel's list is so long.
pub const MAX: usize = 16;

/// Reads `type[:length],…`. Also says whether a number above 255 lost its high bits, or a length of 255 became any.
///
/// # Errors
/// `Form` if a part is no number, or if type 0, which is one byte, has a length; `Range` above 64 bits or 16 options.
pub fn parse(text: &[u8]) -> Parsed<(Vec<HeaderOption>, bool)> {
    let mut options = Vec::new();
    let mut changed = false;
    for part in text.split(|byte| *byte == b',') {
        if options.len() == MAX {
            return Err(Bad::range("16 options at most"));
        }
        let mut low = |text: &[u8]| {
            let (value, negative) = match text.trim_ascii_start() {
                [b'-', rest @ ..] if rest.first().is_some_and(u8::is_ascii_digit) => (rest, true),
                _ => (text, false),
            };
            let value = u64_base0(value).map_err(|bad| match bad.kind {
                BadKind::Range => bad,
                _ => Bad::form("options such as `5,7:4`: types from 0 to 255, with or without a length"),
            })?;
            changed |= negative || value > 255;
            Ok::<u8, Bad>(if negative { value.wrapping_neg() as u8 } else { value as u8 })
        };
        let (number, length) = match memchr::memchr(b':', part).and_then(|at| part.split_at_checked(at)) {
            None => (low(part)?, None),
            Some((number, length)) => (low(number)?, Some(low(length.get(1..).unwrap_or_default())?)),
        };
        if number == 0 && length.is_some() {
            return Err(Bad::form("an option: type 0 is one byte and has no length"));
        }
        changed |= length == Some(u8::MAX);
        options.push(HeaderOption { number, length: length.filter(|it| *it != u8::MAX) });
    }
    Ok((options, changed))
}

/// Appends `5,7:4`.
pub fn push_list(out: &mut Vec<u8>, options: &[HeaderOption]) {
    for (index, option) in options.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(out, u64::from(option.number));
        if let Some(length) = option.length {
            out.push(b':');
            push(out, u64::from(length));
        }
    }
}
