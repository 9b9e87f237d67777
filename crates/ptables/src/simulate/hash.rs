//! The hash by which `cluster` shares connections among machines and `HMARK` chooses marks: Bob Jenkins's, as the kernel
//! computes it.

use super::machine::{Machine, Value};
use crate::dialect::Family;
use crate::meaning::{Field, HashMark};
use crate::packet::bytes::{u8_at, u16_at, u32_at, u128_at};
use crate::packet::{PacketType, is_extension};
use crate::value::proto::{AH, DCCP, ESP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE};

const START: u32 = 0xdead_beef;

/// The node, from 0, on which a connection falls whose first packet came from this address.
pub(super) fn node(family: Family, source: u128, seed: u32, total: u8) -> u32 {
    let word = match family {
        // INVARIANT: an IPv4 address has 32 bits. The kernel hashes it as it lies in memory.
        Family::V4 => u32::from_le_bytes((source as u32).to_be_bytes()),
        // Of an IPv6 address the kernel hashes the first word only: it divides the number of words by their size.
        Family::V6 => {
            let [a, b, c, d, ..] = source.to_be_bytes();
            u32::from_le_bytes([a, b, c, d])
        }
    };
    scaled(words([word, 0, 0], seed.wrapping_add(4)), u32::from(total))
}

/// A hash as a number below `end`.
fn scaled(hash: u32, end: u32) -> u32 {
    // INVARIANT: less than `end`.
    ((u64::from(hash) * u64::from(end)) >> 32) as u32
}

