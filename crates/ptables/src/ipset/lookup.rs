//! A packet in one set: looked up, put in, taken out.

use super::content::{Content, Element, Key, number_of, prefix_mask_of, set, source};
use super::found::{Asked, Found, Told};
use super::{PartKind, SetType};
use crate::value::addr::Bits;
use crate::value::iface::Iface;
use crate::value::set_dirs::SetDirs;

impl Content {
    /// What the packet says to each part of an entry, as an entry for this packet alone; `None` if it lacks something.
    pub(super) fn key(&self, asked: &dyn Asked, dirs: SetDirs) -> Told<(Key, Option<Iface>)> {
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

    pub(super) fn find(&self, asked: &dyn Asked, dirs: SetDirs) -> Result<Found, &'static str> {
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
                let mut answer = None;
                for element in elements {
                    let found = element.says(name, self.kind, asked, dirs)?;
                    if found.is_some() && answer.is_some() && found != answer {
                        // The kernel takes the first that it comes to.
                        return Err("two entries of the set say the opposite");
                    }
                    answer = answer.or(found);
                }
                if let Some(found) = answer {
                    return Ok(found);
                }
                // With interfaces, the kernel looks at the longest prefix only. (No rule of iptables asks for ports of bridges.)
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
    pub(super) fn insert(
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
        self.forget(&key, now)?;
        if self.count >= self.room {
            self.forget_all(&key, now)?;
        }
        let is_new = self.named(&key, name)?.is_none();
        if is_new && self.count >= self.room && self.forceadd {
            return Err("a full set forgets an entry by chance");
        }
        if is_new && self.count >= self.room && self.has_gaps {
            return Err(
                "whether a full set takes an entry in the place of one that went depends on its hash",
            );
        }
        // A packet cannot make the hash larger: beyond that, it depends on the hash whether there is room.
        if self.kind.is_hash() && self.count >= self.buckets {
            return Err("whether a bucket of the set is full is not known");
        }
        Ok(self.put(key, element, exist).is_ok())
    }

    /// Which of the entries of a key is the one with this interface.
    fn named(&self, key: &Key, name: Option<Iface>) -> Result<Option<usize>, &'static str> {
        let all = self.elements.get(key).map(|it| it.as_slice()).unwrap_or_default();
        let mut found = all.iter().enumerate().filter(|it| it.1.names(name)).map(|it| it.0);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err("which of two entries of the set is meant is not known"),
            (one, None) => Ok(one),
        }
    }

    /// Drops what has gone of a full set, as the kernel then does.
    fn forget_all(&mut self, but: &Key, now: u64) -> Result<(), &'static str> {
        let keys: Vec<Key> = self.elements.keys().filter(|it| *it != but).copied().collect();
        let before = self.count;
        keys.iter().try_for_each(|it| self.forget(it, now))?;
        if before != self.count && self.buckets > REGION {
            return Err("of a large set the kernel drops only a part of what has gone");
        }
        Ok(())
    }

    /// Drops the entries of a key whose time is over.
    fn forget(&mut self, key: &Key, now: u64) -> Result<(), &'static str> {
        let Some(all) = self.elements.get_mut(key) else { return Ok(()) };
        let mut gone = 0;
        for it in all.iter() {
            gone += usize::from(!it.is_there(now)?);
        }
        all.retain(|it| it.is_there(now) == Ok(true));
        (0..gone).for_each(|_| self.shrink(key));
        Ok(())
    }

    /// After an entry has gone.
    fn shrink(&mut self, key: &Key) {
        if self.elements.get(key).is_some_and(|it| it.is_empty()) {
            self.elements.remove(key);
        }
        self.count = self.count.saturating_sub(1);
        self.has_gaps |= self.count > 0;
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
    pub(super) fn remove(&mut self, asked: &dyn Asked, dirs: SetDirs) -> Result<bool, &'static str> {
        if !self.serves(asked, dirs) {
            return Ok(false);
        }
        let Some((key, name)) = self.made(asked, dirs)? else { return Ok(false) };
        self.forget(&key, asked.elapsed())?;
        let Some(at) = self.named(&key, name)? else { return Ok(false) };
        if let Some(all) = self.elements.get_mut(&key) {
            all.remove(at);
        }
        self.shrink(&key);
        Ok(true)
    }
}

/// Buckets that the kernel cleans at once.
const REGION: usize = 1024;

impl Element {
    /// Whether it is for this interface; of two entries, whether the kernel takes them for the same.
    pub(super) fn names(&self, name: Option<Iface>) -> bool {
        match (self.iface, name) {
            (Some((wanted, _, true)), Some(name)) => name.as_bytes().starts_with(wanted.as_bytes()),
            (wanted, name) => wanted.map(|it| it.0) == name,
        }
    }

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
        if !self.names(name) {
            return Ok(None);
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
