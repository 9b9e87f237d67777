//! Chains, tables, rulesets, and the configuration of a machine.

use std::sync::Arc;

use super::rule::{Counters, Rule};
use super::{Hook, TableName};
use crate::dialect::{Dialect, Family};
use crate::ext::Context;
use crate::ipset::Sets;
use crate::origin::Origin;
use crate::source::Text;

/// What a program means on one machine: both families, for one dialect.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// For which tools.
    pub dialect: Dialect,
    /// IPv4, if the program has anything for it.
    pub v4: Option<Ruleset>,
    /// IPv6, if the program has anything for it.
    pub v6: Option<Ruleset>,
}

/// All tables of one family.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ruleset {
    /// Family and dialect.
    pub context: Context,
    /// Tables, in the order written.
    pub tables: Vec<Table>,
    /// Sets whose contents are told. Of others, nothing is known.
    pub sets: Arc<Sets>,
}

/// One table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Table {
    /// Its name, as written.
    pub name: Text,
    /// Who wrote it.
    pub origin: Origin,
    /// Built-in chains in the order of hooks, then the user's in the order of bytes: as iptables-save lists them.
    pub chains: Vec<Chain>,
}

/// One chain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Chain {
    /// Its name.
    pub name: Text,
    /// Who wrote it.
    pub origin: Origin,
    /// The hook of a built-in chain.
    pub hook: Option<Hook>,
    /// What happens to packets that no rule decides, in a built-in chain; `None` leaves it as it is.
    pub policy: Option<Policy>,
    /// Counters of the policy.
    pub counters: Counters,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// The default verdict of a built-in chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// `ACCEPT`.
    Accept,
    /// `DROP`.
    Drop,
}

impl Policy {
    /// `ACCEPT` or `DROP`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Policy::Accept => "ACCEPT",
            Policy::Drop => "DROP",
        }
    }

    /// The policy of this name.
    pub fn find(name: &[u8]) -> Option<Policy> {
        match name {
            b"ACCEPT" => Some(Policy::Accept),
            b"DROP" => Some(Policy::Drop),
            _ => None,
        }
    }
}

impl Config {
    /// A configuration with nothing in it.
    pub fn new(dialect: Dialect) -> Config {
        Config { dialect, v4: None, v6: None }
    }

    /// The ruleset of a family.
    pub fn ruleset(&self, family: Family) -> Option<&Ruleset> {
        match family {
            Family::V4 => self.v4.as_ref(),
            Family::V6 => self.v6.as_ref(),
        }
    }

    /// Puts a ruleset in its place.
    pub fn insert(&mut self, ruleset: Ruleset) {
        match ruleset.context.family {
            Family::V4 => self.v4 = Some(ruleset),
            Family::V6 => self.v6 = Some(ruleset),
        }
    }

    /// The rulesets that there are, IPv4 first.
    pub fn rulesets(&self) -> impl Iterator<Item = &Ruleset> {
        self.v4.iter().chain(&self.v6)
    }
}

impl Ruleset {
    /// A ruleset without tables.
    pub fn new(context: Context) -> Ruleset {
        Ruleset { context, tables: Vec::new(), sets: Arc::default() }
    }

    /// The table of this name.
    pub fn table(&self, name: &[u8]) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.as_bytes() == name)
    }

    /// Every rule, with its table and chain.
    pub fn rules(&self) -> impl Iterator<Item = (&Table, &Chain, &Rule)> {
        self.tables.iter().flat_map(|table| {
            table
                .chains
                .iter()
                .flat_map(move |chain| chain.rules.iter().map(move |rule| (table, chain, rule)))
        })
    }
}

impl Table {
    /// A table without chains.
    pub fn new(name: Text, origin: Origin) -> Table {
        Table { name, origin, chains: Vec::new() }
    }

    /// Which table of the kernel it is.
    pub fn kernel_table(&self) -> Option<TableName> {
        TableName::find(&self.name)
    }

    /// The chain of this name.
    pub fn chain(&self, name: &[u8]) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.name.as_bytes() == name)
    }
}

impl Chain {
    /// A chain of the user.
    pub fn user(name: Text, origin: Origin) -> Chain {
        Chain { name, origin, hook: None, policy: None, counters: Counters::default(), rules: Vec::new() }
    }

    /// A built-in chain whose policy is left alone.
    pub fn builtin(name: Text, hook: Hook, origin: Origin) -> Chain {
        Chain { hook: Some(hook), ..Chain::user(name, origin) }
    }
}
