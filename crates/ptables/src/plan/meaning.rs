//! What a plan means for packets.

use crate::analysis::{Comparison, Given, compare};
use crate::dialect::Dialect;
use crate::lower::{Options as Lowering, lower};
use crate::model::Ruleset;
use crate::origin::Origin;
use crate::source::Source;
use crate::space::TooLarge;
use crate::text;
use crate::value::Names;

use super::make::Plan;
use super::state::State;

/// What becomes of packets with the rules that a plan leads to, and did not before: foreign rules count on both sides.
#[derive(Debug)]
#[non_exhaustive]
pub struct Meaning {
    /// What is live.
    pub old: Ruleset,
    /// What will be.
    pub new: Ruleset,
    /// What differs.
    pub comparison: Result<Comparison, TooLarge>,
}

impl State {
    /// The rules as a ruleset, each with who wrote it. `None` if there is more text than a source may have (4 GiB).
    pub fn ruleset(&self, dialect: Dialect, names: &dyn Names) -> Option<Ruleset> {
        let written = self.text();
        let source = Source::new("planned", written.bytes.as_slice()).ok()?;
        let mut ruleset =
            lower(&text::parse(&source).tables, self.family, Lowering::new(dialect, names)).ruleset;
        for table in &mut ruleset.tables {
            table.origin = Origin::Unknown;
            for chain in &mut table.chains {
                chain.origin = Origin::Unknown;
                for rule in &mut chain.rules {
                    rule.origin =
                        rule.origin.place().map(|it| written.origin(it.line).clone()).unwrap_or_default();
                }
            }
        }
        Some(ruleset)
    }
}

impl Plan {
    /// Which packets get another verdict. `None` if there is nothing to do, or the rules are too many to be read.
    pub fn meaning(&self, dialect: Dialect, names: &dyn Names, given: Given) -> Option<Meaning> {
        if self.is_empty() {
            return None;
        }
        let (old, new) = (self.before.ruleset(dialect, names)?, self.after.ruleset(dialect, names)?);
        let comparison = compare(&old, &new, given);
        Some(Meaning { old, new, comparison })
    }
}

impl Meaning {
    /// For people: what is newly allowed, dropped or rejected, each with a packet and the rules that decide; or that nobody can tell.
    pub fn human(&self) -> String {
        match &self.comparison {
            Ok(found) if found.is_same() => "  for packets: nothing changes\n".to_owned(),
            Ok(found) => {
                let text = found.human(&self.old, &self.new);
                let lines = text.lines().map(|it| format!("    {it}\n"));
                format!("  for packets:\n{}", lines.collect::<String>())
            }
            Err(error) => format!("  for packets: cannot tell, {error}\n"),
        }
    }

    /// As JSON: an object as `ptables diff` prints it; `null` if the sets of packets grew too large.
    #[cfg(feature = "json")]
    pub fn json(&self) -> String {
        self.comparison.as_ref().map_or_else(|_| "null".into(), |it| it.json(&self.old, &self.new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Family;
    use crate::plan::Options;
    use crate::value::BuiltinNames;

    fn state(text: &str, ours: bool) -> State {
        let source = Source::new("rules.v4", text).unwrap();
        let lowered =
            lower(&text::parse(&source).tables, Family::V4, Lowering::new(Dialect::default(), &BuiltinNames));
        if ours { State::wanted(&lowered.ruleset) } else { State::live(&lowered.ruleset) }
    }

    #[test]
    fn what_a_rule_opens_is_told_with_its_line_and_what_others_closed_stays_closed() {
        let live = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 192.0.2.1/32 -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";
        let wanted = "*filter\n-A INPUT -p udp -m udp --dport 53 -j ACCEPT\nCOMMIT\n";
        let plan = Plan::new(state(live, false), state(wanted, true), &Options::default());
        let meaning = plan.meaning(Dialect::default(), &BuiltinNames, Given::default()).unwrap();
        let text = meaning.human();
        assert!(text.contains("newly allowed") && text.contains("rules.v4:2"), "{text}");
        assert!(
            !text.contains("dropped") && text.contains("old: drop by filter: the policy of INPUT"),
            "{text}"
        );
        // A rule that changes nothing for any packet.
        let same = "*filter\n-A INPUT -s 192.0.2.1/32 -p tcp -j ACCEPT\nCOMMIT\n";
        let plan = Plan::new(state(live, false), state(same, true), &Options::default());
        let meaning = plan.meaning(Dialect::default(), &BuiltinNames, Given::default()).unwrap();
        assert!(meaning.human().contains("nothing changes"), "{}", meaning.human());
        // Without room nobody can tell, and it says so.
        let given = Given { limits: crate::analysis::Limits::new(3), ..Given::default() };
        let text = plan.meaning(Dialect::default(), &BuiltinNames, given).unwrap().human();
        assert!(text.contains("cannot tell"), "{text}");
        let none = Plan::new(state(live, false), State::new(Family::V4), &Options::default());
        assert!(none.meaning(Dialect::default(), &BuiltinNames, given).is_none());
    }
}
