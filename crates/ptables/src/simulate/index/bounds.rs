//! Bounds of intervals, and in which of them a value lies.

use std::collections::BTreeSet;

/// First value of each interval but the first, which begins at 0. Narrow numbers are found faster.
#[derive(Clone, Debug)]
pub(super) enum Bounds {
    Narrow(Tree),
    Wide(Box<[u128]>),
}

/// Sorted numbers in blocks that a processor fetches and compares at once.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// Level for level from the top, which is one block; below it is a block for each number, which is the last of that block.
    blocks: Box<[Block]>,
    /// Where each level ends.
    ends: [u32; DEPTH],
    depth: u8,
    count: u32,
}

/// Levels of 2^32 numbers.
const DEPTH: usize = 8;

const BLOCK: usize = 16;

/// A line of the cache. What is free at the end holds the largest number.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Block([i32; BLOCK]);

/// Where intervals begin that tell these ranges apart, but the first; sorted, each once.
pub(super) fn starts(ranges: impl Iterator<Item = (u128, u128)>, most: u128) -> Vec<u128> {
    let ends = ranges.flat_map(|(low, high)| [Some(low), high.checked_add(1)]).flatten();
    ends.filter(|it| (1..=most).contains(it)).collect::<BTreeSet<u128>>().into_iter().collect()
}

impl Bounds {
    /// Of sorted bounds, each once.
    pub(super) fn new(bounds: Vec<u128>) -> Bounds {
        match bounds.iter().map(|it| u32::try_from(*it)).collect::<Result<Vec<u32>, _>>() {
            Ok(narrow) => Bounds::Narrow(Tree::new(&narrow)),
            Err(_) => Bounds::Wide(bounds.into()),
        }
    }

    /// In which interval a value lies.
    #[inline(always)]
    pub(super) fn place(&self, value: u128) -> usize {
        match self {
            Bounds::Narrow(tree) => tree.place(u32::try_from(value).unwrap_or(u32::MAX)),
            Bounds::Wide(bounds) => bounds.partition_point(|bound| *bound <= value),
        }
    }
}

impl Tree {
    fn new(numbers: &[u32]) -> Tree {
        let mut levels: Vec<Vec<Block>> = Vec::new();
        let mut level = numbers.to_vec();
        loop {
            levels.push(level.chunks(BLOCK).map(Block::new).collect());
            if level.len() <= BLOCK {
                break;
            }
            level = level.chunks_exact(BLOCK).filter_map(|some| some.last().copied()).collect();
        }
        levels.reverse();
        let (mut ends, mut end) = (<[u32; DEPTH]>::default(), 0);
        for (place, level) in ends.iter_mut().zip(&levels) {
            end += level.len() as u32;
            *place = end;
        }
        let (depth, count) = (levels.len() as u8, numbers.len() as u32);
        Tree { blocks: levels.into_iter().flatten().collect(), ends, depth, count }
    }

    /// How many numbers are not above this one.
    #[inline]
    fn place(&self, value: u32) -> usize {
        let (mut place, mut start) = (0, 0);
        for end in self.ends.iter().take(self.depth as usize) {
            let at = start + place;
            // Behind the last block of a level there may be more below.
            let below = self.blocks.get(at as usize).filter(|_| at < *end).map_or(0, |it| it.below(value));
            place = place * BLOCK as u32 + below;
            start = *end;
        }
        place.min(self.count) as usize
    }
}

impl Block {
    /// Of numbers in order.
    fn new(numbers: &[u32]) -> Block {
        let mut block = Block([i32::MAX; BLOCK]);
        block.0.iter_mut().zip(numbers).for_each(|(place, number)| *place = signed(*number));
        block
    }

    /// How many numbers are not above this one.
    #[inline]
    fn below(&self, value: u32) -> u32 {
        let value = signed(value);
        self.0.iter().map(|it| u32::from(*it <= value)).sum()
    }
}

/// In the same order, as a number with a sign: those are what processors compare many of at once.
#[inline]
fn signed(number: u32) -> i32 {
    (number ^ 1 << 31).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_where_a_plain_search_finds_it() {
        for count in [0, 1, 15, 16, 17, 31, 32, 255, 256, 257, 300, 4096, 4097, 5000] {
            let mut bounds: Vec<u128> = (0..count).map(|it: u128| it * 7 + 1).collect();
            // The largest number looks like a free place.
            if count % 2 == 1 {
                bounds.push(u128::from(u32::MAX));
            }
            let found = Bounds::new(bounds.clone());
            let values = (0..count * 7 + 20).chain([u128::from(u32::MAX) - 1, u128::from(u32::MAX), 1 << 40]);
            for value in values {
                let plain = bounds.partition_point(|bound| *bound <= value);
                assert_eq!(found.place(value), plain, "{value} among {count}");
            }
        }
    }

    #[test]
    fn wide_bounds_are_found_too() {
        let bounds = Bounds::new(vec![5, 1 << 100]);
        assert_eq!([4, 5, (1 << 100) - 1, 1 << 100].map(|it| bounds.place(it)), [0, 1, 1, 2]);
    }
}
