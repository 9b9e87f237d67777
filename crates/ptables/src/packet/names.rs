//! The words of the text form of packets.

use super::PacketType;
use crate::value::ct_state::CtState;

/// Words for the state of a connection.
pub const STATES: [(&str, CtState); 5] = [
    ("new", CtState::New),
    ("established", CtState::Established),
    ("related", CtState::Related),
    ("invalid", CtState::Invalid),
    ("untracked", CtState::Untracked),
];

/// Values of `pkttype`.
pub const PACKET_TYPES: [(&str, PacketType); 4] = [
    ("host", PacketType::Host),
    ("broadcast", PacketType::Broadcast),
    ("multicast", PacketType::Multicast),
    ("otherhost", PacketType::OtherHost),
];

/// TCP flags, one bit each.
pub const FLAGS: [(&str, u8); 8] =
    [("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32), ("ECE", 64), ("CWR", 128)];

/// Extension headers of IPv6.
pub const EXTENSIONS: [(&str, u8); 5] = [("hbh", 0), ("rt", 43), ("frag", 44), ("ah", 51), ("dst", 60)];

/// Kinds of addresses.
pub const ADDRESS_TYPES: [(&str, u16); 8] = [
    ("UNICAST", 2),
    ("LOCAL", 4),
    ("BROADCAST", 8),
    ("ANYCAST", 16),
    ("MULTICAST", 32),
    ("BLACKHOLE", 64),
    ("UNREACHABLE", 128),
    ("PROHIBIT", 256),
];

/// Names of protocols that differ between the two address families or that iptables spells otherwise.
pub const PROTOS: [(&str, u8); 11] = [
    ("tcp", 6),
    ("udp", 17),
    ("udplite", 136),
    ("icmp", 1),
    ("icmpv6", 58),
    ("sctp", 132),
    ("dccp", 33),
    ("ah", 51),
    ("esp", 50),
    ("ipcomp", 108),
    ("gre", 47),
];

/// What a word stands for.
pub fn find<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    table.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, it)| *it)
}

/// The word for something.
pub fn name<T: Copy + PartialEq>(table: &[(&'static str, T)], it: T) -> Option<&'static str> {
    table.iter().find(|(_, other)| *other == it).map(|(name, _)| *name)
}
