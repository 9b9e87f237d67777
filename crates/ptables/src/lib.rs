//! Linux iptables configurations from a program: typed, traced to the line that wrote each rule, and checked.
//!
//! The pure library of ptables: no files, processes, environment or clock. `ARCHITECTURE.md` has the picture.
#![forbid(unsafe_code)]

pub mod diag;
pub mod dialect;
pub mod origin;
pub mod source;
pub mod value;
