//! The fields that a packet is made of: written to bytes, and read from them.

use super::PacketError;
use super::bytes::{put, u8_at, u16_at, u32_at};
use super::checksum;
use super::view::{View, is_extension};
use crate::dialect::Family;
use crate::value::proto::{AH, DCCP, ESP, ICMP, ICMPV6, IPCOMP, SCTP, TCP, UDP, UDPLITE};

/// The fields of a packet, from its IP header on. Lengths and checksums are computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// Source address; an IPv4 address in the low 32 bits.
    pub source: u128,
    /// Destination address.
    pub destination: u128,
    /// TOS byte, traffic class.
    pub tos: u8,
    /// TTL, hop limit.
    pub hop_limit: u8,
    /// Flow label of IPv6, 20 bits.
    pub flow: u32,
    /// Identification of IPv4.
    pub id: u16,
    /// The three flag bits of IPv4 with the offset in units of 8 bytes: 0x4000 do not fragment, 0x2000 more fragments.
    pub fragment: u16,
    /// Options of IPv4, at most 40 bytes; filled up with zeros to a multiple of 4.
    pub options: Vec<u8>,
    /// Extension headers of IPv6: number, and the bytes behind "next header" and length (behind "next header" alone in
    /// a fragment header, which has a reserved byte there). Filled up with zeros to whole units.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// Protocol.
    pub proto: u8,
    /// The header of that protocol.
    pub transport: Transport,
    /// What follows the headers.
    pub payload: Vec<u8>,
}

/// A transport header. Which protocol number stands before it is a field of its own ([`Layout::proto`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// None: a later fragment, a cut or an unknown header; all bytes are payload.
    #[default]
    None,
    /// TCP, 20 bytes and options.
    Tcp(Tcp),
    /// UDP, 8 bytes.
    Udp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
    },
    /// UDP-Lite, 8 bytes.
    UdpLite {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// How many bytes the checksum covers; 0 all.
        coverage: u16,
    },
    /// ICMP or ICMPv6, 8 bytes.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// The four bytes after the checksum: identifier and sequence number of an echo.
        rest: u32,
    },
    /// SCTP common header, 12 bytes; chunks are payload.
    Sctp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// Verification tag.
        tag: u32,
    },
    /// DCCP generic header with long sequence numbers, 16 bytes, and what belongs to the type and options.
    Dccp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// Packet type, 4 bits.
        kind: u8,
        /// Bytes behind the generic header that are part of the header; filled up with zeros to a multiple of 4.
        rest: Vec<u8>,
    },
    /// Authentication header, 12 bytes and the check value.
    Ah {
        /// Protocol behind it.
        next: u8,
        /// The reserved field.
        reserved: u16,
        /// Security parameter index.
        spi: u32,
        /// Sequence number.
        sequence: u32,
        /// Integrity check value; filled up with zeros to a multiple of 4.
        check: Vec<u8>,
    },
    /// ESP, 8 bytes.
    Esp {
        /// Security parameter index.
        spi: u32,
        /// Sequence number.
        sequence: u32,
    },
    /// IPComp, 4 bytes.
    IpComp {
        /// Protocol behind it.
        next: u8,
        /// Flags.
        flags: u8,
        /// Compression parameter index.
        cpi: u16,
    },
}

/// A TCP header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tcp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// The flag byte: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// The four bits between the data offset and the flags.
    pub reserved: u8,
    /// Window.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options, at most 40 bytes; filled up with zeros to a multiple of 4.
    pub options: Vec<u8>,
}

impl Layout {
    /// A packet between two addresses, with a hop limit of 64.
    pub fn new(source: u128, destination: u128, proto: u8) -> Layout {
        Layout { source, destination, proto, hop_limit: 64, ..Layout::default() }
    }

    /// Encodes it, with right lengths and checksums.
    ///
    /// # Errors
    /// [`PacketError::TooLong`] if a header or the packet does not fit its length field.
    pub fn to_bytes(&self, family: Family) -> Result<Vec<u8>, PacketError> {
        let mut body = self.transport.to_bytes()?;
        body.extend_from_slice(&self.payload);
        if let Transport::Udp { .. } = self.transport {
            let length = u16::try_from(body.len()).map_err(|_| PacketError::TooLong)?;
            put(&mut body, 4, &length.to_be_bytes());
        }
        let mut out = match family {
            Family::V4 => self.header_v4(body.len())?,
            Family::V6 => self.header_v6(body.len())?,
        };
        out.append(&mut body);
        checksum::fix(family, &mut out);
        Ok(out)
    }

