//! Why an option was not taken.

use crate::diag::Code;
use crate::diag::codes;
use crate::value::{Bad, BadKind};

/// What is wrong with an option or its extension; the reader turns it into a diagnostic with its place.
#[derive(Clone, Debug)]
pub struct Fault(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    message: String,
    help: Option<String>,
    part: Part,
}

/// Which word of an option a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The option itself.
    Option,
    /// Its value.
    Value,
    /// Its second value.
    Second,
    /// The extension as a whole.
    Extension,
}

impl Fault {
    /// A fault about the extension as a whole.
    pub fn new(code: Code, message: impl Into<String>) -> Fault {
        Fault(Box::new(Inner { code, message: message.into(), help: None, part: Part::Extension }))
    }

    /// About another part.
    #[must_use]
    pub fn about(mut self, part: Part) -> Fault {
        self.0.part = part;
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Fault {
        self.0.help = Some(help.into());
        self
    }

    /// The code of its diagnostic.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message of its diagnostic.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The advice, if there is any.
    pub fn advice(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The word that it is about.
    pub fn part(&self) -> Part {
        self.0.part
    }
}

/// The code for a wrong value.
pub(crate) fn code_of(bad: &Bad) -> Code {
    match bad.kind {
        BadKind::Form => codes::PARSE_BAD_VALUE,
        BadKind::Range => codes::PARSE_OUT_OF_RANGE,
        BadKind::Address => codes::PARSE_BAD_ADDRESS,
        BadKind::Port => codes::PARSE_BAD_PORT,
        BadKind::Protocol => codes::PARSE_BAD_PROTOCOL,
        BadKind::Interface => codes::PARSE_BAD_INTERFACE,
        BadKind::Name => codes::PARSE_UNKNOWN_NAME,
    }
}
