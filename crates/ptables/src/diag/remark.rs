//! Remarks in the source that silence a finding: `# ptables: ignore check/unreachable-rule: kept for the auditors`.

use super::{Diagnostic, Severity};
use crate::origin::Origin;

/// What a remark begins with.
const WORDS: &str = "ptables: ignore ";

/// Whether a remark in the source silences a finding: on the line that wrote the rule, or on remarks right above it. It names
/// the code and a reason; without a reason it does not count. An error is never silenced.
///
/// `line` gives lines (from 1) of files that are known by name only, such as scripts; rule text is found by itself.
pub fn is_silenced(found: &Diagnostic, line: &dyn Fn(&str, u32) -> Option<String>) -> bool {
    if found.severity == Severity::Error {
        return false;
    }
    let code = found.code.as_str();
    let mut origin = found.origin();
    while !origin.is_unknown() {
        let silenced = match origin {
            Origin::Text(text) => {
                let source = text.source();
                remarked(code, text.place().0, &|number| source.line(number).map(|it| it.to_lossy()))
            }
            other => other
                .place()
                .is_some_and(|place| remarked(code, place.line, &|number| line(place.file, number))),
        };
        if silenced {
            return true;
        }
        origin = origin.parent();
    }
    false
}

fn remarked(code: &str, number: u32, line: &dyn Fn(u32) -> Option<String>) -> bool {
    let own = line(number).unwrap_or_default();
    let above = (1..number).rev().map_while(|it| line(it).filter(|it| it.trim_start().starts_with('#')));
    std::iter::once(own).chain(above).any(|it| names(&it, code))
}

fn names(line: &str, code: &str) -> bool {
    let after = line.split_once('#').and_then(|it| it.1.split_once(WORDS)).map(|it| it.1);
    let reason = after.and_then(|it| it.trim_start().strip_prefix(code)).and_then(|it| it.strip_prefix(':'));
    reason.is_some_and(|it| !it.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes::CHECK_LOOP;
    use crate::origin::Frame;
    use crate::source::Source;

    #[test]
    fn a_remark_with_a_reason_silences_a_rule() {
        let text = "# ptables: ignore check/loop: a test\n# and more\n-A a\n\n# ptables: ignore check/loop:\n-A b\n-A c # ptables: ignore check/loop: so\n";
        let source = Source::new("r", text).unwrap();
        let at = |word: &str| {
            let start = text.find(word).unwrap() as u32;
            let it = Diagnostic::warning(CHECK_LOOP, "x");
            it.at(Origin::Text(source.text(start, start + 4)), "")
        };
        let none = |_: &str, _: u32| None;
        assert!(is_silenced(&at("-A a"), &none));
        assert!(!is_silenced(&at("-A b"), &none), "without a reason");
        assert!(is_silenced(&at("-A c"), &none));
        let script = |file: &str, line: u32| {
            (file == "f" && line == 2).then(|| "x() # ptables: ignore check/loop: y".to_owned())
        };
        let frame = |line| Diagnostic::warning(CHECK_LOOP, "x").at(Frame::new("f", line, None).into(), "");
        assert!(is_silenced(&frame(2), &script) && !is_silenced(&frame(3), &script));
        assert!(!is_silenced(&Diagnostic { severity: Severity::Error, ..frame(2) }, &script));
    }
}
