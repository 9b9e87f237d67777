//! Names of interfaces: classes that no condition tells apart.

use std::collections::HashSet;

use crate::value::iface::Iface;

/// One class of names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Name {
    /// There is no interface.
    Nothing,
    /// This one.
    One(Iface),
    /// Those that begin so and are in no other class.
    Stem(Vec<u8>),
}

/// Classes of the names that conditions tell apart.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) classes: Vec<Name>,
}

impl Names {
    pub(super) fn new(asked: &HashSet<Iface>) -> Names {
        let mut stems: Vec<Vec<u8>> = vec![Vec::new()];
        let mut whole: Vec<Iface> = Vec::new();
        for iface in asked {
            match iface.stem() {
                (stem, true) => stems.push(stem.to_vec()),
                _ if iface.is_any() => {}
                (_, false) => whole.push(*iface),
            }
        }
        stems.sort();
        stems.dedup();
        whole.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        let classes = [Name::Nothing].into_iter();
        let classes = classes.chain(whole.into_iter().map(Name::One));
        Names { classes: classes.chain(stems.into_iter().map(Name::Stem)).collect() }
    }

    /// Whether the names of a class fit a condition.
    pub(super) fn fits(wanted: &Iface, class: &Name) -> bool {
        match (wanted.stem(), class) {
            ((stem, true), Name::One(name)) => name.as_bytes().starts_with(stem),
            ((stem, true), Name::Stem(name)) => name.starts_with(stem),
            ((stem, true), Name::Nothing) => stem.is_empty(),
            ((_, false), Name::One(name)) => name == wanted,
            ((_, false), Name::Nothing) => wanted.is_any(),
            ((_, false), Name::Stem(_)) => false,
        }
    }

    /// A name of a class; `None` for no interface, or if every such name is in another class.
    pub(super) fn example(&self, class: usize) -> Option<Iface> {
        match self.classes.get(class)? {
            Name::Nothing => None,
            Name::One(name) => Some(*name),
            Name::Stem(stem) => {
                let letters: &[u8] = if stem.is_empty() { b"eth" } else { b"" };
                let numbers = (0..100u32).map(|it| [stem, letters, it.to_string().as_bytes()].concat());
                let mut names = numbers.chain([stem.clone()]).filter_map(|it| Iface::parse(&it).ok());
                names.find(|name| self.class_of(name.as_bytes()) == Some(class))
            }
        }
    }

    pub(super) fn class_of(&self, name: &[u8]) -> Option<usize> {
        let one = self.classes.iter().position(|it| matches!(it, Name::One(it) if it.as_bytes() == name));
        let longest = || {
            let stems = self.classes.iter().enumerate().filter_map(|(at, it)| match it {
                Name::Stem(stem) if name.starts_with(stem) => Some((stem.len(), at)),
                _ => None,
            });
            stems.max().map(|it| it.1)
        };
        one.or_else(longest)
    }
}
