//! Entries of connection tracking, put there before a packet and taken away after it.

use std::io;
use std::net::IpAddr;

use super::netlink::{Body, Netlink};

/// ctnetlink: subsystem 1, message 0 (new) and 2 (delete).
const NEW: u16 = 0x100;
const DELETE: u16 = 0x102;
const CREATE: u16 = 0x600;
/// The table of what is expected: subsystem 2, message 0.
const EXPECT: u16 = 0x200;
/// Both ways, whatever the sequence numbers.
const LIBERAL: u8 = 8;

/// Status bit: a packet of the other direction was seen.
pub const SEEN_REPLY: u32 = 2;
/// Status bit: the entry is not given up early.
pub const ASSURED: u32 = 4;
/// Status bit: the entry is in the table.
pub const CONFIRMED: u32 = 8;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Source.
    pub source: IpAddr,
    /// Destination.
    pub destination: IpAddr,
    /// Protocol.
    pub proto: u8,
    /// Ports, or what stands for them.
    pub ports: Ports,
}

/// What tells connections between two addresses apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ports {
    /// Source and destination port.
    Ports(u16, u16),
    /// Identifier, type and code of ICMP or ICMPv6.
    Icmp(u16, u8, u8),
    /// Nothing.
    None,
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The direction of the first packet.
    pub original: Tuple,
    /// The direction of replies.
    pub reply: Tuple,
    /// Status bits; [`CONFIRMED`] is needed.
    pub status: u32,
    /// State of TCP (1 SYN_SENT, 3 ESTABLISHED).
    pub tcp_state: Option<u8>,
    /// Mark.
    pub mark: u32,
    /// Seconds that it lives.
    pub timeout: u32,
    /// The connection that it belongs to: its first packets are RELATED.
    pub master: Option<Tuple>,
    /// Labels, as 128 bits.
    pub labels: u128,
    /// Name of a helper.
    pub helper: Option<String>,
    /// The address and, unless it is 0, the port that become its source, or its destination.
    pub nat: Option<Nat>,
}

/// A translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nat {
    /// Whether of the source, or of the destination.
    pub source: bool,
    /// The new address.
    pub address: IpAddr,
    /// The new port; 0 where there is none.
    pub port: u16,
}

impl Nat {
    fn body(&self) -> Body {
        let body = match self.address {
            IpAddr::V4(it) => Body::nested().with(1, &it.octets()).with(2, &it.octets()),
            IpAddr::V6(it) => Body::nested().with(4, &it.octets()).with(5, &it.octets()),
        };
        if self.port == 0 {
            return body;
        }
        let port = self.port.to_be_bytes();
        body.with_nested(3, &Body::nested().with(1, &port).with(2, &port))
    }
}

impl Tuple {
    /// The same with addresses and ports exchanged, as replies have it. Types of ICMP are not known here.
    #[must_use]
    pub fn turned(self) -> Tuple {
        let ports = match self.ports {
            Ports::Ports(from, to) => Ports::Ports(to, from),
            other => other,
        };
        Tuple { source: self.destination, destination: self.source, ports, ..self }
    }

    fn body(&self) -> Body {
        let address = |body: Body, number: u16, address: IpAddr| match address {
            IpAddr::V4(it) => body.with(number, &it.octets()),
            IpAddr::V6(it) => body.with(number + 2, &it.octets()),
        };
        let addresses = address(address(Body::nested(), 1, self.source), 2, self.destination);
        let proto = Body::nested().with(1, &[self.proto]);
        let proto = match self.ports {
            Ports::Ports(from, to) => proto.with(2, &from.to_be_bytes()).with(3, &to.to_be_bytes()),
            Ports::Icmp(id, kind, code) => {
                let first = if self.source.is_ipv6() { 7 } else { 4 };
                proto.with(first, &id.to_be_bytes()).with(first + 1, &[kind]).with(first + 2, &[code])
            }
            Ports::None => proto,
        };
        Body::nested().with_nested(1, &addresses).with_nested(2, &proto)
    }

    fn family(&self) -> u8 {
        if self.source.is_ipv6() { libc::AF_INET6 as u8 } else { libc::AF_INET as u8 }
    }
}

/// The connection table of this thread's namespace.
#[derive(Debug)]
pub struct Connections(Netlink);

impl Connections {
    /// A way to change it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new() -> io::Result<Connections> {
        Netlink::new(None).map(Connections)
    }

    /// Puts an entry there.
    ///
    /// # Errors
    /// The kernel's: such an entry is there already, or something in it is not possible.
    pub fn insert(&mut self, entry: &Entry) -> io::Result<()> {
        let mut body = Body::new(entry.original.family(), 0)
            .with_nested(1, &entry.original.body())
            .with_nested(2, &entry.reply.body())
            .with(3, &entry.status.to_be_bytes());
        if let Some(state) = entry.tcp_state {
            let flags = [LIBERAL, LIBERAL];
            let tcp = Body::nested().with(1, &[state]).with(4, &flags).with(5, &flags);
            body = body.with_nested(4, &Body::nested().with_nested(1, &tcp));
        }
        if let Some(helper) = &entry.helper {
            let name: Vec<u8> = helper.bytes().chain([0]).collect();
            body = body.with_nested(5, &Body::nested().with(1, &name));
        }
        // What is translated and what not, for good: the tables of nat are not asked.
        let of =
            |source: bool| entry.nat.filter(|it| it.source == source).map_or(Body::nested(), |it| it.body());
        body = body.with_nested(6, &of(true)).with(7, &entry.timeout.to_be_bytes());
        if entry.nat.is_some() {
            body = body.with_nested(13, &of(false));
        }
        if entry.mark != 0 {
            body = body.with(8, &entry.mark.to_be_bytes());
        }
        if let Some(master) = &entry.master {
            body = body.with_nested(14, &master.body());
        }
        if entry.labels != 0 {
            body = body.with(22, &entry.labels.to_ne_bytes());
        }
        self.0.request(NEW, CREATE, &body)
    }

    /// Has a connection expected by another one, which is there and has a helper: its first packet will be RELATED. It is
    /// forgotten with that packet, or with the other connection.
    ///
    /// # Errors
    /// The kernel's: there is no such connection, or it has no helper.
    pub fn expect(&mut self, expected: &Tuple, master: &Tuple) -> io::Result<()> {
        let ones: IpAddr = match expected.source {
            IpAddr::V4(_) => [0xff; 4].into(),
            IpAddr::V6(_) => [0xff; 16].into(),
        };
        let ports = Ports::Ports(u16::MAX, u16::MAX);
        let mask = Tuple { source: ones, destination: ones, proto: expected.proto, ports };
        let body = Body::new(expected.family(), 0)
            .with_nested(1, &master.body())
            .with_nested(2, &expected.body())
            .with_nested(3, &mask.body())
            .with(4, &60_u32.to_be_bytes());
        self.0.request(EXPECT, CREATE, &body)
    }

    /// Takes an entry away.
    ///
    /// # Errors
    /// The kernel's: there is none.
    pub fn delete(&mut self, original: &Tuple) -> io::Result<()> {
        let body = Body::new(original.family(), 0).with_nested(1, &original.body());
        self.0.request(DELETE, 0, &body)
    }

    /// Takes all entries away.
    ///
    /// # Errors
    /// The kernel's.
    pub fn clear(&mut self) -> io::Result<()> {
        self.0.request(DELETE, 0, &Body::new(0, 0))
    }
}
