//! A table, compiled to sets.

use std::collections::HashMap;

use super::act::{Act, Traces, of_effect};
use super::known::Known;
use crate::dialect::Family;
use crate::ext::{Hook, TableName};
use crate::meaning::{Effect, Pred};
use crate::model::{Body, Jump, Policy, Rule, Ruleset, Table};
use crate::simulate::tracks;
use crate::space::{Census, Free, Pair, Set, Space, TooLarge};
use crate::value::ct_state::CtState;
use crate::value::iface::Iface;

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Which packets match.
    pub(crate) when: Pair,
    pub(crate) act: Act,
    /// Whether nothing but the packet's way tells that it matched: no log line, no mark.
    pub(crate) quiet: bool,
}

/// A chain.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) lines: Vec<Line>,
    pub(crate) policy: Option<Policy>,
    /// Packets that come here from the hook; nothing in a user's chain.
    pub(crate) domain: Set,
    pub(crate) builtin: bool,
}

/// A table.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) space: Space,
    pub(crate) lanes: Vec<Lane>,
}

/// A rule before it is compiled to sets.
pub(super) struct Draft {
    pub(super) pred: Pred,
    pub(super) act: Act,
    pub(super) quiet: bool,
    pub(super) understood: bool,
    /// What its target does.
    pub(super) effect: Option<Effect>,
}

/// What a rule says; `names` are the places of chains.
pub(super) fn draft(
    rule: &Rule,
    ruleset: &Ruleset,
    known: &Known<'_>,
    names: &HashMap<&[u8], usize>,
    traces: &mut Traces,
) -> Draft {
    let typed = match &rule.body {
        Body::Typed(typed) => typed,
        // It may be right, and lead to any chain whose name stands in it.
        Body::Opaque(opaque) => {
            let words = opaque.text.split(|byte| byte.is_ascii_whitespace() || *byte == b'"');
            let act = Act::Unknown(words.filter_map(|word| names.get(word).copied()).collect());
            return Draft { pred: Pred::True, act, quiet: false, understood: false, effect: None };
        }
    };
    let place = |name: &[u8]| names.get(name).copied();
    let effect = match &typed.jump {
        Jump::Target(target) => Some(target.effect(ruleset.context)),
        _ => None,
    };
    let (act, quiet) = match &typed.jump {
        Jump::None => (Act::Next, false),
        Jump::Chain(name) => (place(name).map_or(Act::Unknown(Vec::new()), Act::Jump), true),
        Jump::Goto(name) => (place(name).map_or(Act::Unknown(Vec::new()), Act::Goto), true),
        Jump::Target(_) => {
            let act = effect.as_ref().map_or(Act::Next, |it| of_effect(it, traces));
            let quiet = !matches!(act, Act::Next | Act::Unknown(_));
            (act, quiet)
        }
    };
    Draft { pred: known.told(typed.meaning(ruleset.context)), act, quiet, understood: true, effect }
}

/// Where the chains of a table are, by name.
pub(super) fn places(table: &Table) -> HashMap<&[u8], usize> {
    table.chains.iter().enumerate().map(|(at, chain)| (chain.name.as_bytes(), at)).collect()
}

impl Lines {
    pub(crate) fn new(
        ruleset: &Ruleset,
        table: &Table,
        limit: usize,
        second: bool,
    ) -> Result<Lines, TooLarge> {
        let names = places(table);
        let known = Known::of(ruleset);
        let mut traces = Traces::default();
        let mut census = Census::new(ruleset.context.family, !tracks(ruleset));
        let drafts: Vec<Vec<Draft>> = table
            .chains
            .iter()
            .map(|chain| {
                chain.rules.iter().map(|rule| draft(rule, ruleset, &known, &names, &mut traces)).collect()
            })
            .collect();
        drafts.iter().flatten().for_each(|it| census.add(&it.pred));
        if matches!(table.kernel_table(), Some(TableName::Raw | TableName::Nat)) {
            // What comes back through it was tracked before.
            census.add(&Pred::InIface(Iface::LOOPBACK));
        }
        let mut space = Space::new(&census, limit, second);
        let free = Free { fields: &traces.fields, sets: &traces.sets, choice: None };
        let mut lanes = Vec::with_capacity(drafts.len());
        for (chain, drafts) in table.chains.iter().zip(drafts) {
            let mut lines = Vec::with_capacity(drafts.len());
            for it in drafts {
                let mut when = space.compile(&it.pred, &free)?;
                if !it.understood {
                    when.must = Set::NONE;
                }
                lines.push(Line { when, act: it.act, quiet: it.quiet });
            }
            let domain = match chain.hook {
                Some(hook) => domain(&mut space, table.kernel_table(), hook)?,
                None => Set::NONE,
            };
            lanes.push(Lane { lines, policy: chain.policy, domain, builtin: chain.hook.is_some() });
        }
        Ok(Lines { space, lanes })
    }
}

/// The packets that may come to a hook in this table.
pub(crate) fn domain(space: &mut Space, table: Option<TableName>, hook: Hook) -> Result<Set, TooLarge> {
    let incoming = space.no_iface(true)?;
    let outgoing = space.no_iface(false)?;
    let incoming = match hook {
        Hook::Prerouting | Hook::Input | Hook::Forward => incoming.not(),
        Hook::Output => incoming,
        Hook::Postrouting => Set::ALL,
    };
    let outgoing = match hook {
        Hook::Prerouting | Hook::Input => outgoing,
        Hook::Forward | Hook::Output | Hook::Postrouting => outgoing.not(),
    };
    let mut domain = space.arena().and(incoming, outgoing)?;
    let back = match hook {
        Hook::Prerouting | Hook::Input => space.iface(&Iface::LOOPBACK, true)?,
        _ => Set::NONE,
    };
    match table {
        // Connection tracking has not looked at it, unless it comes back.
        Some(TableName::Raw) => {
            let fresh = space.states(CtState::Invalid as u128 | CtState::Untracked as u128)?;
            let seen = space.arena().or(fresh, back)?;
            domain = space.arena().and(domain, seen)?;
        }
        // Nor does what comes back begin a connection.
        Some(TableName::Nat) => {
            let begins = space.states(CtState::New as u128 | CtState::Related as u128)?;
            let begins = space.arena().and(begins, back.not())?;
            domain = space.arena().and(domain, begins)?;
        }
        _ => {}
    }
    if hook == Hook::Input && space.family() == Family::V4 {
        // Fragments are put together before.
        let first = space.first_fragment()?;
        domain = space.arena().and(domain, first)?;
    }
    Ok(domain)
}
