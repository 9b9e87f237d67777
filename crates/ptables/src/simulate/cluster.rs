//! The hash by which `cluster` shares connections among machines: Bob Jenkins's, as the kernel computes it.

use crate::dialect::Family;

const START: u32 = 0xdead_beef;

/// The node, from 0, on which a connection falls whose first packet came from this address.
pub(super) fn node(family: Family, source: u128, seed: u32, total: u8) -> u32 {
    let hash = match family {
        // INVARIANT: an IPv4 address has 32 bits. The kernel hashes it as it lies in memory.
        Family::V4 => one(u32::from_le_bytes((source as u32).to_be_bytes()), seed),
        // Of an IPv6 address the kernel hashes the first word only: it divides the number of words by their size.
        Family::V6 => {
            let [a, b, c, d, ..] = source.to_be_bytes();
            one(u32::from_le_bytes([a, b, c, d]), seed)
        }
    };
    // INVARIANT: less than `total`.
    ((u64::from(hash) * u64::from(total)) >> 32) as u32
}

fn one(word: u32, seed: u32) -> u32 {
    let start = START.wrapping_add(seed).wrapping_add(4);
    finish(start.wrapping_add(word), start, start)
}

fn finish(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}
