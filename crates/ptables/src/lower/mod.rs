//! Layer 6. Lowering: what an authored program means, for one family and dialect.

mod chains;
mod edits;
pub mod families;
mod names;
mod native;
mod options;
mod reader;
mod rule;
mod sets;
mod tables;

pub(crate) use native::is_native;

pub use edits::{Edits, TableEdits, lower_edits};
pub use sets::{LoweredSets, lower_sets};
pub use tables::{Lowered, Options, lower};
