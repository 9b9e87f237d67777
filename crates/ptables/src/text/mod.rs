//! Layer 5. iptables-save and iptables-restore text: words, lines, and both printers.

pub mod lex;
