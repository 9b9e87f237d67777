//! Quoting of words in iptables-save text.

/// Appends a word as iptables-save prints comments and prefixes: bare if it is not empty and all letters, digits, `_`
/// and `-`; else in double quotes, with a backslash before `"`, `\` and `'` (facts: iptables.md 3).
pub fn push(out: &mut Vec<u8>, word: &[u8]) {
    if !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    {
        out.extend_from_slice(word);
    } else {
        push_always(out, word);
    }
}

/// Appends a word in double quotes, whatever it holds. A line feed or NUL, which no quotes hold, becomes `?`.
pub fn push_always(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'"');
    for byte in word {
        if matches!(byte, b'"' | b'\\' | b'\'') {
            out.push(b'\\');
        }
        out.push(if breaks(*byte) { b'?' } else { *byte });
    }
    out.push(b'"');
}

/// Appends a word as it is. A line feed or NUL, which would end the rule, becomes `?`: whoever makes a typed rule with such a
/// value gets a wrong value, not another rule.
pub fn push_raw(out: &mut Vec<u8>, word: &[u8]) {
    if word.iter().any(|byte| breaks(*byte)) {
        out.extend(word.iter().map(|byte| if breaks(*byte) { b'?' } else { *byte }));
    } else {
        out.extend_from_slice(word);
    }
}

fn breaks(byte: u8) -> bool {
    matches!(byte, b'\n' | 0)
}

/// Whether the restore reader takes a word as it stands, without quotes.
#[inline]
pub fn is_bare(word: &[u8]) -> bool {
    !word.is_empty() && !any(word, 0x21, |byte| matches!(byte, b' ' | b'\t') || escapes(byte))
}

/// Whether a word needs nothing but quotes around it.
#[inline]
pub fn is_plain(word: &[u8]) -> bool {
    !any(word, 0x20, escapes)
}

/// Whether a byte is so, of which all below `low` may be so, and of the others `"` and `\` at most.
#[inline]
fn any(word: &[u8], low: u8, special: impl Fn(u8) -> bool) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (chunks, tail) = word.as_chunks::<8>();
    // Words are short and many: eight bytes at once.
    let suspect = chunks.iter().any(|chunk| {
        let word = u64::from_le_bytes(*chunk);
        let below = word.wrapping_sub(ONES * u64::from(low)) & !word & HIGH;
        let quotes = zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c));
        below | quotes != 0
    });
    suspect && chunks.as_flattened().iter().any(|byte| special(*byte))
        || tail.iter().any(|byte| special(*byte))
}

/// Bytes that quotes alone do not keep. NUL would end the line.
fn escapes(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b'"' | b'\\' | 0)
}

/// Appends a word so that the restore reader takes it back unchanged: bare where it can be, else quoted.
///
/// A word that holds a line feed or NUL cannot be written; callers refuse these first.
pub fn push_word(out: &mut Vec<u8>, word: &[u8]) {
    if is_bare(word) { out.extend_from_slice(word) } else { push_quoted(out, word) }
}

/// Appends a word in double quotes, with a backslash only where the reader needs one: `'` is an ordinary letter to it. A line feed
/// or NUL becomes `?`.
pub fn push_quoted(out: &mut Vec<u8>, word: &[u8]) {
    let start = out.len();
    push_kept(out, word);
    for byte in out.iter_mut().skip(start).filter(|byte| breaks(**byte)) {
        *byte = b'?';
    }
}

/// Appends a word in double quotes, a line feed as it is: for text that is looked at before it is printed.
pub fn push_kept(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'"');
    for byte in word {
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

    fn quoted(word: &str) -> String {
        let mut out = Vec::new();
        push(&mut out, word.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quoting_is_that_of_iptables_save() {
        assert_eq!(quoted("rule-1_a"), "rule-1_a");
        assert_eq!(quoted("rule 1"), "\"rule 1\"");
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(quoted("a\"b\\c'd"), "\"a\\\"b\\\\c\\'d\"");
        assert_eq!(quoted("a.b"), "\"a.b\"");
    }

    #[test]
    fn a_word_is_bare_wherever_its_bytes_stand() {
        for byte in 0..=255u8 {
            let special = matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\\' | 0);
            for (length, at) in (1..20).flat_map(|length| (0..length).map(move |at| (length, at))) {
                let mut word = vec![b'a'; length];
                word[at] = byte;
                assert_eq!(is_bare(&word), !special, "{byte} at {at} of {length}");
            }
        }
        assert!(!is_bare(b""));
    }
}
