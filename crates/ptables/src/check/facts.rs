//! What several checks need to know: which chain jumps where, and which hooks reach it.

use std::collections::HashMap;

use crate::ext::{Hooks, TableName};
use crate::model::{Ruleset, Table};

/// Facts about a ruleset.
#[derive(Debug)]
#[non_exhaustive]
pub struct Facts<'a> {
    /// The ruleset.
    pub ruleset: &'a Ruleset,
    /// One a table, in its order.
    pub tables: Vec<TableFacts<'a>>,
}

/// Facts about one table. Chains are known by their place in [`Table::chains`].
#[derive(Debug)]
#[non_exhaustive]
pub struct TableFacts<'a> {
    /// The table.
    pub table: &'a Table,
    /// Which table of the kernel it is.
    pub kernel: Option<TableName>,
    /// For each chain, the jumps out of it: place of the rule, place of the other chain.
    pub jumps: Vec<Vec<(usize, usize)>>,
    /// For each chain, the hooks from which packets come to it.
    pub hooks: Vec<Hooks>,
}

impl<'a> Facts<'a> {
    /// Looks through a ruleset.
    pub fn new(ruleset: &'a Ruleset) -> Facts<'a> {
        Facts { ruleset, tables: ruleset.tables.iter().map(TableFacts::new).collect() }
    }
}

impl<'a> TableFacts<'a> {
    fn new(table: &'a Table) -> TableFacts<'a> {
        let places: HashMap<&[u8], usize> =
            table.chains.iter().enumerate().map(|(place, chain)| (chain.name.as_bytes(), place)).collect();
        let jumps: Vec<Vec<(usize, usize)>> = table
            .chains
            .iter()
            .map(|chain| {
                let chains = chain.rules.iter().enumerate().filter_map(|(at, rule)| {
                    let name = rule.as_typed()?.jump.chain()?;
                    Some((at, *places.get(name.as_bytes())?))
                });
                chains.collect()
            })
            .collect();
        let mut hooks = vec![Hooks::NONE; table.chains.len()];
        let mut todo: Vec<(usize, Hooks)> = table
            .chains
            .iter()
            .enumerate()
            .filter_map(|(place, chain)| Some((place, Hooks::of(&[chain.hook?]))))
            .collect();
        while let Some((place, from)) = todo.pop() {
            let Some(known) = hooks.get_mut(place) else { continue };
            if from.without(*known).is_empty() {
                continue;
            }
            *known = known.or(from);
            let onward = *known;
            todo.extend(jumps.get(place).into_iter().flatten().map(|(_, next)| (*next, onward)));
        }
        TableFacts { table, kernel: table.kernel_table(), jumps, hooks }
    }

    /// The hooks that reach a chain.
    pub fn hooks_of(&self, place: usize) -> Hooks {
        self.hooks.get(place).copied().unwrap_or_default()
    }
}
