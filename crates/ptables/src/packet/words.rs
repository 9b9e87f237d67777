//! Words of the text form, and the scalars in them.

use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::origin::Origin;
use crate::source::Text;
use crate::value::iface::Iface;
use crate::value::{addr, number, port};

/// One word, with where it stands.
pub(super) struct Word {
    pub text: String,
    /// Whether it was in quotes, from its `=` on.
    pub quoted: bool,
    pub at: Text,
}

pub(super) fn error(at: &Text, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(codes::PACKET_SYNTAX, message).at(Origin::Text(at.clone()), ""))
}

pub(super) fn unknown(word: &Word, expected: &str) -> Box<Diagnostic> {
    error(&word.at, format!("`{}` is not {expected}", word.text))
}

/// Splits at blanks; a value may be in double quotes, with `\"`, `\\` and `\xNN` in it.
pub(super) fn split(text: &Text) -> Result<Vec<Word>, Box<Diagnostic>> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let start = at;
        let mut word = Vec::new();
        let mut inside = false;
        let mut quoted = false;
        while let Some(byte) = bytes.get(at).filter(|byte| inside || !byte.is_ascii_whitespace()) {
            at += 1;
            match byte {
                b'"' => {
                    inside = !inside;
                    quoted = true;
                }
                b'\\' if inside => {
                    let (byte, used) = match bytes.get(at..) {
                        Some([b'x', high, low, ..]) => {
                            let digit = |byte: &u8| char::from(*byte).to_digit(16);
                            // INVARIANT: two digits are at most 255.
                            let value =
                                digit(high).zip(digit(low)).map(|(high, low)| (high * 16 + low) as u8);
                            (value, 3)
                        }
                        Some([byte @ (b'"' | b'\\'), ..]) => (Some(*byte), 1),
                        _ => (None, 0),
                    };
                    let wrong = || {
                        error(
                            &text.slice(at - 1, at + used),
                            "`\\` is followed by `\\`, `\"` or `xNN` in quotes",
                        )
                    };
                    word.push(byte.ok_or_else(wrong)?);
                    at += used;
                }
                byte => word.push(*byte),
            }
        }
        let place = text.slice(start, at);
        if inside {
            return Err(error(&place, "a quote is not closed"));
        }
        // Bytes beyond ASCII are carried one character each, and taken apart again where they are payload.
        words.push(Word { text: word.iter().map(|byte| char::from(*byte)).collect(), quoted, at: place });
    }
    Ok(words)
}

pub(super) fn numeric(word: &Word, high: u64) -> Result<u64, Box<Diagnostic>> {
    number::base0(word.text.as_bytes(), 0, high)
        .map_err(|bad| error(&word.at, format!("expected {}, not `{}`", bad.expected, word.text)))
}

pub(super) fn small<T: TryFrom<u64>>(word: &Word, high: u64) -> Result<T, Box<Diagnostic>> {
    T::try_from(numeric(word, high)?).map_err(|_| unknown(word, "a number of this size"))
}

/// `0x…` or digits alone, two a byte.
pub(super) fn hex(word: &Word) -> Result<Vec<u8>, Box<Diagnostic>> {
    let digits = word.text.strip_prefix("0x").unwrap_or(&word.text);
    let digits: Option<Vec<u8>> = digits.chars().map(|it| it.to_digit(16).map(|it| it as u8)).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => Ok(digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect()),
        _ => Err(unknown(word, "hexadecimal digits, two for each byte")),
    }
}

pub(super) fn yes(word: &Word) -> Result<bool, Box<Diagnostic>> {
    match word.text.as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(unknown(word, "`yes` or `no`")),
    }
}

pub(super) fn iface(word: &Word) -> Result<Iface, Box<Diagnostic>> {
    Iface::parse(word.text.as_bytes()).map_err(|bad| error(&word.at, format!("expected {}", bad.expected)))
}

/// Address and port of one end: `192.0.2.7`, `192.0.2.7:80`, `2001:db8::1`, `[2001:db8::1]:80`.
pub(super) fn end(text: &str, at: &Text) -> Result<(Family, u128, Option<u16>), Box<Diagnostic>> {
    let (host, port) = match text.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or(port))),
        None if text.bytes().filter(|it| *it == b':').count() == 1 => {
            text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
        }
        None => (text, None),
    };
    let family = if host.contains(':') { Family::V6 } else { Family::V4 };
    let address = addr::strict(family, host.as_bytes())
        .ok_or_else(|| error(at, format!("`{host}` is not an IP address")))?;
    let known = |text: &str| {
        let number = number::decimal(text.as_bytes()).and_then(|it| u16::try_from(it).ok());
        number.or_else(|| port::well_known(text)).ok_or_else(|| error(at, format!("`{text}` is not a port")))
    };
    Ok((family, address, port.map(known).transpose()?))
}
