//! Layer 5. iptables-save and iptables-restore text: words, lines, and both printers.

mod annotated;
mod command;
pub mod lex;
mod parse;

pub use parse::{Parsed, parse};
