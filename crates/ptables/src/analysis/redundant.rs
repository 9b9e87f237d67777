//! Rules without which the same would become of every packet.
//!
//! A chain is gone through from its end. What becomes of a packet counts only if nothing else notices it on its way: no log
//! line, no limit, no mark; and only if it is the same with and without the rules behind that are found to be superfluous.
//! So what is said of a rule holds by itself, and together with what is said of others.

use super::Standing;
use super::act::{Act, Outcome};
use super::flow::Flow;
use super::lines::{Lane, Line, Lines};
use super::progress::Watcher;
use super::without::Walk;
use crate::meaning::Answer;
use crate::model::Policy;
use crate::space::{Arena, Set, TooLarge};

/// What does the same in place of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Instead {
    /// A later rule of the chain, by its place; if there are several, one of them.
    Rule(usize),
    /// The end of the chain: the policy, or the way back to the caller.
    End,
}

/// What becomes of packets from a place of a chain on, where nothing else notices them.
#[derive(Clone, Debug, Default)]
struct Fate {
    accept: Option<Set>,
    drop: Option<Set>,
    back: Option<Set>,
    reject: Vec<(Answer, Set)>,
}

impl Fate {
    fn of(&self, end: &End) -> Set {
        match end {
            End::Accept => self.accept,
            End::Drop => self.drop,
            End::Back => self.back,
            End::Reject(answer) => self.reject.iter().find(|it| it.0 == *answer).map(|it| it.1),
        }
        .unwrap_or(Set::NONE)
    }

    fn set(&mut self, end: &End, set: Set) {
        match end {
            End::Accept => self.accept = Some(set),
            End::Drop => self.drop = Some(set),
            End::Back => self.back = Some(set),
            End::Reject(answer) => match self.reject.iter_mut().find(|it| it.0 == *answer) {
                Some(place) => place.1 = set,
                None => self.reject.push((*answer, set)),
            },
        }
    }

    /// What is so with and without a rule that ends the way of its packets there.
    fn perhaps(&mut self, arena: &mut Arena, line: &Line, own: End) -> Result<(), TooLarge> {
        for end in self.ends().into_iter().filter(|it| *it != own) {
            let rest = arena.minus(self.of(&end), line.when.may)?;
            self.set(&end, rest);
        }
        Ok(())
    }

    fn ends(&self) -> Vec<End> {
        let plain = [(self.accept, End::Accept), (self.drop, End::Drop), (self.back, End::Back)];
        let plain = plain.into_iter().filter_map(|(set, end)| set.map(|_| end));
        plain.chain(self.reject.iter().map(|it| End::Reject(it.0))).collect()
    }
}

/// What may become of a packet in a chain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Accept,
    Drop,
    Back,
    Reject(Answer),
}

pub(super) fn end(act: &Act) -> Option<End> {
    match act {
        Act::Return => Some(End::Back),
        Act::End(Outcome::Accept) => Some(End::Accept),
        Act::End(Outcome::Drop) => Some(End::Drop),
        Act::End(Outcome::Reject(answer)) => Some(End::Reject(*answer)),
        _ => None,
    }
}

/// What becomes of packets at the end of a chain; RETURN leads there too.
pub(super) fn policy(lane: &Lane) -> End {
    match lane.policy {
        Some(Policy::Accept) if lane.builtin => End::Accept,
        Some(Policy::Drop) if lane.builtin => End::Drop,
        _ => End::Back,
    }
}

