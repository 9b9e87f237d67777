//! A ruleset, compiled for simulation.

use std::collections::HashMap;

use smallvec::{SmallVec, smallvec};

use super::buckets;
use super::index::{Conditions, Index, Names};
use super::memory::Slot;
use super::test::Test;
use crate::ext::{Context, Hook};
use crate::meaning::{Effect, Field, Header, Need, Pred};
use crate::model::{self, Body, Jump, Policy, Ruleset};
use crate::source::Text;

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Its place in [`Ruleset::tables`].
    pub(super) place: usize,
    /// In the order of [`model::Table::chains`].
    pub(super) chains: Vec<Chain>,
    /// For each hook, the place of its chain.
    pub(super) hooks: [Option<usize>; 5],
    /// What rules do besides leading elsewhere. Most rules do one of few things: that keeps a rule small.
    pub(super) effects: Vec<Effect>,
}

/// A chain.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) rules: Vec<Rule>,
    pub(super) policy: Option<Policy>,
    pub(super) builtin: bool,
    pub(super) index: Option<Index>,
}

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// All must hold, asked in this order.
    pub(super) tests: SmallVec<[Test; 2]>,
    pub(super) action: Action,
}

/// What a rule does.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Next,
    Jump(u32),
    Goto(u32),
    Missing,
    /// To a chain that leads back here; the kernel takes no such rules.
    Circle,
    /// The place of an effect in its table.
    Do(u32),
}

/// How many effects of a table are compared to find one again.
const COMPARED: usize = 8;

/// The conditions of all rules: of tables, chains and rules.
type All = Vec<Vec<Vec<Vec<Pred>>>>;

/// Compiles the tables; gives also the places of memory that they need, and the interfaces that rules tell apart.
pub(super) fn tables(ruleset: &Ruleset) -> ([Option<Table>; 5], Vec<Slot>, Names) {
    let context = ruleset.context;
    let rules = |chain: &model::Chain| chain.rules.iter().map(|rule| conditions(rule, context)).collect();
    let all: All = ruleset.tables.iter().map(|it| it.chains.iter().map(rules).collect()).collect();
    let names = Names::new(all.iter().flatten().flatten().flat_map(|it| plain(it)));
    let mut slots = Vec::new();
    let mut tables = [const { None }; 5];
    for (place, (it, preds)) in ruleset.tables.iter().zip(all).enumerate() {
        // The first of a name counts, as it does for who looks a table up.
        if let Some(name) = it.kernel_table()
            && let Some(free @ None) = tables.get_mut(name as usize)
        {
            let names_of_chains = (0..).zip(&it.chains).map(|(at, it)| (it.name.as_bytes(), at)).collect();
            let slots = &mut slots;
            let mut rules = Rules { context, names: names_of_chains, effects: Vec::new(), slots };
            let chains = it.chains.iter().zip(preds).map(|(chain, preds)| rules.chain(chain, preds, &names));
            let chains = chains.collect();
            *free = Some(table(place, it, chains, rules.effects));
        }
    }
    let chains = tables.iter_mut().flatten().flat_map(|table| &mut table.chains);
    let rules = chains.flat_map(|chain| &mut chain.rules);
    buckets::settle(rules.flat_map(|rule| rule.tests.iter_mut()));
    share_masks(&mut tables, ruleset);
    (tables, slots, names)
}

/// A list of `recent` has one mask, that of the rule which makes it: the first that the kernel comes to. Restoring takes tables
/// as they are written, and of a table the built-in chains, then the others by their names. In what order iptables-nft adds
/// rules is not known, so there lists with several masks are undecided.
fn share_masks(tables: &mut [Option<Table>], ruleset: &Ruleset) {
    let mut tables: Vec<&mut Table> = tables.iter_mut().flatten().collect();
    tables.sort_by_key(|it| it.place);
    let mut masks: HashMap<Vec<u8>, u128> = HashMap::new();
    let mut mixed: Vec<Text> = Vec::new();
    let mut needs: Vec<&mut Need> = Vec::new();
    for table in tables {
        let name = |at: usize| ruleset.tables.get(table.place).and_then(|it| Some(&it.chains.get(at)?.name));
        let rank = |at: usize| table.hooks.iter().position(|it| *it == Some(at)).unwrap_or(usize::MAX);
        let mut chains: Vec<(usize, &mut Chain)> = table.chains.iter_mut().enumerate().collect();
        chains.sort_by_cached_key(|(at, _)| (rank(*at), name(*at).map(|it| it.as_bytes().to_vec())));
        let tests = chains.into_iter().flat_map(|it| &mut it.1.rules).flat_map(|it| it.tests.iter_mut());
        needs.extend(tests.filter_map(Test::need));
    }
    for need in &mut needs {
        let Need::Recent(test) = &mut **need else { continue };
        let mask = *masks.entry(test.name.to_vec()).or_insert(test.mask);
        if mask != test.mask {
            mixed.push(test.name.clone());
            test.mask = mask;
        }
    }
    if ruleset.context.dialect.is_nft() {
        for need in needs {
            if let Need::Recent(test) = &*need
                && mixed.contains(&test.name)
            {
                *need = Need::List(test.name.clone());
            }
        }
    }
}

