//! The hash by which `cluster` shares connections among machines: Bob Jenkins's, as the kernel computes it.

use crate::dialect::Family;

const START: u32 = 0xdead_beef;

/// The node, from 0, on which a connection falls whose first packet came from this address.
pub(super) fn node(family: Family, source: u128, seed: u32, total: u8) -> u32 {
    let hash = match family {
        // INVARIANT: an IPv4 address has 32 bits. The kernel hashes it as it lies in memory.
        Family::V4 => one(u32::from_le_bytes((source as u32).to_be_bytes()), seed),
        Family::V6 => {
            let bytes = source.to_be_bytes();
            let mut words = [0u32; 4];
            for (word, part) in words.iter_mut().zip(bytes.chunks_exact(4)) {
                *word = part.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            }
            four(words, seed)
        }
    };
    // INVARIANT: less than `total`.
    (u64::from(hash) * u64::from(total) >> 32) as u32
}

fn one(word: u32, seed: u32) -> u32 {
    let start = START.wrapping_add(seed).wrapping_add(4);
    finish(start.wrapping_add(word), start, start)
}

fn four(words: [u32; 4], seed: u32) -> u32 {
    let start = START.wrapping_add(4 << 2).wrapping_add(seed);
    let [first, second, third, fourth] = words;
    let (mut a, mut b, mut c) =
        (start.wrapping_add(first), start.wrapping_add(second), start.wrapping_add(third));
    // One round of mixing for three words.
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    finish(a.wrapping_add(fourth), b, c)
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