/// Marks what is redundant among the rules that are alive. Gives whether all were looked at.
///
/// A chain is gone through from its end without the rules that no packet meets: most rules of a long chain may be such. What
/// seems redundant then is proved with them.
pub(super) fn find(
    lines: &mut Lines,
    flow: &Flow,
    found: &mut [Vec<Standing>],
    watcher: &mut Watcher<'_>,
) -> Result<bool, TooLarge> {
    let mut walk = Walk::new();
    let mut fates: Vec<Fate> = vec![Fate::default(); lines.lanes.len()];
    for at in flow.order.iter().copied() {
        let Some(policy) = lines.lanes.get(at).map(policy) else { continue };
        let mut fate = Fate::default();
        fate.set(&policy, Set::ALL);
        let count = lines.lanes.get(at).map_or(0, |it| it.lines.len());
        for number in (0..count).rev() {
            watcher.step();
            if found.get(at).and_then(|it| it.get(number)) != Some(&Standing::Alive) {
                continue;
            }
            let Lines { space, lanes } = &mut *lines;
            let Some(line) = lanes.get(at).and_then(|it| it.lines.get(number)) else { continue };
            let own = end(&line.act).map(|it| if it == End::Back { policy } else { it });
            let first = flow.firsts.get(at).and_then(|it| it.get(number)).copied().unwrap_or(Set::NONE);
            if let Some(own) = own
                && line.when.is_exact()
                && !first.is_empty()
                && space.arena().within(first, fate.of(&own))
                && walk.ends(lines, found, (at, number), first, own)?
            {
                let Lines { space, lanes } = &mut *lines;
                let (Some(lane), Some(standings)) = (lanes.get(at), found.get_mut(at)) else { continue };
                let instead = instead(space.arena(), first, &lane.lines, standings, number);
                if let Some(place) = standings.get_mut(number) {
                    *place = Standing::Redundant(instead);
                }
                if let Some(line) = lane.lines.get(number) {
                    fate.perhaps(space.arena(), line, own)?;
                }
                continue;
            }
            let Lines { space, lanes } = &mut *lines;
            if let Some(line) = lanes.get(at).and_then(|it| it.lines.get(number)) {
                step(space.arena(), line, own, policy, &mut fate, &fates)?;
            }
        }
        if let Some(place) = fates.get_mut(at) {
            *place = fate;
        }
    }
    Ok(walk.is_complete())
}

/// The rule that takes one of these packets instead.
fn instead(arena: &Arena, first: Set, lines: &[Line], standings: &[Standing], number: usize) -> Instead {
    let Some(packet) = arena.any(first) else { return Instead::End };
    let later = lines.iter().zip(standings).enumerate().skip(number + 1);
    let mut later = later.filter(|(_, (line, standing))| {
        **standing == Standing::Alive && !matches!(line.act, Act::Next | Act::Unknown(_))
    });
    let taker = later.find(|(_, (line, _))| arena.holds(line.when.may, &packet));
    taker.map_or(Instead::End, |it| Instead::Rule(it.0))
}

/// What becomes of packets that come to a rule, from what becomes of those that come to the next.
fn step(
    arena: &mut Arena,
    line: &Line,
    own: Option<End>,
    policy: End,
    fate: &mut Fate,
    fates: &[Fate],
) -> Result<(), TooLarge> {
    if line.act == Act::Next && line.quiet && line.when.is_exact() {
        return Ok(());
    }
    let none = Fate::default();
    let callee = match &line.act {
        Act::Jump(to) | Act::Goto(to) if line.when.is_exact() => fates.get(*to).unwrap_or(&none),
        _ => &none,
    };
    let goes_on = match &line.act {
        Act::Jump(_) => callee.of(&End::Back),
        _ => Set::NONE,
    };
    let mut ends = fate.ends();
    for more in callee.ends().into_iter().map(|it| if it == End::Back { policy } else { it }).chain(own) {
        if !ends.contains(&more) {
            ends.push(more);
        }
    }
    let when = line.when.may;
    for end in ends {
        let after = fate.of(&end);
        let mut within = arena.and(goes_on, after)?;
        if own == Some(end) && line.when.is_exact() {
            within = Set::ALL;
        }
        let back = end == policy && matches!(line.act, Act::Goto(_));
        for of in [Some(end).filter(|it| *it != End::Back), back.then_some(End::Back)].into_iter().flatten() {
            within = arena.or(within, callee.of(&of))?;
        }
        let set = arena.either(when, within, after)?;
        fate.set(&end, set);
    }
    Ok(())
}
