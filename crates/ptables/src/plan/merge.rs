//! One chain: what goes, what stays, what comes, and where.

use std::collections::HashSet;
use std::ops::Range;

use super::align::{Ids, align};
use super::state::{ChainState, Item};

/// A rule of the chain as it will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This live rule stays.
    Keep(usize),
    /// This wanted rule comes.
    Insert(usize),
}

/// How a chain changes.
#[derive(Debug, Default)]
pub(super) struct Merge {
    /// The chain as it will be.
    pub(super) steps: Vec<Step>,
    /// Places of live rules that go, growing.
    pub(super) deleted: Vec<usize>,
    /// Of our live rules that should go: those that can't, because an equal rule of somebody else stands before them and a deletion
    /// takes the first.
    pub(super) stuck: Vec<usize>,
    /// For each live rule the wanted one that it is.
    pub(super) same: Vec<Option<usize>>,
}

/// Where our rules go in a chain that has none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Free {
    /// Before all others: the chain is a place that somebody else keeps for such rules.
    First,
    /// Behind all others.
    Last,
}

/// Merges the wanted rules into what is live. Foreign live rules stay, in their order. Rules of ours that are in both stay; a new
/// one goes right behind the one that is wanted before it. Foreign rules of the wanted side only say where ours stand.
pub(super) fn merge(live: &ChainState, wanted: Option<&ChainState>, free: Free) -> Merge {
    let none = Vec::new();
    let (live, wanted) = (&live.items, wanted.map_or(&none, |it| &it.items));
    let mut ids = Ids::default();
    let of = |items: &'_ [Item], ids: &[u32], ours: bool| -> (Vec<usize>, Vec<u32>) {
        let places = items.iter().enumerate().filter(|(_, it)| it.ours == ours).map(|it| it.0);
        places.map(|at| (at, ids.get(at).copied().unwrap_or(u32::MAX))).unzip()
    };
    let live_ids: Vec<u32> = live.iter().map(|it| ids.of(&it.text)).collect();
    let wanted_ids: Vec<u32> = wanted.iter().map(|it| ids.of(&it.text)).collect();
    let (live_foreign, a) = of(live, &live_ids, false);
    let (wanted_foreign, b) = of(wanted, &wanted_ids, false);
    // The same from either side, so that the way back keeps what the way there kept.
    let turned = live.iter().map(|it| &*it.text).gt(wanted.iter().map(|it| &*it.text));
    let align = |a: &[u32], b: &[u32]| match turned {
        true => align(b, a).into_iter().map(|(j, i)| (i, j)).collect(),
        false => align(a, b),
    };
    let pivots = align(&a, &b);
    let pivots =
        pivots.into_iter().filter_map(|(i, j)| Some((*live_foreign.get(i)?, *wanted_foreign.get(j)?)));
    let mut segments = Vec::new();
    let (mut i, mut j, mut pivot) = (0, 0, None);
    for (x, y) in pivots {
        segments.push((pivot, i..x, j..y, true));
        (i, j, pivot) = (x + 1, y + 1, Some(x));
    }
    segments.push((pivot, i..live.len(), j..wanted.len(), false));
    // For each wanted rule the live one that it is.
    let mut kept: Vec<Option<usize>> = vec![None; wanted.len()];
    for (_, left, right, _) in &segments {
        let (places, a): (Vec<usize>, Vec<u32>) = own(live, &live_ids, left.clone());
        let (targets, b): (Vec<usize>, Vec<u32>) = own(wanted, &wanted_ids, right.clone());
        for (x, y) in align(&a, &b) {
            if let Some(it) = targets.get(y).and_then(|it| kept.get_mut(*it)) {
                *it = places.get(x).copied();
            }
        }
    }
    let stays = first_of_equals(live, &live_ids, &mut kept);
    let of_fate = |fate| stays.iter().enumerate().filter(move |it| *it.1 == fate).map(|it| it.0).collect();
    let mut merge =
        Merge { deleted: of_fate(Fate::Deleted), stuck: of_fate(Fate::Stuck), ..Merge::default() };
    merge.same = vec![None; live.len()];
    for (target, place) in kept.iter().enumerate() {
        if let Some(it) = place.and_then(|it| merge.same.get_mut(it)) {
            *it = Some(target);
        }
    }
    let is_gone = |at: usize| stays.get(at) == Some(&Fate::Deleted);
    for (pivot, left, right, more) in segments {
        merge.steps.extend(pivot.map(Step::Keep));
        let mut next = left.start;
        let first_own = left.clone().find(|at| live.get(*at).is_some_and(|it| it.ours));
        let start = match (first_own, pivot.is_some() || more) {
            (Some(at), _) => at,
            (None, true) => left.start,
            (None, false) if free == Free::First => left.start,
            (None, false) => left.end,
        };
        let mut begun = false;
        let keep = |merge: &mut Merge, range: Range<usize>| {
            merge.steps.extend(range.filter(|at| !is_gone(*at)).map(Step::Keep));
        };
        for target in right.filter(|at| wanted.get(*at).is_some_and(|it| it.ours)) {
            match kept.get(target).copied().flatten() {
                Some(at) => {
                    keep(&mut merge, next..at + 1);
                    next = at + 1;
                }
                None => {
                    if !begun && next < start {
                        keep(&mut merge, next..start);
                        next = start;
                    }
                    merge.steps.push(Step::Insert(target));
                }
            }
            begun = true;
        }
        keep(&mut merge, next..left.end);
    }
    merge
}

fn own(items: &[Item], ids: &[u32], range: Range<usize>) -> (Vec<usize>, Vec<u32>) {
    let own = range.filter(|at| items.get(*at).is_some_and(|it| it.ours));
    own.map(|at| (at, ids.get(at).copied().unwrap_or(u32::MAX))).unzip()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    Deleted,
    Stuck,
}

/// A deletion by what a rule says takes the first of equals. So if one of ours goes, equal ones of ours before it go too (and come
/// back where they are wanted); behind an equal foreign rule none can go.
fn first_of_equals(live: &[Item], ids: &[u32], kept: &mut [Option<usize>]) -> Vec<Fate> {
    let mut fates = vec![Fate::Stays; live.len()];
    let mut target = vec![None; live.len()];
    for (at, place) in kept.iter().enumerate() {
        if let Some(it) = place.and_then(|it| target.get_mut(it)) {
            *it = Some(at);
        }
    }
    let mut foreign = HashSet::new();
    for ((item, id), (fate, target)) in live.iter().zip(ids).zip(fates.iter_mut().zip(&target)) {
        match (item.ours, target) {
            (false, _) => drop(foreign.insert(*id)),
            (true, Some(_)) => {}
            (true, None) if foreign.contains(id) => *fate = Fate::Stuck,
            (true, None) => *fate = Fate::Deleted,
        }
    }
    let mut going = HashSet::new();
    for at in (0..live.len()).rev() {
        let (Some(item), Some(id), Some(fate)) = (live.get(at), ids.get(at), fates.get_mut(at)) else {
            continue;
        };
        match *fate {
            Fate::Deleted => drop(going.insert(*id)),
            Fate::Stays if item.ours && going.contains(id) => {
                *fate = Fate::Deleted;
                if let Some(it) = target.get(at).copied().flatten().and_then(|it| kept.get_mut(it)) {
                    *it = None;
                }
            }
            _ => {}
        }
    }
    fates
}
