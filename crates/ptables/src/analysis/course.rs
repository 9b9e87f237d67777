//! Rulesets whose packets are compared: every rule with what it asks and does, and a name for what it leaves to chance.

use std::collections::HashMap;

use super::act::{Act, Traces};
use super::known::Known;
use super::lines::{draft, places};
use super::tracking::{self, Before};
use crate::ext::{Hook, TableName};
use crate::meaning::{Effect, Field, Nat, Need, Pred};
use crate::model::{Policy, Ruleset};
use crate::packet::Path;
use crate::simulate::At;
use crate::source::Text;
use crate::space::Census;
use crate::value::ct_state::CtState;
use crate::value::iface::Iface;

/// A rule.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) pred: Pred,
    /// The same, of a packet whose hop limit is lower by one.
    pub(super) lowered: Option<Pred>,
    /// The same before connections are tracked, in the table raw.
    pub(super) before: Option<Box<Before>>,
    pub(super) act: Act,
    pub(super) effect: Option<Effect>,
    /// Its text and its place among equal ones: what is left to chance in it has this name.
    pub(super) key: String,
    /// Names of what depends on more than the packet.
    pub(super) open: Vec<String>,
    pub(super) understood: bool,
}

/// A chain.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) entries: Vec<Entry>,
    pub(super) policy: Option<Policy>,
    /// Whether it changes nothing that any condition looks at, nor any chain that it calls.
    pub(super) pure: bool,
}

/// A table.
#[derive(Debug)]
pub(super) struct Rules {
    /// Its place in the ruleset.
    pub(super) place: usize,
    pub(super) chains: Vec<Chain>,
    pub(super) hooks: [Option<usize>; 5],
}

/// A ruleset.
#[derive(Debug)]
pub(super) struct Course<'a> {
    pub(super) ruleset: &'a Ruleset,
    /// In the order of [`TableName`]'s variants.
    pub(super) tables: [Option<Rules>; 5],
    pub(super) traces: Traces,
}

impl<'a> Course<'a> {
    /// Takes a ruleset apart. `loose`: the filter table alone, and of the rest no more than addresses, protocols, ports, states,
    /// flags and the incoming interface; all else may hold or not.
    pub(super) fn new(ruleset: &'a Ruleset, loose: bool) -> Course<'a> {
        let mut traces = Traces::default();
        let known = Known::of(ruleset);
        let mut tables = [const { None }; 5];
        for (place, table) in ruleset.tables.iter().enumerate() {
            let Some(name) = table.kernel_table() else { continue };
            if loose && name != TableName::Filter {
                continue;
            }
            let Some(free @ None) = tables.get_mut(name as usize) else { continue };
            let names = places(table);
            let chains = table.chains.iter().map(|chain| {
                let mut seen: HashMap<String, usize> = HashMap::new();
                let entries = chain.rules.iter().map(|rule| {
                    let mut it = draft(rule, ruleset, &known, &names, &mut traces);
                    if loose {
                        it.pred = loosened(it.pred);
                    }
                    let mut text = Vec::new();
                    rule.print(&mut text, ruleset.context);
                    let text = format!(
                        "{} {}{}",
                        table.name.to_lossy(),
                        chain.name.to_lossy(),
                        String::from_utf8_lossy(&text)
                    );
                    let number = seen.entry(text.clone()).or_default();
                    *number += 1;
                    let lowered = lowered(&it.pred);
                    let before = (name == TableName::Raw).then(|| Before::of(&it.pred)).flatten();
                    let (pred, act, effect, understood) = (it.pred, it.act, it.effect, it.understood);
                    let key = format!("{text} #{number}");
                    Entry { pred, lowered, before, act, effect, key, open: Vec::new(), understood }
                });
                Chain { entries: entries.collect(), policy: chain.policy, pure: false }
            });
            let chains = chains.collect();
            let hook = |hook: Hook| table.chains.iter().position(|chain| chain.hook == Some(hook));
            *free = Some(Rules { place, chains, hooks: Hook::ALL.map(hook) });
        }
        Course { ruleset, tables, traces }
    }

    /// Lets rules that name one of these incoming interfaces match or not.
    pub(super) fn with_unknown(mut self, ifaces: &[Iface]) -> Course<'a> {
        for chain in self.tables.iter_mut().flatten().flat_map(|it| &mut it.chains) {
            for entry in chain.entries.iter_mut().filter(|_| !ifaces.is_empty()) {
                entry.pred = without(std::mem::replace(&mut entry.pred, Pred::True), ifaces);
                entry.before = entry.before.take().map(|it| Box::new(it.map(|pred| without(pred, ifaces))));
            }
        }
        self
    }

