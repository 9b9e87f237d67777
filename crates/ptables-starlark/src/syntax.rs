//! What is looked at before Starlark reads a script: lines of Python's that mean nothing here, and nesting that its parser
//! could not survive.

/// The most bytes of one file.
pub(crate) const MAX_BYTES: usize = 2 << 20;
/// The deepest nesting of brackets.
const MAX_BRACKETS: usize = 200;
/// The deepest indentation, in bytes.
const MAX_INDENT: usize = 1_000;
/// The most operators of one expression without a comma.
const MAX_OPERATORS: usize = 1_000;

/// A script without its lines `from pyptables… import …` and `import pyptables…`; places stay where they are.
pub(crate) fn without_imports(script: &str) -> String {
    let mut text = String::with_capacity(script.len());
    let mut open = false;
    for line in script.split_inclusive('\n') {
        let start = line.starts_with("from pyptables") || line.starts_with("import pyptables");
        if !start && !open {
            text.push_str(line);
            continue;
        }
        // A list in brackets, or a backslash, goes on in the next line.
        open = (open || line.contains('(')) && !line.contains(')') || line.trim_end().ends_with('\\');
        text.extend(line.chars().flat_map(|char| match char {
            '\n' => "\n".chars().collect::<Vec<_>>(),
            other => std::iter::repeat_n(' ', other.len_utf8()).collect(),
        }));
    }
    text
}

/// Too deep or too long: where, and what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMuch {
    /// Offset of the byte.
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// Looks for nesting that would exhaust the stack of a parser.
pub(crate) fn bounded(script: &str) -> Result<(), TooMuch> {
    let bytes = script.as_bytes();
    if bytes.len() > MAX_BYTES {
        return Err(TooMuch { at: MAX_BYTES, what: "a script has 2 MiB at most" });
    }
    // Operators since the last comma, for each bracket that is open.
    let mut open: Vec<usize> = vec![0];
    let (mut at, mut line_start) = (0, true);
    while let Some(byte) = bytes.get(at).copied() {
        if line_start && open.len() == 1 {
            let indent = bytes.iter().skip(at).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            if indent > MAX_INDENT {
                return Err(TooMuch { at, what: "statements are nested too deeply" });
            }
        }
        line_start = byte == b'\n';
        match byte {
            b'#' => at += bytes.iter().skip(at).take_while(|byte| **byte != b'\n').count().saturating_sub(1),
            b'"' | b'\'' => at = string_end(bytes, at),
            b'(' | b'[' | b'{' => {
                count(&mut open, at)?;
                open.push(0);
                if open.len() > MAX_BRACKETS {
                    return Err(TooMuch { at, what: "brackets are nested too deeply" });
                }
            }
            b')' | b']' | b'}' if open.len() > 1 => {
                open.pop();
            }
            b',' | b';' => reset(&mut open),
            b'\n' if open.len() == 1 => reset(&mut open),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'^' | b'~' | b'<' | b'>' | b'=' | b'.'
            | b':' => {
                count(&mut open, at)?;
            }
            // `and`, `or`, `not`, `if`, `else`, `lambda`: a word after a blank.
            b' ' if bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase) => count(&mut open, at)?,
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

fn reset(open: &mut [usize]) {
    if let Some(last) = open.last_mut() {
        *last = 0;
    }
}

fn count(open: &mut [usize], at: usize) -> Result<(), TooMuch> {
    if let Some(last) = open.last_mut() {
        *last += 1;
        if *last > MAX_OPERATORS {
            return Err(TooMuch { at, what: "an expression has too many operators" });
        }
    }
    Ok(())
}

/// The offset of the last byte of a string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let quote = bytes.get(at).copied().unwrap_or(b'"');
    let triple = bytes.get(at..at + 3) == Some(&[quote; 3]);
    let mut end = at + if triple { 3 } else { 1 };
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'\\' => end += 1,
            b'\n' if !triple => return end - 1,
            byte if *byte == quote && !triple => return end,
            byte if *byte == quote && bytes.get(end..end + 3) == Some(&[quote; 3]) => return end + 2,
            _ => {}
        }
        end += 1;
    }
    bytes.len()
}

/// Something of Python that Starlark does not have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) what: &'static str,
    pub(crate) instead: &'static str,
}