    fn header_v4(&self, rest: usize) -> Result<Vec<u8>, PacketError> {
        let options = self.options.len().next_multiple_of(4);
        if options > 40 {
            return Err(PacketError::TooLong);
        }
        let length = u16::try_from(20 + options + rest).map_err(|_| PacketError::TooLong)?;
        let mut out = vec![0x45 + (options / 4) as u8, self.tos];
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&self.fragment.to_be_bytes());
        out.extend_from_slice(&[self.hop_limit, self.proto, 0, 0]);
        out.extend_from_slice(&(self.source as u32).to_be_bytes());
        out.extend_from_slice(&(self.destination as u32).to_be_bytes());
        out.extend_from_slice(&self.options);
        out.resize(20 + options, 0);
        Ok(out)
    }

    fn header_v6(&self, rest: usize) -> Result<Vec<u8>, PacketError> {
        let numbers = self.extensions.iter().map(|it| it.0).chain([self.proto]);
        let mut out =
            ((6 << 28) | (u32::from(self.tos) << 20) | (self.flow & 0xf_ffff)).to_be_bytes().to_vec();
        out.resize(40, 0);
        put(&mut out, 6, &[numbers.clone().next().unwrap_or(59), self.hop_limit]);
        put(&mut out, 8, &self.source.to_be_bytes());
        put(&mut out, 24, &self.destination.to_be_bytes());
        for ((number, content), next) in self.extensions.iter().zip(numbers.skip(1)) {
            let start = out.len();
            out.push(next);
            let size = match number {
                44 => 8,
                51 => (content.len() + 2).next_multiple_of(4).max(8),
                _ => (content.len() + 2).next_multiple_of(8),
            };
            match number {
                44 => {}
                51 => out.push(u8::try_from(size / 4 - 2).map_err(|_| PacketError::TooLong)?),
                _ => out.push(u8::try_from(size / 8 - 1).map_err(|_| PacketError::TooLong)?),
            }
            out.extend_from_slice(content);
            if out.len() > start + size {
                return Err(PacketError::TooLong);
            }
            out.resize(start + size, 0);
        }
        let length = u16::try_from(out.len() - 40 + rest).map_err(|_| PacketError::TooLong)?;
        put(&mut out, 4, &length.to_be_bytes());
        Ok(out)
    }

    /// Reads the fields of encoded bytes. What no field holds (a wrong checksum) is lost.
    pub fn of(family: Family, bytes: &[u8]) -> Layout {
        let view = View::new(family, bytes);
        let mut layout = Layout::new(view.source(), view.destination(), view.proto.unwrap_or(59));
        layout.tos = view.tos();
        layout.hop_limit = view.hop_limit();
        let mut at = view.transport;
        match family {
            Family::V4 => {
                layout.id = u16_at(bytes, 4).unwrap_or(0);
                layout.fragment = u16_at(bytes, 6).unwrap_or(0);
                layout.options = bytes.get(20..at).unwrap_or_default().to_vec();
            }
            Family::V6 => {
                layout.flow = u32_at(bytes, 0).unwrap_or(0) & 0xf_ffff;
                at = layout.read_extensions(bytes);
            }
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let used = if view.fragment == 0 { layout.transport.read(layout.proto, family, rest) } else { 0 };
        layout.payload = rest.get(used..).unwrap_or_default().to_vec();
        layout
    }

    fn read_extensions(&mut self, bytes: &[u8]) -> usize {
        let mut at = 40;
        self.proto = u8_at(bytes, 6).unwrap_or(59);
        while is_extension(self.proto) && self.proto != 59 {
            let (Some(next), Some(length)) = (u8_at(bytes, at), u8_at(bytes, at + 1)) else { break };
            let (size, start) = match self.proto {
                44 => (8, at + 1),
                51 => ((usize::from(length) + 2) * 4, at + 2),
                _ => ((usize::from(length) + 1) * 8, at + 2),
            };
            let Some(content) = bytes.get(start..at + size) else { break };
            self.extensions.push((self.proto, content.to_vec()));
            let later = self.proto == 44 && u16_at(bytes, at + 2).is_some_and(|it| it & !7 != 0);
            self.proto = next;
            at += size;
            if later {
                break;
            }
        }
        at
    }
}

