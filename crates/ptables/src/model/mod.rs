//! Layer 4. What a program means: typed rules in canonical form, per family and dialect.

mod config;
mod print;
mod rule;

pub use crate::ext::{Hook, TableName};
pub use config::{Chain, Config, Policy, Ruleset, Table};
pub use rule::{Body, Counters, Inverted, Jump, Matches, Opaque, OpaqueKind, Rule, Typed};
