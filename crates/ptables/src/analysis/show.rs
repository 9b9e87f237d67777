//! Differences, for people.

use std::fmt;

use super::diff::{Comparison, Difference, Fate, Side};
use crate::diag::escape;
use crate::model::Ruleset;
use crate::simulate::{Options, Simulator};
use crate::space::Region;

/// Ranges of one field that are written out.
const SHOWN: usize = 6;

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.spans.is_empty() {
            return f.write_str("all packets");
        }
        for (at, span) in self.spans.iter().enumerate() {
            let shown: Vec<&str> = span.values.iter().take(SHOWN).map(String::as_str).collect();
            let comma = if at == 0 { "" } else { "; " };
            write!(f, "{comma}{} {}", span.field, shown.join(", "))?;
            if span.values.len() > SHOWN {
                write!(f, " and {} more", span.values.len() - SHOWN)?;
            }
        }
        if !self.exact && self.spans.len() > 1 {
            f.write_str(" (not all combinations)")?;
        }
        Ok(())
    }
}

impl Comparison {
    /// The differences as text for a terminal: nothing in it controls one. Empty if there is nothing to tell.
    pub fn human(&self, old: &Ruleset, new: &Ruleset) -> String {
        let simulators = [old, new].map(|it| Simulator::new(it, Options::default()));
        let mut lines: Vec<String> = Vec::new();
        for it in &self.differences {
            lines.push(format!("{}, {}: {}", what(it), it.path.as_str(), it.region));
            lines.push(format!("    such as {}", it.witness));
            for (simulator, side, when) in [(&simulators[0], it.old, "old"), (&simulators[1], it.new, "new")]
            {
                lines.push(format!("    {when}: {} by {}", side.fate.as_str(), decider(simulator, side)));
            }
        }
        if self.more {
            lines.push("and more differences".to_owned());
        }
        lines.extend(self.undecided.iter().map(|it| format!("cannot tell, {it}")));
        lines.iter().map(|it| escape::line(it).to_string() + "\n").collect()
    }
}

/// What happens to the packets of a difference, in two words.
pub(super) fn what(difference: &Difference) -> &'static str {
    match (difference.old.fate, difference.new.fate) {
        (_, Fate::Accept) => "newly allowed",
        (Fate::Accept, Fate::Drop) => "newly dropped",
        (Fate::Accept, Fate::Reject) => "newly rejected",
        (_, Fate::Drop) => "dropped in silence now",
        (_, Fate::Reject) => "rejected now",
    }
}

/// The rule or policy that decides.
pub(super) fn decider(simulator: &Simulator<'_>, side: Side) -> String {
    let Some((at, place)) = side.by.and_then(|at| Some((at, simulator.place(at)?))) else {
        return "no rule".to_owned();
    };
    let table = place.table.name.to_lossy();
    let line = place.origin().place().map(|it| format!(" ({}:{})", it.file, it.line)).unwrap_or_default();
    match at.rule {
        Some(_) => format!("{table}: {}{line}", simulator.rule_text(at)),
        None => format!("{table}: the policy of {}{line}", place.chain.name.to_lossy()),
    }
}
