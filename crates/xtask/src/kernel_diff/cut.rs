//! Packets that are cut off, or lack what most have.

use ptables::dialect::Family;
use ptables::packet::mend::mend;
use ptables::packet::{Transport, View};

use super::draft::Draft;

impl Draft {
    /// Takes the checksum of a datagram away, and half of the numbers of a DCCP header.
    pub(super) fn bare_header(&mut self, family: Family) {
        let view = View::new(family, &self.shot.bytes);
        let start = view.transport;
        let part = match self.layout.transport {
            _ if view.fragment != 0 => return,
            Transport::Udp { .. } | Transport::UdpLite { .. } => 6..8,
            Transport::Dccp { .. } => 8..9,
            _ => return,
        };
        for byte in self.shot.bytes.get_mut(start + part.start..start + part.end).into_iter().flatten() {
            *byte &= if part.start == 8 { 0xfe } else { 0 };
        }
    }
}

/// Cuts a packet off, and says so in its header.
pub(super) fn truncate(bytes: &mut Vec<u8>, length: usize) {
    bytes.truncate(length);
    let left = bytes.len() as u16;
    tell_length(bytes, left);
}

/// Writes into a packet's header how long it is.
pub(super) fn tell_length(bytes: &mut [u8], length: u16) {
    if bytes[0] >> 4 == 6 {
        return bytes[4..6].copy_from_slice(&length.saturating_sub(40).to_be_bytes());
    }
    let (old, new) = ([bytes[2], bytes[3]], length.to_be_bytes());
    let sum = mend(u16::from_be_bytes([bytes[10], bytes[11]]), &old, &new);
    bytes[2..4].copy_from_slice(&new);
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
}
