//! Linux iptables configurations from a program: typed, traced to the line that wrote each rule, and checked.
//!
//! The pure library of ptables: no files, processes, environment or clock. `ARCHITECTURE.md` has the picture.
#![forbid(unsafe_code)]

pub mod check;
pub mod diag;
pub mod dialect;
pub mod ext;
pub mod lower;
pub mod meaning;
pub mod model;
pub mod origin;
pub mod program;
pub mod source;
pub mod text;
pub mod value;
