//! Named arguments of a call, in one buffer: a script makes many rules, and each allocation is dearer than the words in it.

use super::call::{KNOWN, Known};

/// Names with their values, in the order in which they came.
///
/// Each is a head (the number of its known option, from 1, with a bit for `!` below it; the bytes of its name; those of all values), the
/// name, and each value after its length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NamedList {
    buffer: Vec<u8>,
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) inverted: bool,
    pub(super) known: Option<&'static Known>,
    values: &'a [u8],
    whole: &'a [u8],
}

const LENGTH: usize = size_of::<usize>();
const HEAD: usize = 1 + 2 * LENGTH;

impl NamedList {
    /// Adds one behind the others.
    pub(super) fn push<'v>(
        &mut self,
        name: &str,
        inverted: bool,
        known: Option<&Known>,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) {
        if self.buffer.is_empty() {
            // Four options of usual length.
            self.buffer.reserve(192);
        }
        let head = self.buffer.len();
        self.buffer.push(known.map_or(0, Known::number) << 1 | u8::from(inverted));
        self.buffer.extend_from_slice(&name.len().to_le_bytes());
        self.buffer.extend_from_slice(&[0; LENGTH]);
        self.buffer.extend_from_slice(name.as_bytes());
        let start = self.buffer.len();
        for value in values {
            self.buffer.extend_from_slice(&value.len().to_le_bytes());
            self.buffer.extend_from_slice(value);
        }
        let length = self.buffer.len() - start;
        if let Some(place) = self.buffer.get_mut(head + 1 + LENGTH..head + HEAD) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }

    /// Adds one of another list.
    pub(super) fn copy(&mut self, named: Named<'_>) {
        self.buffer.extend_from_slice(named.whole);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Named<'_>> {
        let mut rest = self.buffer.as_slice();
        std::iter::from_fn(move || {
            let (flags, after) = rest.split_first()?;
            let (name, after) = after.split_first_chunk()?;
            let (values, after) = after.split_first_chunk()?;
            let (name, after) = after.split_at_checked(usize::from_le_bytes(*name))?;
            let (values, next) = after.split_at_checked(usize::from_le_bytes(*values))?;
            let whole = rest.get(..rest.len() - next.len())?;
            rest = next;
            let known = usize::from(flags >> 1).checked_sub(1).and_then(|at| KNOWN.get(at));
            Some(Named { name: str::from_utf8(name).ok()?, inverted: flags & 1 != 0, known, values, whole })
        })
    }
}

impl<'a> Named<'a> {
    /// Its words.
    pub(super) fn values(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.values;
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk()?;
            let (value, next) = after.split_at_checked(usize::from_le_bytes(*length))?;
            rest = next;
            Some(value)
        })
    }

    /// Whether it is an option of this name.
    pub(super) fn is(self, name: &str, known: Option<&Known>) -> bool {
        match (self.known, known) {
            (Some(own), Some(other)) => own.short == other.short,
            (None, None) => self.name == name,
            _ => false,
        }
    }
}