fn table(place: usize, it: &model::Table, mut chains: Vec<Chain>, effects: Vec<Effect>) -> Table {
    let mut seen = vec![Seen::Never; chains.len()];
    for at in 0..chains.len() {
        cut_circles(&mut chains, at, &mut seen);
    }
    let hook = |hook: Hook| it.chains.iter().position(|chain| chain.hook == Some(hook));
    Table { place, chains, hooks: Hook::ALL.map(hook), effects }
}

impl Table {
    /// What a rule does besides leading elsewhere; `None` if it leads elsewhere.
    pub(super) fn effect(&self, action: &Action) -> Option<&Effect> {
        match action {
            Action::Next => Some(&Effect::Continue("the next rule")),
            Action::Do(place) => self.effects.get(*place as usize),
            _ => None,
        }
    }
}

/// Whether a search for circles has come to a chain.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Never,
    /// It is on the way that is gone now, and this is the next of its rules.
    Now(usize),
    Before,
}

/// Marks the rules that lead back to a chain from which they are reached.
fn cut_circles(chains: &mut [Chain], start: usize, seen: &mut [Seen]) {
    let mut way = vec![start];
    while let Some(at) = way.last().copied() {
        let (Some(chain), Some(state)) = (chains.get_mut(at), seen.get_mut(at)) else { return };
        let number = match *state {
            Seen::Never => 0,
            Seen::Now(number) => number,
            Seen::Before => {
                way.pop();
                continue;
            }
        };
        let Some(rule) = chain.rules.get_mut(number) else {
            *state = Seen::Before;
            way.pop();
            continue;
        };
        *state = Seen::Now(number + 1);
        let (Action::Jump(to) | Action::Goto(to)) = rule.action else { continue };
        let to = to as usize;
        match seen.get(to) {
            Some(Seen::Never) => way.push(to),
            Some(Seen::Now(_)) => rule.action = Action::Circle,
            _ => {}
        }
    }
}

/// The conditions of a rule, in the order in which they are asked. None for a rule that is not understood.
fn conditions(rule: &model::Rule, context: Context) -> Vec<Pred> {
    match rule.as_typed().map(|typed| typed.meaning(context)) {
        None | Some(Pred::True) => Vec::new(),
        Some(Pred::All(all)) => flat(all),
        Some(pred) => vec![pred],
    }
}

/// Conjunctions within a conjunction are part of it; the order stays.
fn flat(all: Vec<Pred>) -> Vec<Pred> {
    all.into_iter()
        .flat_map(|pred| match pred {
            Pred::All(inner) => flat(inner),
            pred => vec![pred],
        })
        .collect()
}

/// The conditions before the first one that remembers or changes something or drops packets by itself: a rule of which one of
/// these fails may be passed over. A look at ports is among them: it drops packets whose header is not whole, and those are
/// not passed over.
fn plain(preds: &[Pred]) -> &[Pred] {
    let ends = |pred: &Pred| match pred {
        Pred::Header(it) => !matches!(it, Header::Transport(_) | Header::Tcp),
        Pred::Range(field, ..) | Pred::Bits(field, ..) | Pred::AnyBit(field, _) => *field == Field::TcpMss,
        Pred::TcpOption(_) | Pred::DccpOption(_) | Pred::SetLabel(_) | Pred::Needs(_) => true,
        Pred::Cluster { .. } | Pred::Chunks(_) => true,
        Pred::Not(_) | Pred::All(_) | Pred::Any(_) => !is_pure(pred),
        _ => false,
    };
    let mut end = preds.iter().position(ends).unwrap_or(preds.len());
    if let Some(header) = preds.iter().position(|it| matches!(it, Pred::Header(_))) {
        // What stands behind that look must not keep a rule from being asked, but for the ports themselves.
        let others = preds.iter().skip(header + 1).position(|it| !is_of_ports(it));
        end = end.min(others.map_or(end, |it| header + 1 + it));
    }
    preds.get(..end).unwrap_or_default()
}

/// Whether a condition is about ports only.
fn is_of_ports(pred: &Pred) -> bool {
    match pred {
        Pred::Not(inner) => is_of_ports(inner),
        Pred::All(all) | Pred::Any(all) => all.iter().all(is_of_ports),
        Pred::Range(field, ..) | Pred::Bits(field, ..) => {
            matches!(field, Field::SourcePort | Field::DestinationPort)
        }
        _ => false,
    }
}

/// Whether all that a condition holds may be asked or not without a difference.
fn is_pure(pred: &Pred) -> bool {
    match pred {
        Pred::Not(inner) => is_pure(inner),
        Pred::All(all) | Pred::Any(all) => all.iter().all(is_pure),
        Pred::Range(field, ..) | Pred::Bits(field, ..) | Pred::AnyBit(field, _) => *field != Field::TcpMss,
        Pred::InIface(_) | Pred::OutIface(_) | Pred::True | Pred::False => true,
        _ => false,
    }
}

