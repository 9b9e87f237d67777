//! Layer 11. Writes a script that makes rules which exist: Starlark, and Python too.
//!
//! The script is meant to be read and kept: rules of one shape become loops, matches that come again get names, and of two
//! families what they have in common is said once. It is not proved here that it makes the same rules; the command that offers
//! it runs it and compares, and then asks for those that differ [word for word](Options::verbatim).

mod call;
mod literal;
mod merge;
mod parts;
mod repeat;
mod write;

use std::collections::HashSet;
use std::fmt;

use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::model::Ruleset;

/// A rule by its place: family, then table, chain and position, each from 0.
pub type Place = (Family, usize, usize, usize);

/// How a script is written.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// What the rules come from, for the first line of the script.
    pub name: String,
    /// Rules that are never merged with the same rule of the other family.
    pub apart: HashSet<Place>,
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
    /// Their places.
    pub missing: HashSet<Place>,
}

/// Two families that no script for both can make: a built-in chain has one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// What is the policy in IPv4 and in IPv6; `-` where it is left as it is.
    pub policies: [&'static str; 2],
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [v4, v6] = self.policies;
        let (table, chain) = (&self.table, &self.chain);
        write!(
            f,
            "the policy of {chain} in table {table} is {v4} for IPv4 and {v6} for IPv6: import each family by itself"
        )
    }
}

impl std::error::Error for Conflict {}

/// Writes the script of a ruleset, or of one of each family.
///
/// # Errors
/// [`Conflict`].
pub fn script(rulesets: &[&Ruleset], options: &Options) -> Result<Imported, Conflict> {
    let (mut diagnostics, mut missing) = (Vec::new(), HashSet::new());
    let merged = merge::merged(rulesets, options, &mut |place, rule, message| {
        let error = Diagnostic::error(codes::SCRIPT_UNWRITABLE, message);
        diagnostics.push(error.at(rule.origin.clone(), "").help("take it into the script by hand"));
        missing.insert(place);
    })?;
    Ok(Imported { script: write::script(merged, options), diagnostics, missing })
}
