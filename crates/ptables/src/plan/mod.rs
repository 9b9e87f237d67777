//! Layer 11. What to do so that the kernel holds what a program wants, and nobody else's rules are touched.
//!
//! ```text
//! live rules ──► State::live ──► claim(record) ─┐
//!                                               ├─► Plan::new ──► texts for `iptables-restore --noflush`, one a table
//! program ─────► State::wanted ─────────────────┘        └──────► after (the next record), inverse, undo
//! ```
//!
//! [`Transaction`] is all of an application as steps, without input or output.
//!
//! Rules are compared by their canonical text, so `--dport ssh` is `--dport 22`. A rule of ours is one that the record of the last
//! application has; every other is foreign and stays, in its order. Rules go by what they say (`-D CHAIN rule`), never by number,
//! chains are never flushed, and a chain that is new is made by `-N`, which fails if somebody else has made it meanwhile.

mod align;
mod claim;
mod make;
mod meaning;
mod merge;
mod owner;
mod record;
mod sets;
mod show;
mod state;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod text;
mod transaction;

#[cfg(feature = "json")]
mod json;

pub use claim::Claim;
pub use make::{ChainPlan, Line, LineKind, Obstacle, Options, Plan, TablePlan, undo};
pub use meaning::Meaning;
pub use owner::{BadOwner, Owner, maker};
pub use record::BadRecord;
pub use sets::SetChange;
pub use show::PlanCounts;
pub use state::{ChainState, Item, State, TableState};
pub use transaction::{Answer, Change, Ended, Step, Transaction, Why};
