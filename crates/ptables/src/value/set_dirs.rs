//! Directions of an ipset: which side of a packet each part of an entry is compared with.

use super::{Bad, Parsed};

/// Source or destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetDir {
    /// `src`.
    Source,
    /// `dst`.
    Destination,
}

/// One to six directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SetDirs {
    count: u8,
    /// Bit by bit from the lowest: 1 is source.
    sources: u8,
}

impl SetDirs {
    /// Most directions.
    pub const MAX: usize = 6;

    /// Reads `src` and `dst` separated by commas. Like the tools, it looks at the first three letters of each.
    ///
    /// # Errors
    /// `Form` for other words; `Range` for more than six.
    pub fn parse(text: &[u8]) -> Parsed<SetDirs> {
        let mut dirs = SetDirs::default();
        for part in text.split(|byte| *byte == b',') {
            let dir = match part {
                [b's', b'r', b'c', ..] => SetDir::Source,
                [b'd', b's', b't', ..] => SetDir::Destination,
                _ => return Err(Bad::form("`src` or `dst`, or a list of them")),
            };
            if usize::from(dirs.count) == SetDirs::MAX {
                return Err(Bad::range("at most six of `src` and `dst`"));
            }
            dirs.add(dir);
        }
        Ok(dirs)
    }

    /// The directions in order.
    pub fn iter(self) -> impl Iterator<Item = SetDir> {
        (0..self.count).map(move |index| {
            if self.sources & (1 << index) != 0 { SetDir::Source } else { SetDir::Destination }
        })
    }

    /// Appends them, separated by commas.
    pub fn push(self, out: &mut Vec<u8>) {
        for (index, dir) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(if dir == SetDir::Source { b"src" } else { b"dst" });
        }
    }

    fn add(&mut self, dir: SetDir) {
        if dir == SetDir::Source {
            self.sources |= 1 << self.count;
        }
        self.count += 1;
    }
}

impl From<SetDir> for SetDirs {
    fn from(dir: SetDir) -> SetDirs {
        SetDirs::from([dir])
    }
}

impl<const N: usize> From<[SetDir; N]> for SetDirs {
    /// Takes the first six.
    fn from(dirs: [SetDir; N]) -> SetDirs {
        let mut all = SetDirs::default();
        for dir in dirs.into_iter().take(SetDirs::MAX) {
            all.add(dir);
        }
        all
    }
}
