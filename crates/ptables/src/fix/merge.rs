//! Neighbours that one rule can say: other ports, or addresses that make up a network.

use std::collections::HashSet;

use super::patch::is_joinable;
use super::{Change, Lines, Why};
use crate::dialect::Family;
use crate::ext::Match;
use crate::ext::matches::multiport::PortSide;
use crate::ext::matches::{self, Multiport};
use crate::ipset::{Entry, Part, Set, SetType};
use crate::meaning::{Effect, Need};
use crate::model::{Inverted, Jump, Matches, Rule, Ruleset, Typed};
use crate::origin::Origin;
use crate::source::Text;
use crate::value::addr::{Net, prefix_length, prefix_mask};
use crate::value::port::Ports;
use crate::value::set_dirs::SetDirs;

/// In what neighbours differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Ports(PortSide),
    Source,
    Destination,
}

/// Slots of a list of ports; a range takes two.
const SLOTS: usize = 15;

/// The most rules that one without a set is made of.
const MOST: usize = 32;

/// Rules side by side that can be one, where these changes are made too.
pub(super) fn candidates(
    parts: &[&Ruleset],
    gone: &[&Change],
    lines: &Lines,
    sets: Option<usize>,
) -> Vec<Change> {
    let mut names = Names::of(parts);
    let gone: HashSet<(usize, usize, usize, usize)> =
        gone.iter().flat_map(|it| it.rules.iter().map(|at| (it.part, it.table, it.chain, *at))).collect();
    let mut found = Vec::new();
    for (part, ruleset) in parts.iter().enumerate() {
        for (table, of_table) in ruleset.tables.iter().enumerate() {
            for (chain, of_chain) in of_table.chains.iter().enumerate() {
                let rules = of_chain.rules.iter().enumerate();
                let left: Vec<(usize, &Rule)> =
                    rules.filter(|it| !gone.contains(&(part, table, chain, it.0))).collect();
                let mut rest = left.as_slice();
                while let Some(((_, first), more)) = rest.split_first() {
                    let most = if sets.is_some() { usize::MAX } else { MOST };
                    let run = run(first, more, (ruleset, lines), most);
                    let set = sets.filter(|least| run.members.len() >= *least);
                    let set =
                        set.and_then(|_| run.as_set(&mut names, &of_chain.name, ruleset.context.family));
                    let (length, merged, set) = match (run.merged(ruleset.context.family), set) {
                        // One network is simpler than a set, if it is all.
                        ((length, Some(merged)), _) if length == run.members.len() => {
                            (length, Some(merged), None)
                        }
                        (_, Some((merged, set))) => (run.members.len(), Some(merged), Some(set)),
                        ((length, merged), None) => (length, merged, None),
                    };
                    if let Some(merged) = merged {
                        let rules = rest.iter().take(length).map(|it| it.0).collect();
                        let merged = Some(Rule::typed(first.origin.clone(), merged));
                        found.push(Change { part, table, chain, rules, merged, set, why: Why::Neighbours });
                    }
                    rest = rest.get(length..).unwrap_or_default();
                }
            }
        }
    }
    found
}

/// Rules side by side that differ in one thing.
struct Run<'r> {
    members: Vec<&'r Typed>,
    axis: Option<Axis>,
}

fn run<'r>(
    first: &'r Rule,
    more: &[(usize, &'r Rule)],
    (ruleset, lines): (&Ruleset, &Lines),
    most: usize,
) -> Run<'r> {
    let mut run = Run { members: Vec::new(), axis: None };
    let Some(typed) = fit(first, ruleset, lines) else { return run };
    run.members.push(typed);
    let mut before = first;
    let is_network = |net: &Net| prefix_length(ruleset.context.family, net.bits().1).is_some_and(|it| it > 0);
    for (_, next) in more.iter().take(most - 1) {
        let Some(other) = fit(next, ruleset, lines).filter(|_| follows(before, next)) else { break };
        let Some(found) = differing(typed, other).filter(|it| run.axis.is_none_or(|axis| axis == *it)) else {
            break;
        };
        let fits = match found {
            Axis::Ports(_) => run.members.len() < MOST,
            Axis::Source => is_network(&typed.source) && is_network(&other.source),
            Axis::Destination => is_network(&typed.destination) && is_network(&other.destination),
        };
        if !fits {
            break;
        }
        run.axis = Some(found);
        run.members.push(other);
        before = next;
    }
    run
}

