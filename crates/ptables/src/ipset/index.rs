//! What is in sets: entries, spread out, and looked up as the kernel does.

use std::collections::{BTreeMap, HashMap};

use smallvec::SmallVec;

use super::found::{Asked, Found, Told};
use super::{Entry, Part, PartKind, Set, SetType, Sets};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::source::Text;
use crate::value::addr::{Bits, prefix_mask};
use crate::value::iface::Iface;
use crate::value::mac::Mac;
use crate::value::set_dirs::{SetDir, SetDirs};

/// Entries that a set may have here, whatever room it was given.
const MOST: usize = 1 << 22;

/// The contents of sets, for looking up packets.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    sets: HashMap<Text, Content>,
}

/// What an entry is found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Key {
    addresses: [Bits; 2],
    lengths: [u8; 2],
    port: (u8, u16),
    /// Ethernet address or mark.
    number: u64,
}

/// An entry, spread out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    nomatch: bool,
    /// Second at which it goes.
    until: Option<u64>,
    /// Name, port of a bridge, wildcard.
    iface: Option<(Iface, bool, bool)>,
    /// Of `bitmap:ip,mac`.
    mac: Option<Mac>,
}

/// One set.
#[derive(Clone, Debug)]
pub(super) struct Content {
    kind: SetType,
    family: Option<Family>,
    mask: Bits,
    markmask: u32,
    range: Option<(Bits, Bits)>,
    timeout: Option<u32>,
    room: usize,
    buckets: usize,
    forceadd: bool,
    elements: HashMap<Key, SmallVec<[Element; 1]>>,
    count: usize,
    /// How many entries have a prefix of which length, for each address.
    lengths: [BTreeMap<u8, usize>; 2],
    members: Vec<Text>,
}

impl Contents {
    /// Spreads out the entries of all sets. Entries that the kernel would not take are told and left out.
    pub fn new(sets: &Sets) -> (Contents, Vec<Diagnostic>) {
        let mut errors = Vec::new();
        let mut all = Contents::default();
        for set in sets {
            let content = Content::new(set, &mut errors);
            for (entry, member) in set.entries.iter().zip(&content.members) {
                if !all.sets.contains_key(member)
                    || sets.get(member).is_some_and(|it| it.kind == SetType::ListSet)
                {
                    errors
                        .push(wrong(entry, "a member of a list is a set that was made before, and no list"));
                }
            }
            all.sets.insert(set.name.clone(), content);
        }
        (all, errors)
    }

    /// Whether there is a set of this name.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.sets.contains_key(name)
    }

    /// Whether a rule that names this set and these directions finds the packet there. `exceptions`: the rule wants entries
    /// that are marked `nomatch` (`--return-nomatch`), and gets them as [`Found::Yes`].
    ///
    /// # Errors
    /// Why nobody can tell.
    pub fn find_in(
        &self,
        name: &[u8],
        asked: &dyn Asked,
        dirs: SetDirs,
        exceptions: bool,
    ) -> Result<Found, &'static str> {
        let set = self.sets.get(name).ok_or("the content of the set is not told")?;
        if set.kind == SetType::ListSet {
            if dirs.iter().next().is_none() {
                return Ok(Found::No);
            }
            for member in &set.members {
                let found = self.find_in(member, asked, dirs, exceptions)?;
                if matches!(found, Found::Yes | Found::YesLearns) {
                    return Ok(found);
                }
            }
            return Ok(Found::No);
        }
        let found = set.find(asked, dirs)?;
        Ok(match found {
            Found::Exception if exceptions => Found::Yes,
            Found::Yes if exceptions && set.kind.has_networks() => Found::No,
            found => found,
        })
    }

    /// What the target SET does with `--add-set`: puts the packet in. `exist` renews an entry that is there, `timeout` is that
    /// of the rule.
    ///
    /// # Errors
    /// Why nobody can tell what is in the set from now on.
    pub fn insert(
        &mut self,
        name: &[u8],
        asked: &dyn Asked,
        dirs: SetDirs,
        exist: bool,
        timeout: Option<u32>,
    ) -> Result<(), &'static str> {
        self.change(name, &|set| set.insert(asked, dirs, exist, timeout))
    }

    /// What the target SET does with `--del-set`: takes the packet out.
    ///
    /// # Errors
    /// Why nobody can tell what is in the set from now on.
    pub fn remove(&mut self, name: &[u8], asked: &dyn Asked, dirs: SetDirs) -> Result<(), &'static str> {
        self.change(name, &|set| set.remove(asked, dirs))
    }

    /// Lets an entry of `bitmap:ip,mac` without an Ethernet address take that of the packet.
    pub fn learn(&mut self, name: &[u8], asked: &dyn Asked, dirs: SetDirs) {
        let list = self.sets.get(name).map(|it| it.members.clone()).unwrap_or_default();
        for member in list.iter().map(|it| it.as_bytes()).chain([name]) {
            if let Some(set) = self.sets.get_mut(member)
                && set.find(asked, dirs) == Ok(Found::YesLearns)
                && let Ok(Some((key, _))) = set.key(asked, dirs)
                && let Ok(Some(mac)) = asked.mac(source(dirs, 1))
                && let Some(element) = set.elements.get_mut(&key).and_then(|it| it.first_mut())
            {
                element.mac = Some(mac);
                return;
            }
        }
    }

    fn change(
        &mut self,
        name: &[u8],
        change: &dyn Fn(&mut Content) -> Result<bool, &'static str>,
    ) -> Result<(), &'static str> {
        let set = self.sets.get_mut(name).ok_or("the content of the set is not told")?;
        if set.kind != SetType::ListSet {
            return change(set).map(|_| ());
        }
        // The first member that takes it.
        for member in set.members.clone() {
            if let Some(set) = self.sets.get_mut(&member)
                && change(set)?
            {
                break;
            }
        }
        Ok(())
    }
}

