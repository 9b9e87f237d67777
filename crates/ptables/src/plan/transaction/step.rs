//! What a transaction asks for, and what it is told.

use std::fmt;

use crate::compile::RestoreText;
use crate::dialect::Family;
use crate::ipset::Set;

use super::super::make::Obstacle;
use super::super::state::State;

/// What is to be done next. Who runs the transaction does it, and [tells](super::Transaction::answer) how it went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Read the rules of a family, with their counters: [`Answer::Live`].
    Read(Family),
    /// Read all sets: [`Answer::Sets`].
    ReadSets,
    /// Try the [plans](super::Transaction::plans) where they cannot hurt; a refusal is [`Answer::Failed`].
    Try,
    /// Take the lock of the legacy tools, and hold it until the end.
    Lock,
    /// Ask for the generation of the ruleset: [`Answer::Generation`].
    Generation,
    /// Keep [changes](super::Transaction::changes) and [way back of the sets](super::Transaction::sets_back) where they outlive this
    /// process.
    Keep,
    /// Start who undoes the transaction if this process dies. What is kept by now is all that is needed.
    Guard,
    /// Give these lines to `ipset -exist restore`.
    Sets(Vec<String>),
    /// Destroy these sets; one that is in use stays.
    Destroy(Vec<String>),
    /// Give this text to `iptables-restore --noflush` (or `ip6tables-restore`): one table. [`Answer::NotThere`] if what it rests on
    /// is no longer there.
    #[non_exhaustive]
    Commit {
        /// Of this family.
        family: Family,
        /// The table.
        table: String,
        /// The commands, with who wrote each line.
        text: RestoreText,
    },
    /// Others are at work: wait a moment, some 20 ms.
    Pause,
    /// All is as wanted, and was read back: keep that nothing is to be undone any more.
    Committed,
    /// Nothing is left to be done.
    End(Ended),
}

/// How a step went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// It was done.
    Done,
    /// The rules of the family, none of them claimed.
    Live(State),
    /// All sets.
    Sets(Vec<Set>),
    /// The generation of the ruleset; `None` where there is none, as on legacy.
    Generation(Option<u32>),
    /// A rule, a place or a chain that a commit names is not there (any more); nothing of the table was changed.
    NotThere,
    /// It could not be done; nothing of the table was changed.
    Failed,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// All was as wanted. Who asks for a rule may have moved to another line: the [plans](super::Transaction::plans) have the record.
    Unchanged,
    /// All is as wanted now.
    Applied,
    /// Nothing of ours has changed, or it was changed back.
    #[non_exhaustive]
    Stopped {
        /// Why.
        why: Why,
        /// What could not be changed back, one line each.
        left: Vec<String>,
    },
}

/// Why a transaction did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// A step failed: who ran it knows why.
    Failed,
    /// The plan cannot be carried out.
    Obstacles(Vec<Obstacle>),
    /// Declared sets stand against those that are there: [the finding](super::Transaction::finding).
    Sets,
    /// Others changed the rules again and again.
    Changing,
    /// It was [cancelled](super::Transaction::cancel).
    Cancelled,
    /// It was to be undone from the beginning.
    Asked,
}

/// What is being done, in a few words: for who waits.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Read(family) => write!(f, "reading the rules of {family}"),
            Step::ReadSets => f.write_str("reading the sets"),
            Step::Try => f.write_str("trying the plan in a namespace of its own"),
            Step::Lock => f.write_str("waiting for the lock of the legacy tools"),
            Step::Generation => f.write_str("looking whether others changed the rules"),
            Step::Keep => f.write_str("keeping what is needed to go back"),
            Step::Guard => f.write_str("starting the guard"),
            Step::Sets(lines) => write!(f, "changing {} entries of sets", lines.len()),
            Step::Destroy(names) => write!(f, "taking out {} sets", names.len()),
            Step::Commit { family, table, .. } => write!(f, "changing {family} {table}"),
            Step::Pause => f.write_str("waiting for others"),
            Step::Committed => f.write_str("keeping what is applied"),
            Step::End(_) => f.write_str("done"),
        }
    }
}
