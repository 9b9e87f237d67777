//! Rules that no packet meets, and why.

use super::Standing;
use super::flow::Flow;
use super::lines::Lines;
use super::progress::Watcher;
use crate::space::{Arena, Set, TooLarge};

/// Which rules take what would match a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cover {
    /// Places of earlier rules of the chain that together take it all, in order. Empty where no packet of this kind comes to
    /// the chain, or where the search was given up.
    pub rules: Vec<usize>,
    /// No packet of this kind comes to the chain.
    pub outside: bool,
}

/// How many rules are looked at to find covers, in a table.
const EFFORT: usize = 50_000_000;
/// The most rules of a cover.
const MOST: usize = 64;

pub(super) fn standings(
    lines: &mut Lines,
    flow: &Flow,
    watcher: &mut Watcher<'_>,
) -> Result<Vec<Vec<Standing>>, TooLarge> {
    let mut effort = EFFORT;
    let mut all = Vec::with_capacity(lines.lanes.len());
    for at in 0..lines.lanes.len() {
        all.push(chain(lines, flow, at, &mut effort, watcher)?);
    }
    Ok(all)
}

fn chain(
    lines: &mut Lines,
    flow: &Flow,
    at: usize,
    effort: &mut usize,
    watcher: &mut Watcher<'_>,
) -> Result<Vec<Standing>, TooLarge> {
    let Lines { space, lanes } = lines;
    let arena = space.arena();
    let entry = flow.entry(at);
    let (Some(lane), Some(firsts), Some(takes)) = (lanes.get(at), flow.firsts.get(at), flow.takes.get(at))
    else {
        return Ok(Vec::new());
    };
    let mut standings = Vec::with_capacity(firsts.len());
    for (number, (line, first)) in lane.lines.iter().zip(firsts).enumerate() {
        watcher.step();
        let standing = if line.when.may.is_empty() {
            Standing::Impossible
        } else if entry.is_empty() || !arena.disjoint(entry, *first) {
            // Of a chain that no packet enters, this is said of the chain.
            Standing::Alive
        } else {
            // What earlier rules of a chain take they take from whoever calls it.
            let whole = if lane.builtin || !first.is_empty() { entry } else { Set::ALL };
            let wanted = arena.and(whole, line.when.may)?;
            if wanted.is_empty() && lane.builtin {
                Standing::Impossible
            } else if wanted.is_empty() || !first.is_empty() {
                Standing::Unreachable(Cover { rules: Vec::new(), outside: true })
            } else {
                let earlier = takes.get(..number).unwrap_or_default();
                let rules = cover(arena, wanted, earlier, effort)?;
                Standing::Unreachable(Cover { rules, outside: false })
            }
        };
        standings.push(standing);
    }
    Ok(standings)
}

/// Rules that together take all of `wanted`: one if one does, else few.
fn cover(arena: &mut Arena, wanted: Set, takes: &[Set], effort: &mut usize) -> Result<Vec<usize>, TooLarge> {
    let mut left = wanted;
    let mut rules = Vec::new();
    while let Some(packet) = arena.any(left) {
        if rules.len() >= MOST || *effort < takes.len() {
            return Ok(Vec::new());
        }
        *effort -= takes.len();
        // Whoever takes all takes this one.
        let mut takers: Vec<usize> = Vec::new();
        for (number, take) in takes.iter().enumerate() {
            if arena.holds(*take, &packet) {
                takers.push(number);
            }
        }
        let set = |number: &usize| takes.get(*number).copied().unwrap_or(Set::NONE);
        let all = takers.iter().copied().find(|it| arena.within(left, set(it)));
        let Some(next) = all.or(takers.first().copied()) else { return Ok(Vec::new()) };
        rules.push(next);
        left = arena.minus(left, set(&next))?;
    }
    prune(arena, wanted, takes, rules)
}

/// Leaves out those that the others make superfluous.
fn prune(
    arena: &mut Arena,
    wanted: Set,
    takes: &[Set],
    mut rules: Vec<usize>,
) -> Result<Vec<usize>, TooLarge> {
    let mut at = 0;
    while at < rules.len() && rules.len() > 1 {
        let mut left = wanted;
        for (place, number) in rules.iter().enumerate() {
            if place != at {
                left = arena.minus(left, takes.get(*number).copied().unwrap_or(Set::NONE))?;
            }
        }
        if left.is_empty() {
            rules.remove(at);
        } else {
            at += 1;
        }
    }
    rules.sort_unstable();
    Ok(rules)
}
