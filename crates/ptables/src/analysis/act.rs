//! What rules do, as far as it matters to who comes next.

use crate::meaning::{Answer, Effect, Field};
use crate::source::Text;

/// Where a packet goes that a rule matches. Chains are known by their place in the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// To the next rule.
    Next,
    /// Nowhere in this table.
    End(Outcome),
    /// To the calling chain, or to the policy.
    Return,
    /// Into a chain, and back.
    Jump(usize),
    /// Into a chain, and back to the caller's caller.
    Goto(usize),
    /// Nobody can tell; perhaps into these chains.
    Unknown(Vec<usize>),
}

/// What becomes of a packet in a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    Accept,
    Drop,
    Reject(Answer),
    /// It ends here, and something else is done with it.
    Other,
}

/// What an effect leaves behind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traces {
    /// Fields that it rewrites.
    pub(crate) fields: Vec<Field>,
    /// Sets that it changes.
    pub(crate) sets: Vec<Text>,
}

/// Where an effect leads, with what it leaves behind.
pub(crate) fn of_effect(effect: &Effect, traces: &mut Traces) -> Act {
    match effect {
        Effect::Accept => Act::End(Outcome::Accept),
        Effect::Drop => Act::End(Outcome::Drop),
        Effect::Reject(answer) => Act::End(Outcome::Reject(*answer)),
        Effect::Return => Act::Return,
        Effect::Intercept { .. } | Effect::Nat(_) | Effect::Netmap { .. } => Act::End(Outcome::Other),
        Effect::Needs(_) => Act::Unknown(Vec::new()),
        effect => {
            traces.add(effect);
            Act::Next
        }
    }
}

impl Traces {
    pub(super) fn add(&mut self, effect: &Effect) {
        match effect {
            Effect::Sets(changes) => self.sets.extend(changes.iter().map(|it| it.name.clone())),
            Effect::Write { field, .. } | Effect::Add { field, .. } | Effect::Overwrite(field) => {
                self.fields.push(*field);
            }
            Effect::Copy { to, .. } => self.fields.push(*to),
            Effect::Hash(_) => self.fields.push(Field::Mark),
            Effect::Mss(_) | Effect::StripOptions(_) => self.fields.extend([Field::TcpMss, Field::Length]),
            Effect::Prefix { source: true, .. } => self.fields.push(Field::Source),
            Effect::Prefix { source: false, .. } => self.fields.push(Field::Destination),
            Effect::Track { untracked: true, .. } => self.fields.push(Field::CtState),
            // To conditions of the same table, what it hangs on packets is a connection.
            Effect::Track { .. } => self.fields.extend(Field::OF_CONNECTION),
            Effect::Sequence(all) => all.iter().for_each(|it| self.add(it)),
            _ => {}
        }
    }
}
