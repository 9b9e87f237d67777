//! Few rules of a long chain of nft, changed by their handles.
//!
//! `iptables-nft-restore` reads a chain whole for each change in its middle, and the kernel tells a long chain in a time that grows with the
//! square of its length: 4 s for one of 50,000 rules. Here the tool only *appends* to the empty chain of the owner, which reads nothing: the
//! rules that come, and a copy of each rule that goes or before which one comes. So they are in the kernel as the tool says them. Then one batch
//! puts those that come into their places and takes out the others, and the copies, for exactly the generation that was planned for:
//! if anybody has written meanwhile, the kernel refuses it.
//!
//! A rule of the long chain is told by its copy: the same expressions. Where its handle is not near to where it is looked for, the tool does it all.

use std::collections::HashMap;
use std::io;

use ptables::compile::RestoreText;
use ptables::dialect::{Backend, Family};
use ptables::plan::{ChainPlan, Item, Line, LineKind, Plan, TablePlan};
use ptables::text::lex;

use super::commit::{Committed, commit};
use super::{Applier, ApplyError};
use crate::kernel::Kernel;
use crate::names::SystemNames;
use crate::wire::netlink::{Body, Netlink, attributes, long_number, string};

/// Shorter chains are left to the tool.
const LONG: usize = 2_000;
/// So many rules are looked for at most.
const FEW: usize = 32;
/// How far from where it should be a handle is looked for.
const NEAR: u64 = 24;
/// The most bytes of a batch.
const ROOM: usize = 100_000;

/// `NFNL_SUBSYS_NFTABLES`, its messages and the attributes of a rule.
const NFTABLES: u16 = 10;
const NEW_RULE: u16 = 6;
const GET_RULE: u16 = 7;
const DELETE_RULE: u16 = 8;
const TABLE: u16 = 1;
const CHAIN: u16 = 2;
const HANDLE: u16 = 3;
const EXPRESSIONS: u16 = 4;
const COMPAT: u16 = 5;
const POSITION: u16 = 6;
const USERDATA: u16 = 7;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_APPEND: u16 = 0x800;

/// A rule as the kernel tells it.
#[derive(Clone, Debug, Default)]
struct Told {
    handle: u64,
    expressions: Vec<u8>,
    userdata: Vec<u8>,
}

/// Where a rule comes: before a live one (by its number in what is looked for), or at the end.
struct Comes<'a> {
    chain: &'a ChainPlan,
    item: &'a Item,
    before: Option<usize>,
}

/// What is to be found in a chain, and whether it goes.
struct Wants<'a> {
    chain: &'a ChainPlan,
    item: &'a Item,
    /// Its place in the chain.
    at: usize,
    goes: bool,
}

impl Applier {
    /// Changes a table so; `None` if it is not for this way: then nothing has changed, and the tool can do it.
    pub(super) fn commit_directly(
        &self,
        tools: &Kernel,
        plan: &Plan,
        table: &TablePlan,
        generation: u32,
    ) -> Result<Option<u32>, ApplyError> {
        let Some((wants, comes)) = self.eligible(plan, table) else { return Ok(None) };
        if self.generation() != Some(generation) {
            return Ok(None);
        }
        let family = plan.before.family;
        let place = Place { family, table: &table.name, marker: self.owner.marker().as_bytes().to_vec() };
        let copies = place.copies(wants.iter().map(|it| it.item), comes.iter().map(|it| it.item));
        if !matches!(commit(tools, family, Backend::Nft, &copies), Ok(Committed::Yes)) {
            return Ok(None);
        }
        let expected = generation.wrapping_add(1);
        let done = (self.generation() == Some(expected))
            .then(|| self.kernel.namespace.inside(|| place.splice(&wants, &comes, expected)).ok()?.ok());
        if done.flatten() == Some(true) {
            return Ok(Some(expected.wrapping_add(1)));
        }
        // What was appended goes again; the tool does the rest.
        let emptied = self.kernel.namespace.inside(|| place.empty());
        emptied
            .and_then(|it| it)
            .map_err(|it| ApplyError::State(format!("a chain of ours could not be emptied: {it}")))?;
        Ok(None)
    }

