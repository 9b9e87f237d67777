//! What several checks need to know: which chain jumps where, and which hooks reach it.

use std::collections::HashMap;

use crate::ext::{Context, Hooks, Places, Protos, TableName};
use crate::model::{Chain, Inverted, Jump, Rule, Ruleset, Table, Typed};

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
    /// For each chain, the places of rules with a match or target that the kernel does not take everywhere.
    pub restricted: Vec<Vec<usize>>,
    /// For each chain, the places of rules with a match or target whose protocol the rule does not name.
    pub wrong_proto: Vec<Vec<usize>>,
    /// For each chain, the places of rules whose target demands a protocol.
    pub demanding: Vec<Vec<usize>>,
}

impl<'a> Facts<'a> {
    /// Looks through a ruleset.
    pub fn new(ruleset: &'a Ruleset) -> Facts<'a> {
        let context = ruleset.context;
        Facts {
            ruleset,
            tables: ruleset.tables.iter().map(|table| TableFacts::new(table, context)).collect(),
        }
    }
}

impl<'a> TableFacts<'a> {
    fn new(table: &'a Table, context: Context) -> TableFacts<'a> {
        let places: HashMap<&[u8], usize> =
            table.chains.iter().enumerate().map(|(place, chain)| (chain.name.as_bytes(), place)).collect();
        // One walk over all rules: a large ruleset does not fit a cache.
        let chains = table.chains.len();
        let mut jumps = Vec::with_capacity(chains);
        let mut restricted = Vec::with_capacity(chains);
        let mut wrong_proto = Vec::with_capacity(chains);
        let mut demanding = Vec::with_capacity(chains);
        for chain in &table.chains {
            let (mut out, mut placed, mut protos, mut demands) =
                (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (at, rule) in chain.rules.iter().enumerate() {
                let Some(typed) = rule.as_typed() else { continue };
                if let Some(to) = typed.jump.chain().and_then(|name| places.get(name.as_bytes())) {
                    out.push((at, *to));
                }
                if is_restricted(typed, context) {
                    placed.push(at);
                }
                if lacks_proto(typed) {
                    protos.push(at);
                }
                if matches!(&typed.jump, Jump::Target(it) if it.protos().is_some()) {
                    demands.push(at);
                }
            }
            jumps.push(out);
            restricted.push(placed);
            wrong_proto.push(protos);
            demanding.push(demands);
        }
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
        TableFacts { table, kernel: table.kernel_table(), jumps, hooks, restricted, wrong_proto, demanding }
    }

    /// The hooks that reach a chain.
    pub fn hooks_of(&self, place: usize) -> Hooks {
        self.hooks.get(place).copied().unwrap_or_default()
    }
}

impl<'a> TableFacts<'a> {
    /// The rules of [`restricted`](Self::restricted), with the place of their chain.
    pub fn restricted_rules(&self) -> impl Iterator<Item = (usize, &'a Chain, &'a Rule)> {
        self.chosen(&self.restricted)
    }

    /// The rules of [`wrong_proto`](Self::wrong_proto), with the place of their chain.
    pub fn wrong_proto_rules(&self) -> impl Iterator<Item = (usize, &'a Chain, &'a Rule)> {
        self.chosen(&self.wrong_proto)
    }

    /// The rules of [`demanding`](Self::demanding), with the place of their chain.
    pub fn demanding_rules(&self) -> impl Iterator<Item = (usize, &'a Chain, &'a Rule)> {
        self.chosen(&self.demanding)
    }

    fn chosen<'s>(
        &'s self,
        places: &'s [Vec<usize>],
    ) -> impl Iterator<Item = (usize, &'a Chain, &'a Rule)> + use<'s, 'a> {
        self.table.chains.iter().zip(places).enumerate().flat_map(|(place, (chain, rules))| {
            rules.iter().filter_map(move |at| Some((place, chain, chain.rules.get(*at)?)))
        })
    }
}

fn is_restricted(typed: &Typed, context: Context) -> bool {
    let target = matches!(&typed.jump, Jump::Target(it) if it.places(context) != Places::ANY);
    target || typed.matches.iter().any(|it| it.places(context) != Places::ANY)
}

fn lacks_proto(typed: &Typed) -> bool {
    let lacks = |protos: Option<Protos>| {
        protos.is_some_and(|it| !it.0.contains(&typed.proto) || typed.inverted.has(Inverted::PROTO))
    };
    let target = matches!(&typed.jump, Jump::Target(it) if lacks(it.protos()));
    target || typed.matches.iter().any(|it| lacks(it.protos()))
}
