//! Numbers as iptables reads them, and fast decimal printing.

use super::{Bad, Parsed};

/// Reads a number in base 0: `0x` is hexadecimal, a leading `0` octal, else decimal. Leading blanks and `+` are
/// allowed, `-` and trailing text are not (facts: iptables.md 4).
///
/// # Errors
/// `Form` if it is no number, `Range` if it is not in `low..=high`.
pub fn base0(text: &[u8], low: u64, high: u64) -> Parsed<u64> {
    let (value, rest) = prefix_base0(text).ok_or_else(|| not_a_number(low, high))?;
    if !rest.is_empty() {
        return Err(not_a_number(low, high));
    }
    in_range(value, low, high)
}

/// Reads any 64-bit number in base 0.
///
/// # Errors
/// `Form` if it is no number, `Range` if it does not fit.
pub fn u64_base0(text: &[u8]) -> Parsed<u64> {
    match checked_base0(text) {
        Some((Some(value), [])) => Ok(value),
        Some((None, [])) => Err(Bad::range("a number of 64 bits")),
        _ => Err(not_a_number(0, u64::MAX)),
    }
}

/// Reads the number at the beginning of `text` in base 0; gives the rest too. `None` if there is no digit.
/// A number above `u64::MAX` comes as `u64::MAX` (`strtoull` does so).
pub fn prefix_base0(text: &[u8]) -> Option<(u64, &[u8])> {
    checked_base0(text).map(|(value, rest)| (value.unwrap_or(u64::MAX), rest))
}

/// As [`prefix_base0`]; a number that does not fit comes as `None`.
fn checked_base0(text: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => (16, rest),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    let end = digits.iter().position(|byte| digit(*byte, radix).is_none()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |sum, byte| {
        sum.checked_mul(u64::from(radix))?.checked_add(u64::from(digit(*byte, radix)?))
    });
    Some((value, rest))
}

/// Reads the decimal number at the beginning of `text`, after blanks and `+`; gives the rest too. `None` if there is no
/// digit. A number above `u64::MAX` comes as `u64::MAX`.
pub fn prefix_decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    if digits.is_empty() { None } else { Some((decimal(digits).unwrap_or(u64::MAX), rest)) }
}

/// Reads decimal digits and nothing else; `None` for anything else and above `u64::MAX`.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    // 19 digits fit in any case.
    let short = text.len() < 20;
    text.iter().try_fold(0u64, |sum, byte| {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        match digit {
            0..=9 if short => Some(sum.wrapping_mul(10).wrapping_add(digit)),
            0..=9 => sum.checked_mul(10)?.checked_add(digit),
            _ => None,
        }
    })
}

fn digit(byte: u8, radix: u32) -> Option<u32> {
    char::from(byte).to_digit(radix)
}

fn in_range(value: u64, low: u64, high: u64) -> Parsed<u64> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(Bad::range(format!("a number from {low} to {high}")))
    }
}

fn not_a_number(low: u64, high: u64) -> Bad {
    Bad::form(format!("a number from {low} to {high}"))
}

/// Reads a base-0 number that fits `u32`, within `low..=high`.
///
/// # Errors
/// As [`base0`].
pub fn u32_in(text: &[u8], low: u32, high: u32) -> Parsed<u32> {
    let value = base0(text, u64::from(low), u64::from(high))?;
    // INVARIANT: at most `high`.
    Ok(u32::try_from(value).unwrap_or(high))
}

/// Reads a base-0 number that fits `u16`, within `low..=high`.
///
/// # Errors
/// As [`base0`].
pub fn u16_in(text: &[u8], low: u16, high: u16) -> Parsed<u16> {
    let value = base0(text, u64::from(low), u64::from(high))?;
    Ok(u16::try_from(value).unwrap_or(high))
}

/// Reads a base-0 number that fits `u8`, within `low..=high`.
///
/// # Errors
/// As [`base0`].
pub fn u8_in(text: &[u8], low: u8, high: u8) -> Parsed<u8> {
    let value = base0(text, u64::from(low), u64::from(high))?;
    Ok(u8::try_from(value).unwrap_or(high))
}

/// Reads `a`, `a:b`, `:b` or `a:` of base-0 numbers up to `high`; an empty end is the end of the range.
/// The order is not checked: versions differ.
///
/// # Errors
/// As [`base0`].
pub fn range(text: &[u8], high: u64) -> Parsed<(u64, u64)> {
    let whole = |text: &[u8], empty| if text.is_empty() { Ok(empty) } else { base0(text, 0, high) };
    match text.iter().position(|byte| *byte == b':') {
        None => base0(text, 0, high).map(|value| (value, value)),
        Some(at) => {
            let low = whole(text.get(..at).unwrap_or_default(), 0)?;
            let high = whole(text.get(at + 1..).unwrap_or_default(), high)?;
            Ok((low, high))
        }
    }
}

