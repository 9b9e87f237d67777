//! Packets in a scratch namespace: interfaces that lead nowhere, frames written to them, connections put there before.
//!
//! A [`World`](world::World) is a namespace of the calling thread. Packets come in through its interfaces, or from a raw
//! socket, on any path and with any mark; what passes every table ends behind the last one. Nothing reaches the machine's own
//! interfaces or rules. Each call that sends returns when all tables have seen the packet, so nothing is waited for.
//!
//! [`try_packets`](crate::Kernel::try_packets) is what most callers want; the judge of the simulator, which is not published, uses these
//! parts. Its `unsafe` is all in `sys`.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "numbers of devices, hooks and families are small, and lengths are checked before"
)]

pub mod conntrack;
pub mod netlink;
pub mod sys;
pub mod world;
