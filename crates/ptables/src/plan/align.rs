//! Which elements two sequences have in common, in the same order.

use std::collections::HashMap;
use std::ops::Range;

use crate::source::Text;

/// Segments without an element that is there once in both are compared in full up to this many pairs.
const FULL: usize = 1 << 22;

/// Numbers for texts, so that they are compared once.
#[derive(Default)]
pub(super) struct Ids<'a>(HashMap<&'a [u8], u32>);

impl<'a> Ids<'a> {
    pub(super) fn of(&mut self, text: &'a Text) -> u32 {
        // INVARIANT: 4 GiB of rules have fewer texts than there are numbers.
        let next = self.0.len() as u32;
        *self.0.entry(text.as_bytes()).or_insert(next)
    }
}

/// Pairs of places with the same number, growing in both. Patience: what both have once is matched first, then what is between.
/// Not always the longest; always right.
pub(super) fn align(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let (mut pairs, mut todo) = (Vec::new(), vec![(0..a.len(), 0..b.len())]);
    while let Some((mut left, mut right)) = todo.pop() {
        let same = |i: usize, j: usize| a.get(i).is_some_and(|it| b.get(j) == Some(it));
        while !left.is_empty() && !right.is_empty() && same(left.start, right.start) {
            pairs.push((left.start, right.start));
            (left.start, right.start) = (left.start + 1, right.start + 1);
        }
        while !left.is_empty() && !right.is_empty() && same(left.end - 1, right.end - 1) {
            (left.end, right.end) = (left.end - 1, right.end - 1);
            pairs.push((left.end, right.end));
        }
        if left.is_empty() || right.is_empty() {
            continue;
        }
        let anchors = rising(&unique(a, b, &left, &right));
        if anchors.is_empty() {
            if left.len().saturating_mul(right.len()) <= FULL {
                pairs.extend(longest(a, b, &left, &right));
            }
            continue;
        }
        let (mut i, mut j) = (left.start, right.start);
        for (x, y) in anchors {
            pairs.push((x, y));
            todo.push((i..x, j..y));
            (i, j) = (x + 1, y + 1);
        }
        todo.push((i..left.end, j..right.end));
    }
    pairs.sort_unstable();
    pairs
}

/// What both parts have exactly once, in the order of the first.
fn unique(a: &[u32], b: &[u32], left: &Range<usize>, right: &Range<usize>) -> Vec<(usize, usize)> {
    let mut seen: HashMap<u32, (usize, usize, usize, usize)> = HashMap::new();
    for i in left.clone() {
        if let Some(id) = a.get(i) {
            let it = seen.entry(*id).or_default();
            (it.0, it.1) = (it.0 + 1, i);
        }
    }
    for j in right.clone() {
        if let Some(it) = b.get(j).and_then(|id| seen.get_mut(id)) {
            (it.2, it.3) = (it.2 + 1, j);
        }
    }
    let once = seen.into_values().filter(|it| (it.0, it.2) == (1, 1));
    let mut found: Vec<(usize, usize)> = once.map(|it| (it.1, it.3)).collect();
    found.sort_unstable();
    found
}

/// The longest part of the pairs whose second places grow.
fn rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // `tops[n]`: the pair with the smallest second place that ends a run of n + 1; `before`: the pair before each.
    let (mut tops, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    let second = |at: usize| pairs.get(at).map_or(usize::MAX, |it| it.1);
    for at in 0..pairs.len() {
        let place = tops.partition_point(|top| second(*top) < second(at));
        before.push(place.checked_sub(1).and_then(|it| tops.get(it).copied()));
        match tops.get_mut(place) {
            Some(top) => *top = at,
            None => tops.push(at),
        }
    }
    let (mut found, mut next) = (Vec::new(), tops.last().copied());
    while let Some(at) = next {
        found.extend(pairs.get(at));
        next = before.get(at).copied().flatten();
    }
    found.reverse();
    found
}

/// The longest common part, by comparing all with all.
fn longest(a: &[u32], b: &[u32], left: &Range<usize>, right: &Range<usize>) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    let mut best = vec![0_u32; (left.len() + 1) * width];
    let get = |best: &[u32], i: usize, j: usize| best.get(i * width + j).copied().unwrap_or(0);
    let same =
        |i: usize, j: usize| a.get(left.start + i).is_some_and(|it| b.get(right.start + j) == Some(it));
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            let value = match same(i, j) {
                true => get(&best, i + 1, j + 1) + 1,
                false => get(&best, i + 1, j).max(get(&best, i, j + 1)),
            };
            if let Some(it) = best.get_mut(i * width + j) {
                *it = value;
            }
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < left.len() && j < right.len() {
        if same(i, j) {
            pairs.push((left.start + i, right.start + j));
            (i, j) = (i + 1, j + 1);
        } else if get(&best, i + 1, j) >= get(&best, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_common_is_matched_in_order() {
        assert_eq!(align(&[1, 2, 3], &[1, 9, 3]), [(0, 0), (2, 2)]);
        assert_eq!(align(&[1, 1, 2, 1], &[1, 2, 1, 1]).len(), 3);
        assert_eq!(align(&[5, 6, 1, 2], &[1, 2, 5]), [(2, 0), (3, 1)]);
        assert_eq!(align(&[], &[1]), []);
        let long: Vec<u32> = (0..50_000).collect();
        let mut other = long.clone();
        other[25_000] = 99_999;
        assert_eq!(align(&long, &other).len(), 49_999);
    }

    #[test]
    fn pairs_are_equal_and_rise() {
        // Every pair of words of up to five letters of three.
        let words: Vec<Vec<u32>> =
            (0..3_u32.pow(5)).map(|n| (0..5).map(|at| n / 3_u32.pow(at) % 3).collect()).collect();
        for a in words.iter().step_by(2) {
            for b in words.iter().step_by(3) {
                let pairs = align(a, b);
                assert!(pairs.iter().all(|(i, j)| a[*i] == b[*j]));
                assert!(pairs.windows(2).all(|it| it[0].0 < it[1].0 && it[0].1 < it[1].1));
            }
        }
    }
}
