//! Layer 2. Contents of ipsets: one set and its entries, `ipset save` and `ipset restore` text, and what is in a set.
//!
//! [`parse`] reads what `ipset save` prints (and hand-written text for `ipset restore`), [`print()`] writes text for
//! `ipset restore`, [`Contents::find_in`] decides as the kernel does whether a packet is in a set.
//!
//! Source: ipset 7.17 and Linux 6.18, probed; `ipset(8)`.

mod content;
mod entry;
mod found;
mod index;
mod kind;
mod lookup;
mod options;
mod parse;
mod print;
mod read;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Part};
pub use found::{Asked, Found, Told};
pub use index::Contents;
pub use kind::{PartKind, SetType};
pub use options::SetOptions;
pub use parse::parse;
pub use print::{print, print_entry, print_set};

use crate::diag::Diagnostic;
use crate::dialect::Family;
use crate::origin::Origin;
use crate::source::Text;
use crate::value::Names;

/// One set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Set {
    /// Its name, 1 to 31 bytes.
    pub name: Text,
    /// Its type.
    pub kind: SetType,
    /// Its options.
    pub options: SetOptions,
    /// Its entries, in the order in which they were added.
    pub entries: Vec<Entry>,
    /// Who wrote it.
    pub origin: Origin,
}

impl Set {
    /// An empty set with default options. Names are checked by [`check_name`] and by [`print()`].
    pub fn new(name: impl Into<Text>, kind: SetType) -> Set {
        Set {
            name: name.into(),
            kind,
            options: SetOptions::default(),
            entries: Vec::new(),
            origin: Origin::Unknown,
        }
    }

    /// The family of its addresses; IPv4 unless it was told. `None` for types without addresses, which serve both.
    pub fn family(&self) -> Option<Family> {
        self.kind.has_addresses().then(|| self.options.family.unwrap_or(Family::V4))
    }

    /// Sets an option of `create`, such as `timeout` with value `300`, or `counters` without a value.
    ///
    /// # Errors
    /// `ipset/bad-set`: the type has no such option, it is there already, or its value is wrong. The label is that of the text.
    pub fn set_option(&mut self, name: &Text, value: Option<&Text>) -> Result<(), Box<Diagnostic>> {
        options::read(self, name, value)
    }

    /// Reads an entry as it stands behind `add NAME`: the element, and then options such as `timeout 300`, `nomatch` or
    /// `comment TEXT`, one word each. Host names and services are looked up in `names`.
    ///
    /// # Errors
    /// `ipset/bad-entry`: it does not fit this set. The label is that of the wrong word.
    pub fn read_entry(&self, words: &[Text], names: &dyn Names) -> Result<Entry, Box<Diagnostic>> {
        read::entry(self, words, names)
    }

    /// Adds the entry that one word tells, such as `192.0.2.0/24` or `192.0.2.1,tcp:80`.
    ///
    /// # Errors
    /// As [`read_entry`](Set::read_entry).
    pub fn add(&mut self, element: impl Into<Text>, names: &dyn Names) -> Result<(), Box<Diagnostic>> {
        let entry = self.read_entry(&[element.into()], names)?;
        self.entries.push(entry);
        Ok(())
    }
}

/// Whether a set may have this name: 1 to 31 bytes without blanks, quotes and control characters, and no `-` at its beginning.
/// The kernel takes others too, but neither `ipset save` nor `iptables-save` writes them so that they can be read again.
///
/// # Errors
/// `ipset/bad-set`, with a label at the name.
pub fn check_name(name: &Text) -> Result<(), Box<Diagnostic>> {
    let what = match name.as_bytes() {
        [] => "the name of a set is empty".to_owned(),
        long if long.len() > 31 => {
            format!("the name of a set has at most 31 bytes; this has {}", long.len())
        }
        [b'-', ..] => "the name of a set does not begin with `-`".to_owned(),
        bytes
            if bytes.iter().any(|it| it.is_ascii_control() || matches!(it, b' ' | b'"' | b'\'' | b'\\')) =>
        {
            "the name of a set has no blanks, quotes, backslashes or control characters".to_owned()
        }
        _ => return Ok(()),
    };
    let place = Origin::Text(name.clone());
    Err(Box::new(Diagnostic::error(crate::diag::codes::IPSET_BAD_SET, what).at(place, "")))
}

/// All sets of a machine, or of a file.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    sets: Vec<Set>,
}

impl Sets {
    /// None.
    pub fn new() -> Sets {
        Sets::default()
    }

    /// In the order in which they were made: members of a list of sets before it.
    pub fn iter(&self) -> impl Iterator<Item = &Set> {
        self.sets.iter()
    }

    /// The set of this name.
    pub fn get(&self, name: &[u8]) -> Option<&Set> {
        self.sets.iter().find(|it| it.name.as_bytes() == name)
    }

    /// The set of this name, to change it.
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut Set> {
        self.sets.iter_mut().find(|it| it.name.as_bytes() == name)
    }

    /// Adds a set that a program declares: an entry that is named twice is there once.
    pub fn declare(&mut self, mut set: Set) {
        set.entries.iter_mut().for_each(|it| it.exist = true);
        self.insert(set);
    }

    /// Adds a set; one of the same name is replaced and given back.
    pub fn insert(&mut self, set: Set) -> Option<Set> {
        let known = self.sets.iter_mut().find(|it| it.name == set.name);
        match known {
            Some(known) => Some(std::mem::replace(known, set)),
            None => {
                self.sets.push(set);
                None
            }
        }
    }

    /// Takes a set out.
    pub fn remove(&mut self, name: &[u8]) -> Option<Set> {
        let at = self.sets.iter().position(|it| it.name.as_bytes() == name)?;
        Some(self.sets.remove(at))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}