/// Reads `a`, `a:b`, `:b` or `a:` of any 64-bit numbers; without `b` or `:` there is no upper end. No text at all is 0.
///
/// # Errors
/// As [`u64_base0`]; `Range` if the first is greater than the last.
pub fn u64_range(text: &[u8]) -> Parsed<(u64, u64)> {
    let one = |text: &[u8], empty| if text.is_empty() { Ok(empty) } else { u64_base0(text) };
    let (low, high) = match memchr::memchr(b':', text) {
        None => (one(text, 0)?, u64::MAX),
        Some(at) => (
            one(text.get(..at).unwrap_or_default(), 0)?,
            one(text.get(at + 1..).unwrap_or_default(), u64::MAX)?,
        ),
    };
    if low > high {
        Err(Bad::range("a range whose first number is not greater than its last"))
    } else {
        Ok((low, high))
    }
}

/// Reads a fraction as `strtod` does: decimal or hexadecimal (`0x.8`), perhaps with an exponent. `None` for anything else.
pub fn float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii_start();
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, text.get(1..)?),
        b'+' => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
    let Some(digits) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) else {
        // A second sign is none of strtod's.
        return if digits.starts_with(['+', '-']) {
            None
        } else {
            digits.parse::<f64>().ok().map(|it| sign * it)
        };
    };
    let (mantissa, exponent) = digits.split_once(['p', 'P']).unwrap_or((digits, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(part.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let places = i32::try_from(part.len()).ok()?.checked_mul(-4)?;
    let exponent = exponent.parse::<i32>().ok()?.checked_add(places)?;
    Some(sign * value * f64::from(exponent).exp2())
}

/// Appends a number in decimal.
pub fn push(out: &mut Vec<u8>, value: u64) {
    // Two digits at a time from the back: `write!` goes through formatting machinery that costs as much as a rule.
    const PAIRS: &[u8; 200] =
        b"00010203040506070809101112131415161718192021222324252627282930313233343536373839\
4041424344454647484950515253545556575859606162636465666768697071727374757677787980818283848586878889\
90919293949596979899";
    if value < 10 {
        out.push(b'0' + value as u8);
        return;
    }
    let mut buffer = [0u8; 20];
    let mut at = buffer.len();
    let mut rest = value;
    while rest >= 10 {
        let pair = (rest % 100) as usize * 2;
        rest /= 100;
        at -= 2;
        if let (Some(to), Some(from)) = (buffer.get_mut(at..at + 2), PAIRS.get(pair..pair + 2)) {
            to.copy_from_slice(from);
        }
    }
    if rest > 0 {
        at -= 1;
        if let Some(to) = buffer.get_mut(at) {
            *to = b'0' + rest as u8;
        }
    }
    // A pair may begin with a zero that is not part of the number.
    let digits = buffer.get(at..).unwrap_or_default();
    out.extend_from_slice(digits.strip_prefix(b"0").unwrap_or(digits));
}

/// Appends a number of at most three digits in decimal: addresses are made of them.
#[inline]
pub fn push_byte(out: &mut Vec<u8>, value: u8) {
    let (hundreds, tens, ones) = (b'0' + value / 100, b'0' + value / 10 % 10, b'0' + value % 10);
    match value {
        0..10 => out.push(ones),
        10..100 => out.extend_from_slice(&[tens, ones]),
        _ => out.extend_from_slice(&[hundreds, tens, ones]),
    }
}

/// Appends `low:high`, or one number if both are the same.
pub fn push_range(out: &mut Vec<u8>, low: u64, high: u64) {
    push(out, low);
    if high != low {
        out.push(b':');
        push(out, high);
    }
}

/// Appends `0x` and the number in hexadecimal, without leading zeros.
pub fn push_hex(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(format!("{value:#x}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_blanks_and_signs_are_those_of_strtoul() {
        for (text, value) in [("10", 10), ("010", 8), ("0x1F", 31), (" +7", 7), ("0", 0)] {
            assert_eq!(base0(text.as_bytes(), 0, 100), Ok(value), "{text}");
        }
        for text in ["", "-1", "7x", "08", "0x", "0xg", "101"] {
            assert!(base0(text.as_bytes(), 0, 100).is_err(), "{text}");
        }
        assert_eq!(prefix_base0(b"99999999999999999999"), Some((u64::MAX, &b""[..])));
    }

    #[test]
    fn push_prints_what_display_prints() {
        for value in [0, 7, 9, 10, 99, 100, 101, 999, 1000, 65535, 1_000_000, u64::MAX] {
            let mut out = Vec::new();
            push(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }

    #[test]
    fn open_ranges_reach_the_ends() {
        assert_eq!(range(b":5", 9), Ok((0, 5)));
        assert_eq!(range(b"5:", 9), Ok((5, 9)));
        assert_eq!(range(b"5", 9), Ok((5, 5)));
        assert!(range(b"5:10", 9).is_err());
    }
}
