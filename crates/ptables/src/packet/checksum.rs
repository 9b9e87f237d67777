//! Checksums of IP and of the transport protocols, computed over encoded bytes.

use super::bytes::{put, u8_at, u16_at, u32_at};
use super::view::View;
use crate::dialect::Family;
use crate::value::proto::{DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE};

/// The Internet checksum of bytes, on top of a partial sum.
fn fold(mut sum: u64, bytes: &[u8]) -> u64 {
    // Words of four bytes add up to the same as those of two.
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        sum += u64::from(u32::from_be_bytes(*word));
    }
    let mut last = [0; 4];
    put(&mut last, 0, rest);
    sum + u64::from(u32::from_be_bytes(last))
}

fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // INVARIANT: at most 16 bits are left.
    !(sum as u16)
}

/// The CRC-32C of SCTP, over bytes with a checksum of 0.
pub fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

/// Writes the right checksums into a packet: of the IPv4 header, and of the transport header that it holds whole.
///
/// A fragment keeps the transport checksum that it has, since that covers bytes of other fragments. A UDP checksum of 0
/// in IPv4 (none) is replaced too.
pub fn fix(family: Family, bytes: &mut [u8]) {
    let view = View::new(family, bytes);
    let (proto, at, source, destination) = (view.proto, view.transport, view.source(), view.destination());
    if family == Family::V4 {
        let cut = view.fragment != 0 || u16_at(bytes, 6).unwrap_or(0) & 0x2000 != 0;
        put(bytes, 10, &[0, 0]);
        let sum = finish(fold(0, bytes.get(..at).unwrap_or_default()));
        put(bytes, 10, &sum.to_be_bytes());
        if cut {
            return;
        }
    } else if view.extension(44).is_some() {
        return;
    }
    let Some(proto) = proto else { return };
    let whole = bytes.get(at..).unwrap_or_default();
    let length = whole.len();
    let (place, covered, header) = match proto {
        TCP => (16, length, 20),
        UDP => (6, length, 8),
        UDPLITE => match usize::from(u16_at(whole, 4).unwrap_or(0)) {
            0 => (6, length, 8),
            coverage => (6, coverage.clamp(8, length.max(8)), 8),
        },
        ICMP if family == Family::V4 => (2, length, 4),
        ICMPV6 if family == Family::V6 => (2, length, 4),
        DCCP => {
            // The low four bits of byte 5: 0 covers all, n the header and (n - 1) * 4 bytes of data.
            let coverage = usize::from(u8_at(whole, 5).unwrap_or(0) & 15);
            let options = usize::from(u8_at(whole, 4).unwrap_or(0)) * 4;
            let covered = if coverage == 0 { length } else { (options + (coverage - 1) * 4).min(length) };
            (6, covered, 12)
        }
        SCTP => (8, length, 12),
        _ => return,
    };
    if length < header {
        return;
    }
    let Some(transport) = bytes.get_mut(at..) else { return };
    if proto == SCTP {
        put(transport, place, &[0; 4]);
        let crc = crc32c(transport);
        put(transport, place, &crc.to_le_bytes());
        return;
    }
    put(transport, place, &[0, 0]);
    // ICMP of IPv4 alone has no pseudo header.
    let mut sum = 0;
    if proto != ICMP || family == Family::V6 {
        sum = match family {
            Family::V4 => fold(fold(0, &(source as u32).to_be_bytes()), &(destination as u32).to_be_bytes()),
            Family::V6 => fold(fold(0, &source.to_be_bytes()), &destination.to_be_bytes()),
        };
        sum += u64::from(proto) + length as u64;
    }
    let sum = finish(fold(sum, transport.get(..covered).unwrap_or(transport)));
    // A UDP checksum of 0 would mean that there is none.
    let sum = if sum == 0 && matches!(proto, UDP | UDPLITE) { 0xffff } else { sum };
    put(transport, place, &sum.to_be_bytes());
}

/// Whether the checksum of the IPv4 header is right; always so in IPv6, which has none.
pub fn header_is_right(family: Family, bytes: &[u8]) -> bool {
    let length = usize::from(u8_at(bytes, 0).unwrap_or(0) & 15) * 4;
    family == Family::V6
        || u32_at(bytes, 8).is_some() && finish(fold(0, bytes.get(..length).unwrap_or_default())) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_crc32c() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_header_from_a_textbook() {
        let mut bytes =
            [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x2f, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];
        bytes[9] = 0x11;
        fix(Family::V4, &mut bytes);
        assert_eq!(&bytes[10..12], &[0xb8, 0x61]);
        assert!(header_is_right(Family::V4, &bytes));
    }
}
