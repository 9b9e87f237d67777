//! What the kernel sees of a packet: where its transport header begins, and whether it is a fragment.

use super::bytes::{u8_at, u16_at, u32_at, u128_at};
use crate::dialect::Family;

/// The headers of a packet, found once. The bytes begin at the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct View<'a> {
    /// Address family.
    pub family: Family,
    /// The whole packet.
    pub bytes: &'a [u8],
    /// Protocol after extension headers; `None` if an extension header is cut off.
    pub proto: Option<u8>,
    /// Where the header of that protocol begins.
    pub transport: usize,
    /// Offset of a fragment in units of 8 bytes; 0 for the first and for no fragment.
    pub fragment: u16,
}

/// Whether a protocol number is an extension header of IPv6 that the search goes past.
pub const fn is_extension(proto: u8) -> bool {
    matches!(proto, 0 | 43 | 44 | 51 | 59 | 60)
}

impl<'a> View<'a> {
    /// Looks at bytes that begin with an IP header of this family.
    pub fn new(family: Family, bytes: &'a [u8]) -> View<'a> {
        View::with_routing(family, bytes, 4, true)
    }

    /// The same as nf_tables looks at it: an authentication header is the protocol.
    pub(crate) fn of_nft(family: Family, bytes: &'a [u8]) -> View<'a> {
        View::with_routing(family, bytes, 4, false)
    }

    /// Of a routing header so many bytes must be there. `past`: an authentication header is gone past.
    fn with_routing(family: Family, bytes: &'a [u8], routing: usize, past: bool) -> View<'a> {
        let mut view = View { family, bytes, proto: None, transport: bytes.len(), fragment: 0 };
        match family {
            Family::V4 => {
                view.transport = usize::from(u8_at(bytes, 0).unwrap_or(0) & 15) * 4;
                view.proto = u8_at(bytes, 9);
                view.fragment = u16_at(bytes, 6).unwrap_or(0) & 0x1fff;
            }
            Family::V6 => view.walk(routing, past),
        }
        view
    }

    /// The same as connection tracking looks at it: a routing header of which two bytes are there does for it.
    pub(crate) fn tracked(family: Family, bytes: &'a [u8]) -> View<'a> {
        View::with_routing(family, bytes, 2, true)
    }

    /// Goes past extension headers, as `ipv6_find_hdr` does when it looks for the last one.
    /// Of a routing header so many bytes must be there.
    fn walk(&mut self, routing: usize, past: bool) {
        let Some(mut next) = u8_at(self.bytes, 6) else { return };
        let mut at = 40;
        while is_extension(next) && next != 59 {
            self.transport = at;
            let (Some(after), Some(length)) = (u8_at(self.bytes, at), u8_at(self.bytes, at + 1)) else {
                return;
            };
            if next == 51 && !past {
                break;
            }
            let size = match next {
                44 => {
                    let Some(field) = u16_at(self.bytes, at + 2) else { return };
                    if field & !7 != 0 {
                        self.fragment = field >> 3;
                        // What a later fragment holds is not looked at; a further extension header hides the protocol.
                        if !is_extension(after) || after == 59 {
                            self.proto = Some(after);
                        }
                        // Matches that do not ask whether it is a fragment look at the packet from its beginning.
                        self.transport = 0;
                        return;
                    }
                    8
                }
                43 if self.bytes.len() < at + routing => return,
                51 => (usize::from(length) + 2) * 4,
                _ => (usize::from(length) + 1) * 8,
            };
            next = after;
            at += size;
        }
        self.transport = at;
        self.proto = Some(next);
    }

    /// Source address.
    #[inline]
    pub fn source(&self) -> u128 {
        match self.family {
            Family::V4 => u128::from(u32_at(self.bytes, 12).unwrap_or(0)),
            Family::V6 => u128_at(self.bytes, 8).unwrap_or(0),
        }
    }

    /// Destination address.
    #[inline]
    pub fn destination(&self) -> u128 {
        match self.family {
            Family::V4 => u128::from(u32_at(self.bytes, 16).unwrap_or(0)),
            Family::V6 => u128_at(self.bytes, 24).unwrap_or(0),
        }
    }

    /// TOS byte of IPv4, traffic class of IPv6.
    #[inline]
    pub fn tos(&self) -> u8 {
        match self.family {
            Family::V4 => u8_at(self.bytes, 1).unwrap_or(0),
            // INVARIANT: shifted and masked to eight bits.
            Family::V6 => (u16_at(self.bytes, 0).unwrap_or(0) >> 4 & 0xff) as u8,
        }
    }

    /// TTL of IPv4, hop limit of IPv6.
    #[inline]
    pub fn hop_limit(&self) -> u8 {
        let at = if self.family == Family::V4 { 8 } else { 7 };
        u8_at(self.bytes, at).unwrap_or(0)
    }

    /// The bytes from the transport header on; empty in a later fragment.
    #[inline]
    pub fn transport_bytes(&self) -> &'a [u8] {
        if self.fragment != 0 { &[] } else { self.bytes.get(self.transport..).unwrap_or_default() }
    }

    /// Where an extension header of this number begins and where it ends (beyond the packet if it is cut off);
    /// `None` without one.
    pub fn extension(&self, number: u8) -> Option<(usize, usize)> {
        let mut next = u8_at(self.bytes, 6).filter(|_| self.family == Family::V6)?;
        let mut at = 40;
        loop {
            if !is_extension(next) || next == 59 {
                return None;
            }
            let length = usize::from(u8_at(self.bytes, at + 1).unwrap_or(0));
            let size = match next {
                44 => 8,
                51 => (length + 2) * 4,
                _ => (length + 1) * 8,
            };
            if next == number {
                return Some((at, at + size));
            }
            if next == 44 && u16_at(self.bytes, at + 2)? & !7 != 0 {
                return None;
            }
            next = u8_at(self.bytes, at)?;
            at += size;
        }
    }
}
