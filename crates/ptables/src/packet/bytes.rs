//! Numbers in network byte order, at a place of a byte string; `None` beyond its end.

/// The byte at a place.
#[inline]
pub fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// Two bytes.
#[inline]
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|it| u16::from_be_bytes(*it))
}

/// Four bytes.
#[inline]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|it| u32::from_be_bytes(*it))
}

/// Sixteen bytes.
#[inline]
pub fn u128_at(bytes: &[u8], at: usize) -> Option<u128> {
    bytes.get(at..)?.first_chunk().map(|it| u128::from_be_bytes(*it))
}

/// Writes over the bytes at a place; nothing beyond the end.
pub fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(to) = bytes.get_mut(at..).and_then(|it| it.get_mut(..new.len())) {
        to.copy_from_slice(new);
    }
}
