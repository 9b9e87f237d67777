//! What becomes of some packets from a place of a chain on, with and without the rules that are superfluous.

use super::Standing;
use super::act::Act;
use super::lines::Lines;
use super::redundant::{End, end, policy};
use super::ways::DEEPEST;
use crate::space::{Set, TooLarge};

/// Rules that are looked at, in a table, to prove that others are superfluous.
const EFFORT: usize = 10_000_000;

/// Follows packets, forwards.
pub(super) struct Walk {
    /// Rules that may still be looked at.
    effort: usize,
}

impl Walk {
    pub(super) fn new() -> Walk {
        Walk { effort: EFFORT }
    }

    /// Whether there was effort enough for all that was asked.
    pub(super) fn is_complete(&self) -> bool {
        self.effort > 0
    }

    /// Whether all packets of a set that are behind the rule `number` of a chain come to `wanted`, and nothing else notices
    /// them: whichever of the rules that are not alive are there.
    pub(super) fn ends(
        &mut self,
        lines: &mut Lines,
        found: &[Vec<Standing>],
        (chain, number): (usize, usize),
        packets: Set,
        wanted: End,
    ) -> Result<bool, TooLarge> {
        let back = self.back(lines, found, (chain, number + 1), (packets, wanted), 0)?;
        let at_end = lines.lanes.get(chain).map_or(End::Back, policy);
        Ok(back.is_some_and(|it| it.is_empty() || at_end == wanted))
    }

    /// Those that leave a chain by its end or by RETURN, if nothing becomes of the others but what is wanted.
    fn back(
        &mut self,
        lines: &mut Lines,
        found: &[Vec<Standing>],
        (chain, from): (usize, usize),
        (packets, wanted): (Set, End),
        depth: usize,
    ) -> Result<Option<Set>, TooLarge> {
        let (mut left, mut back) = (packets, Set::NONE);
        let count = lines.lanes.get(chain).map_or(0, |it| it.lines.len());
        for number in from..count {
            if left.is_empty() {
                break;
            }
            let Some(effort) = self.effort.checked_sub(1).filter(|_| depth < DEEPEST) else {
                return Ok(None);
            };
            self.effort = effort;
            let Lines { space, lanes } = &mut *lines;
            let Some(line) = lanes.get(chain).and_then(|it| it.lines.get(number)) else { continue };
            let when = line.when;
            if space.arena().disjoint(left, when.may) {
                continue;
            }
            if !when.is_exact() {
                return Ok(None);
            }
            let matching = space.arena().and(left, when.may)?;
            let comes_back = match (&line.act, end(&line.act)) {
                (Act::Next, _) if line.quiet => continue,
                (_, Some(End::Back)) => {
                    back = space.arena().or(back, matching)?;
                    Set::NONE
                }
                (_, Some(end)) if end == wanted => Set::NONE,
                (Act::Jump(to) | Act::Goto(to), _) => {
                    let (to, returns) = ((*to, 0), matches!(line.act, Act::Jump(_)));
                    let Some(left) = self.back(lines, found, to, (matching, wanted), depth + 1)? else {
                        return Ok(None);
                    };
                    if returns {
                        left
                    } else {
                        back = lines.space.arena().or(back, left)?;
                        Set::NONE
                    }
                }
                _ => return Ok(None),
            };
            let alive = found.get(chain).and_then(|it| it.get(number)) == Some(&Standing::Alive);
            if alive {
                // Of a rule that may be taken out, its packets also go on.
                let arena = lines.space.arena();
                left = arena.minus(left, matching)?;
                left = arena.or(left, comes_back)?;
            }
        }
        lines.space.arena().or(back, left).map(Some)
    }
}
