//! The simulator and the real kernel, on rules and packets by chance.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a judge that is wrong in a number must stop; numbers of devices, chains and rules are small"
)]

pub mod arena;
pub mod draft;
pub mod pieces;
pub mod pool;
pub mod rng;
pub mod ruleset;
pub mod shot;
pub mod targets;