    /// The chains from which a rule may be met, its own among them: places of the table and of the chain.
    pub(super) fn callers(&self, at: At) -> Vec<(usize, usize)> {
        let Some(table) = self.tables.iter().flatten().find(|it| it.place == at.table) else {
            return Vec::new();
        };
        let mut found = vec![at.chain];
        let mut next = 0;
        while let Some(called) = found.get(next).copied() {
            next += 1;
            let calls = |entry: &Entry| matches!(entry.act, Act::Jump(to) | Act::Goto(to) if to == called);
            let callers = table.chains.iter().enumerate().filter(|(_, it)| it.entries.iter().any(calls));
            let new: Vec<usize> = callers.map(|it| it.0).filter(|it| !found.contains(it)).collect();
            found.extend(new);
        }
        found.into_iter().map(|chain| (at.table, chain)).collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.tables.iter().flatten().flat_map(|it| &it.chains).flat_map(|it| &it.entries)
    }

    /// Sets that its rules change.
    pub(super) fn sets(&self) -> &[Text] {
        &self.traces.sets
    }

    /// Whether connections are translated.
    pub(super) fn translates(&self) -> bool {
        self.entries().any(|it| matches!(it.effect, Some(Effect::Nat(_) | Effect::Netmap { .. })))
    }

    /// Adds what its conditions ask; `sets` are those that any of the compared rulesets changes.
    pub(super) fn ask(&mut self, census: &mut Census, sets: &[Text]) {
        if self.translates() {
            census.add(&Pred::AnyBit(Field::CtState, CtState::New as u128 | CtState::Related as u128));
        }
        tracking::ask(self.entries(), self.translates(), census);
        for table in self.tables.iter_mut().flatten() {
            for entry in table.chains.iter_mut().flat_map(|it| &mut it.entries) {
                let before = entry.before.iter().flat_map(|it| it.all());
                for pred in [&entry.pred].into_iter().chain(&entry.lowered).chain(before) {
                    census.add(pred);
                    entry.open.extend(census.add_open(pred, &entry.key, sets));
                }
                if !entry.understood || matches!(entry.act, Act::Unknown(_)) {
                    for name in unknown(&entry.key) {
                        census.add_flag(&name);
                    }
                }
            }
        }
    }

    /// Adds what its targets write, once all conditions were added; then it is known which chains change what is looked at.
    pub(super) fn settle(&mut self, census: &mut Census) {
        for entry in self.entries() {
            match &entry.effect {
                Some(Effect::Write { field, clear, .. }) => census.rewritten(*field, *clear),
                Some(Effect::Copy { from, take, to, clear, .. }) if census.asks(*to) => {
                    census.range(*from, 0, u128::MAX);
                    census.rewritten(*from, *take);
                    census.rewritten(*to, *clear | u128::from(u32::MAX));
                }
                Some(Effect::Track { .. }) if census.asks(Field::CtState) => tracking::tell_apart(census),
                Some(Effect::Nat(nat)) => translated(census, nat),
                Some(Effect::Netmap { network, mask }) => {
                    for field in [Field::Source, Field::Destination] {
                        if census.asks(field) {
                            census.range(field, *network, network | !mask);
                        }
                    }
                }
                _ => {}
            }
        }
        for table in self.tables.iter_mut().flatten() {
            let mut impure: Vec<bool> =
                table.chains.iter().map(|it| it.entries.iter().any(|it| changes(it, census))).collect();
            loop {
                let callers = table.chains.iter().map(|chain| {
                    chain.entries.iter().any(|it| match &it.act {
                        Act::Jump(to) | Act::Goto(to) => impure.get(*to) == Some(&true),
                        _ => false,
                    })
                });
                let next: Vec<bool> = callers.zip(&impure).map(|(caller, own)| caller || *own).collect();
                if next == impure {
                    break;
                }
                impure = next;
            }
            for (chain, impure) in table.chains.iter_mut().zip(impure) {
                chain.pure = !impure;
            }
        }
    }
}

