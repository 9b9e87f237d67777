//! The text that `-m string` looks for.

use super::{Bad, Parsed};

/// The longest pattern, in bytes.
pub const MAX: usize = 128;

/// Reads the text of `--hex-string`: bytes as they are, `\` before one that is meant literally, and blocks of two-digit
/// hexadecimal numbers between bars (`GET|20 2f|`), a blank between two numbers or before the first.
///
/// The tools' own reader, with its ways: the byte after a closing bar is literal whatever it is, and a bar at the very end
/// opens nothing.
///
/// # Errors
/// `Form` if a block or an escape is not closed or no number; `Range` if the pattern is longer than 128 bytes.
pub fn hex(text: &[u8]) -> Parsed<Vec<u8>> {
    let at = |index: usize| text.get(index).copied();
    let mut out = Vec::new();
    let (mut index, mut block) = (0, false);
    while let Some(byte) = at(index) {
        if out.len() >= MAX {
            return Err(too_long());
        }
        if byte == b'\\' && !block {
            out.push(at(index + 1).ok_or_else(bad)?);
            index += 2;
            continue;
        }
        if byte == b'|' {
            block = !block;
            index += 1;
            while block && at(index) == Some(b' ') {
                index += 1;
            }
            if index >= text.len() {
                if block && text.get(..index).is_some_and(|it| it.ends_with(b" ")) {
                    return Err(bad());
                }
                break;
            }
        }
        if block {
            let digit = |index| at(index).and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(bad);
            let value = digit(index)? * 16 + digit(index + 1)?;
            // What is left must at least close the block.
            at(index + 2).ok_or_else(bad)?;
            out.push(value as u8);
            index += 2 + usize::from(at(index + 2) == Some(b' '));
        } else if let Some(byte) = at(index) {
            out.push(byte);
            index += 1;
        }
    }
    Ok(out)
}

/// A pattern longer than the kernel takes.
pub fn too_long() -> Bad {
    Bad::range("1 to 128 bytes")
}

fn bad() -> Bad {
    Bad::form("text with numbers such as `GET|20 2f|`; a backslash before a literal bar")
}

/// Whether iptables-save prints the pattern as `--hex-string`: a byte is not printable, or the last is a backslash.
pub fn is_binary(pattern: &[u8]) -> bool {
    pattern.ends_with(b"\\") || !pattern.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// Appends `"|0d0a|"`.
pub fn push_hex(out: &mut Vec<u8>, pattern: &[u8]) {
    out.extend_from_slice(b"\"|");
    for byte in pattern {
        out.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    out.extend_from_slice(b"|\"");
}

/// Appends it in double quotes, a backslash before `"` and `\`.
pub fn push_quoted(out: &mut Vec<u8>, pattern: &[u8]) {
    out.push(b'"');
    for byte in pattern {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_the_tools_read_them() {
        for (text, pattern) in [
            ("|41 42|", "AB"),
            ("|4142|c", "ABc"),
            ("| 41|", "A"),
            ("|41||42|", "A|42"),
            (r"a\|41|", "a|41"),
            (r"|41|\x", r"A\x"),
            ("a|", "a"),
            ("|", ""),
        ] {
            assert_eq!(hex(text.as_bytes()), Ok(pattern.as_bytes().to_vec()), "{text}");
        }
        let long = format!("{}|", "x".repeat(128));
        for text in ["||", "| |", "||a", "|4|", "|41", "|4g|", "|41  42|", r"a\", r"|41\42|", &long] {
            assert!(hex(text.as_bytes()).is_err(), "{text}");
        }
    }
}
