//! Chores of the workspace, and what its outside tests share.
#![expect(clippy::print_stderr, reason = "chores speak to a terminal")]

pub mod analyses;
pub mod changes;
pub mod divergences;
pub mod generate;
#[cfg(feature = "scripts")]
pub mod hostile;
pub mod kernel_diff;
mod measure;
pub mod mutants;
pub mod names;
pub mod oracle;
pub mod peers;
pub mod python;
pub mod saved;
pub mod scripts;
pub mod shared;
