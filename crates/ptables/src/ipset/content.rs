//! The entries of one set, spread out.

use std::collections::{BTreeMap, HashMap};

use smallvec::SmallVec;

use super::{Entry, Part, PartKind, Set, SetType};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::source::Text;
use crate::value::addr::{Bits, prefix_mask};
use crate::value::iface::Iface;
use crate::value::mac::Mac;
use crate::value::set_dirs::{SetDir, SetDirs};

/// Entries that a set may have here, whatever room it was given.
const MOST: usize = 1 << 22;

/// What an entry is found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) addresses: [Bits; 2],
    pub(super) lengths: [u8; 2],
    pub(super) port: (u8, u16),
    /// Ethernet address or mark.
    pub(super) number: u64,
}

/// An entry, spread out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Element {
    pub(super) nomatch: bool,
    /// Second at which it goes.
    pub(super) until: Option<u64>,
    /// Name, port of a bridge, wildcard.
    pub(super) iface: Option<(Iface, bool, bool)>,
    /// Of `bitmap:ip,mac`.
    pub(super) mac: Option<Mac>,
}

/// One set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub(super) kind: SetType,
    pub(super) family: Option<Family>,
    pub(super) mask: Bits,
    /// From one address of a range to the next.
    pub(super) step: Bits,
    pub(super) markmask: u32,
    pub(super) range: Option<(Bits, Bits)>,
    pub(super) timeout: Option<u32>,
    pub(super) room: usize,
    pub(super) buckets: usize,
    pub(super) forceadd: bool,
    pub(super) elements: HashMap<Key, SmallVec<[Element; 1]>>,
    pub(super) count: usize,
    /// How many entries have a prefix of which length, for each address.
    pub(super) lengths: [BTreeMap<u8, usize>; 2],
    pub(super) members: Vec<Text>,
    /// Whether an entry has gone, and others stayed: a bucket may have a place left, which the kernel fills even if the set is full.
    pub(super) has_gaps: bool,
    /// Why nobody can tell any more.
    pub(super) lost: Option<&'static str>,
}

pub(super) fn wrong(entry: &Entry, message: &str) -> Diagnostic {
    Diagnostic::error(codes::IPSET_BAD_ENTRY, message).at(entry.origin.clone(), "")
}

/// Whether the direction of this number (from 0) is `src`.
pub(super) fn source(dirs: SetDirs, number: usize) -> bool {
    dirs.iter().nth(number) == Some(SetDir::Source)
}

impl Content {
    pub(super) fn new(set: &Set, errors: &mut Vec<Diagnostic>) -> Content {
        let family = set.family();
        let room = if set.kind.is_hash() { (set.options.room() as usize).min(MOST) } else { MOST };
        let mut content = Content {
            kind: set.kind,
            family,
            mask: whole(family, set.options.address_mask(family.unwrap_or(Family::V4))),
            step: step(set, family),
            markmask: set.options.markmask.unwrap_or(u32::MAX),
            range: set.options.range,
            timeout: set.options.timeout,
            room,
            buckets: set.options.hashsize.unwrap_or(1024) as usize,
            forceadd: set.options.forceadd,
            elements: HashMap::new(),
            count: 0,
            lengths: [BTreeMap::new(), BTreeMap::new()],
            members: Vec::new(),
            has_gaps: false,
            lost: None,
        };
        for entry in &set.entries {
            if let Err(message) = content.entry(entry) {
                errors.push(wrong(entry, message));
            }
        }
        content
    }

    pub(super) fn bits(&self) -> u8 {
        self.family.unwrap_or(Family::V4).bits()
    }

