//! The simulator and the real kernel, on rules and packets by chance.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a judge that is wrong in a number must stop; numbers of devices, chains and rules are small"
)]

pub mod answers;
pub mod arena;
pub mod command;
pub mod coverage;
pub mod crowd;
pub mod cut;
pub mod deck;
pub mod doubts;
pub mod draft;
pub mod facts;
pub mod file;
pub mod flat;
pub mod held;
pub mod long;
pub mod pace;
pub mod partial;
pub mod pieces;
pub mod pool;
pub mod progress;
pub mod regress;
pub mod rewriting;
pub mod rng;
pub mod ruleset;
pub mod run;
pub mod settle;
pub mod shot;
pub mod shrink;
pub mod speed;
pub mod subject;
pub mod targets;
pub mod themes;
pub mod translated;
pub mod trial;
pub mod unknown;
