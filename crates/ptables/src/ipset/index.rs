//! What is in all sets, and what is asked of it.

use std::collections::HashMap;

use super::content::{Content, source, wrong};
use super::found::{Asked, Found};
use super::{SetType, Sets};
use crate::diag::Diagnostic;
use crate::source::Text;
use crate::value::set_dirs::SetDirs;

/// The contents of sets, for looking up packets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    sets: HashMap<Text, Content>,
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
        if let Some(why) = set.lost {
            return Err(why);
        }
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

    /// From now on nobody can tell what is in a set, nor, of a list, what is in its members.
    pub fn lose(&mut self, name: &[u8], why: &'static str) {
        let members = self.sets.get(name).map(|it| it.members.clone()).unwrap_or_default();
        for name in members.iter().map(Text::as_bytes).chain([name]) {
            if let Some(set) = self.sets.get_mut(name) {
                set.lost = Some(why);
            }
        }
    }

    /// From now on nobody can tell what is in the sets that hold something else in the other.
    pub fn lose_where_not(&mut self, other: &Contents, why: &'static str) {
        for (name, set) in &mut self.sets {
            if other.sets.get(name) != Some(set) {
                set.lost = Some(why);
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