fn wrong(entry: &Entry, message: &str) -> Diagnostic {
    Diagnostic::error(codes::IPSET_BAD_ENTRY, message).at(entry.origin.clone(), "")
}

/// Whether the direction of this number (from 0) is `src`.
fn source(dirs: SetDirs, number: usize) -> bool {
    dirs.iter().nth(number) == Some(SetDir::Source)
}

impl Content {
    fn new(set: &Set, errors: &mut Vec<Diagnostic>) -> Content {
        let family = set.family();
        let room = if set.kind.is_hash() { (set.options.room() as usize).min(MOST) } else { MOST };
        let mut content = Content {
            kind: set.kind,
            family,
            mask: set.options.address_mask(family.unwrap_or(Family::V4)),
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
        };
        for entry in &set.entries {
            if let Err(message) = content.entry(entry) {
                errors.push(wrong(entry, message));
            }
        }
        content
    }

    fn bits(&self) -> u8 {
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
                // One of each network where the set cuts addresses.
                let cuts = matches!(self.kind, SetType::HashIp | SetType::BitmapIp);
                let step = if cuts { 1 << (!self.mask).trailing_ones().min(127) } else { 1 };
                let mask = if which == 0 { self.mask } else { Bits::MAX };
                let mut next = Some(first & !(step - 1));
                while let Some(address) = next.filter(|it| it <= last) {
                    set(&mut key.addresses, which, address & mask);
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
                element.iface = Some((*name, *physdev, *wildcard));
                self.spread(entry, number + 1, key, element)
            }
            Part::Set(_) => Ok(()),
        }
    }

    /// Why an element is none that the set takes.
    fn refused(&self, key: &Key) -> Option<&'static str> {
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

    fn put(&mut self, key: Key, element: Element, exist: bool) -> Result<(), &'static str> {
        if let Some(why) = self.refused(&key) {
            return Err(why);
        }
        let same = |it: &&mut Element| it.iface == element.iface;
        if let Some(known) = self.elements.get_mut(&key).and_then(|all| all.iter_mut().find(same)) {
            if exist {
                *known = element;
                return Ok(());
            }
            return Err("it is in the set already");
        }
        if self.count >= self.room {
            return Err("the set is full");
        }
        self.elements.entry(key).or_default().push(element);
        self.count += 1;
        for (lengths, length) in self.lengths.iter_mut().zip(key.lengths) {
            *lengths.entry(length).or_default() += 1;
        }
        Ok(())
    }

    /// What the packet says to each part of an entry, as an entry for this packet alone; `None` if it lacks something.
    fn key(&self, asked: &dyn Asked, dirs: SetDirs) -> Told<(Key, Option<Iface>)> {
        let mut key = Key { lengths: [self.bits(); 2], ..Key::default() };
        let mut name = None;
        let mut unknown = None;
        let parts = self.kind.parts();
        for (number, part) in parts.iter().enumerate() {
            let source = source(dirs, number);
            let which = usize::from(number > 0);
            let told = match part {
                PartKind::Ip | PartKind::OneIp | PartKind::Net(_) => {
                    let mask =
                        if which == 0 || self.kind == SetType::HashNetNet { self.mask } else { Bits::MAX };
                    asked.address(source).map(|it| it.map(|it| set(&mut key.addresses, which, it & mask)))
                }
                PartKind::Port => asked.port(source).map(|it| it.map(|it| key.port = it)),
                PartKind::BarePort => asked
                    .port(source)
                    .map(|it| it.filter(|it| matches!(it.0, 6 | 17)).map(|it| key.port = (0, it.1))),
                PartKind::Mac(_) => asked.mac(source).map(|it| {
                    let it = number_of(it?);
                    // The address of a bitmap's entry is compared when it is found.
                    key.number = if self.kind == SetType::BitmapIpMac { 0 } else { it };
                    (it != 0).then_some(())
                }),
                PartKind::Mark => {
                    asked.mark().map(|it| it.map(|it| key.number = u64::from(it & self.markmask)))
                }
                PartKind::Iface => asked.iface(source).map(|it| {
                    name = Iface::parse(it?).ok();
                    name.map(|_| ())
                }),
                PartKind::Set => Ok(None),
            };
            match told {
                Ok(Some(())) => {}
                Ok(None) => return Ok(None),
                Err(why) => unknown = Some(why),
            }
        }
        match unknown {
            Some(why) => Err(why),
            None => Ok(Some((key, name))),
        }
    }

    /// Whether rules with so many directions, for this family, see the set at all.
    fn serves(&self, asked: &dyn Asked, dirs: SetDirs) -> bool {
        dirs.iter().count() >= self.kind.parts().len() && self.family.is_none_or(|it| it == asked.family())
    }

    fn find(&self, asked: &dyn Asked, dirs: SetDirs) -> Result<Found, &'static str> {
        if self.elements.is_empty() || !self.serves(asked, dirs) {
            return Ok(Found::No);
        }
        let Some((whole, name)) = self.key(asked, dirs)? else { return Ok(Found::No) };
        let [first, second] = &self.lengths;
        for long in first.keys().rev() {
            for other in second.keys().rev() {
                let mut key = whole;
                key.lengths = [*long, *other];
                for (address, length) in key.addresses.iter_mut().zip(key.lengths) {
                    *address &= prefix_mask_of(self.bits(), length);
                }
                let Some(elements) = self.elements.get(&key) else { continue };
                for element in elements {
                    if let Some(found) = element.says(name, self.kind, asked, dirs)? {
                        return Ok(found);
                    }
                }
                // With interfaces, the kernel looks at the longest prefix of all entries only.
                if self.kind == SetType::HashNetIface {
                    return Ok(Found::No);
                }
            }
        }
        Ok(Found::No)
    }

    fn longest(&self, which: usize) -> u8 {
        self.lengths.get(which).and_then(|it| it.keys().next_back()).copied().unwrap_or(self.bits())
    }

    /// The entry that the kernel makes of a packet: as long a prefix as the longest in the set.
    fn made(&self, asked: &dyn Asked, dirs: SetDirs) -> Told<(Key, Option<Iface>)> {
        let Some((mut key, name)) = self.key(asked, dirs)? else { return Ok(None) };
        for (number, part) in self.kind.parts().iter().enumerate() {
            let which = usize::from(number > 0);
            if let PartKind::Net(_) = part {
                let length = self.longest(which);
                set(&mut key.lengths, which, length);
                let mask = prefix_mask_of(self.bits(), length);
                if let Some(address) = key.addresses.get_mut(which) {
                    *address &= mask;
                }
            }
        }
        Ok(Some((key, name)))
    }

    /// Says whether there is a new entry.
    fn insert(
        &mut self,
        asked: &dyn Asked,
        dirs: SetDirs,
        exist: bool,
        timeout: Option<u32>,
    ) -> Result<bool, &'static str> {
        if !self.serves(asked, dirs) {
            return Ok(false);
        }
        let Some((key, name)) = self.made(asked, dirs)? else { return Ok(false) };
        if self.refused(&key).is_some() {
            return Ok(false);
        }
        let now = asked.elapsed();
        let timeout = timeout.or(self.timeout).filter(|it| *it > 0 && self.timeout.is_some());
        let mac = if self.kind == SetType::BitmapIpMac { asked.mac(source(dirs, 1))? } else { None };
        let element = Element {
            nomatch: false,
            until: timeout.map(|it| now + u64::from(it)),
            iface: name.map(|it| (it, false, false)),
            mac,
        };
        if let Some(all) = self.elements.get_mut(&key) {
            let mut gone = Ok(());
            all.retain(|it| match it.is_there(now) {
                Ok(there) => there,
                Err(why) => {
                    gone = Err(why);
                    true
                }
            });
            gone?;
            if all.is_empty() {
                self.elements.remove(&key);
                self.shrink(&key);
            }
        }
        if self.count >= self.room && self.forceadd {
            return Err("a full set forgets an entry by chance");
        }
        // A packet cannot make the hash larger: beyond that, it depends on the hash whether there is room.
        if self.kind.is_hash() && self.count >= self.buckets {
            return Err("whether a bucket of the set is full is not known");
        }
        Ok(self.put(key, element, exist).is_ok())
    }

    fn shrink(&mut self, key: &Key) {
        self.count = self.count.saturating_sub(1);
        for (lengths, length) in self.lengths.iter_mut().zip(key.lengths) {
            if let Some(count) = lengths.get_mut(&length) {
                *count -= 1;
                if *count == 0 {
                    lengths.remove(&length);
                }
            }
        }
    }

    /// Says whether there was one.
    fn remove(&mut self, asked: &dyn Asked, dirs: SetDirs) -> Result<bool, &'static str> {
        if !self.serves(asked, dirs) {
            return Ok(false);
        }
        let Some((key, name)) = self.made(asked, dirs)? else { return Ok(false) };
        let Some(all) = self.elements.get_mut(&key) else { return Ok(false) };
        let same = |it: &Element| it.iface == name.map(|it| (it, false, false));
        let Some(at) = all.iter().position(same) else { return Ok(false) };
        all.remove(at);
        if all.is_empty() {
            self.elements.remove(&key);
        }
        self.shrink(&key);
        Ok(true)
    }
}

