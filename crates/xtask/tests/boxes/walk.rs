//! Packets, sent through the chains of a table: each call is gone again.

use std::collections::BTreeSet;

use ptables::dialect::Family;
use ptables::ext::{Hook, TableName};
use ptables::meaning::{Effect, Field, Pred};
use ptables::model::{Body, Jump, Rule, Ruleset, Table};
use ptables::value::ct_state::CtState;

use super::boxes::Blocks;
use super::dims::{Dims, Pair};

struct Walk<'a> {
    ruleset: &'a Ruleset,
    table: &'a Table,
    pairs: Vec<Vec<Pair>>,
    met: BTreeSet<(usize, usize)>,
}

/// What a rule does with its packets.
enum Act {
    Next,
    End,
    Return,
    Jump(usize),
    Goto(usize),
    /// Nobody knows; perhaps they go there.
    Perhaps(Vec<usize>),
}

/// The rules that no packet meets, by chain and place.
pub(crate) fn dead(ruleset: &Ruleset, table: &Table) -> Vec<(usize, usize)> {
    let meaning = |rule: &Rule| rule.as_typed().map_or(Pred::True, |it| it.meaning(ruleset.context));
    let preds: Vec<Vec<Pred>> =
        table.chains.iter().map(|chain| chain.rules.iter().map(meaning).collect()).collect();
    let all: Vec<&Pred> = preds.iter().flatten().collect();
    let mut dims = Dims::new(ruleset.context.family, !is_tracked(ruleset), &all);
    for rule in table.chains.iter().flat_map(|it| &it.rules) {
        if let Some(effect) = effect(rule, ruleset) {
            lose(&effect, &mut dims);
        }
    }
    let understood = |rule: &Rule, mut pair: Pair| {
        if rule.as_typed().is_none() {
            pair.must = Blocks::default();
        }
        pair
    };
    let pairs = table.chains.iter().zip(&preds).map(|(chain, preds)| {
        chain.rules.iter().zip(preds).map(|(rule, pred)| understood(rule, dims.pair(pred))).collect()
    });
    let mut walk = Walk { ruleset, table, pairs: pairs.collect(), met: BTreeSet::new() };
    for (at, chain) in table.chains.iter().enumerate() {
        if let Some(hook) = chain.hook {
            let domain = domain(&dims, table, hook, ruleset.context.family);
            // Most rules name interfaces: the packets of one pair of them are few blocks.
            for slice in dims.slices() {
                walk.chain(at, &domain.and(&slice), 0);
            }
        }
    }
    let rules = table.chains.iter().enumerate();
    let rules = rules.flat_map(|(at, chain)| (0..chain.rules.len()).map(move |rule| (at, rule)));
    rules.filter(|it| !walk.met.contains(it)).collect()
}

fn domain(dims: &Dims, table: &Table, hook: Hook, family: Family) -> Blocks {
    let set = match hook {
        Hook::Prerouting | Hook::Input => dims.has_iface(true, true).and(&dims.has_iface(false, false)),
        Hook::Forward => dims.has_iface(true, true).and(&dims.has_iface(false, true)),
        Hook::Output => dims.has_iface(true, false).and(&dims.has_iface(false, true)),
        Hook::Postrouting => dims.has_iface(false, true),
    };
    let states = match table.kernel_table() {
        Some(TableName::Raw) => dims.in_states(CtState::Invalid as u128 | CtState::Untracked as u128),
        Some(TableName::Nat) => dims.in_states(CtState::New as u128 | CtState::Related as u128),
        _ => dims.all(),
    };
    let whole = if hook == Hook::Input && family == Family::V4 { dims.first_fragment() } else { dims.all() };
    set.and(&states).and(&whole)
}

fn effect(rule: &Rule, ruleset: &Ruleset) -> Option<Effect> {
    match &rule.as_typed()?.jump {
        Jump::Target(target) => Some(target.effect(ruleset.context)),
        _ => None,
    }
}