impl Run<'_> {
    /// How many of the rules are one, at least 1, and that rule, if they are several.
    fn merged(&self, family: Family) -> (usize, Option<Typed>) {
        let Some(axis) = self.axis else { return (1, None) };
        let lengths = (2..=self.members.len().min(MOST)).rev();
        let mut found = lengths.filter_map(|length| {
            let merged = merge(self.members.get(..length)?, axis, family)?;
            Some((length, Some(merged)))
        });
        found.next().unwrap_or((1, None))
    }

    /// All of them as one rule that asks a set of addresses.
    fn as_set(&self, names: &mut Names, chain: &[u8], family: Family) -> Option<(Typed, Set)> {
        let mut merged = (*self.members.first()?).clone();
        let (dirs, place): (&[u8], fn(&Typed) -> &Net) = match self.axis? {
            Axis::Source => (b"src", |it| &it.source),
            Axis::Destination => (b"dst", |it| &it.destination),
            Axis::Ports(_) => return None,
        };
        let mut nets = Vec::new();
        for net in self.members.iter().map(|it| place(it)) {
            let (address, mask) = net.bits();
            // No set of networks takes that of all addresses.
            nets.push((address, prefix_length(family, mask).filter(|it| *it > 0)?));
        }
        nets.sort_unstable();
        nets.dedup();
        let hosts = nets.iter().all(|it| it.1 == family.bits());
        let kind = if hosts { SetType::HashIp } else { SetType::HashNet };
        let mut set = Set::new(names.free(chain), kind);
        if family == Family::V6 {
            set.options.family = Some(family);
        }
        set.options.maxelem = u32::try_from(nets.len()).ok().filter(|it| *it > set.options.room());
        let part = |(address, length)| {
            if hosts { Part::Ips(address, address) } else { Part::Net(address, length) }
        };
        set.entries = nets.into_iter().map(|it| Entry::new([part(it)])).collect();
        match self.axis? {
            Axis::Source => merged.source = Net::Any,
            _ => merged.destination = Net::Any,
        }
        let asked = matches::Set::new(set.name.clone(), SetDirs::parse(dirs).ok()?);
        // Ports need their protocol's match before them; a set may stand first.
        let others = std::mem::take(&mut merged.matches);
        merged.matches.push(asked);
        others.into_iter().for_each(|it| merged.matches.push(it));
        Some((merged, set))
    }
}

/// Names that new sets may have.
struct Names {
    text: Vec<u8>,
    next: usize,
}

impl Names {
    fn of(parts: &[&Ruleset]) -> Names {
        let mut text = Vec::new();
        for ruleset in parts {
            ruleset.print(&mut text, false);
            for set in ruleset.sets.iter() {
                text.extend_from_slice(&set.name);
                text.push(b' ');
            }
        }
        Names { text, next: 0 }
    }

    /// A name that stands nowhere in the rules, made of that of a chain.
    fn free(&mut self, chain: &[u8]) -> Text {
        let plain = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
        let stem: Vec<u8> = chain.iter().filter(plain).take(20).copied().collect();
        loop {
            self.next += 1;
            let name = [b"set-", stem.as_slice(), format!("-{}", self.next).as_bytes()].concat();
            if memchr::memmem::find(&self.text, &name).is_none() {
                return Text::new(name);
            }
        }
    }
}

/// Whether a rule may be joined with others: nobody keeps account of it, and which rule decides is all the same.
fn fit<'r>(rule: &'r Rule, ruleset: &Ruleset, lines: &Lines) -> Option<&'r Typed> {
    let typed = rule.as_typed()?;
    let counted = rule.counters.as_ref().is_some_and(|it| it.packets != 0 || it.bytes != 0);
    let decides = match &typed.jump {
        Jump::Goto(_) => true,
        Jump::Target(target) => matches!(
            target.effect(ruleset.context),
            Effect::Accept | Effect::Drop | Effect::Reject(_) | Effect::Return | Effect::Nat(_)
        ),
        Jump::None | Jump::Chain(_) => false,
    };
    let meaning = typed.meaning(ruleset.context);
    let plain = meaning.needs().iter().all(|it| matches!(it, Need::Set(_)));
    (decides && plain && !counted && lines.is_alone(rule) && is_joinable(rule)).then_some(typed)
}

/// Whether nothing stands between two rules of one text: a remark there has its reason.
fn follows(before: &Rule, next: &Rule) -> bool {
    match (&before.origin, &next.origin) {
        (Origin::Text(one), Origin::Text(other)) => {
            one.shares_source(other) && one.place().0 + 1 == other.place().0
        }
        (Origin::Text(_), _) | (_, Origin::Text(_)) => false,
        _ => true,
    }
}

/// In what two rules differ, if it is one thing.
fn differing(a: &Typed, b: &Typed) -> Option<Axis> {
    let same_head = a.in_iface == b.in_iface
        && a.out_iface == b.out_iface
        && a.proto == b.proto
        && a.fragment == b.fragment
        && a.inverted == b.inverted
        && a.jump == b.jump
        && a.matches.len() == b.matches.len();
    if !same_head {
        return None;
    }
    let mut differing = a.matches.iter().zip(b.matches.iter()).filter(|(a, b)| a != b);
    let (source, destination) = (a.source != b.source, a.destination != b.destination);
    match (differing.next(), differing.next()) {
        (None, None) if source && !destination && !a.inverted.has(Inverted::SOURCE) => Some(Axis::Source),
        (None, None) if destination && !source && !a.inverted.has(Inverted::DESTINATION) => {
            Some(Axis::Destination)
        }
        (Some((a, b)), None) if !source && !destination => {
            [PortSide::Destination, PortSide::Source].into_iter().find_map(|side| {
                let (ports, rest) = listed(a, side)?;
                let (others, more) = listed(b, side)?;
                (ports != others && rest == more).then_some(Axis::Ports(side))
            })
        }
        _ => None,
    }
}

