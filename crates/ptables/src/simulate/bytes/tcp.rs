//! Options of TCP.

use super::Seen;
use crate::packet::bytes::{u8_at, u16_at};

/// Where an option begins in a list of options; the list is read as the kernel reads it.
pub(super) fn find_option(options: &[u8], option: u8) -> Option<usize> {
    let mut at = 0;
    while let Some(kind) = u8_at(options, at) {
        if kind == option {
            return Some(at);
        }
        at += if kind < 2 { 1 } else { usize::from(u8_at(options, at + 1).unwrap_or(0)).max(1) };
    }
    None
}

/// The options of the TCP header that begins at `transport`; `Err` if it is broken.
fn options(bytes: &[u8], transport: usize) -> Result<&[u8], ()> {
    let header = bytes.get(transport..).filter(|it| it.len() >= 20).ok_or(())?;
    let end = usize::from(u8_at(header, 12).unwrap_or(0) >> 4) * 4;
    header.get(20..end).ok_or(())
}

/// Whether the header holds this option.
pub(crate) fn tcp_option(bytes: &[u8], transport: usize, option: u8) -> Seen {
    match options(bytes, transport) {
        Err(()) => Seen::Drop,
        Ok(options) => find_option(options, option).is_some().into(),
    }
}

/// Where the two bytes of the maximum segment size stand in the packet, and what they tell; `Err` if the header is broken.
pub(crate) fn mss(bytes: &[u8], transport: usize) -> Result<Option<(usize, u16)>, ()> {
    let options = options(bytes, transport)?;
    let mut at = 0;
    while let Some(kind) = u8_at(options, at) {
        if kind == 2 && u8_at(options, at + 1) == Some(4) {
            return Ok(u16_at(options, at + 2).map(|it| (transport + 20 + at + 2, it)));
        }
        // A length of 0 or 1 is taken for padding in turn.
        at += if kind < 2 { 1 } else { usize::from(u8_at(options, at + 1).unwrap_or(0)).max(2) };
    }
    Ok(None)
}