/// What rules rewrite, nobody can tell.
fn lose(effect: &Effect, dims: &mut Dims) {
    match effect {
        Effect::Sets(all) => dims.changed.extend(all.iter().map(|it| it.name.to_lossy())),
        Effect::Write { field, .. } | Effect::Add { field, .. } | Effect::Overwrite(field) => {
            dims.lost.insert(*field);
        }
        Effect::Copy { to, .. } => drop(dims.lost.insert(*to)),
        Effect::Hash(_) => drop(dims.lost.insert(Field::Mark)),
        Effect::Mss(_) | Effect::StripOptions(_) => dims.lost.extend([Field::TcpMss, Field::Length]),
        Effect::Prefix { source, .. } => {
            dims.lost.insert(if *source { Field::Source } else { Field::Destination });
        }
        Effect::Track { untracked: true, .. } => drop(dims.lost.insert(Field::CtState)),
        Effect::Sequence(all) => all.iter().for_each(|it| lose(it, dims)),
        _ => {}
    }
}

/// Whether the rules make the kernel track connections, and so put fragments together.
fn is_tracked(ruleset: &Ruleset) -> bool {
    let words = ["-m state", "-m conntrack", "-m connmark", "-m connbytes", "-m connlimit", "-m connlabel"];
    let more = ["-m helper", "-m cluster", "-m socket", "CONNMARK", "-j DNAT", "-j SNAT", "-j MASQUERADE"];
    let rest = ["-j REDIRECT", "-j NETMAP", "-j TPROXY", "-j CONNSECMARK"];
    ruleset.rules().any(|(.., rule)| {
        let mut text = Vec::new();
        rule.print(&mut text, ruleset.context);
        let text = String::from_utf8_lossy(&text).into_owned();
        rule.as_typed().is_some() && words.iter().chain(&more).chain(&rest).any(|it| text.contains(it))
    })
}

impl Walk<'_> {
    fn act(&self, rule: &Rule) -> Act {
        let place = |name: &[u8]| self.table.chains.iter().position(|it| it.name.as_bytes() == name);
        let typed = match &rule.body {
            Body::Typed(typed) => typed,
            Body::Opaque(opaque) => {
                let words = opaque.text.split(|it| it.is_ascii_whitespace() || *it == b'"');
                return Act::Perhaps(words.filter_map(place).collect());
            }
        };
        match &typed.jump {
            Jump::None => Act::Next,
            Jump::Chain(name) => place(name).map_or(Act::Perhaps(Vec::new()), Act::Jump),
            Jump::Goto(name) => place(name).map_or(Act::Perhaps(Vec::new()), Act::Goto),
            Jump::Target(_) => match effect(rule, self.ruleset) {
                Some(Effect::Accept | Effect::Drop | Effect::Reject(_)) => Act::End,
                Some(Effect::Nat(_) | Effect::Netmap { .. } | Effect::Intercept { .. }) => Act::End,
                Some(Effect::Return) => Act::Return,
                Some(Effect::Needs(_)) => Act::Perhaps(Vec::new()),
                _ => Act::Next,
            },
            _ => panic!("teach the test this jump"),
        }
    }

    /// Sends packets into a chain; gives those that come back.
    fn chain(&mut self, at: usize, packets: &Blocks, depth: usize) -> Blocks {
        assert!(depth < 64, "chains call each other in a circle");
        let (mut rest, mut back) = (packets.clone(), Blocks::default());
        for (number, rule) in self.table.chains[at].rules.iter().enumerate() {
            (rest, back) = (rest.tidied(), back.tidied());
            let hit = rest.and(&self.pairs[at][number].may).tidied();
            if hit.is_empty() {
                continue;
            }
            self.met.insert((at, number));
            match self.act(rule) {
                Act::Next => {}
                Act::Perhaps(all) => {
                    for to in all {
                        self.chain(to, &hit, depth + 1);
                    }
                }
                Act::End => rest = rest.minus(&self.pairs[at][number].must),
                Act::Return => {
                    back = back.or(&hit);
                    rest = rest.minus(&self.pairs[at][number].must);
                }
                Act::Jump(to) => {
                    let returned = self.chain(to, &hit, depth + 1);
                    // Where little is taken, few blocks are cut.
                    let taken = rest.and(&self.pairs[at][number].must).minus(&returned);
                    rest = rest.minus(&taken);
                }
                Act::Goto(to) => {
                    back = back.or(&self.chain(to, &hit, depth + 1));
                    rest = rest.minus(&self.pairs[at][number].must);
                }
            }
        }
        back.or(&rest).tidied()
    }
}
