//! The kernel as a judge: packets are sent through its rules in a scratch namespace, and what became of them is read
//! from counters, from the log and from the trace.
//!
//! The namespace and the way of packets into it are [`ptables_kernel::wire`]; here is what the kernel says of them.
//!
//! Never published.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "numbers of devices, hooks and families are small; a judge that is wrong in one must stop"
)]

pub mod counters;
pub mod restore;
pub mod saved;
pub mod trace;

pub use ptables_kernel::wire::{conntrack, netlink, sys, world};