/// The hash of up to three words; `seed` holds four times their number.
fn words([a, b, c]: [u32; 3], seed: u32) -> u32 {
    let start = START.wrapping_add(seed);
    finish(start.wrapping_add(a), start.wrapping_add(b), start.wrapping_add(c))
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

/// What is hashed of a packet.
struct Ends {
    source: u128,
    destination: u128,
    proto: u8,
    /// Both ports, or an SPI, where the packet has them.
    ports: Option<u32>,
}

/// The mark that `HMARK` gives; `Ok(None)` where it leaves the mark as it is.
pub(super) fn mark(machine: &Machine<'_>, wanted: &HashMark) -> Result<Option<u32>, &'static str> {
    for field in [Field::Source, Field::Destination, Field::SourcePort, Field::DestinationPort]
        .into_iter()
        .chain([Field::CtReplySource, Field::CtReplyDestination].into_iter().filter(|_| wanted.conntrack))
    {
        if let Value::Unknown(why) = machine.value(field) {
            return Err(why);
        }
    }
    let ends = match (wanted.conntrack, machine.family) {
        (true, _) => of_connection(machine),
        (false, Family::V4) => of_v4(&machine.bytes),
        (false, Family::V6) => of_v6(&machine.bytes),
    };
    let Some(ends) = ends else { return Ok(None) };
    let word = |address: u128, mask: u128| match machine.family {
        Family::V4 => (address & mask) as u32,
        // The four words of an address are laid over each other.
        Family::V6 => (0..4).fold(0, |all, at| all ^ ((address & mask) >> (32 * at)) as u32),
    };
    let (source, destination) =
        (word(ends.source, wanted.source), word(ends.destination, wanted.destination));
    let ports = ends.ports.map_or(0, |ports| {
        let [a, b, c, d] = (ports & wanted.ports | wanted.set).to_be_bytes();
        let (one, other) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        u32::from(one.max(other)) << 16 | u32::from(one.min(other))
    });
    // Both directions of a connection have one hash.
    let hash =
        words([source.min(destination), source.max(destination), ports], wanted.random.wrapping_add(12))
            ^ (u32::from(ends.proto) & wanted.proto);
    Ok(Some(scaled(hash, wanted.modulus).wrapping_add(wanted.offset)))
}

fn of_connection(machine: &Machine<'_>) -> Option<Ends> {
    let it = machine.connection.get()?;
    let ports = u32::from(it.original.source_port) << 16 | u32::from(it.reply_tuple.source_port);
    Some(Ends {
        source: it.original.source,
        destination: it.reply_tuple.source,
        proto: it.original.proto,
        ports: (it.original.proto != ICMP).then_some(ports),
    })
}

/// Where ports, or an SPI, lie in a header.
fn ports(bytes: &[u8], proto: u8, at: usize) -> Option<u32> {
    match proto {
        TCP | UDP | UDPLITE | SCTP | DCCP | ESP => u32_at(bytes, at),
        AH => u32_at(bytes, at + 4),
        _ => None,
    }
}

/// Of an ICMP error, the packet that it is about counts.
fn of_v4(bytes: &[u8]) -> Option<Ends> {
    let header = |at: usize| Some(usize::from(u8_at(bytes, at)? & 15) * 4);
    let mut start = 0;
    if u8_at(bytes, 9) == Some(ICMP) && bytes.len() >= header(0)? + 8 {
        let kind = u8_at(bytes, header(0)?)?;
        if matches!(kind, 3 | 4 | 5 | 11 | 12) {
            start = header(0)? + 8;
            // It is left alone if that packet is cut off.
            bytes.get(start..start + 20)?;
        }
    }
    let proto = u8_at(bytes, start + 9)?;
    let is_fragment = u16_at(bytes, start + 6)? & 0x3fff != 0;
    Some(Ends {
        source: u128::from(u32_at(bytes, start + 12)?),
        destination: u128::from(u32_at(bytes, start + 16)?),
        proto,
        ports: ports(bytes, proto, start + header(start)?).filter(|_| !is_fragment),
    })
}

fn of_v6(bytes: &[u8]) -> Option<Ends> {
    let mut start = 0;
    let Some(mut found) = search(bytes, start) else {
        // The kernel hashes nothing then, but sets the mark.
        return Some(Ends { source: 0, destination: 0, proto: 0, ports: None });
    };
    if found.proto == ICMPV6 && !found.is_fragment && bytes.len() >= found.at + 8 {
        let kind = u8_at(bytes, found.at)?;
        if (1..128).contains(&kind) {
            start = found.at + 8;
            bytes.get(start..start + 40)?;
            found = search(bytes, start)?;
        }
    }
    Some(Ends {
        source: u128_at(bytes, start + 8)?,
        destination: u128_at(bytes, start + 24)?,
        proto: found.proto,
        ports: ports(bytes, found.proto, found.at).filter(|_| !found.is_fragment),
    })
}

/// Where the search past extension headers ends.
struct Found {
    proto: u8,
    at: usize,
    is_fragment: bool,
}

/// Unlike the search of matches, this one ends at an authentication header.
fn search(bytes: &[u8], start: usize) -> Option<Found> {
    if u8_at(bytes, start)? >> 4 != 6 {
        return None;
    }
    let mut found = Found { proto: u8_at(bytes, start + 6)?, at: start + 40, is_fragment: false };
    while is_extension(found.proto) && found.proto != 59 && found.proto != AH {
        let (next, length) = (u8_at(bytes, found.at)?, u8_at(bytes, found.at + 1)?);
        let mut size = (usize::from(length) + 1) * 8;
        if found.proto == 43 {
            // Four bytes of a routing header are read.
            u8_at(bytes, found.at + 3)?;
        }
        if found.proto == 44 {
            found.is_fragment = true;
            if u16_at(bytes, found.at + 2)? & !7 != 0 {
                // Behind the first fragment, another extension header hides the protocol.
                let hidden = is_extension(next) && next != 59;
                return (!hidden).then_some(Found { proto: next, ..found });
            }
            size = 8;
        }
        found.proto = next;
        found.at += size;
    }
    if found.proto == AH {
        u8_at(bytes, found.at + 1)?;
    }
    Some(found)
}

/// The nodes of a cluster share a multicast address of the link layer; `cluster` makes what was sent to it one's own.
/// `sure`: it is asked for certain.
pub(super) fn take_for_own(machine: &mut Machine<'_>, sure: bool) {
    let lost = |field| machine.lost.iter().any(|it| it.0 == field);
    if machine.packet_type != PacketType::Multicast || lost(Field::PacketType) {
        return;
    }
    let group = match machine.family {
        Family::V4 => machine.heads.destination >> 28 == 0xe,
        Family::V6 => machine.heads.destination >> 120 == 0xff,
    };
    match (lost(Field::Destination), group) {
        (false, true) => {}
        (false, false) if sure => machine.packet_type = PacketType::Host,
        _ => machine.lose(Field::PacketType, "whether `cluster` takes the packet for its own is not known"),
    }
}