/// A line with nothing in its strings, and no remark.
fn without_strings(line: &str) -> String {
    let bytes = line.as_bytes();
    let (mut text, mut at) = (Vec::new(), 0);
    while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'#') {
        text.push(*byte);
        if matches!(byte, b'"' | b'\'') {
            at = string_end(bytes, at);
            text.push(*byte);
        }
        at += 1;
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// What a line uses that Starlark does not have, if its first word tells.
pub(crate) fn missing(line: &str) -> Option<Missing> {
    let line = without_strings(line.trim_start());
    let first =
        line.split(|char: char| !char.is_ascii_alphanumeric() && char != '_' && char != '@').next()?;
    let (what, instead) = match first {
        "class" => (
            "classes",
            "write a function that makes the rules; scripts with classes run under `pyptables` in Python",
        ),
        "import" | "from" => (
            "imports",
            "use `load(\"file.star\", \"name\")` for a file of your own; names of PyPTables are there already",
        ),
        "while" => ("`while`", "use `for … in range(…)` with `break`"),
        "try" | "except" | "finally" | "raise" => {
            ("exceptions", "test before you act, and stop with `fail(\"message\")`")
        }
        "with" => ("`with`", "lists of addresses come from `read_list(\"file\")`"),
        "del" => ("`del`", "use `chain.remove(rule)`, `chain.pop(index)` or `list.pop(index)`"),
        "assert" => ("`assert`", "write `if not …: fail(\"message\")`"),
        "yield" => ("generators", "return a list"),
        "global" | "nonlocal" => ("this statement", "keep the value in a list or a dict"),
        "async" | "await" => ("coroutines", "call the function"),
        _ if first.starts_with('@') => ("decorators", "call the function on the other one"),
        _ if line.contains(" is ") => ("`is`", "use `==`"),
        _ if line.contains(":=") => ("`:=`", "assign in a statement of its own"),
        _ if line.contains("**") && !line.contains("(**") && !line.contains(", **") => {
            ("`**` for powers", "multiply")
        }
        _ if line.contains(" for ") && line.contains('(') => {
            ("generator expressions", "put square brackets around it: `[x for x in …]`")
        }
        _ => return None,
    };
    Some(Missing { what, instead })
}

/// Whether a message of the interpreter says that a bound was met.
pub(crate) fn is_limit(message: &str) -> bool {
    ["tick count", "heap size", "tick limit", "heap limit", "overflow"].iter().any(|it| message.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_become_blanks_and_places_stay() {
        let script = "from pyptables import (\n  restore,\n  é)\nfrom pyptables.rules import Rule\nx = 1\n";
        let text = without_imports(script);
        assert_eq!(text.len(), script.len());
        assert_eq!(text.lines().count(), 5);
        assert_eq!(text.trim(), "x = 1");
    }

    #[test]
    fn nesting_is_bounded_and_long_lists_are_not() {
        let list = format!("x = [{}]\n", "'10.0.0.1', ".repeat(50_000));
        assert_eq!(bounded(&list), Ok(()));
        assert_eq!(bounded(&"x = 1 + 2\n".repeat(5_000)), Ok(()));
        assert!(bounded(&format!("x = {}1{}\n", "(".repeat(300), ")".repeat(300))).is_err());
        assert!(bounded(&format!("x = 1{}\n", "+1".repeat(2_000))).is_err());
        assert!(bounded(&format!("x = {}1\n", "not ".repeat(2_000))).is_err());
        assert_eq!(bounded(&format!("x = \"{}\"\n", "(+".repeat(3_000))), Ok(()));
        assert_eq!(bounded(&format!("# {}\n", "(+".repeat(3_000))), Ok(()));
        assert_eq!(bounded("'''\n(((\n'''\nx = 'a\\'('\n"), Ok(()));
    }

    #[test]
    fn what_starlark_lacks_is_named() {
        assert_eq!(missing("class Mine(Rule):").map(|it| it.what), Some("classes"));
        assert_eq!(missing("    while True:").map(|it| it.what), Some("`while`"));
        assert_eq!(missing("x = 1 +").map(|it| it.what), None);
        assert_eq!(missing("x = 'it is \\' := ' + # it is").map(|it| it.what), None);
        assert_eq!(missing("x = 'a' is y").map(|it| it.what), Some("`is`"));
    }
}
