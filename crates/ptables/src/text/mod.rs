//! Layer 5. iptables-save and iptables-restore text: words, lines, and both printers.

mod annotated;
mod command;
mod family;
pub mod lex;
mod parse;
mod pieces;
pub(crate) mod print;
mod shell;

pub use family::{FamilyHint, ambiguous, family};
pub use parse::{Parsed, parse};
pub use pieces::{chain, definition, heading, title};
pub use print::annotated;
