//! The bytes of a packet on its way.

use smallvec::SmallVec;

/// The bytes of a packet: as they were told, or changed since. Those of a small packet are then kept in place.
#[derive(Clone, Debug)]
pub(super) enum Bytes<'p> {
    Told(&'p [u8]),
    Changed(SmallVec<[u8; 64]>),
}

impl std::ops::Deref for Bytes<'_> {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Told(bytes) => bytes,
            Bytes::Changed(bytes) => bytes,
        }
    }
}

impl Bytes<'_> {
    pub(super) fn to_mut(&mut self) -> &mut [u8] {
        if let Bytes::Told(bytes) = self {
            *self = Bytes::Changed(SmallVec::from_slice(bytes));
        }
        match self {
            Bytes::Changed(bytes) => bytes,
            Bytes::Told(_) => &mut [],
        }
    }

    pub(super) fn replace(&mut self, bytes: Vec<u8>) {
        *self = Bytes::Changed(bytes.into());
    }
}