    /// Spreads out an entry.
    fn entry(&mut self, entry: &Entry) -> Result<(), &'static str> {
        if let Some(Part::Set(name)) = entry.parts.first() {
            return self.member(entry, name);
        }
        let timeout = entry.timeout.or(self.timeout).filter(|it| *it > 0);
        let element =
            Element { nomatch: entry.nomatch, until: timeout.map(u64::from), iface: None, mac: None };
        // `add` counts up within the first part fastest; the order makes no difference to what is in the set in the end.
        self.spread(entry, 0, Key { lengths: [self.bits(); 2], ..Key::default() }, element)
    }

    fn member(&mut self, entry: &Entry, name: &Text) -> Result<(), &'static str> {
        if self.members.contains(name) {
            return if entry.exist { Ok(()) } else { Err("it is in the set already") };
        }
        let at = match &entry.beside {
            None => self.members.len(),
            Some((before, other)) => {
                let at = self.members.iter().position(|it| it == other);
                at.ok_or("the set that it is to stand beside is not in the list")? + usize::from(!before)
            }
        };
        self.members.insert(at, name.clone());
        Ok(())
    }

    fn spread(
        &mut self,
        entry: &Entry,
        number: usize,
        mut key: Key,
        mut element: Element,
    ) -> Result<(), &'static str> {
        let Some(part) = entry.parts.get(number) else { return self.put(key, element, entry.exist) };
        // The second address stands behind another part.
        let which = usize::from(number > 0);
        match part {
            Part::Ips(first, last) => {
                let nets = matches!(self.kind.parts().get(number), Some(PartKind::Net(_)));
                if nets {
                    for (address, length) in networks(self.bits(), *first, *last) {
                        set(&mut key.addresses, which, address & self.mask);
                        set(&mut key.lengths, which, length);
                        self.spread(entry, number + 1, key, element)?;
                    }
                    return Ok(());
                }
                // The kernel cuts the first address only; those that follow may then be out of reach.
                let mask = if which == 0 { self.mask } else { Bits::MAX };
                let step = if which == 0 { self.step } else { 1 };
                let mut next = Some(first & mask);
                let last = if first == last { first & mask } else { *last };
                while let Some(address) = next.filter(|it| *it <= last) {
                    set(&mut key.addresses, which, address);
                    self.spread(entry, number + 1, key, element)?;
                    next = address.checked_add(step);
                }
                Ok(())
            }
            Part::Net(address, length) => {
                set(&mut key.addresses, which, address & self.mask & prefix_mask_of(self.bits(), *length));
                set(&mut key.lengths, which, *length);
                self.spread(entry, number + 1, key, element)
            }
            Part::Ports(proto, first, last) => (*first..=*last).try_for_each(|port| {
                key.port = (*proto, port);
                self.spread(entry, number + 1, key, element)
            }),
            Part::BarePorts(first, last) => (*first..=*last).try_for_each(|port| {
                key.port = (0, port);
                self.spread(entry, number + 1, key, element)
            }),
            Part::Mac(mac) => {
                if self.kind == SetType::BitmapIpMac {
                    element.mac = *mac;
                } else {
                    key.number = mac.map_or(0, number_of);
                }
                self.spread(entry, number + 1, key, element)
            }
            Part::Mark(mark) => {
                key.number = u64::from(mark & self.markmask);
                self.spread(entry, number + 1, key, element)
            }
            Part::Iface { name, physdev, wildcard } => {
                // The kernel keeps ports of bridges apart.
                key.number = u64::from(*physdev);
                element.iface = Some((*name, *physdev, *wildcard));
                self.spread(entry, number + 1, key, element)
            }
            Part::Set(_) => Ok(()),
        }
    }

    /// Why an element is none that the set takes.
    pub(super) fn refused(&self, key: &Key) -> Option<&'static str> {
        let [address, _] = key.addresses;
        if let Some((first, last)) = self.range {
            let at = if self.kind == SetType::BitmapPort { Bits::from(key.port.1) } else { address };
            if at < first || at > last {
                return Some("it is not in the range of the set");
            }
        }
        let nothing = match self.kind {
            SetType::HashIp | SetType::HashIpPort => address == 0,
            SetType::HashMac | SetType::HashIpMac => key.number == 0,
            _ => false,
        };
        nothing.then_some("an address of zeros cannot be in such a set")
    }

    pub(super) fn put(&mut self, key: Key, element: Element, exist: bool) -> Result<(), &'static str> {
        if let Some(why) = self.refused(&key) {
            return Err(why);
        }
        let name = element.iface.map(|it| it.0);
        let same = |it: &&mut Element| it.names(name);
        if let Some(known) = self.elements.get_mut(&key).and_then(|all| all.iter_mut().find(same)) {
            if exist {
                *known = Element { iface: known.iface, ..element };
                return Ok(());
            }
            return Err("it is in the set already");
        }
        if self.count >= self.room {
            return Err("the set is full");
        }
        let all = self.elements.entry(key).or_default();
        let order = |it: &Element| it.iface.map(|(name, _, wildcard)| (name.as_bits(), wildcard));
        let at = all.iter().position(|it| order(it) > order(&element)).unwrap_or(all.len());
        all.insert(at, element);
        self.count += 1;
        for (lengths, length) in self.lengths.iter_mut().zip(key.lengths) {
            *lengths.entry(length).or_default() += 1;
        }
        Ok(())
    }
}

pub(super) fn set<T>(places: &mut [T], which: usize, value: T) {
    if let Some(place) = places.get_mut(which) {
        *place = value;
    }
}

pub(super) fn number_of(mac: Mac) -> u64 {
    mac.0.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn step(set: &Set, family: Option<Family>) -> Bits {
    let bits = family.unwrap_or(Family::V4).bits();
    match (set.kind, set.options.netmask) {
        (SetType::HashIp | SetType::BitmapIp, Some(length)) if length > 0 => 1 << bits.saturating_sub(length),
        _ => 1,
    }
}

/// A mask of all bits of the family as one of all bits.
fn whole(family: Option<Family>, mask: Bits) -> Bits {
    let family = family.unwrap_or(Family::V4);
    if mask == prefix_mask(family, family.bits()) { Bits::MAX } else { mask }
}

/// The mask of a prefix of an address of so many bits.
pub(super) fn prefix_mask_of(bits: u8, length: u8) -> Bits {
    prefix_mask(if bits == 32 { Family::V4 } else { Family::V6 }, length)
}

/// The fewest networks that cover the addresses from the first to the last.
fn networks(bits: u8, first: Bits, last: Bits) -> Vec<(Bits, u8)> {
    let mut found = Vec::new();
    let mut at = first;
    loop {
        let mut size = at.trailing_zeros().min(u32::from(bits));
        while size > 0 && (size == 128 || at + ((1 << size) - 1) > last) {
            size -= 1;
        }
        found.push((at, bits - size as u8));
        match at.checked_add(1 << size) {
            Some(next) if next <= last => at = next,
            _ => return found,
        }
    }
}
