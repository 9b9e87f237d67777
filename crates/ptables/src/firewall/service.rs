//! Services: protocols and ports, and the helper that follows their further connections.

use super::catalogue::CATALOGUE;
use crate::value::{BuiltinNames, port::Ports, proto};

/// A service of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Its name, as IANA registered it where it did.
    pub name: &'static str,
    /// Its protocols and ports: `tcp/53 udp/53`.
    pub ports: &'static str,
    /// The conntrack helper that follows its further connections.
    pub helper: Option<&'static str>,
    /// What it is.
    pub about: &'static str,
}

/// The service of a name.
pub fn service(name: &str) -> Option<Service> {
    services().find(|it| it.name == name)
}

/// All services of the catalogue, in order of name.
pub fn services() -> impl Iterator<Item = Service> {
    CATALOGUE.iter().map(|(name, ports, helper, about)| Service { name, ports, helper: *helper, about })
}

/// What packets of a service are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ports of TCP, UDP, SCTP, DCCP or UDP-Lite.
    Ports(&'static str, Ports),
    /// A protocol without ports, by number.
    Protocol(u8),
    /// Echo requests.
    Ping,
}

/// Protocols that have ports.
const WITH_PORTS: [&str; 5] = ["tcp", "udp", "sctp", "dccp", "udplite"];

/// Reads `tcp/80`, `udp/60000:61000`, `gre`, `47`, `ping`.
pub(super) fn kind(text: &str) -> Option<Kind> {
    if text == "ping" {
        return Some(Kind::Ping);
    }
    if let Some((name, ports)) = text.split_once('/') {
        let name = WITH_PORTS.into_iter().find(|it| *it == name)?;
        let (low, high) = ports.split_once([':', '-']).unwrap_or((ports, ports));
        let (low, high): (u16, u16) = (low.parse().ok()?, high.parse().ok()?);
        return (low <= high).then_some(Kind::Ports(name, Ports { low, high }));
    }
    if WITH_PORTS.contains(&text) {
        return Some(Kind::Ports(WITH_PORTS.into_iter().find(|it| *it == text)?, Ports::ALL));
    }
    let number = proto::parse(text.as_bytes(), &BuiltinNames).ok()?;
    (number != proto::ALL).then_some(Kind::Protocol(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_of_the_catalogue_can_be_read_and_stands_in_order() {
        let names: Vec<&str> = services().map(|it| it.name).collect();
        assert!(names.is_sorted() && names.len() > 100, "{names:?}");
        for service in services() {
            assert!(service.ports.split(' ').all(|it| kind(it).is_some()), "{service:?}");
        }
        assert_eq!(service("ftp").unwrap().helper, Some("ftp"));
        assert!(service("htpp").is_none());
    }

    #[test]
    fn protocols_and_ports_are_read() {
        assert_eq!(kind("udp/60000:61000"), Some(Kind::Ports("udp", Ports { low: 60000, high: 61000 })));
        assert_eq!(kind("gre"), Some(Kind::Protocol(47)));
        for text in ["tcp/", "tcp/70000", "tcp/9:8", "icmp/8", "", "all", "nonsense"] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