impl Transport {
    /// The header that a protocol has when nobody says more.
    pub fn plain(proto: u8, family: Family) -> Transport {
        match (proto, family) {
            (6, _) => Transport::Tcp(Tcp { window: 65535, ..Tcp::default() }),
            (17, _) => Transport::Udp { source: 0, destination: 0 },
            (136, _) => Transport::UdpLite { source: 0, destination: 0, coverage: 0 },
            (1, Family::V4) => Transport::Icmp { kind: 8, code: 0, rest: 0 },
            (58, Family::V6) => Transport::Icmp { kind: 128, code: 0, rest: 0 },
            (132, _) => Transport::Sctp { source: 0, destination: 0, tag: 0 },
            (33, _) => Transport::Dccp { source: 0, destination: 0, kind: 0, rest: vec![0; 4] },
            (51, Family::V4) => {
                Transport::Ah { next: 59, reserved: 0, spi: 0, sequence: 0, check: Vec::new() }
            }
            (50, _) => Transport::Esp { spi: 0, sequence: 0 },
            (108, _) => Transport::IpComp { next: 59, flags: 0, cpi: 0 },
            _ => Transport::None,
        }
    }

    /// Source and destination port, if it has ports.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self {
            Transport::Tcp(tcp) => Some((tcp.source, tcp.destination)),
            Transport::Udp { source, destination }
            | Transport::UdpLite { source, destination, .. }
            | Transport::Sctp { source, destination, .. }
            | Transport::Dccp { source, destination, .. } => Some((*source, *destination)),
            _ => None,
        }
    }

    /// The header with a checksum of 0, in UDP also with a length of 0.
    fn to_bytes(&self) -> Result<Vec<u8>, PacketError> {
        let ports = |out: &mut Vec<u8>, source: u16, destination: u16| {
            out.extend_from_slice(&source.to_be_bytes());
            out.extend_from_slice(&destination.to_be_bytes());
        };
        let mut out = Vec::new();
        match self {
            Transport::None => {}
            Transport::Tcp(it) => {
                let options = it.options.len().next_multiple_of(4);
                if options > 40 {
                    return Err(PacketError::TooLong);
                }
                ports(&mut out, it.source, it.destination);
                out.extend_from_slice(&it.sequence.to_be_bytes());
                out.extend_from_slice(&it.acknowledgement.to_be_bytes());
                out.extend_from_slice(&[(0x50 + (options * 4) as u8) | (it.reserved & 15), it.flags]);
                out.extend_from_slice(&it.window.to_be_bytes());
                out.extend_from_slice(&[0, 0]);
                out.extend_from_slice(&it.urgent.to_be_bytes());
                out.extend_from_slice(&it.options);
                out.resize(20 + options, 0);
            }
            Transport::Udp { source, destination } => {
                ports(&mut out, *source, *destination);
                out.extend_from_slice(&[0; 4]);
            }
            Transport::UdpLite { source, destination, coverage } => {
                ports(&mut out, *source, *destination);
                out.extend_from_slice(&coverage.to_be_bytes());
                out.extend_from_slice(&[0; 2]);
            }
            Transport::Icmp { kind, code, rest } => {
                out.extend_from_slice(&[*kind, *code, 0, 0]);
                out.extend_from_slice(&rest.to_be_bytes());
            }
            Transport::Sctp { source, destination, tag } => {
                ports(&mut out, *source, *destination);
                out.extend_from_slice(&tag.to_be_bytes());
                out.extend_from_slice(&[0; 4]);
            }
            Transport::Dccp { source, destination, kind, rest } => {
                let size = 16 + rest.len().next_multiple_of(4);
                ports(&mut out, *source, *destination);
                out.push(u8::try_from(size / 4).map_err(|_| PacketError::TooLong)?);
                // Long sequence numbers: the lowest bit of the type's byte.
                out.extend_from_slice(&[0, 0, 0, (kind & 15) << 1 | 1]);
                out.resize(16, 0);
                out.extend_from_slice(rest);
                out.resize(size, 0);
            }
            Transport::Ah { next, reserved, spi, sequence, check } => {
                let size = 12 + check.len().next_multiple_of(4);
                out.extend_from_slice(&[
                    *next,
                    u8::try_from(size / 4 - 2).map_err(|_| PacketError::TooLong)?,
                ]);
                out.extend_from_slice(&reserved.to_be_bytes());
                out.extend_from_slice(&spi.to_be_bytes());
                out.extend_from_slice(&sequence.to_be_bytes());
                out.extend_from_slice(check);
                out.resize(size, 0);
            }
            Transport::Esp { spi, sequence } => {
                out.extend_from_slice(&spi.to_be_bytes());
                out.extend_from_slice(&sequence.to_be_bytes());
            }
            Transport::IpComp { next, flags, cpi } => {
                out.extend_from_slice(&[*next, *flags]);
                out.extend_from_slice(&cpi.to_be_bytes());
            }
        }
        Ok(out)
    }

    /// Reads the header of a protocol; gives how many bytes it has, 0 if it is not whole.
    fn read(&mut self, proto: u8, family: Family, bytes: &[u8]) -> usize {
        self.try_read(proto, family, bytes).unwrap_or(0)
    }

    fn try_read(&mut self, proto: u8, family: Family, bytes: &[u8]) -> Option<usize> {
        let ports = u16_at(bytes, 0).zip(u16_at(bytes, 2));
        let (header, size) = match proto {
            TCP => {
                let size = usize::from(u8_at(bytes, 12)? >> 4) * 4;
                let options = bytes.get(20..size)?.to_vec();
                let (source, destination) = ports?;
                let tcp = Tcp {
                    source,
                    destination,
                    sequence: u32_at(bytes, 4)?,
                    acknowledgement: u32_at(bytes, 8)?,
                    flags: u8_at(bytes, 13)?,
                    reserved: u8_at(bytes, 12)? & 15,
                    window: u16_at(bytes, 14)?,
                    urgent: u16_at(bytes, 18)?,
                    options,
                };
                (Transport::Tcp(tcp), size)
            }
            UDP if bytes.len() >= 8 => {
                let (source, destination) = ports?;
                (Transport::Udp { source, destination }, 8)
            }
            UDPLITE if bytes.len() >= 8 => {
                let (source, destination) = ports?;
                (Transport::UdpLite { source, destination, coverage: u16_at(bytes, 4)? }, 8)
            }
            ICMP | ICMPV6 if (proto == ICMP) == (family == Family::V4) => (
                Transport::Icmp { kind: u8_at(bytes, 0)?, code: u8_at(bytes, 1)?, rest: u32_at(bytes, 4)? },
                8,
            ),
            SCTP if bytes.len() >= 12 => {
                let (source, destination) = ports?;
                (Transport::Sctp { source, destination, tag: u32_at(bytes, 4)? }, 12)
            }
            DCCP => {
                let size = usize::from(u8_at(bytes, 4)?) * 4;
                let rest = bytes.get(16..size)?.to_vec();
                let (source, destination) = ports?;
                (Transport::Dccp { source, destination, kind: u8_at(bytes, 8)? >> 1 & 15, rest }, size)
            }
            AH if family == Family::V4 => {
                let size = (usize::from(u8_at(bytes, 1)?) + 2) * 4;
                let check = bytes.get(12..size)?.to_vec();
                let header = Transport::Ah {
                    next: u8_at(bytes, 0)?,
                    reserved: u16_at(bytes, 2)?,
                    spi: u32_at(bytes, 4)?,
                    sequence: u32_at(bytes, 8)?,
                    check,
                };
                (header, size)
            }
            ESP => (Transport::Esp { spi: u32_at(bytes, 0)?, sequence: u32_at(bytes, 4)? }, 8),
            IPCOMP => {
                let header = Transport::IpComp {
                    next: u8_at(bytes, 0)?,
                    flags: u8_at(bytes, 1)?,
                    cpi: u16_at(bytes, 2)?,
                };
                (header, 4)
            }
            _ => return None,
        };
        *self = header;
        Some(size)
    }
}
