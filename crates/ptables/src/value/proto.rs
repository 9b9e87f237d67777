//! Protocol numbers and names.

use super::number::{base0, push};
use super::{Bad, BadKind, Names, Parsed};
use crate::dialect::Dialect;

/// A protocol number; 0 is "all": no condition.
pub type Proto = u8;

/// All protocols.
pub const ALL: Proto = 0;
/// ICMP.
pub const ICMP: Proto = 1;
/// TCP.
pub const TCP: Proto = 6;
/// UDP.
pub const UDP: Proto = 17;
/// DCCP.
pub const DCCP: Proto = 33;
/// GRE.
pub const GRE: Proto = 47;
/// ESP.
pub const ESP: Proto = 50;
/// Authentication header.
pub const AH: Proto = 51;
/// ICMPv6.
pub const ICMPV6: Proto = 58;
/// IP payload compression.
pub const IPCOMP: Proto = 108;
/// Mobility header of IPv6.
pub const MH: Proto = 135;
/// SCTP.
pub const SCTP: Proto = 132;
/// UDP-Lite.
pub const UDPLITE: Proto = 136;

/// Names that the tools know by themselves, in every version; the first of a number is the one printed.
const OWN: [(Proto, &str); 14] = [
    (TCP, "tcp"),
    (SCTP, "sctp"),
    (UDP, "udp"),
    (UDPLITE, "udplite"),
    (ICMP, "icmp"),
    (ICMPV6, "ipv6-icmp"),
    (ICMPV6, "icmpv6"),
    (ESP, "esp"),
    (AH, "ah"),
    (135, "mobility-header"),
    (135, "ipv6-mh"),
    (135, "mh"),
    (ALL, "all"),
    (DCCP, "dccp"),
];

/// Names of the protocols file of Debian 12, which 1.8.9 prints (facts: protocols.tsv).
const FILE: &[(Proto, &str)] = &[
    (0, "hopopt"),
    (1, "icmp"),
    (2, "igmp"),
    (3, "ggp"),
    (4, "ipencap"),
    (5, "st"),
    (6, "tcp"),
    (8, "egp"),
    (9, "igp"),
    (12, "pup"),
    (17, "udp"),
    (20, "hmp"),
    (22, "xns-idp"),
    (27, "rdp"),
    (29, "iso-tp4"),
    (33, "dccp"),
    (36, "xtp"),
    (37, "ddp"),
    (38, "idpr-cmtp"),
    (41, "ipv6"),
    (43, "ipv6-route"),
    (44, "ipv6-frag"),
    (45, "idrp"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (57, "skip"),
    (58, "ipv6-icmp"),
    (59, "ipv6-nonxt"),
    (60, "ipv6-opts"),
    (73, "rspf"),
    (81, "vmtp"),
    (88, "eigrp"),
    (89, "ospf"),
    (93, "ax.25"),
    (94, "ipip"),
    (97, "etherip"),
    (98, "encap"),
    (103, "pim"),
    (IPCOMP, "ipcomp"),
    (112, "vrrp"),
    (115, "l2tp"),
    (124, "isis"),
    (132, "sctp"),
    (133, "fc"),
    (135, "mobility-header"),
    (136, "udplite"),
    (137, "mpls-in-ip"),
    (138, "manet"),
    (139, "hip"),
    (140, "shim6"),
    (141, "wesp"),
    (142, "rohc"),
    (143, "ethernet"),
];

/// Other spellings in that file that differ in more than being in capitals.
const ALIASES: &[(Proto, &str)] = &[
    (0, "ip"),
    (4, "IP-ENCAP"),
    (41, "IPv6"),
    (43, "IPv6-Route"),
    (44, "IPv6-Frag"),
    (50, "IPSEC-ESP"),
    (51, "IPSEC-AH"),
    (58, "IPv6-ICMP"),
    (59, "IPv6-NoNxt"),
    (60, "IPv6-Opts"),
    (73, "CPHB"),
    (89, "OSPFIGP"),
    (135, "Mobility-Header"),
    (136, "UDPLite"),
    (137, "MPLS-in-IP"),
    (140, "Shim6"),
    (143, "Ethernet"),
];

/// Numbers whose name has no spelling in capitals in that file.
const NO_CAPITALS: [Proto; 16] = [4, 41, 43, 44, 50, 51, 58, 59, 60, 73, 89, 135, 136, 137, 140, 143];

/// The number of a protocol name as the protocols file has it: a name, or one of its aliases, which are mostly the name
/// in capitals.
pub fn by_name(name: &str) -> Option<Proto> {
    let whole = FILE.iter().chain(ALIASES).find(|(_, known)| *known == name);
    let capitals = || {
        let fits = |known: &str| {
            known.len() == name.len()
                && known.bytes().zip(name.bytes()).all(|(known, byte)| known.to_ascii_uppercase() == byte)
        };
        FILE.iter().find(|(number, known)| fits(known) && !NO_CAPITALS.contains(number))
    };
    whole.or_else(capitals).map(|(number, _)| *number)
}

/// Reads the value of `-p`: a number in base 0, or a name in any case.
///
/// # Errors
/// `Protocol` if there is no such protocol.
pub fn parse(text: &[u8], names: &dyn Names) -> Parsed<Proto> {
    match text {
        b"tcp" => return Ok(TCP),
        b"udp" => return Ok(UDP),
        b"icmp" => return Ok(ICMP),
        _ => {}
    }
    if let Ok(number) = base0(text, 0, 255) {
        return Ok(number as u8);
    }
    as_written(&text.to_ascii_lowercase(), names)
}

/// Reads a protocol inside an extension (`--ctproto`): as [`parse`], but a name must be spelled as it is known.
///
/// # Errors
/// `Protocol` if there is no such protocol.
pub fn as_written(text: &[u8], names: &dyn Names) -> Parsed<Proto> {
    if let Ok(number) = base0(text, 0, 255) {
        return Ok(number as u8);
    }
    let name = std::str::from_utf8(text).ok();
    let own = |name: &str| OWN.iter().find(|(_, known)| *known == name).map(|(number, _)| *number);
    name.and_then(|name| own(name).or_else(|| names.protocol(name)))
        .ok_or_else(|| Bad::new(BadKind::Protocol, "a protocol name or a number from 0 to 255"))
}

/// The name that iptables-save prints, or `None` where it prints the number.
///
/// 1.8.9 looks into the protocols file, 1.8.11 knows its own names only.
pub fn printed_name(proto: Proto, dialect: Dialect) -> Option<&'static str> {
    let file: &[(Proto, &str)] = if dialect.since_1_8_11() { &[] } else { FILE };
    let mut known = OWN.iter().chain(file);
    known.find(|(number, _)| *number == proto && *number != ALL).map(|(_, name)| *name)
}

