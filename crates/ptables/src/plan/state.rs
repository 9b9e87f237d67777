//! What chains hold, rule by rule, and whose each rule is.

use super::owner::Owner;
use crate::dialect::Family;
use crate::ext::{Context, TableName};
use crate::model::{Counters, Policy, Ruleset};
use crate::origin::Origin;
use crate::source::Text;
use crate::text::lex;

/// Chains of one family: what is live, what is wanted, or what was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct State {
    /// Whose rules.
    pub family: Family,
    /// Tables, in the order of the kernel's tools or of the program.
    pub tables: Vec<TableState>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableState {
    /// Its name.
    pub name: Text,
    /// Its chains.
    pub chains: Vec<ChainState>,
}

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainState {
    /// Its name.
    pub name: Text,
    /// Whether the kernel has it by itself.
    pub builtin: bool,
    /// Whether we made it. Always `false` for a built-in chain.
    pub ours: bool,
    /// The policy of a built-in chain. In a wanted state `None` leaves it alone.
    pub policy: Option<Policy>,
    /// The policy that was there before we set one; `None` if the policy is not ours.
    pub was: Option<Policy>,
    /// Its rules.
    pub items: Vec<Item>,
}

/// One rule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Item {
    /// What iptables-save prints behind `-A CHAIN`, with the blank before it: rules are compared by it.
    pub text: Text,
    /// Whether it is ours.
    pub ours: bool,
    /// What it has counted, if that was read.
    pub counters: Option<Counters>,
    /// Who wrote it.
    pub origin: Origin,
}

/// By what it says and whose it is: not by counters, nor by origin.
impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        self.text == other.text && self.ours == other.ours
    }
}

impl Eq for Item {}

impl State {
    /// Nothing.
    pub fn new(family: Family) -> State {
        State { family, tables: Vec::new() }
    }

    /// A ruleset whose rules are all ours: what a program wants. A policy `ACCEPT` that the statement made which made the table, as
    /// `default_tables()` does, was not asked for: that of the kernel stays (it may be Docker's `DROP`).
    pub fn wanted(ruleset: &Ruleset) -> State {
        State::of(ruleset, true)
    }

    /// A ruleset whose rules are nobody's yet: what is live, until [`claim`](State::claim) says which of it is ours.
    pub fn live(ruleset: &Ruleset) -> State {
        State::of(ruleset, false)
    }

    fn of(ruleset: &Ruleset, ours: bool) -> State {
        let Context { family, .. } = ruleset.context;
        // One buffer for all rules: a text is a slice of it.
        let (mut buffer, mut ends) = (Vec::new(), Vec::new());
        for (_, _, rule) in ruleset.rules() {
            rule.print(&mut buffer, ruleset.context);
            ends.push(buffer.len());
        }
        let buffer = Text::new(buffer);
        let (mut start, mut ends) = (0, ends.into_iter());
        let tables = ruleset.tables.iter().map(|table| {
            let chains = table.chains.iter().map(|chain| {
                let items = chain.rules.iter().map(|rule| {
                    let end = ends.next().unwrap_or(start);
                    let text = buffer.slice(start, end);
                    start = end;
                    Item {
                        text,
                        ours,
                        counters: rule.counters.as_deref().copied().filter(|_| !ours),
                        origin: rule.origin.clone(),
                    }
                });
                ChainState {
                    name: chain.name.clone(),
                    builtin: chain.hook.is_some(),
                    ours: ours && chain.hook.is_none(),
                    policy: chain
                        .policy
                        .filter(|it| !(ours && is_default(*it, &table.origin, &chain.origin))),
                    was: None,
                    items: items.collect(),
                }
            });
            TableState { name: table.name.clone(), chains: chains.collect() }
        });
        State { family, tables: tables.collect() }
    }

    /// The table of this name.
    pub fn table(&self, name: &[u8]) -> Option<&TableState> {
        self.tables.iter().find(|it| it.name.as_bytes() == name)
    }

    /// Only what is ours, as it would be wanted: to go back to it. Foreign rules stay in it, so that ours keep their place beside
    /// them; they are never made.
    pub fn as_wanted(&self) -> State {
        let mut wanted = self.clone();
        for chain in wanted.chains_mut() {
            chain.policy = chain.policy.filter(|_| chain.was.is_some());
        }
        for table in &mut wanted.tables {
            table.chains.retain(|it| it.builtin || it.ours || it.items.iter().any(|it| it.ours));
        }
        wanted
    }

    /// Puts the marker of an owner into the tables with rules or chains of ours.
    pub fn mark(&mut self, owner: &Owner) {
        self.mark_as(&owner.marker());
    }

    pub(super) fn mark_as(&mut self, marker: &Text) {
        for table in &mut self.tables {
            let has_ours = table.chains.iter().any(|it| !it.builtin || it.items.iter().any(|it| it.ours));
            if has_ours && table.chain(marker).is_none() {
                let mut chain = ChainState::new(marker.clone(), false);
                chain.ours = true;
                table.chains.push(chain);
            }
        }
    }

    /// How many rules are ours, and how many are not.
    pub fn count(&self) -> (usize, usize) {
        let items = self.tables.iter().flat_map(|it| &it.chains).flat_map(|it| &it.items);
        items.fold(
            (0, 0),
            |(ours, foreign), it| if it.ours { (ours + 1, foreign) } else { (ours, foreign + 1) },
        )
    }

    pub(super) fn chains_mut(&mut self) -> impl Iterator<Item = &mut ChainState> {
        self.tables.iter_mut().flat_map(|it| &mut it.chains)
    }
}

/// Whether a policy came with the table.
fn is_default(policy: Policy, table: &Origin, chain: &Origin) -> bool {
    policy == Policy::Accept && table.place().is_some_and(|it| chain.place() == Some(it))
}

impl TableState {
    pub(super) fn new(name: Text) -> TableState {
        TableState { name, chains: Vec::new() }
    }

    /// The chain of this name.
    pub fn chain(&self, name: &[u8]) -> Option<&ChainState> {
        self.chains.iter().find(|it| it.name.as_bytes() == name)
    }

    /// Whether the kernel has a chain of this name by itself here.
    pub(super) fn has_hook(&self, name: &[u8]) -> bool {
        let hooks = TableName::find(&self.name).map_or(&[][..], TableName::hooks);
        hooks.iter().any(|it| it.as_str().as_bytes() == name)
    }
}

impl ChainState {
    pub(super) fn new(name: Text, builtin: bool) -> ChainState {
        ChainState { name, builtin, ours: false, policy: None, was: None, items: Vec::new() }
    }

    /// Whether anything in it is ours.
    pub fn has_ours(&self) -> bool {
        self.ours || self.was.is_some() || self.items.iter().any(|it| it.ours)
    }

    /// How many of its rules are not ours.
    pub fn foreign(&self) -> usize {
        self.items.iter().filter(|it| !it.ours).count()
    }
}

impl Item {
    /// A rule by its text.
    pub fn new(text: impl Into<Text>, ours: bool) -> Item {
        Item { text: text.into(), ours, counters: None, origin: Origin::Unknown }
    }

    /// Its comment, by which a program may know its rules; the first, if it has more.
    pub fn tag(&self) -> Option<String> {
        let mut words = Vec::new();
        lex::words(&self.text, &mut words);
        let mut words = words.iter().skip_while(|it| &*it.bytes != b"--comment");
        words.nth(1).map(|it| String::from_utf8_lossy(&it.bytes).into_owned())
    }
}
