//! How far an analysis is.

/// What an analysis does with the rules of a table, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Finds the packets that come to each rule.
    Met,
    /// Finds which rules take the packets of those that none meets.
    Covered,
    /// Finds rules that make no difference.
    Redundant,
}

/// How far an analysis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Place of the table in the ruleset.
    pub table: usize,
    /// What is done.
    pub stage: Stage,
    /// Rules of the table that are done in this stage. Where the sets grow too large, it begins anew.
    pub done: usize,
    /// Rules of the table.
    pub of: usize,
}

impl Progress {
    /// Parts of the work on this table that are done, of a thousand. Rules are not equally hard; this is no time.
    pub fn thousandths(&self) -> usize {
        let stages = self.stage as usize;
        (stages * self.of + self.done) * 1000 / (3 * self.of).max(1)
    }
}

/// Rules after which whoever waits is told.
const EVERY: usize = 64;

/// Tells whoever waits.
pub(super) struct Watcher<'a> {
    tell: &'a mut dyn FnMut(Progress),
    now: Progress,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(table: usize, of: usize, tell: &'a mut dyn FnMut(Progress)) -> Watcher<'a> {
        Watcher { tell, now: Progress { table, stage: Stage::Met, done: 0, of } }
    }

    pub(super) fn begin(&mut self, stage: Stage) {
        (self.now.stage, self.now.done) = (stage, 0);
        (self.tell)(self.now);
    }

    /// One more rule is done.
    pub(super) fn step(&mut self) {
        self.now.done += 1;
        if self.now.done.is_multiple_of(EVERY) {
            (self.tell)(self.now);
        }
    }
}
