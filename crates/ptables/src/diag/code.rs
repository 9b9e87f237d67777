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
