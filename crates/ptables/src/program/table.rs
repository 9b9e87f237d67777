//! Tables, and all of them together.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};

use super::chain::Chain;
use super::set::IpSet;
use crate::dialect::Family;
use crate::ext::Families;
use crate::origin::Origin;
use crate::source::Text;

/// All tables of a program: indexable by table name, in the order written.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Tables {
    /// Who made it.
    pub origin: Origin,
    /// The families that it is for; `None` if it does not say: scripts are then IPv4, and text is looked at.
    pub families: Option<Families>,
    /// Sets of addresses that its rules name.
    sets: Vec<IpSet>,
    tables: Vec<Table>,
}

/// One table: indexable by chain name, in the order written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub name: Text,
    /// Who made it.
    pub origin: Origin,
    /// The families that have it, in a program for both; `None`: all.
    pub families: Option<Families>,
    chains: Vec<Chain>,
    places: HashMap<Text, usize>,
    /// Chains that text renamed: old name, new name.
    pub(crate) renamed: Vec<(Text, Text)>,
    /// Chains that text deletes although it does not make them.
    pub(crate) deleted: Vec<Text>,
    /// Chains that text makes and deletes again: rules before that may name them.
    pub(crate) gone: Vec<Text>,
    /// Its `COMMIT`, if no line feed follows it: iptables-legacy-restore then does not see it.
    pub(crate) unfinished: Option<Origin>,
}

impl Tables {
    /// No tables.
    #[track_caller]
    pub fn new() -> Tables {
        Tables::with_origin(Origin::caller())
    }

    pub(crate) fn with_origin(origin: Origin) -> Tables {
        Tables { origin, ..Tables::default() }
    }

    /// For these families: `default_tables().family(Families::Both)`.
    #[must_use]
    pub fn family(mut self, families: Families) -> Tables {
        self.families = Some(families);
        self
    }

    /// No tables and sets, for one family.
    pub(crate) fn empty_for(&self, family: Family) -> Tables {
        let families = Some(Families::one(family));
        Tables { origin: self.origin.clone(), families, ..Tables::default() }
    }

    /// Declares a set; one of the same name is replaced.
    pub fn add_set(&mut self, set: IpSet) {
        match self.sets.iter_mut().find(|it| it.name == set.name) {
            Some(old) => *old = set,
            None => self.sets.push(set),
        }
    }

    /// The set of this name.
    pub fn set(&self, name: &str) -> Option<&IpSet> {
        self.sets.iter().find(|it| it.name.as_bytes() == name.as_bytes())
    }

    /// The sets, in the order declared.
    pub fn sets(&self) -> &[IpSet] {
        &self.sets
    }

    /// Adds a table at the end. Text may hold a table twice; then the later one counts.
    pub fn push(&mut self, table: Table) -> &mut Table {
        self.tables.push(table);
        let last = self.tables.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "just pushed")]
        &mut self.tables[last]
    }

    /// The table of this name.
    pub fn get(&self, name: &str) -> Option<&Table> {
        self.tables.iter().rfind(|table| table.name.as_bytes() == name.as_bytes())
    }

    /// The table of this name, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().rfind(|table| table.name.as_bytes() == name.as_bytes())
    }

    /// Takes out the table of this name.
    pub fn remove(&mut self, name: &str) -> Option<Table> {
        let index = self.tables.iter().rposition(|table| table.name.as_bytes() == name.as_bytes())?;
        Some(self.tables.remove(index))
    }

    /// The tables, in the order written.
    pub fn iter(&self) -> std::slice::Iter<'_, Table> {
        self.tables.iter()
    }

    /// The tables, to change them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Table> {
        self.tables.iter_mut()
    }

    /// How many tables.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

impl Table {
    /// A table with these chains.
    #[track_caller]
    pub fn new(name: impl Into<Text>, chains: impl IntoIterator<Item = Chain>) -> Table {
        let mut table = Table::with_origin(name.into(), Origin::caller());
        for chain in chains {
            table.push(chain);
        }
        table
    }

    pub(crate) fn with_origin(name: Text, origin: Origin) -> Table {
        Table {
            name,
            origin,
            families: None,
            chains: Vec::new(),
            places: HashMap::new(),
            renamed: Vec::new(),
            deleted: Vec::new(),
            gone: Vec::new(),
            unfinished: None,
        }
    }