    /// What is to be found and what comes, if only few rules of chains that are there change, and one of these is long.
    fn eligible<'a>(&self, plan: &'a Plan, table: &'a TablePlan) -> Option<(Vec<Wants<'a>>, Vec<Comes<'a>>)> {
        let live = plan.before.table(&table.name)?;
        let marker = live.chain(&self.owner.marker())?;
        if !marker.ours || !marker.items.is_empty() || table.chains.iter().all(|it| it.lines.len() < LONG) {
            return None;
        }
        let (mut wants, mut comes) = (Vec::new(), Vec::new());
        for chain in &table.chains {
            if chain.made || chain.gone || chain.policy.is_some() {
                return None;
            }
            let mut times: HashMap<&[u8], usize> = HashMap::new();
            live.chain(&chain.name)?.items.iter().for_each(|it| *times.entry(&it.text).or_default() += 1);
            let mut at = 0;
            for (number, line) in chain.lines.iter().enumerate() {
                let is_live = |it: &Line| it.kind != LineKind::Add;
                match line.kind {
                    LineKind::Keep => {}
                    LineKind::Remove => wants.push(Wants { chain, item: &line.item, at, goes: true }),
                    LineKind::Add => {
                        let next = chain.lines.iter().skip(number).find(|it| is_live(it));
                        // One that goes is looked for in any case, when it is its turn.
                        let before = next.map(|next| match next.kind {
                            LineKind::Remove => wants.len(),
                            _ => {
                                let same = |it: &Wants<'_>| std::ptr::eq(it.item, &next.item);
                                wants.iter().position(same).unwrap_or_else(|| {
                                    wants.push(Wants { chain, item: &next.item, at, goes: false });
                                    wants.len() - 1
                                })
                            }
                        });
                        comes.push(Comes { chain, item: &line.item, before });
                    }
                }
                at += usize::from(is_live(line));
                if wants.len() > FEW || comes.len() > FEW {
                    return None;
                }
            }
            // Of equal rules nobody knows which is which.
            if wants
                .iter()
                .any(|it| std::ptr::eq(it.chain, chain) && times.get(it.item.text.as_bytes()) != Some(&1))
            {
                return None;
            }
        }
        Some((wants, comes))
    }
}

/// A table, and the chain of ours in it that nothing jumps to.
struct Place<'a> {
    family: Family,
    table: &'a [u8],
    marker: Vec<u8>,
}

