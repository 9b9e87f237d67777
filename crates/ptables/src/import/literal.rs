//! Values as Starlark and Python write them.

use std::fmt::Write;

use crate::diag::escape::is_unsafe;

/// A string in single quotes.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for char in text.chars() {
        match char {
            '\'' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            // What does not show, or turns the direction of writing, must not stand in a script as it is.
            char if is_unsafe(char) => {
                let number = u32::from(char);
                let _ = match number {
                    0..0x80 => write!(out, "\\x{number:02x}"),
                    0x80..=0xffff => write!(out, "\\u{number:04x}"),
                    _ => write!(out, "\\U{number:08x}"),
                };
            }
            char => out.push(char),
        }
    }
    out.push('\'');
    out
}

/// A number where it is written as one, else a string.
pub(super) fn value(word: &str) -> String {
    let canonical = word.len() <= 18 && word.bytes().all(|byte| byte.is_ascii_digit()) && !word.is_empty();
    if canonical && (word == "0" || !word.starts_with('0')) { word.to_owned() } else { text(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_string_but_its_quote() {
        assert_eq!(text(r"it's \n"), r"'it\'s \\n'");
        assert_eq!(text("a\nb\u{202e}\u{e0001}\u{7f}"), r"'a\nb\u202e\U000e0001\x7f'");
        assert_eq!(text("Grüße"), "'Grüße'");
    }

    #[test]
    fn numbers_stay_as_they_are_written() {
        assert_eq!(value("80"), "80");
        assert_eq!(value("0"), "0");
        assert_eq!(value("080"), "'080'");
        assert_eq!(value("0x1"), "'0x1'");
        assert_eq!(value(""), "''");
        assert_eq!(value("99999999999999999999"), "'99999999999999999999'");
    }
}
