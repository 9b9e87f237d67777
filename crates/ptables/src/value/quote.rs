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

/// Appends a word so that the restore reader takes it back unchanged: bare where it can be, else quoted.
///
/// A word that holds a line feed or NUL cannot be written; callers refuse these first.
pub fn push_word(out: &mut Vec<u8>, word: &[u8]) {
    let bare = !word.is_empty()
        && !word.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\\' | b'\''));
    if bare { out.extend_from_slice(word) } else { push_always(out, word) }
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
}
