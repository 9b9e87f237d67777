//! The kernel as a judge: packets are sent through its rules in a scratch namespace, and what became of them is read
//! from counters, from the log and from the trace.
//!
//! A [`World`](world::World) is a namespace of the calling thread, with five interfaces that lead nowhere. Packets come
//! in through them, or from a raw socket, on any path and with any mark; what passes every table ends behind the last
//! one. Nothing reaches the machine's own interfaces or rules. Each call that sends returns when all tables have seen
//! the packet, so nothing is waited for.
//!
//! Never published. It is the one crate besides `ptables-kernel` with `unsafe`, all of it in `sys`.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "numbers of devices, hooks and families are small; a judge that is wrong in one must stop"
)]

pub mod conntrack;
pub mod counters;
pub mod netlink;
pub mod restore;
pub mod sys;
pub mod trace;
pub mod world;
