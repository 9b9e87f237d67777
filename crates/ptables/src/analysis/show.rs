//! Differences and matrices, for people.

use std::fmt;

use super::diff::{Comparison, Difference, Fate, Side};
use super::reach::Matrix;
use crate::diag::escape;
use crate::model::Ruleset;
use crate::simulate::{Options, Simulator};
use crate::space::Region;

/// Ranges of one field that are written out.
const SHOWN: usize = 6;
/// Ranges of a class that are written out.
const RANGES: usize = 8;

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

impl Matrix {
    /// Leaves out whatever does not reach this address.
    pub fn keep_to(&mut self, address: u128) {
        let holds = |class: usize| {
            let ranges = self.classes.get(class).map(|it| it.ranges.as_slice()).unwrap_or_default();
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&address))
        };
        let edges = self.edges.iter().copied().filter(|it| holds(it.1)).collect();
        self.edges = edges;
    }

    /// The classes, numbered from 1, each with those that it reaches and its first ranges of addresses.
    pub fn human(&self) -> String {
        let mut lines =
            vec![format!("{} classes, {} of their pairs connected", self.classes.len(), self.edges.len())];
        for (at, class) in self.classes.iter().enumerate() {
            let shown: Vec<String> = self.addresses(at).into_iter().take(RANGES).collect();
            let more = match class.ranges.len().saturating_sub(RANGES) {
                0 => String::new(),
                more => format!(" and {more} ranges more"),
            };
            let reached = self.edges.iter().filter(|it| it.0 == at).map(|it| (it.1 + 1).to_string());
            let reached: Vec<String> = reached.collect();
            let reached = if reached.is_empty() { "none".to_owned() } else { reached.join(" ") };
            lines.push(format!("{:>4}  reaches {reached}: {}{more}", at + 1, shown.join(", ")));
        }
        lines.join("\n") + "\n"
    }

    /// One line a pair of classes, `from,to`, behind a line that says so.
    pub fn csv(&self) -> String {
        let name = |at: usize| self.addresses(at).join(" ");
        let lines = self.edges.iter().map(|(from, to)| format!("{},{}\n", name(*from), name(*to)));
        "from,to\n".to_owned() + &lines.collect::<String>()
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