    /// Adds a chain at the end; one of the same name is replaced where it stands.
    pub fn push(&mut self, chain: Chain) -> &mut Chain {
        let place = *self.places.entry(chain.name.clone()).or_insert(self.chains.len());
        match self.chains.get_mut(place) {
            Some(old) => *old = chain,
            None => self.chains.push(chain),
        }
        #[expect(clippy::indexing_slicing, reason = "replaced or pushed above")]
        &mut self.chains[place]
    }

    /// The chain of this name.
    pub fn get(&self, name: &str) -> Option<&Chain> {
        self.chains.get(self.place(name.as_bytes())?)
    }

    /// The chain of this name, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Chain> {
        let place = self.place(name.as_bytes())?;
        self.chains.get_mut(place)
    }

    /// Takes out the chain of this name.
    pub fn remove(&mut self, name: &str) -> Option<Chain> {
        let place = self.place(name.as_bytes())?;
        Some(self.remove_at(place))
    }

    /// The chains, in the order written.
    pub fn iter(&self) -> std::slice::Iter<'_, Chain> {
        self.chains.iter()
    }

    /// The chains, to change them; their names must stay.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Chain> {
        self.chains.iter_mut()
    }

    /// How many chains.
    pub fn len(&self) -> usize {
        self.chains.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }

    /// The table without its chains.
    pub(crate) fn without_chains(&self) -> Table {
        Table {
            chains: Vec::new(),
            places: HashMap::new(),
            name: self.name.clone(),
            origin: self.origin.clone(),
            families: self.families,
            renamed: self.renamed.clone(),
            deleted: self.deleted.clone(),
            gone: self.gone.clone(),
            unfinished: self.unfinished.clone(),
        }
    }

    pub(crate) fn place(&self, name: &[u8]) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub(crate) fn chain_at(&mut self, place: usize) -> Option<&mut Chain> {
        self.chains.get_mut(place)
    }

    pub(crate) fn remove_at(&mut self, place: usize) -> Chain {
        let chain = self.chains.remove(place);
        self.places = self.chains.iter().enumerate().map(|(at, chain)| (chain.name.clone(), at)).collect();
        chain
    }

    pub(crate) fn rename(&mut self, place: usize, name: Text) {
        if let Some(chain) = self.chains.get_mut(place) {
            self.places.remove(&chain.name);
            self.renamed.push((chain.name.clone(), name.clone()));
            chain.name = name.clone();
            self.places.insert(name, place);
        }
    }
}

/// # Panics
/// If there is no such table, as every map does; [`Tables::get`] does not.
impl Index<&str> for Tables {
    type Output = Table;
    #[expect(clippy::panic, reason = "the contract of Index")]
    fn index(&self, name: &str) -> &Table {
        self.get(name).unwrap_or_else(|| panic!("no table `{name}`"))
    }
}

impl IndexMut<&str> for Tables {
    #[expect(clippy::panic, reason = "the contract of IndexMut")]
    fn index_mut(&mut self, name: &str) -> &mut Table {
        self.get_mut(name).unwrap_or_else(|| panic!("no table `{name}`"))
    }
}

/// # Panics
/// If there is no such chain, as every map does; [`Table::get`] does not.
impl Index<&str> for Table {
    type Output = Chain;
    #[expect(clippy::panic, reason = "the contract of Index")]
    fn index(&self, name: &str) -> &Chain {
        self.get(name).unwrap_or_else(|| panic!("no chain `{name}`"))
    }
}

impl IndexMut<&str> for Table {
    #[expect(clippy::panic, reason = "the contract of IndexMut")]
    fn index_mut(&mut self, name: &str) -> &mut Chain {
        self.get_mut(name).unwrap_or_else(|| panic!("no chain `{name}`"))
    }
}

impl<'a> IntoIterator for &'a Tables {
    type Item = &'a Table;
    type IntoIter = std::slice::Iter<'a, Table>;
    fn into_iter(self) -> Self::IntoIter {
        self.tables.iter()
    }
}

impl<'a> IntoIterator for &'a Table {
    type Item = &'a Chain;
    type IntoIter = std::slice::Iter<'a, Chain>;
    fn into_iter(self) -> Self::IntoIter {
        self.chains.iter()
    }
}
