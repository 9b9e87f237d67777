//! The way back, step by step.

use std::collections::VecDeque;

use crate::compile::RestoreText;
use crate::dialect::Family;

use super::super::make::undo;
use super::super::sets::SetChange;
use super::step::{Answer, Step};
use super::{Change, destroyed, entries};

/// How often what is live is looked at again.
const ROUNDS: u32 = 20;
/// After so many rounds there is a pause before the next.
const EAGER: u32 = 2;

#[derive(Clone, Debug)]
pub(super) struct Undo {
    /// Families that are not done.
    changes: VecDeque<Change>,
    sets: SetChange,
    at: At,
    round: u32,
    todo: VecDeque<(Family, String, RestoreText)>,
    /// What could not be changed back.
    pub(super) left: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Come,
    Read,
    Commit,
    Pause,
    Go,
    Destroy,
    End,
}

impl Undo {
    pub(super) fn new(changes: Vec<Change>, sets: SetChange) -> Undo {
        let at = if sets.first.is_empty() { At::Read } else { At::Come };
        let (todo, left) = (VecDeque::new(), Vec::new());
        let mut undo = Undo { changes: changes.into(), sets, at, round: 0, todo, left };
        undo.settle();
        undo
    }

    /// What is next; `None` at the end.
    pub(super) fn step(&self) -> Option<Step> {
        Some(match self.at {
            At::Come => Step::Sets(self.sets.first.clone()),
            At::Read => Step::Read(self.changes.front()?.before.family),
            At::Commit => {
                let (family, table, text) = self.todo.front()?.clone();
                Step::Commit { family, table, text }
            }
            At::Pause => Step::Pause,
            At::Go => Step::Sets(entries(&self.sets.last)),
            At::Destroy => Step::Destroy(destroyed(&self.sets.last)),
            At::End => return None,
        })
    }

    pub(super) fn answer(&mut self, answer: Answer) {
        let failed = matches!(answer, Answer::Failed | Answer::NotThere);
        match self.at {
            At::Come if failed => self.left.push("entries of sets could not be brought back".into()),
            At::Go if failed => self.left.push("entries of sets could not be taken out".into()),
            At::Read => return self.read(answer),
            At::Commit => {
                // Others may be in the way just now; each table is tried for itself.
                self.todo.pop_front();
                if self.todo.is_empty() {
                    self.round += 1;
                    self.at = if self.round > EAGER { At::Pause } else { At::Read };
                }
                return;
            }
            _ => {}
        }
        self.at = match self.at {
            At::Come | At::Pause => At::Read,
            At::Go => At::Destroy,
            _ => At::End,
        };
        self.settle();
    }

    fn read(&mut self, answer: Answer) {
        let Some(change) = self.changes.front() else { return self.settle() };
        let family = change.before.family;
        let mut left = Vec::new();
        match answer {
            Answer::Live(live) if self.round < ROUNDS => {
                let plan = undo(live, &change.before, &change.after);
                if !plan.is_empty() {
                    self.todo = plan.texts().into_iter().map(|(table, text)| (family, table, text)).collect();
                    self.at = At::Commit;
                    return;
                }
                left.extend(plan.obstacles.iter().map(ToString::to_string));
            }
            Answer::Live(live) => {
                if !undo(live, &change.before, &change.after).is_empty() {
                    left.push(format!("the rules of {family} could not be changed back"));
                }
            }
            _ => left.push(format!("the rules of {family} could not be read")),
        }
        self.left.append(&mut left);
        self.changes.pop_front();
        self.round = 0;
        self.settle();
    }

    /// Leaves out what has nothing to do.
    fn settle(&mut self) {
        if self.at == At::Read && self.changes.is_empty() {
            self.at = At::Go;
        }
        if self.at == At::Go && entries(&self.sets.last).is_empty() {
            self.at = At::Destroy;
        }
        if self.at == At::Destroy && destroyed(&self.sets.last).is_empty() {
            self.at = At::End;
        }
    }
}
