//! Layer 0. How many diagnostics there are of each severity.

use std::fmt;

use super::{Diagnostic, Severity};

/// The number of diagnostics of each severity; displays as `3 errors, 1 warning`, or `no findings`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Of [`Severity::Error`].
    pub errors: usize,
    /// Of [`Severity::Warning`].
    pub warnings: usize,
    /// Of [`Severity::Unsupported`].
    pub unsupported: usize,
    /// Of [`Severity::Note`].
    pub notes: usize,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Unsupported => self.unsupported += 1,
            Severity::Note => self.notes += 1,
        }
    }
}

impl<'a> FromIterator<&'a Diagnostic> for Counts {
    fn from_iter<I: IntoIterator<Item = &'a Diagnostic>>(diagnostics: I) -> Counts {
        let mut counts = Counts::default();
        diagnostics.into_iter().for_each(|diagnostic| counts.add(diagnostic.severity));
        counts
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.errors, "error", "s"),
            (self.warnings, "warning", "s"),
            (self.unsupported, "unsupported", ""),
            (self.notes, "note", "s"),
        ];
        let mut separator = "";
        for (count, name, plural) in kinds.into_iter().filter(|(count, ..)| *count > 0) {
            write!(f, "{separator}{count} {name}{}", if count == 1 { "" } else { plural })?;
            separator = ", ";
        }
        if separator.is_empty() { f.write_str("no findings") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    #[test]
    fn counts_read_as_a_sentence() {
        let of = |severity| Diagnostic::new(codes::PARSE_UNKNOWN_OPTION, severity, "");
        let mut list = Vec::new();
        assert_eq!(list.iter().collect::<Counts>().to_string(), "no findings");
        list.push(of(Severity::Warning));
        assert_eq!(list.iter().collect::<Counts>().to_string(), "1 warning");
        list.extend([Severity::Error, Severity::Error, Severity::Unsupported, Severity::Unsupported].map(of));
        list.extend([Severity::Note, Severity::Note].map(of));
        let counts: Counts = list.iter().collect();
        assert_eq!(counts.to_string(), "2 errors, 1 warning, 2 unsupported, 2 notes");
        assert_eq!((counts.errors, counts.warnings, counts.unsupported, counts.notes), (2, 1, 2, 2));
    }
}
