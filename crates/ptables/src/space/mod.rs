//! Layer 7. Sets of packets: conditions, compiled to decision diagrams over the fields that rules look at.
//!
//! A field has one code for each class of values that no condition tells apart, so that a set needs few variables. What
//! the conditions of a rule mean is stated once, in [`Pred`](crate::meaning::Pred). The packets of a space have whole
//! transport headers; beyond that a space may hold packets that cannot be, but lacks none that can: what is empty or equal
//! here is so for real packets.

mod arena;
mod cells;
mod census;
mod code;
mod compile;
mod image;
mod names;
mod region;
mod witness;

pub use arena::{Arena, Assignment, Set, TooLarge, Vars};
pub use census::Census;
pub use compile::{Free, Pair, Space};
pub use image::Reached;
pub use region::{Region, Span};
