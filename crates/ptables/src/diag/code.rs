//! Codes of diagnostics. Each has one page, `diag/pages/AREA/NAME.md`; `cargo xtask gen` lists them in `codes.rs`.

use std::fmt;

/// The kind of a diagnostic, such as `parse/unknown-option`.
#[derive(Clone, Copy)]
pub struct Code(pub(super) &'static Page);

/// The page of a [`Code`]: what it means, why, an example that triggers it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Page {
    /// `area/kebab-name`.
    pub code: &'static str,
    /// Markdown; the first line is a heading with the code, the first paragraph a summary.
    pub text: &'static str,
}

impl Code {
    /// The code's name: `area/kebab-name`.
    pub const fn as_str(self) -> &'static str {
        self.0.code
    }

    /// Its page.
    pub const fn page(self) -> &'static Page {
        self.0
    }

    /// The code of this name.
    pub fn find(name: &str) -> Option<Code> {
        super::codes::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl Page {
    pub(super) const fn new(code: &'static str, text: &'static str) -> Page {
        Page { code, text }
    }

    /// The first paragraph, in one line.
    pub fn summary(&self) -> String {
        let mut lines = self.text.lines().skip_while(|line| line.starts_with('#') || line.is_empty());
        lines.by_ref().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The first example that triggers the code: iptables-restore text, lines with their ends.
    ///
    /// `None` if no rule text can do that; the page then has a line `Example: made by …`.
    pub fn example(&self) -> Option<&str> {
        let (_, after) = self.text.split_once("\n```rules\n")?;
        let (example, _) = after.split_once("```")?;
        Some(example)
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Code) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Code {}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes::{ALL, PARSE_UNKNOWN_OPTION};

    #[test]
    fn a_code_is_found_by_its_name() {
        assert_eq!(Code::find("parse/unknown-option"), Some(PARSE_UNKNOWN_OPTION));
        assert_eq!(Code::find("parse/unknown"), None);
        assert_eq!(PARSE_UNKNOWN_OPTION.page().code, "parse/unknown-option");
    }

    #[test]
    fn a_page_is_taken_apart() {
        let page =
            Page::new("a/b", "# a/b\n\nOne\ntwo.\n\nMore.\n\n```rules\n*filter\nCOMMIT\n```\n\nEnd.\n");
        assert_eq!(page.summary(), "One two.");
        assert_eq!(page.example(), Some("*filter\nCOMMIT\n"));
        assert_eq!(Page::new("a/b", "# a/b\n\nExample: made by hand.\n").example(), None);
    }

    #[test]
    fn codes_are_sorted_and_named_area_and_kebab_name() {
        assert!(ALL.is_sorted_by(|a, b| a.as_str() < b.as_str()), "sorted, each once");
        for code in ALL {
            let word = |word: &str| word.starts_with(|c: char| c.is_ascii_lowercase());
            let (area, name) = code.as_str().split_once('/').unwrap();
            assert!(area.bytes().all(|byte| byte.is_ascii_lowercase()) && word(area), "{code}");
            assert!(name.split('-').all(word), "{code}");
            assert!(name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()), "{code}");
        }
    }

    #[test]
    fn every_page_is_complete() {
        for code in ALL {
            let page = code.page();
            assert!(page.text.starts_with(&format!("# {code}\n\n")), "{code}: heading");
            assert!(page.summary().len() > 10 && page.summary().ends_with('.'), "{code}: summary");
            let advice = page.text.trim_end().rsplit("\n\n").next().unwrap();
            assert!(advice.ends_with('.') && !advice.contains("```"), "{code}: says at last what to do");
            assert_eq!(page.text.matches("```").count() % 2, 0, "{code}: code blocks");
            assert!(page.text.ends_with(".\n") && !page.text.contains("\n\n\n"), "{code}: blank lines");
            let reason = page.text.lines().any(|line| line.starts_with("Example: made by "));
            match page.example() {
                Some(example) => assert!(!reason && example.ends_with('\n'), "{code}: {example}"),
                None => assert!(reason, "{code}: neither an example nor why there is none"),
            }
            let lines = page.text.lines().count();
            assert!((8..=40).contains(&lines), "{code}: {lines} lines");
        }
    }
}