impl Place<'_> {
    /// Text that appends rules to our chain.
    fn copies<'a>(
        &self,
        found: impl Iterator<Item = &'a Item>,
        come: impl Iterator<Item = &'a Item>,
    ) -> RestoreText {
        let mut bytes = [b"*", self.table, b"\n"].concat();
        let mut line = |counted: String, item: &Item| {
            bytes.extend([b"-A ", &*self.marker, counted.as_bytes(), &item.text, b"\n"].concat());
        };
        found.for_each(|it| line(String::new(), it));
        come.for_each(|it| {
            let counted = it.counters.map(|it| format!(" -c {} {}", it.packets, it.bytes));
            line(counted.unwrap_or_default(), it);
        });
        bytes.extend(b"COMMIT\n");
        let mut text = RestoreText::default();
        text.bytes = bytes;
        text
    }

    fn body(&self, chain: &[u8]) -> Body {
        let family = if self.family == Family::V4 { libc::AF_INET } else { libc::AF_INET6 };
        let end = |name: &[u8]| [name, b"\0"].concat();
        Body::new(family as u8, 0).with(TABLE, &end(self.table)).with(CHAIN, &end(chain))
    }

    /// Takes out all rules of our chain.
    fn empty(&self) -> io::Result<()> {
        Netlink::new(None)?.batch(NFTABLES, &[(DELETE_RULE, 0, self.body(&self.marker))], None)
    }

    /// Puts what comes into its place, and takes out what goes. `false`: a rule was not found.
    fn splice(&self, wants: &[Wants<'_>], comes: &[Comes<'_>], generation: u32) -> io::Result<bool> {
        let mut netlink = Netlink::new(None)?;
        let mut copies = Vec::new();
        netlink.list(NFTABLES << 8 | GET_RULE, &self.body(&self.marker), |it| copies.push(told(it)))?;
        let (Some(found), Some(new)) = (copies.get(..wants.len()), copies.get(wants.len()..)) else {
            return Ok(false);
        };
        if new.len() != comes.len() {
            return Ok(false);
        }
        let mut handles = Vec::new();
        for (want, copy) in wants.iter().zip(found) {
            match self.find(&mut netlink, want, copy)? {
                Some(handle) => handles.push(handle),
                None => return Ok(false),
            }
        }
        let mut changes = Vec::new();
        for (comes, rule) in comes.iter().zip(new) {
            let mut body = self.body(&comes.chain.name).with(EXPRESSIONS | 0x8000, &rule.expressions);
            if !rule.userdata.is_empty() {
                body = body.with(USERDATA, &rule.userdata);
            }
            if let Some((protocol, inverted)) = protocol(&comes.item.text) {
                let inner = Body::nested().with(1, &u32::from(protocol).to_be_bytes());
                body = body.with_nested(COMPAT, &inner.with(2, &(u32::from(inverted) << 1).to_be_bytes()));
            }
            let flags = match comes.before {
                None => NLM_F_CREATE | NLM_F_APPEND,
                Some(at) => {
                    let Some(handle) = handles.get(at) else { return Ok(false) };
                    body = body.with(POSITION, &handle.to_be_bytes());
                    NLM_F_CREATE
                }
            };
            changes.push((NEW_RULE, flags, body));
        }
        // Only now: rules come before those that go.
        for (want, handle) in wants.iter().zip(&handles).filter(|it| it.0.goes) {
            changes.push((DELETE_RULE, 0, self.body(&want.chain.name).with(HANDLE, &handle.to_be_bytes())));
        }
        changes.push((DELETE_RULE, 0, self.body(&self.marker)));
        if changes.iter().map(|it| it.2.len()).sum::<usize>() > ROOM {
            return Ok(false);
        }
        netlink.batch(NFTABLES, &changes, Some(generation))?;
        Ok(true)
    }

    /// The handle of a rule that says the same as its copy: rules that were made together have handles in a row, and new ones are
    /// the highest.
    fn find(&self, netlink: &mut Netlink, want: &Wants<'_>, copy: &Told) -> io::Result<Option<u64>> {
        let mut first = Vec::new();
        let list = Netlink::new(None)?;
        list.first(NFTABLES << 8 | GET_RULE, &self.body(&want.chain.name), |it| first.push(told(it).handle))?;
        let mut starts: Vec<u64> =
            first.iter().zip(0_u64..).filter_map(|(it, at)| it.checked_sub(at)).collect();
        starts.sort_unstable();
        let guess = starts.get(starts.len() / 2).copied().unwrap_or_default() + want.at as u64;
        let around =
            |from: u64| (from..NEAR).flat_map(move |it| [guess.saturating_add(it), guess.saturating_sub(it)]);
        let recent = (1..NEAR).map(|it| copy.handle.saturating_sub(it));
        let same = wanted_form(copy);
        for handle in around(0).take(4).chain(recent).chain(around(2)) {
            let body = self.body(&want.chain.name).with(HANDLE, &handle.to_be_bytes());
            match netlink.get(NFTABLES << 8 | GET_RULE, &body) {
                Ok(it) if wanted_form(&told(&it)) == same => return Ok(Some(handle)),
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn told(attributes_of_rule: &[u8]) -> Told {
    let mut told = Told::default();
    for (kind, value) in attributes(attributes_of_rule) {
        match kind {
            HANDLE => told.handle = long_number(value),
            EXPRESSIONS => told.expressions = value.to_vec(),
            USERDATA => told.userdata = value.to_vec(),
            _ => {}
        }
    }
    told
}

/// The expressions of a rule without what it has counted.
fn wanted_form(rule: &Told) -> Vec<Vec<u8>> {
    let counts = |it: &[u8]| attributes(it).any(|(kind, value)| kind == 1 && string(value) == "counter");
    let expressions = attributes(&rule.expressions).map(|it| it.1).filter(|it| !counts(it));
    expressions.map(<[u8]>::to_vec).chain([rule.userdata.clone()]).collect()
}

/// What a rule says behind `-p`, and whether it is inverted: the kernel does not tell it, and wants to know.
fn protocol(rule: &[u8]) -> Option<(u8, bool)> {
    let mut words = Vec::new();
    lex::words(rule, &mut words);
    let at = words.iter().position(|it| &*it.bytes == b"-p")?;
    let name = std::str::from_utf8(&words.get(at + 1)?.bytes).ok()?.to_owned();
    let number = name.parse().ok().or_else(|| SystemNames::new().protocol(&name))?;
    let inverted = at.checked_sub(1).and_then(|it| words.get(it)).is_some_and(|it| &*it.bytes == b"!");
    Some((number, inverted))
}