impl Element {
    /// Whether its time is not over.
    fn is_there(&self, now: u64) -> Result<bool, &'static str> {
        match self.until {
            // The kernel's clock is finer than ours.
            Some(until) if now > 0 && until.abs_diff(now) <= 1 => {
                Err("an entry of the set goes at this moment")
            }
            until => Ok(until.is_none_or(|it| it > now)),
        }
    }

    /// What it says of a packet that has its key; `None` if it is not meant.
    fn says(
        &self,
        name: Option<Iface>,
        kind: SetType,
        asked: &dyn Asked,
        dirs: SetDirs,
    ) -> Result<Option<Found>, &'static str> {
        if let Some((wanted, physdev, wildcard)) = self.iface {
            let name = name.unwrap_or(Iface::ANY);
            let is = match wildcard {
                true => name.as_bytes().starts_with(wanted.as_bytes()),
                false => name == wanted,
            };
            // No rule of iptables can ask for the port of a bridge.
            if physdev || !is {
                return Ok(None);
            }
        }
        if !self.is_there(asked.elapsed())? {
            return Ok(None);
        }
        if kind == SetType::BitmapIpMac {
            let mac = asked.mac(source(dirs, 1))?;
            return Ok(match self.mac {
                None => Some(Found::YesLearns),
                known => (known == mac).then_some(Found::Yes),
            });
        }
        Ok(Some(if self.nomatch { Found::Exception } else { Found::Yes }))
    }
}

fn set<T>(places: &mut [T], which: usize, value: T) {
    if let Some(place) = places.get_mut(which) {
        *place = value;
    }
}

fn number_of(mac: Mac) -> u64 {
    mac.0.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The mask of a prefix of an address of so many bits.
fn prefix_mask_of(bits: u8, length: u8) -> Bits {
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
