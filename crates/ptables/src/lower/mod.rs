//! Layer 6. Lowering: what an authored program means, for one family and dialect.

mod names;
mod native;
mod options;
mod reader;
mod rule;
mod tables;

pub use tables::{Lowered, Options, lower};
