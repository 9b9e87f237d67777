//! Text of a program, for those who build one.

use std::fmt;

use crate::diag::Diagnostic;
use crate::program::Tables;
use crate::text;

/// Why a program cannot be written down: something in it would become other lines.
#[derive(Clone, Debug)]
pub struct Unprintable {
    diagnostics: Vec<Diagnostic>,
}

impl Unprintable {
    /// One for each rule or name.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

impl fmt::Display for Unprintable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.diagnostics.as_slice() {
            [only] => only.fmt_line(f),
            [first, rest @ ..] => {
                first.fmt_line(f)?;
                write!(f, " (and {} more)", rest.len())
            }
            [] => f.write_str("nothing is wrong"),
        }
    }
}

impl std::error::Error for Unprintable {}

impl Tables {
    /// The annotated text: what `iptables-restore` reads, with who wrote each rule above it.
    ///
    /// Bytes that are not UTF-8 (comments may hold any) are replaced; [`text::annotated`] keeps them.
    ///
    /// # Errors
    /// [`Unprintable`] if a value holds a line break or NUL, or a name is not one word.
    pub fn to_iptables(&self) -> Result<String, Unprintable> {
        let mut out = Vec::new();
        text::annotated(self, &mut out).map_err(|diagnostics| Unprintable { diagnostics })?;
        Ok(String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}
