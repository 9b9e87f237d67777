//! Layer 10. Writes a script that makes rules which exist: Starlark, and Python too.
//!
//! The script is meant to be read and kept: rules of one shape become loops, matches that come again get names. It is not
//! proved here that it makes the same rules; the command that offers it runs it and compares, and then asks for those that
//! differ [word for word](Options::verbatim).

mod call;
mod literal;
mod parts;
mod repeat;
mod write;

use std::collections::HashSet;

use crate::diag::{Diagnostic, codes};
use crate::model::Ruleset;
use call::Form;

/// A rule by its place: table, chain and position, each from 0.
pub type Place = (usize, usize, usize);

/// How a script is written.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// What the rules come from, for the first line of the script.
    pub name: String,
    /// Rules that are written word for word, as `CustomRule`.
    pub verbatim: HashSet<Place>,
    /// Rules that are left out, because not even so the same rule would be made.
    pub left_out: HashSet<Place>,
}

/// A script, and what it could not say.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// The script.
    pub script: String,
    /// Rules that no script can hold, one each; they are missing in it.
    pub diagnostics: Vec<Diagnostic>,
    /// Their places, in order.
    pub missing: Vec<Place>,
}

/// Writes the script of a ruleset.
pub fn script(ruleset: &Ruleset, options: &Options) -> Imported {
    let (mut diagnostics, mut missing) = (Vec::new(), Vec::new());
    let mut chains = Vec::new();
    for (at, table) in ruleset.tables.iter().enumerate() {
        for (chain_at, chain) in table.chains.iter().enumerate() {
            let mut rules = Vec::with_capacity(chain.rules.len());
            for (rule_at, rule) in chain.rules.iter().enumerate() {
                let place = (at, chain_at, rule_at);
                let form = if options.verbatim.contains(&place) { Form::Verbatim } else { Form::Call };
                let message = if options.left_out.contains(&place) {
                    "iptables saves this rule as another one, so a script cannot hold it"
                } else if let Some(parts) = call::rule(rule, ruleset.context, form) {
                    rules.push(parts);
                    continue;
                } else {
                    "this rule has bytes that are no UTF-8: a script cannot hold it"
                };
                let error = Diagnostic::error(codes::SCRIPT_UNWRITABLE, message);
                diagnostics.push(error.at(rule.origin.clone(), "").help("take it into the script by hand"));
                missing.push(place);
            }
            if !rules.is_empty() {
                chains.push(write::Section {
                    table: table.name.to_lossy(),
                    chain: chain.name.to_lossy(),
                    statements: repeat::statements(rules),
                });
            }
        }
    }
    Imported { script: write::script(ruleset, &chains, options), diagnostics, missing }
}