/// Names of what nobody can tell of a rule: whether it ends a packet's way, and whether that is accepted.
pub(super) fn unknown(key: &str) -> [String; 2] {
    [format!("{key} ends"), format!("{key} accepts")]
}

fn translated(census: &mut Census, nat: &Nat) {
    let (address, port) = sides(nat.source);
    if let Some((low, high)) = nat.addresses
        && census.asks(address)
    {
        census.range(address, low, high);
    }
    if let Some((low, high)) = nat.ports
        && census.asks(port)
    {
        census.range(port, u128::from(low), u128::from(high));
    }
}

/// The fields that a translation rewrites.
pub(super) fn sides(source: bool) -> (Field, Field) {
    if source { (Field::Source, Field::SourcePort) } else { (Field::Destination, Field::DestinationPort) }
}

/// Whether a rule changes a field that conditions look at, or does what nobody can tell.
fn changes(entry: &Entry, census: &Census) -> bool {
    if matches!(entry.act, Act::Unknown(_)) {
        return true;
    }
    let Some(effect) = &entry.effect else { return false };
    match effect {
        Effect::Nat(_) | Effect::Netmap { .. } | Effect::Intercept { .. } | Effect::Needs(_) => true,
        Effect::Track { .. } => true,
        effect => {
            let mut traces = Traces::default();
            traces.add(effect);
            traces.fields.iter().any(|it| census.asks(*it))
        }
    }
}

/// A condition on the hop limit, of a packet before it is lowered by one; `None` if the condition does not ask for it.
fn lowered(pred: &Pred) -> Option<Pred> {
    let each = |all: &[Pred]| -> Option<Vec<Pred>> {
        let any = all.iter().any(|it| lowered(it).is_some());
        any.then(|| all.iter().map(|it| lowered(it).unwrap_or_else(|| it.clone())).collect())
    };
    match pred {
        Pred::Range(Field::HopLimit, low, high) => {
            Some(Pred::Range(Field::HopLimit, low.saturating_add(1), high.saturating_add(1)))
        }
        Pred::Not(inner) => lowered(inner).map(|it| Pred::Not(Box::new(it))),
        Pred::All(all) => each(all).map(Pred::All),
        Pred::Any(all) => each(all).map(Pred::Any),
        _ => None,
    }
}

/// Whether packets on this path are lowered in hops before this hook.
pub(super) fn is_lowered(path: Path, hook: Hook) -> bool {
    path == Path::Forward && matches!(hook, Hook::Forward | Hook::Postrouting)
}

/// A condition of which only common fields count.
fn loosened(pred: Pred) -> Pred {
    let known = [
        Field::Source,
        Field::Destination,
        Field::Proto,
        Field::SourcePort,
        Field::DestinationPort,
        Field::CtState,
        Field::TcpFlags,
        Field::LaterFragment,
    ];
    match pred {
        Pred::Not(inner) => Pred::Not(Box::new(loosened(*inner))),
        Pred::All(all) => Pred::All(all.into_iter().map(loosened).collect()),
        Pred::Any(all) => Pred::Any(all.into_iter().map(loosened).collect()),
        Pred::Range(field, ..) | Pred::Bits(field, ..) | Pred::AnyBit(field, _) if known.contains(&field) => {
            pred
        }
        Pred::True | Pred::False | Pred::InIface(_) | Pred::Header(_) => pred,
        _ => Pred::Needs(Need::Other("what is not looked at")),
    }
}

fn without(pred: Pred, ifaces: &[Iface]) -> Pred {
    match pred {
        Pred::Not(inner) => Pred::Not(Box::new(without(*inner, ifaces))),
        Pred::All(all) => Pred::All(all.into_iter().map(|it| without(it, ifaces)).collect()),
        Pred::InIface(iface) if ifaces.contains(&iface) => {
            Pred::Needs(Need::Other("an interface of which nothing is known"))
        }
        pred => pred,
    }
}
