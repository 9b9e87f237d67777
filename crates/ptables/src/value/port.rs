//! Ports: two parsers, as in iptables (facts: iptables.md, "What a re-implementer gets wrong" 3).

use super::number::{base0, decimal, push};
use super::{Bad, BadKind, Names, Parsed};

/// A range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ports {
    /// First port.
    pub low: u16,
    /// Last port.
    pub high: u16,
}

impl Ports {
    /// Every port.
    pub const ALL: Ports = Ports { low: 0, high: u16::MAX };

    /// One port.
    pub const fn one(port: u16) -> Ports {
        Ports { low: port, high: port }
    }

    /// Whether it is every port.
    pub fn is_all(self) -> bool {
        self == Ports::ALL
    }

    /// Appends `low` or `low:high`.
    pub fn push(self, out: &mut Vec<u8>) {
        push(out, u64::from(self.low));
        if self.high != self.low {
            out.push(b':');
            push(out, u64::from(self.high));
        }
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Ports {
        Ports::one(port)
    }
}

impl From<std::ops::RangeInclusive<u16>> for Ports {
    fn from(range: std::ops::RangeInclusive<u16>) -> Ports {
        Ports { low: *range.start(), high: *range.end() }
    }
}

/// Reads a port of tcp, sctp, multiport and NAT: a number in base 0 up to 65535, or a service name.
///
/// # Errors
/// `Port` if it is neither.
pub fn numeric(text: &[u8], proto: Option<&str>, names: &dyn Names) -> Parsed<u16> {
    if let Ok(port) = base0(text, 0, 65535) {
        return Ok(port as u16);
    }
    service(text, proto, names)
}

/// Reads a port of udp, dccp, conntrack and TPROXY: decimal, or a service name. A number above 65535 wraps, as the
/// tools let it do; the second part of the answer says whether it did. Only the low 32 bits of a number are looked
/// at, and they must not be negative: 2147483648 is refused, 4294967296 is 0.
///
/// # Errors
/// `Port` if it is neither.
pub fn resolved(text: &[u8], proto: Option<&str>, names: &dyn Names) -> Parsed<(u16, bool)> {
    let trimmed = text.trim_ascii_start();
    let digits = trimmed.strip_prefix(b"+").unwrap_or(trimmed);
    if text.is_empty() {
        return Ok((0, false));
    }
    match decimal(digits) {
        // The resolver holds it in a signed 32-bit number first.
        Some(number) if number as i32 >= 0 => Ok((number as u16, number > 65535)),
        Some(_) => Err(bad()),
        None => service(text, proto, names).map(|port| (port, false)),
    }
}

/// Reads `port`, `low:high`, `:high` or `low:` with the reader of [`numeric`].
///
/// # Errors
/// `Port` if a part is no port; `Range` if the first is greater than the last.
pub fn numeric_range(text: &[u8], proto: Option<&str>, names: &dyn Names) -> Parsed<Ports> {
    // The common case, a plain decimal port, needs no splitting.
    if let Some(port) = decimal(text).filter(|_| text.first() != Some(&b'0'))
        && let Ok(port) = u16::try_from(port)
    {
        return Ok(Ports::one(port));
    }
    let ports = split(text, |part| numeric(part, proto, names))?;
    if ports.low > ports.high { Err(reversed()) } else { Ok(ports) }
}

/// Reads a range with the reader of [`resolved`]; also says whether a number wrapped. The order is not checked:
/// 1.8.9 takes a reversed range.
///
/// # Errors
/// `Port` if a part is no port.
pub fn resolved_range(text: &[u8], proto: Option<&str>, names: &dyn Names) -> Parsed<(Ports, bool)> {
    let mut wrapped = false;
    let ports = split(text, |part| {
        let (port, wraps) = resolved(part, proto, names)?;
        wrapped |= wraps;
        Ok(port)
    })?;
    Ok((ports, wrapped))
}

/// A range whose first port is greater than its last.
pub fn reversed() -> Bad {
    Bad::range("a range whose first port is not greater than its last")
}

fn split(text: &[u8], mut one: impl FnMut(&[u8]) -> Parsed<u16>) -> Parsed<Ports> {
    match text.iter().position(|byte| *byte == b':') {
        None => one(text).map(Ports::one),
        Some(at) => {
            let (low, high) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
            Ok(Ports {
                low: if low.is_empty() { 0 } else { one(low)? },
                high: if high.is_empty() { u16::MAX } else { one(high)? },
            })
        }
    }
}

fn service(text: &[u8], proto: Option<&str>, names: &dyn Names) -> Parsed<u16> {
    let name = std::str::from_utf8(text).ok().filter(|name| !name.is_empty());
    let looks_like_name = |name: &str| {
        name.starts_with(|it: char| it.is_ascii_alphabetic())
            && name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.' | '+'))
    };
    let unknown = || match name {
        Some(name) if looks_like_name(name) => {
            Bad::new(BadKind::Name, "a service of this protocol, or a port")
        }
        _ => bad(),
    };
    name.and_then(|name| names.service(name, proto)).ok_or_else(unknown)
}

fn bad() -> Bad {
    Bad::new(BadKind::Port, "a port from 0 to 65535 or a service name")
}

/// Ports of services that every services file names alike (IANA).
const WELL_KNOWN: &[(&str, u16)] = &[
    ("bgp", 179),
    ("bootpc", 68),
    ("bootps", 67),
    ("discard", 9),
    ("domain", 53),
    ("echo", 7),
    ("finger", 79),
    ("ftp", 21),
    ("ftp-data", 20),
    ("gopher", 70),
    ("http", 80),
    ("http-alt", 8080),
    ("https", 443),
    ("imap2", 143),
    ("imaps", 993),
    ("ipp", 631),
    ("irc", 194),
    ("isakmp", 500),
    ("kerberos", 88),
    ("ldap", 389),
    ("ldaps", 636),
    ("mdns", 5353),
    ("microsoft-ds", 445),
    ("mysql", 3306),
    ("netbios-dgm", 138),
    ("netbios-ns", 137),
    ("netbios-ssn", 139),
    ("nfs", 2049),
    ("nntp", 119),
    ("ntp", 123),
    ("openvpn", 1194),
    ("pop3", 110),
    ("pop3s", 995),
    ("postgresql", 5432),
    ("ptp-event", 319),
    ("radius", 1812),
    ("rsync", 873),
    ("rtsp", 554),
    ("sip", 5060),
    ("sip-tls", 5061),
    ("smtp", 25),
    ("snmp", 161),
    ("snmp-trap", 162),
    ("socks", 1080),
    ("ssh", 22),
    ("submission", 587),
    ("submissions", 465),
    ("sunrpc", 111),
    ("syslog", 514),
    ("telnet", 23),
    ("tftp", 69),
    ("time", 37),
    ("whois", 43),
    ("www", 80),
    ("x11", 6000),
];

/// The port of a well-known service.
pub fn well_known(name: &str) -> Option<u16> {
    WELL_KNOWN.iter().find(|(known, _)| *known == name).map(|(_, port)| *port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::BuiltinNames;

    #[test]
    fn the_two_readers_differ_as_measured() {
        let numeric = |text: &str| numeric_range(text.as_bytes(), Some("tcp"), &BuiltinNames);
        assert_eq!(numeric("22"), Ok(Ports::one(22)));
        assert_eq!(numeric("0x16"), Ok(Ports::one(22)));
        assert_eq!(numeric("ssh"), Ok(Ports::one(22)));
        assert_eq!(numeric(":"), Ok(Ports::ALL));
        assert_eq!(numeric("22:"), Ok(Ports { low: 22, high: 65535 }));
        for text in ["65536", "80:22", "22,80", "22:80:90", "'22'", "!", "SSH", ""] {
            assert!(numeric(text).is_err(), "{text}");
        }
        let resolved = |text: &str| resolved_range(text.as_bytes(), Some("udp"), &BuiltinNames);
        assert_eq!(resolved("65536"), Ok((Ports::one(0), true)));
        assert_eq!(resolved("026"), Ok((Ports::one(26), false)));
        assert_eq!(resolved(""), Ok((Ports::one(0), false)));
        assert_eq!(resolved("99999999999999"), Ok((Ports::one(16383), true)));
        for text in ["0x16", "-1", "22-80", "2147483648", "99999999999999999999"] {
            assert!(resolved(text).is_err(), "{text}");
        }
    }
}
