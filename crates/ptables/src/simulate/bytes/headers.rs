//! Extension headers of IPv6.

use crate::meaning::SegmentTest;
use crate::packet::View;
use crate::packet::bytes::{u8_at, u16_at, u128_at};
use crate::value::header_options::HeaderOption;
use crate::value::is::Is;

/// Whether an options header, which is there, has this length and begins with these options.
pub(crate) fn options_match(
    view: &View<'_>,
    header: u8,
    length: Option<Is<u32>>,
    wanted: &[HeaderOption],
) -> bool {
    let Some((start, end)) = view.extension(header).filter(|it| it.1 <= view.bytes.len()) else {
        return false;
    };
    let right = length.is_none_or(|it| (u64::from(it.value) == (end - start) as u64) != it.inverted);
    let bytes = view.bytes.get(start + 2..end).unwrap_or_default();
    let mut at = 0;
    // An option that reaches beyond the header is taken if it is the last one asked for: of another there is no byte.
    for option in wanted {
        let Some(kind) = u8_at(bytes, at) else { return false };
        if kind != option.number {
            return false;
        }
        let mut size = 1;
        if kind != 0 {
            let Some(length) = u8_at(bytes, at + 1) else { return false };
            if option.length.is_some_and(|it| it != length) {
                return false;
            }
            size = usize::from(length) + 2;
        }
        at += size;
    }
    right
}

/// Whether a routing header holds these addresses.
pub(crate) fn route_matches(view: &View<'_>, wanted: &[u128], strict: bool) -> bool {
    let Some((start, end)) = view.extension(43).filter(|it| it.1 <= view.bytes.len()) else { return false };
    let count = (end - start).saturating_sub(8) / 16;
    let held = (0..count).map(|index| u128_at(view.bytes, start + 8 + index * 16));
    if strict {
        return wanted.len() == count && held.zip(wanted).all(|(held, wanted)| held == Some(*wanted));
    }
    let mut rest = wanted.iter().peekable();
    for address in held {
        if rest.peek().copied().copied() == address {
            rest.next();
        }
    }
    rest.peek().is_none()
}

/// Whether a segment routing header is such.
pub(crate) fn segments_match(view: &View<'_>, test: &SegmentTest) -> bool {
    try_segments(view, test).unwrap_or(false)
}

fn try_segments(view: &View<'_>, test: &SegmentTest) -> Option<bool> {
    let (start, end) = view.extension(43)?;
    let header = view.bytes.get(start..end).filter(|it| it.len() >= 8)?;
    let (left, last) = (u8_at(header, 3)?, u8_at(header, 4)?);
    if u8_at(header, 2)? != 4 || left > last {
        return Some(false);
    }
    for (place, is) in &test.bytes {
        let byte = u8_at(header, usize::from(*place))?;
        if (is.value.0..=is.value.1).contains(&byte) == is.inverted {
            return Some(false);
        }
    }
    // The kernel compares the field with the number as it lies in memory, so on a little-endian machine its bytes are swapped.
    if test.tag.is_some_and(|it| (u16_at(header, 6) == Some(it.value.swap_bytes())) == it.inverted) {
        return Some(false);
    }
    let segment = |index: usize, is: Is<(u128, u128)>| {
        let (address, mask) = is.value;
        let held = u128_at(view.bytes, start + 8 + index * 16)?;
        Some((held & mask == address & mask) != is.inverted)
    };
    let mut fits = true;
    if let Some(is) = test.previous {
        fits &= left != last && segment(usize::from(left) + 1, is)?;
    }
    if let Some(is) = test.next {
        fits &= left != 0 && segment(usize::from(left) - 1, is)?;
    }
    if let Some(is) = test.last {
        fits &= segment(0, is)?;
    }
    Some(fits)
}

/// The extension headers as `ipv6header` sees them: hop-by-hop 128, destination 64, routing 32, fragment 16,
/// authentication 8, ESP 4, none 2, another protocol 1. `None` if a header does not fit.
pub(crate) fn header_set(bytes: &[u8]) -> Option<u8> {
    let mut next = u8_at(bytes, 6)?;
    let mut at = 40;
    let mut set = 0;
    loop {
        set |= match next {
            59 => return Some(set | 2),
            0 | 43 | 44 | 50 | 51 | 60 => {
                if bytes.len() < at + 2 {
                    return None;
                }
                match next {
                    50 => return Some(set | 4),
                    0 => 128,
                    43 => 32,
                    44 => 16,
                    51 => 8,
                    _ => 64,
                }
            }
            _ => return Some(set | 1),
        };
        let length = usize::from(u8_at(bytes, at + 1)?);
        let size = match next {
            44 => 8,
            51 => (length + 2) * 4,
            _ => (length + 1) * 8,
        };
        next = u8_at(bytes, at)?;
        at += size;
        if at > bytes.len() {
            let known = matches!(next, 50 | 59);
            return Some(if known { set } else { set | 1 });
        }
    }
}

/// Whether the low half of a source address was made from this Ethernet address.
pub(crate) fn eui64(source: u128, mac: [u8; 6]) -> bool {
    let [a, b, c, d, e, f] = mac;
    source as u64 == u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}
