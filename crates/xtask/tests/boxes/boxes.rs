//! Sets of packets as lists of boxes.

/// More blocks than these are worth some work to join them.
const TIDY: usize = 24;

/// From and to, in each dimension.
pub(crate) type Block = Vec<(u128, u128)>;

/// Blocks; a packet is in the set if it is in one of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks(pub(crate) Vec<Block>);

fn meet(a: &Block, b: &Block) -> Option<Block> {
    let both = a.iter().zip(b).map(|(a, b)| (a.0.max(b.0), a.1.min(b.1)));
    let both: Block = both.collect();
    both.iter().all(|it| it.0 <= it.1).then_some(both)
}

/// What of a block lies outside another: for each dimension, what is below and above, within the earlier dimensions.
fn without(block: &Block, other: &Block, out: &mut Vec<Block>) {
    let Some(both) = meet(block, other) else { return out.push(block.clone()) };
    let mut rest = block.clone();
    for (at, it) in both.iter().enumerate() {
        let (low, high) = rest[at];
        if low < it.0 {
            rest[at] = (low, it.0 - 1);
            out.push(rest.clone());
        }
        if it.1 < high {
            rest[at] = (it.1 + 1, high);
            out.push(rest.clone());
        }
        rest[at] = *it;
    }
}

impl Blocks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn and(&self, other: &Blocks) -> Blocks {
        Blocks(self.0.iter().flat_map(|a| other.0.iter().filter_map(|b| meet(a, b))).collect())
    }

    pub(crate) fn minus(&self, other: &Blocks) -> Blocks {
        let mut left = self.0.clone();
        for taken in &other.0 {
            let mut next = Vec::with_capacity(left.len());
            left.iter().for_each(|it| without(it, taken, &mut next));
            left = next;
        }
        Blocks(left)
    }

    /// Joins blocks that lie side by side.
    pub(crate) fn tidied(mut self) -> Blocks {
        let dims = self.0.first().map_or(0, Vec::len);
        let mut before = usize::MAX;
        while self.0.len() > TIDY && self.0.len() < before {
            before = self.0.len();
            for at in 0..dims {
                // Those that differ in this dimension only stand together, from low to high.
                let rest = |it: &Block| [&it[..at], &it[at + 1..]].concat();
                self.0.sort_by_cached_key(|it| (rest(it), it[at]));
                self.0.dedup_by(|next, last| {
                    let beside = next[at].0 == last[at].1.wrapping_add(1);
                    let joined = beside && next[..at] == last[..at] && next[at + 1..] == last[at + 1..];
                    if joined {
                        last[at].1 = next[at].1;
                    }
                    joined
                });
            }
        }
        self
    }

    /// With no packet in two blocks.
    pub(crate) fn or(self, other: &Blocks) -> Blocks {
        let more = other.minus(&self);
        Blocks(self.0.into_iter().chain(more.0).collect())
    }
}

#[test]
fn a_hole_in_a_square_leaves_four_blocks() {
    let square = Blocks(vec![vec![(0, 9), (0, 9)]]);
    let hole = Blocks(vec![vec![(3, 5), (3, 5)]]);
    let ring = square.minus(&hole);
    assert_eq!(ring.0.len(), 4);
    assert!(ring.and(&hole).is_empty());
    assert!(square.minus(&ring.or(&hole)).is_empty());
}