/// Appends the name, or the number where there is none.
pub fn push_name(out: &mut Vec<u8>, proto: Proto, dialect: Dialect) {
    match printed_name(proto, dialect) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => push(out, u64::from(proto)),
    }
}

/// The name of the match that belongs to a protocol: what `-p` loads when an option asks for it. The tools look for a
/// match of the name that was written, and `mh` is one only if it is not called `mobility-header` or 135.
pub fn match_name(proto: Proto, written: &[u8]) -> Option<&'static str> {
    match proto {
        MH if written.eq_ignore_ascii_case(b"mh") => Some("mh"),
        TCP => Some("tcp"),
        UDP => Some("udp"),
        ICMP => Some("icmp"),
        ICMPV6 => Some("icmp6"),
        _ => printed_name(proto, Dialect::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Backend, Version};
    use crate::value::BuiltinNames;

    #[test]
    fn names_fold_case_and_numbers_are_base_0() {
        for (text, number) in
            [("tcp", 6), ("TCP", 6), (" 6", 6), ("006", 6), ("0x6", 6), ("all", 0), ("mh", 135), ("OSPF", 89)]
        {
            assert_eq!(parse(text.as_bytes(), &BuiltinNames), Ok(number), "{text}");
        }
        for text in ["", "256", "-1", "!", "icmp6", "-ptcp", "OSPFIGP"] {
            assert!(parse(text.as_bytes(), &BuiltinNames).is_err(), "{text}");
        }
    }

    #[test]
    fn names_inside_an_extension_are_spelled_as_the_protocols_file_has_them() {
        for (text, number) in [
            ("tcp", 6),
            ("TCP", 6),
            ("icmpv6", 58),
            ("ICMP", 1),
            ("IPv6", 41),
            ("UDPLite", 136),
            ("OSPFIGP", 89),
        ] {
            assert_eq!(as_written(text.as_bytes(), &BuiltinNames), Ok(number), "{text}");
        }
        for text in ["Tcp", "ICMPV6", "ALL", "IPV6", "ESP", "MH", ""] {
            assert!(as_written(text.as_bytes(), &BuiltinNames).is_err(), "{text}");
        }
    }

    #[test]
    fn versions_print_different_names() {
        let new = Dialect::new(Backend::Nft, Version::V1_8_11);
        assert_eq!(printed_name(47, Dialect::default()), Some("gre"));
        assert_eq!(printed_name(47, new), None);
        assert_eq!(printed_name(58, new), Some("ipv6-icmp"));
        assert_eq!(printed_name(7, Dialect::default()), None);
    }
}