/// The ports that a match asks of one side, and the match without them; `None` if it asks none.
fn listed(it: &Match, side: PortSide) -> Option<(Vec<Ports>, Option<Match>)> {
    match it {
        Match::Tcp(tcp) => {
            let mut rest = *tcp;
            let (ports, inverted) = match side {
                PortSide::Source => (std::mem::replace(&mut rest.sport, Ports::ALL), tcp.inverted.sport),
                PortSide::Destination => (std::mem::replace(&mut rest.dport, Ports::ALL), tcp.inverted.dport),
                PortSide::Either => return None,
            };
            let empty =
                rest.sport.is_all() && rest.dport.is_all() && rest.flags.is_none() && rest.option == 0;
            let some = !ports.is_all() && !inverted;
            some.then(|| (vec![ports], (!empty).then_some(Match::Tcp(rest))))
        }
        Match::Udp(udp) => {
            let mut rest = *udp;
            let (ports, inverted) = match side {
                PortSide::Source => (std::mem::replace(&mut rest.sport, Ports::ALL), udp.sport_inverted),
                PortSide::Destination => (std::mem::replace(&mut rest.dport, Ports::ALL), udp.dport_inverted),
                PortSide::Either => return None,
            };
            let empty = rest.sport.is_all() && rest.dport.is_all();
            let some = !ports.is_all() && !inverted;
            some.then(|| (vec![ports], (!empty).then_some(Match::Udp(rest))))
        }
        Match::Multiport(list) if list.side == side && !list.ports.inverted => {
            Some((list.ports.value.clone(), None))
        }
        _ => None,
    }
}

fn merge(members: &[&Typed], axis: Axis, family: Family) -> Option<Typed> {
    let mut merged = (*members.first()?).clone();
    match axis {
        Axis::Source => merged.source = network(members.iter().map(|it| &it.source), family)?,
        Axis::Destination => merged.destination = network(members.iter().map(|it| &it.destination), family)?,
        Axis::Ports(side) => {
            let mut ports: Vec<Ports> = Vec::new();
            for it in members {
                let (more, _) = it.matches.iter().find_map(|it| listed(it, side))?;
                ports.extend(more);
            }
            let ports = joined(ports);
            if ports.iter().map(|it| if it.low == it.high { 1 } else { 2 }).sum::<usize>() > SLOTS {
                return None;
            }
            let mut list = Multiport::dports(ports);
            list.side = side;
            let mut matches = Matches::default();
            let mut list = Some(list);
            for it in &merged.matches {
                match listed(it, side).filter(|_| list.is_some()) {
                    Some((_, rest)) => {
                        rest.into_iter().for_each(|it| matches.push(it));
                        list.take().into_iter().for_each(|it| matches.push(it));
                    }
                    None => matches.push(it.clone()),
                }
            }
            merged.matches = matches;
        }
    }
    Some(merged)
}

/// The same ports, each once, in order; ports side by side are a range if they are three or more.
fn joined(mut ports: Vec<Ports>) -> Vec<Ports> {
    ports.sort_by_key(|it| (it.low, it.high));
    let mut ranges: Vec<Ports> = Vec::new();
    for it in ports {
        match ranges.last_mut() {
            Some(last) if u32::from(it.low) <= u32::from(last.high) + 1 => last.high = last.high.max(it.high),
            _ => ranges.push(it),
        }
    }
    let two = |it: Ports| it.low.checked_add(1) == Some(it.high);
    let apart = |it: Ports| if two(it) { vec![Ports::one(it.low), Ports::one(it.high)] } else { vec![it] };
    ranges.into_iter().flat_map(apart).collect()
}

/// The network that these make up together.
fn network<'n>(nets: impl Iterator<Item = &'n Net>, family: Family) -> Option<Net> {
    let mut ranges = Vec::new();
    for net in nets {
        let (low, mask) = net.bits();
        let length = prefix_length(family, mask)?;
        let top = prefix_mask(family, family.bits());
        ranges.push((low, low | top & !prefix_mask(family, length)));
    }
    ranges.sort_unstable();
    let low = ranges.first()?.0;
    let mut high = ranges.first()?.1;
    for (start, end) in ranges {
        if start > high && high.checked_add(1) != Some(start) {
            return None;
        }
        high = high.max(end);
    }
    let mut masks = (0..=family.bits()).map(|it| prefix_mask(family, it));
    let top = prefix_mask(family, family.bits());
    let mask = masks.find(|mask| low & mask == low && low | top & !mask == high)?;
    Some(Net::new(family, low, mask))
}
