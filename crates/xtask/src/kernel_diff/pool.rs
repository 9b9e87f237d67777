//! Few values of each kind, from which both rules and packets take theirs: so that they meet.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::rng::Rng;

/// Ports; their edges are among them.
pub const PORTS: [u16; 12] = [0, 1, 22, 53, 80, 443, 1024, 1025, 8080, 33000, 65534, 65535];
/// Packet and connection marks, all within the bits that a namespace leaves to tests.
pub const MARKS: [u32; 7] = [0, 1, 2, 0x10, 0x11, 0xff00, 0x00ff_ffff];
/// Masks of marks.
pub const MARK_MASKS: [u32; 6] = [0xffff_ffff, 0xff, 0x10, 1, 0xff00, 0];
/// Source Ethernet addresses.
pub const MACS: [[u8; 6]; 4] =
    [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], [0, 0x16, 0x3e, 0x12, 0x34, 0x56], [0; 6]];
/// TTL and hop limits.
pub const HOPS: [u8; 7] = [2, 3, 63, 64, 128, 254, 255];
/// TOS bytes and traffic classes.
pub const TOS: [u8; 10] = [0, 0x10, 0x08, 0xb8, 0x04, 0x20, 0x03, 0x01, 0x02, 0xff];
/// Numbers of SPI, CPI and identification fields.
pub const NUMBERS: [u32; 8] = [0, 1, 2, 5, 256, 257, 65535, 0xffff_ffff];
/// Texts that payloads hold.
pub const WORDS: [&str; 7] = ["abc", "GET /", "Host: ", "ABC", "aab", "|x|", "\"q\\"];
/// Protocols that generated rules and packets have; the last is ICMP of the other family.
pub const PROTOS_V4: [u8; 14] = [6, 6, 6, 17, 17, 1, 1, 132, 33, 136, 51, 50, 47, 58];
/// The same of IPv6; those that are extension headers are made as such.
pub const PROTOS_V6: [u8; 14] = [6, 6, 6, 17, 17, 58, 58, 132, 33, 136, 135, 50, 47, 1];

/// An address of another machine, or now and then of an interface here.
pub fn address(rng: &mut Rng, v6: bool) -> u128 {
    let low = rng.pick(&[1_u128, 2, 3, 17, 100, 129, 200, 254]);
    let net = rng.below(4) as usize;
    if rng.chance(8) {
        return local(rng.below(5) as usize, v6);
    }
    if v6 {
        0x2001_0db8 << 96 | (net as u128) << 80 | u128::from(rng.below(3)) << 64 | low
    } else {
        [0xc000_0200, 0xc633_6400, 0xcb00_7100, 0xc612_0000][net] | low
    }
}

/// The address of an interface.
pub fn local(device: usize, v6: bool) -> u128 {
    let number = device as u128 + 1;
    if v6 { 0xfd09 << 112 | number << 96 | 1 } else { 0x0a09_0001 | number << 8 }
}

/// An address as text.
pub fn text(address: u128, v6: bool) -> String {
    if v6 { Ipv6Addr::from(address).to_string() } else { Ipv4Addr::from(address as u32).to_string() }
}

/// An address of another machine: the way to one of ours is another.
pub fn foreign(rng: &mut Rng, v6: bool) -> u128 {
    loop {
        let address = address(rng, v6);
        if (0..5).all(|device| address != local(device, v6)) {
            return address;
        }
    }
}
