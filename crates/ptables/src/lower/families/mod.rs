//! One program for both families, as one for each: rules follow the addresses and words that they hold.
//!
//! A rule goes to both families unless something in it belongs to one. What cannot be said in a family is a diagnostic, never
//! left out in silence. `docs/families.md` says what is decided here, and why.

mod address;
mod decide;
mod neutral;
mod says;
pub(super) mod sets;
#[cfg(test)]
mod tests;
mod words;

use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::program::{Body, Chain, Rule, Table, Tables, Verb};
use crate::value::Names;

use address::In;
use decide::Verdict;
pub(crate) use neutral::neutral;

/// A program for both families, taken apart.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Split {
    /// What IPv4 gets.
    pub v4: Tables,
    /// What IPv6 gets.
    pub v6: Tables,
    /// Rules that are for no family, or say what one family cannot.
    pub diagnostics: Vec<Diagnostic>,
}

impl Split {
    /// The program of one family.
    pub fn of(&self, family: Family) -> &Tables {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// The program of one family, to change it.
    pub fn of_mut(&mut self, family: Family) -> &mut Tables {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// Takes a program for both families apart. `names` says to which families a host belongs that a rule names.
pub fn split(tables: &Tables, names: &dyn Names) -> Split {
    let mut splitter = Splitter { names, tables, diagnostics: Vec::new() };
    let [mut v4, mut v6] = Family::ALL.map(|family| tables.empty_for(family));
    for table in tables {
        for (part, made) in [&mut v4, &mut v6].into_iter().zip(splitter.table(table)) {
            if let Some(table) = made {
                part.push(table);
            }
        }
    }
    Split { v4, v6, diagnostics: splitter.diagnostics }
}

struct Splitter<'a> {
    names: &'a dyn Names,
    tables: &'a Tables,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Splitter<'a> {
    fn table(&mut self, table: &Table) -> [Option<Table>; 2] {
        let mut parts =
            Family::ALL.map(|family| In::all(table.families).has(family).then(|| table.without_chains()));
        for chain in table {
            let made = Family::ALL.into_iter().zip(self.chain(table, chain));
            for (part, (family, made)) in parts.iter_mut().zip(made) {
                if let Some(part) = part.as_mut().filter(|_| In::all(chain.families).has(family)) {
                    part.push(made);
                }
            }
        }
        parts
    }

    fn chain(&mut self, table: &Table, chain: &Chain) -> [Chain; 2] {
        let mut parts = [chain.without_rules(), chain.without_rules()];
        let within = In::all(table.families).and(In::all(chain.families));
        for rule in chain {
            let counted = matches!(rule.verb, Verb::Replace(_) | Verb::DeleteAt(_) | Verb::Insert(2..));
            if counted {
                let message = "a place in a chain is not the same in both families";
                let error = Diagnostic::error(codes::FAMILY_NOT_IN_BOTH, message);
                let help = "give each family rules of its own";
                self.diagnostics.push(error.at(rule.origin.clone(), "").help(help));
                continue;
            }
            for (part, made) in parts.iter_mut().zip(self.rule(table, within, rule)) {
                made.into_iter().for_each(|rule| part.push(rule));
            }
        }
        parts
    }

    /// What each family gets of a rule.
    fn rule(&mut self, table: &Table, within: In, rule: &Rule) -> [Option<Rule>; 2] {
        let Body::Composite(composite) = &rule.body else {
            let Verdict { rules, problem } = decide::rule(rule, within, table, self.tables, self.names);
            self.diagnostics.extend(problem);
            return rules;
        };
        let mut parts = [Vec::new(), Vec::new()];
        for inner in &composite.rules {
            for (part, made) in parts.iter_mut().zip(self.rule(table, within, inner)) {
                part.extend(made);
            }
        }
        let whole = composite.rules.is_empty();
        parts.map(|rules| {
            // A heading without rules says nothing, unless it was written so.
            (whole || !rules.is_empty()).then(|| {
                let mut part = rule.clone();
                if let Body::Composite(composite) = &mut part.body {
                    composite.rules = rules;
                }
                part
            })
        })
    }
}
