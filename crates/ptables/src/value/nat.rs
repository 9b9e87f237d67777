//! Addresses and ports of network address translation: `192.0.2.1-192.0.2.9:1024-2047`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use super::number::{prefix_base0, push};
use super::{Bad, BadKind, Names, Parsed, addr};
use crate::dialect::Family;

/// What an address is translated to. At least one of the two is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NatTo {
    /// First and last address; `None` keeps it.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Ports; `None` keeps the port where that is possible.
    pub ports: Option<NatPorts>,
}

/// New ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NatPorts {
    /// First port.
    pub low: u16,
    /// Last port; not less than the first.
    pub high: u16,
    /// Shifted mapping: the old port that becomes the first of the new ones, the next becomes the second, and so on.
    pub base: Option<u16>,
}

impl NatPorts {
    /// Reads `port`, `low-high` or `low-high/base`. Numbers are in base 0; a service name may stand for a single port
    /// and for the base. What follows the base is ignored, as the tools do.
    ///
    /// # Errors
    /// `Port` if it is none of these; `Range` if the first port is greater than the last.
    pub fn parse(text: &[u8], names: &dyn Names) -> Parsed<NatPorts> {
        let Some((low, rest)) = port(text) else {
            return service(text, names).map(NatPorts::from);
        };
        let [b'-', rest @ ..] = rest else {
            return if rest.is_empty() { Ok(NatPorts::from(low)) } else { Err(bad()) };
        };
        let (high, rest) = port(rest).ok_or_else(bad)?;
        let base = match rest {
            [] => None,
            [b'/', base @ ..] => Some(match port(base) {
                Some((0, _)) => return Err(Bad::range("a base port from 1 to 65535")),
                Some((base, _)) => base,
                None => service(base, names)?,
            }),
            _ => return Err(bad()),
        };
        if low > high { Err(super::port::reversed()) } else { Ok(NatPorts { low, high, base }) }
    }

    /// Appends `port` or `low-high`, and `/base`.
    pub fn push(self, out: &mut Vec<u8>) {
        push(out, u64::from(self.low));
        if self.high != self.low {
            out.push(b'-');
            push(out, u64::from(self.high));
        }
        if let Some(base) = self.base {
            out.push(b'/');
            push(out, u64::from(base));
        }
    }
}

impl NatTo {
    /// Reads `[ADDRESS[-ADDRESS]][:PORTS]`. In IPv6 the addresses stand in brackets if ports follow.
    ///
    /// # Errors
    /// `Address` or `Port` if a part is wrong.
    pub fn parse(family: Family, text: &[u8], names: &dyn Names) -> Parsed<NatTo> {
        let (addresses, ports) = split(family, text)?;
        let ports = ports.map(|ports| NatPorts::parse(ports, names)).transpose()?;
        if addresses.is_empty() && ports.is_some() {
            return Ok(NatTo { addresses: None, ports });
        }
        let mut ends = addresses.splitn(2, |byte| *byte == b'-').map(|end| address(family, end));
        let first = ends.next().unwrap_or_else(|| address(family, b""))?;
        let last = ends.next().transpose()?.unwrap_or(first);
        Ok(NatTo { addresses: Some((first, last)), ports })
    }

    /// With these ports.
    #[must_use]
    pub fn ports(mut self, ports: impl Into<NatPorts>) -> NatTo {
        self.ports = Some(ports.into());
        self
    }

    /// Appends it; IPv6 addresses stand in brackets if ports follow.
    pub fn push(&self, out: &mut Vec<u8>) {
        if let Some((first, last)) = self.addresses {
            let brackets = first.is_ipv6() && self.ports.is_some();
            out.extend_from_slice(if brackets { b"[" } else { b"" });
            addr::push_ip(out, first);
            if last != first {
                out.push(b'-');
                addr::push_ip(out, last);
            }
            out.extend_from_slice(if brackets { b"]" } else { b"" });
        }
        if let Some(ports) = self.ports {
            out.push(b':');
            ports.push(out);
        }
    }

    /// First and last address as numbers.
    pub fn bits(&self) -> Option<(addr::Bits, addr::Bits)> {
        self.addresses.map(|(first, last)| (bits(first), bits(last)))
    }
}

impl From<u16> for NatPorts {
    fn from(port: u16) -> NatPorts {
        NatPorts { low: port, high: port, base: None }
    }
}

impl From<RangeInclusive<u16>> for NatPorts {
    fn from(ports: RangeInclusive<u16>) -> NatPorts {
        NatPorts { low: *ports.start(), high: *ports.end(), base: None }
    }
}

impl From<IpAddr> for NatTo {
    fn from(address: IpAddr) -> NatTo {
        NatTo { addresses: Some((address, address)), ports: None }
    }
}

impl From<Ipv4Addr> for NatTo {
    fn from(address: Ipv4Addr) -> NatTo {
        IpAddr::from(address).into()
    }
}

impl From<Ipv6Addr> for NatTo {
    fn from(address: Ipv6Addr) -> NatTo {
        IpAddr::from(address).into()
    }
}

