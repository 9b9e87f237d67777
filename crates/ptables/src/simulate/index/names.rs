//! The interfaces that rules tell apart: every name is of one class.

use crate::meaning::Pred;
use crate::value::iface::Iface;

/// The classes of names: a class for each name that rules tell whole, one for each pattern, and one for all others.
#[derive(Clone, Debug, Default)]
pub(in crate::simulate) struct Names {
    classes: Vec<Class>,
    /// The class of each name that is told whole, at a place that its bits tell or behind it; half of the places are free.
    whole: Box<[Option<(u128, u16)>]>,
    /// Patterns, the longest first, and their classes: patterns that fit a name are beginnings of one another.
    open: Vec<(Iface, u16)>,
    /// The class of no name.
    none: u16,
}

#[derive(Clone, Copy, Debug)]
enum Class {
    Others,
    Whole(Iface),
    /// Names that this pattern fits, no longer one, and no name that is told whole.
    Open(Iface),
}

impl Names {
    /// Of all rules.
    pub(in crate::simulate) fn new<'a>(preds: impl Iterator<Item = &'a Pred>) -> Names {
        let mut names: Vec<Iface> = preds
            .filter_map(|pred| match pred {
                Pred::InIface(iface) | Pred::OutIface(iface) => Some(*iface),
                _ => None,
            })
            .collect();
        names.sort_unstable_by_key(|name| (std::cmp::Reverse(name.as_bytes().len()), name.as_bits()));
        names.dedup();
        // INVARIANT: beyond 2^16 names the others count as names that no rule tells; no table with an index holds so many.
        names.truncate(usize::from(u16::MAX));
        let mut found = Names { classes: vec![Class::Others], ..Names::default() };
        let mut whole = Vec::new();
        for name in names {
            let number = found.classes.len() as u16;
            if name.stem().1 {
                found.classes.push(Class::Open(name));
                found.open.push((name, number));
            } else {
                found.classes.push(Class::Whole(name));
                whole.push((name, number));
            }
        }
        found.whole = vec![None; (whole.len() * 2).next_power_of_two()].into();
        let count = found.whole.len();
        for it in whole {
            let is_free = |at: &usize| found.whole.get(*at).is_some_and(Option::is_none);
            if let Some(place) = places(&it.0, count).find(is_free).and_then(|at| found.whole.get_mut(at)) {
                *place = Some((it.0.as_bits(), it.1));
            }
        }
        found.none = found.class(&Iface::ANY);
        found
    }

    /// How many classes there are.
    pub(super) fn count(&self) -> usize {
        self.classes.len()
    }

    /// The class that a packet without an interface has.
    #[inline]
    pub(in crate::simulate) fn none(&self) -> u16 {
        self.none
    }

    /// The class of a name.
    #[inline]
    pub(in crate::simulate) fn class(&self, name: &Iface) -> u16 {
        if self.classes.len() < 2 {
            return 0;
        }
        let bits = name.as_bits();
        for at in places(name, self.whole.len()) {
            match self.whole.get(at) {
                Some(Some((known, class))) if *known == bits => return *class,
                Some(Some(_)) => {}
                _ => break,
            }
        }
        let fits = |it: &&(Iface, u16)| name.as_bytes().starts_with(it.0.stem().0);
        self.open.iter().find(fits).map_or(0, |it| it.1)
    }

    /// Whether what a rule asks for fits the names of a class.
    pub(super) fn fits(&self, class: usize, wanted: &Iface) -> bool {
        let (stem, is_open) = wanted.stem();
        match self.classes.get(class) {
            Some(Class::Whole(name)) if is_open => name.as_bytes().starts_with(stem),
            Some(Class::Whole(name)) => name == wanted,
            Some(Class::Open(pattern)) => is_open && pattern.stem().0.starts_with(stem),
            Some(Class::Others) | None => false,
        }
    }
}

/// Where a name is looked for among so many places, a power of two.
#[inline]
fn places(name: &Iface, count: usize) -> impl Iterator<Item = usize> {
    let bits = name.as_bits();
    let mixed = ((bits >> 64) as u64 ^ (bits as u64).rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let first = (mixed >> 40) as usize;
    (0..count).map(move |more| first.wrapping_add(more) & (count - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::test::iface_matches;

    #[test]
    fn a_class_says_what_each_name_would() {
        let iface = |name: &str| Iface::parse(name.as_bytes()).unwrap();
        let wanted = ["eth0", "eth1", "eth+", "eth1+", "eth1.+", "wg+", "lo"].map(iface);
        let preds: Vec<Pred> = wanted.iter().map(|it| Pred::InIface(*it)).collect();
        let names = Names::new(preds.iter());
        assert_eq!(names.count(), 8);
        for name in
            ["eth0", "eth1", "eth10", "eth1.5", "eth2", "e", "lo", "lo0", "wg", "wg0", "br0", "+"].map(iface)
        {
            let class = usize::from(names.class(&name));
            for wanted in &wanted {
                assert_eq!(names.fits(class, wanted), iface_matches(wanted, &name), "{wanted:?} {name:?}");
            }
        }
    }
}
