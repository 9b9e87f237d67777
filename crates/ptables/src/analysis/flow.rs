//! Who comes where.

use super::act::Act;
use super::lines::Lines;
use super::progress::Watcher;
use crate::space::{Set, TooLarge};

/// The packets that meet each rule.
#[derive(Debug)]
pub(crate) struct Flow {
    /// Chains, callees before callers.
    pub(crate) order: Vec<usize>,
    /// For each chain, which packets may come back to the caller, of all that could be sent there.
    pub(crate) returns: Vec<Set>,
    /// For each chain and rule, the packets that match it and no earlier rule took, of all that could be sent there.
    pub(crate) firsts: Vec<Vec<Set>>,
    /// For each chain and rule, the packets that it takes for certain if they come to it.
    pub(crate) takes: Vec<Vec<Set>>,
    /// For each chain, the packets that come there.
    pub(crate) entries: Vec<Set>,
}

/// Callees before callers, and the chains to which a circle leads.
fn order(lines: &Lines) -> (Vec<usize>, Vec<usize>) {
    let count = lines.lanes.len();
    let (mut order, mut circles) = (Vec::with_capacity(count), Vec::new());
    let mut begun = vec![false; count];
    let mut done = vec![false; count];
    let set = |marks: &mut Vec<bool>, at: usize| marks.get_mut(at).map(|it| std::mem::replace(it, true));
    for root in 0..count {
        if set(&mut begun, root) != Some(false) {
            continue;
        }
        let mut way = vec![(root, targets(lines, root))];
        while let Some((at, left)) = way.last_mut() {
            match left.pop() {
                Some(next) if done.get(next) == Some(&true) => {}
                Some(next) if set(&mut begun, next) == Some(false) => way.push((next, targets(lines, next))),
                Some(next) => circles.push(next),
                None => {
                    set(&mut done, *at);
                    order.push(*at);
                    way.pop();
                }
            }
        }
    }
    (order, circles)
}

fn targets(lines: &Lines, chain: usize) -> Vec<usize> {
    let all = lines.lanes.get(chain).into_iter().flat_map(|it| &it.lines);
    all.flat_map(|line| match &line.act {
        Act::Jump(to) | Act::Goto(to) => std::slice::from_ref(to),
        Act::Unknown(all) => all.as_slice(),
        _ => &[],
    })
    .copied()
    .collect()
}

impl Flow {
    pub(crate) fn new(lines: &mut Lines, watcher: &mut Watcher<'_>) -> Result<Flow, TooLarge> {
        let (order, circles) = order(lines);
        let count = lines.lanes.len();
        let mut flow = Flow {
            order,
            // Of a chain that is not looked at yet, a circle, all may come back.
            returns: vec![Set::ALL; count],
            firsts: vec![Vec::new(); count],
            takes: vec![Vec::new(); count],
            entries: lines.lanes.iter().map(|it| it.domain).collect(),
        };
        for at in flow.order.clone() {
            flow.summarise(lines, at, watcher)?;
        }
        for at in circles {
            if let Some(entry) = flow.entries.get_mut(at) {
                *entry = Set::ALL;
            }
        }
        for at in flow.order.clone().into_iter().rev() {
            flow.enter(lines, at)?;
        }
        Ok(flow)
    }

    pub(crate) fn returns_of(&self, chain: usize) -> Set {
        self.returns.get(chain).copied().unwrap_or(Set::ALL)
    }

    pub(crate) fn entry(&self, chain: usize) -> Set {
        self.entries.get(chain).copied().unwrap_or(Set::NONE)
    }

    /// Whether any packet comes to a chain.
    pub(crate) fn is_entered(&self, chain: usize) -> bool {
        !self.entry(chain).is_empty()
    }

    /// Whether any packet leaves a chain by its end or by RETURN.
    pub(crate) fn has_end(&self, chain: usize) -> bool {
        !self.returns_of(chain).is_empty()
    }

    fn summarise(&mut self, lines: &mut Lines, at: usize, watcher: &mut Watcher<'_>) -> Result<(), TooLarge> {
        let Lines { space, lanes } = lines;
        let arena = space.arena();
        let Some(lane) = lanes.get(at) else { return Ok(()) };
        let mut rest = if lane.builtin { lane.domain } else { Set::ALL };
        let mut returns = Set::NONE;
        let mut firsts = Vec::with_capacity(lane.lines.len());
        let mut takes = Vec::with_capacity(lane.lines.len());
        for line in &lane.lines {
            watcher.step();
            let first = arena.and(rest, line.when.may)?;
            let take = match &line.act {
                Act::Next | Act::Unknown(_) => Set::NONE,
                Act::End(_) | Act::Return | Act::Goto(_) => line.when.must,
                Act::Jump(to) => arena.minus(line.when.must, self.returns_of(*to))?,
            };
            firsts.push(first);
            takes.push(take);
            if first.is_empty() {
                continue;
            }
            let back = match &line.act {
                Act::Return => first,
                Act::Goto(to) => arena.and(first, self.returns_of(*to))?,
                _ => Set::NONE,
            };
            returns = arena.or(returns, back)?;
            rest = arena.minus(rest, take)?;
        }
        returns = arena.or(returns, rest)?;
        for (all, it) in [(&mut self.firsts, firsts), (&mut self.takes, takes)] {
            if let Some(place) = all.get_mut(at) {
                *place = it;
            }
        }
        if let Some(place) = self.returns.get_mut(at) {
            *place = returns;
        }
        Ok(())
    }

    /// Sends what comes to a chain on to the chains that it calls.
    fn enter(&mut self, lines: &mut Lines, at: usize) -> Result<(), TooLarge> {
        let Lines { space, lanes } = lines;
        let arena = space.arena();
        let entry = self.entry(at);
        let (Some(lane), Some(firsts)) = (lanes.get(at), self.firsts.get(at)) else { return Ok(()) };
        if entry.is_empty() {
            return Ok(());
        }
        for (line, first) in lane.lines.iter().zip(firsts) {
            let to = match &line.act {
                Act::Jump(to) | Act::Goto(to) => std::slice::from_ref(to),
                Act::Unknown(all) => all.as_slice(),
                _ => continue,
            };
            let sent = arena.and(entry, *first)?;
            for to in to {
                if let Some(place) = self.entries.get_mut(*to) {
                    *place = arena.or(*place, sent)?;
                }
            }
        }
        Ok(())
    }
}