impl From<RangeInclusive<Ipv4Addr>> for NatTo {
    fn from(range: RangeInclusive<Ipv4Addr>) -> NatTo {
        NatTo { addresses: Some(((*range.start()).into(), (*range.end()).into())), ports: None }
    }
}

impl From<RangeInclusive<Ipv6Addr>> for NatTo {
    fn from(range: RangeInclusive<Ipv6Addr>) -> NatTo {
        NatTo { addresses: Some(((*range.start()).into(), (*range.end()).into())), ports: None }
    }
}

impl From<SocketAddr> for NatTo {
    fn from(socket: SocketAddr) -> NatTo {
        NatTo::from(socket.ip()).ports(socket.port())
    }
}

impl From<NatPorts> for NatTo {
    fn from(ports: NatPorts) -> NatTo {
        NatTo { addresses: None, ports: Some(ports) }
    }
}

/// The part with addresses and the part with ports.
fn split(family: Family, text: &[u8]) -> Parsed<(&[u8], Option<&[u8]>)> {
    if let Some(open) = memchr::memchr(b'[', text) {
        let inner = text.get(open + 1..).unwrap_or_default();
        let close = memchr::memchr(b']', inner).filter(|_| family == Family::V6);
        let close = close.ok_or_else(|| {
            let form =
                if family == Family::V6 { "`]` after `[`" } else { "an IPv4 address without brackets" };
            Bad::new(BadKind::Address, form)
        })?;
        // The tools overlook what stands before `[`, and between `]` and the colon.
        let rest = inner.get(close..).unwrap_or_default();
        let ports = memchr::memchr(b':', rest).and_then(|colon| rest.get(colon + 1..));
        return Ok((inner.get(..close).unwrap_or_default(), ports));
    }
    // Two colons or more are an IPv6 address (or a fault).
    let mut colons = memchr::memchr_iter(b':', text);
    match (colons.next(), colons.next()) {
        (Some(colon), None) => Ok((text.get(..colon).unwrap_or_default(), text.get(colon + 1..))),
        _ => Ok((text, None)),
    }
}

fn address(family: Family, text: &[u8]) -> Parsed<IpAddr> {
    let bits = addr::strict(family, text).ok_or_else(|| {
        Bad::new(BadKind::Address, format!("an {family} address (names are not looked up)"))
    })?;
    Ok(addr::ip(family, bits))
}

fn bits(address: IpAddr) -> addr::Bits {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// A port at the beginning, and what follows it.
fn port(text: &[u8]) -> Option<(u16, &[u8])> {
    let (port, rest) = prefix_base0(text)?;
    Some((u16::try_from(port).ok()?, rest))
}

fn service(text: &[u8], names: &dyn Names) -> Parsed<u16> {
    let name = std::str::from_utf8(text).ok().filter(|name| !name.is_empty());
    name.and_then(|name| names.service(name, None)).ok_or_else(bad)
}

fn bad() -> Bad {
    Bad::new(BadKind::Port, "a port, `low-high` or `low-high/base`; a service name for a single port")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::BuiltinNames;

    fn read(family: Family, text: &str) -> Option<String> {
        NatTo::parse(family, text.as_bytes(), &BuiltinNames).ok().map(|to| {
            let mut out = Vec::new();
            to.push(&mut out);
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn ipv4_forms_are_those_measured() {
        for (text, printed) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1-192.0.2.1:80-80", "192.0.2.1:80"),
            ("192.0.2.9-192.0.2.1", "192.0.2.9-192.0.2.1"),
            (":0x50", ":80"),
            ("192.0.2.1:http", "192.0.2.1:80"),
            ("192.0.2.1:80-90/5x", "192.0.2.1:80-90/5"),
            ("192.0.2.1:80-90/http", "192.0.2.1:80-90/80"),
        ] {
            assert_eq!(read(Family::V4, text).as_deref(), Some(printed), "{text}");
        }
        for text in [
            "",
            ":",
            "192.0.2",
            "01.2.3.4",
            "192.0.2.1:",
            "192.0.2.1-",
            "192.0.2.1:90-80",
            "192.0.2.1:80-http",
            "192.0.2.1:80:90",
            "192.0.2.1:80-90/0",
            "192.0.2.1:80/5",
            "[192.0.2.1]:80",
        ] {
            assert_eq!(read(Family::V4, text), None, "{text}");
        }
    }

    #[test]
    fn ipv6_addresses_have_brackets_before_ports() {
        for (text, printed) in [
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[::1-::2]:80-90", "[::1-::2]:80-90"),
            ("::1:80", "::0.1.0.128"),
            (":80", ":80"),
            ("[]:80", ":80"),
        ] {
            assert_eq!(read(Family::V6, text).as_deref(), Some(printed), "{text}");
        }
        for text in ["[]", "[::1", "[::1]-[::2]:80", "[::1]:", "1:80", "192.0.2.1", "fe80::1%eth0"] {
            assert_eq!(read(Family::V6, text), None, "{text}");
        }
    }
}
