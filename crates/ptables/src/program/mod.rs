//! Layer 5. The authored tree: tables, chains and rules as they were written.
//!
//! It is lenient and belongs to no family: an unknown option, a raw line, a composite rule stay as they are, and print
//! that way. [`lower`](crate::lower) says what they mean.

mod args;
mod call;
mod chain;
mod default;
mod expansion;
mod named;
mod route;
mod rule;
mod set;
mod table;
mod template;

pub use crate::ext::Families;
pub use args::{Arg, Args};
pub(crate) use args::{Rank, Words};
pub use call::{KNOWN, Keyword, KeywordError, Known};
pub use chain::{Chain, ChainKind};
pub use default::{all_tables, default_tables};
pub use expansion::{Base, Outline, Part, PolicyError, Step};
pub use route::{Channel, Place, Route, Routed};
pub use rule::{Body, Composite, Rule, Verb};
pub use set::IpSet;
pub use table::{Table, Tables};
pub use template::Call;