/// Compiles the rules of a table.
struct Rules<'a> {
    context: Context,
    /// Where its chains are.
    names: HashMap<&'a [u8], u32>,
    effects: Vec<Effect>,
    /// Places of the memory that are taken so far.
    slots: &'a mut Vec<Slot>,
}

impl Rules<'_> {
    fn chain(&mut self, chain: &model::Chain, preds: Vec<Vec<Pred>>, names: &Names) -> Chain {
        let conditions: Vec<Conditions<'_>> =
            preds.iter().map(|it| Conditions { plain: plain(it), count: it.len() }).collect();
        let index = Index::new(self.context.family, names, &conditions);
        let rules = chain.rules.iter().zip(preds).map(|(rule, preds)| self.rule(rule, preds)).collect();
        Chain { rules, policy: chain.policy, builtin: chain.hook.is_some(), index }
    }

    fn rule(&mut self, rule: &model::Rule, preds: Vec<Pred>) -> Rule {
        let Body::Typed(typed) = &rule.body else {
            let effect = Effect::Needs(Need::Other("what a rule does that is not understood"));
            return Rule { tests: smallvec![Test::Opaque], action: self.effect(effect) };
        };
        let find = |name: &[u8], make: fn(u32) -> Action| {
            self.names.get(name).map_or(Action::Missing, |at| make(*at))
        };
        let action = match &typed.jump {
            Jump::None => Action::Next,
            Jump::Chain(name) => find(name, Action::Jump),
            Jump::Goto(name) => find(name, Action::Goto),
            Jump::Target(target) => self.effect(target.effect(self.context)),
        };
        Rule { tests: preds.into_iter().map(|pred| Test::new(pred, self.slots)).collect(), action }
    }

    fn effect(&mut self, effect: Effect) -> Action {
        let known = self.effects.iter().take(COMPARED).position(|it| *it == effect);
        let place = known.unwrap_or(self.effects.len());
        if known.is_none() {
            self.effects.push(effect);
        }
        Action::Do(place as u32)
    }
}

/// Extensions that track connections though nothing that they look at or change is a field of one.
const TRACKING: [&str; 3] = ["connlimit", "CONNSECMARK", "SYNPROXY"];

/// Whether a rule makes the kernel put fragments together before the first hook: for connections, and for sockets.
pub(crate) fn tracks(ruleset: &Ruleset) -> bool {
    ruleset.rules().filter_map(|(.., rule)| rule.as_typed()).any(|typed| {
        let acts = match &typed.jump {
            Jump::Target(target) => match target.effect(ruleset.context) {
                Effect::Nat(_) | Effect::Netmap { .. } | Effect::Intercept { .. } => true,
                Effect::Track { untracked, .. } => !untracked,
                Effect::Write { field, .. } => field == Field::ConnMark,
                Effect::Copy { from, to, .. } => from == Field::ConnMark || to == Field::ConnMark,
                _ => TRACKING.contains(&target.spec().name),
            },
            _ => false,
        };
        let asks = typed.matches.iter().any(|it| TRACKING.contains(&it.spec().name));
        acts || asks || looks_at_connection(&typed.meaning(ruleset.context))
    })
}

/// Whether a rule looks at the hop limit of a packet, or at bytes or sums among which it is.
pub(super) fn counts_hops(ruleset: &Ruleset) -> bool {
    ruleset.rules().filter_map(|(.., rule)| rule.as_typed()).any(|typed| {
        let acts = match &typed.jump {
            Jump::Target(target) => !matches!(
                target.effect(ruleset.context),
                Effect::Accept
                    | Effect::Drop
                    | Effect::Reject(_)
                    | Effect::Return
                    | Effect::Continue(_)
                    | Effect::Rewrite(_)
                    | Effect::Nat(_)
                    | Effect::Track { .. }
                    | Effect::Write { field: Field::Mark | Field::ConnMark, .. }
            ),
            _ => false,
        };
        acts || looks_at_hops(&typed.meaning(ruleset.context))
    })
}

fn looks_at_hops(pred: &Pred) -> bool {
    match pred {
        Pred::Not(inner) => looks_at_hops(inner),
        Pred::All(all) | Pred::Any(all) => all.iter().any(looks_at_hops),
        Pred::Range(field, ..) | Pred::Bits(field, ..) | Pred::AnyBit(field, _) => *field == Field::HopLimit,
        Pred::Numbers(_) | Pred::Text(_) | Pred::Program(_) => true,
        Pred::Needs(need) => {
            !matches!(need, Need::Set(_) | Need::Limit { .. } | Need::Quota(_) | Need::Clock(_))
        }
        _ => false,
    }
}

fn looks_at_connection(pred: &Pred) -> bool {
    match pred {
        Pred::Not(inner) => looks_at_connection(inner),
        Pred::All(all) | Pred::Any(all) => all.iter().any(looks_at_connection),
        Pred::Range(field, ..) | Pred::Bits(field, ..) | Pred::AnyBit(field, _) => {
            field.is_of_connection() || *field == Field::SocketWaits
        }
        Pred::Helper(_) | Pred::SetLabel(_) | Pred::Cluster { .. } => true,
        _ => false,
    }
}
