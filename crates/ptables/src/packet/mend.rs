//! Checksums after a change: mended by the difference, as the kernel does it, so that a wrong one stays wrong.

/// The checksum after `old` bytes became `new` ones, which are as many and begin at an even place. Bytes are words in
/// network order; a last single one is the upper half of a word.
pub fn mend(check: u16, old: &[u8], new: &[u8]) -> u16 {
    // What stands above the checksum takes part: it decides between the two forms of zero.
    let sum = new
        .chunks(2)
        .map(word)
        .fold(old.chunks(2).map(word).fold(!u32::from(check), |sum, it| add(sum, !it)), add);
    let sum = (sum & 0xffff) + (sum >> 16);
    // INVARIANT: of two halves at most one bit is left above the lower one.
    !((sum + (sum >> 16)) as u16)
}

fn word(bytes: &[u8]) -> u32 {
    let byte = |at| bytes.get(at).copied().unwrap_or(0);
    u32::from(u16::from_be_bytes([byte(0), byte(1)]))
}

/// A sum in one's complement.
fn add(one: u32, other: u32) -> u32 {
    let (sum, carry) = one.overflowing_add(other);
    sum + u32::from(carry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Family;
    use crate::packet::checksum::{fix, header_is_right};

    #[test]
    fn a_right_checksum_stays_right() {
        let mut bytes = [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 192, 168, 0, 1, 192, 168, 0, 199];
        fix(Family::V4, &mut bytes);
        let new = [10, 255, 3, 4];
        let check = mend(u16::from_be_bytes([bytes[10], bytes[11]]), &bytes[12..16], &new);
        bytes[12..16].copy_from_slice(&new);
        bytes[10..12].copy_from_slice(&check.to_be_bytes());
        assert!(header_is_right(Family::V4, &bytes));
    }
}
