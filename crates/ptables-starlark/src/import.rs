//! Rules that exist as a script, proved by running it.

use std::collections::HashSet;
use std::fmt;

use ptables::import::{self, Imported, Place};
use ptables::lower;
use ptables::model::Ruleset;
use ptables::value::Names;

use crate::run::{Options, evaluate};

/// The script that was written would not make the rules: a fault of ptables, of which nothing is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError(String);

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the script would not make the same rules ({}): this is a fault of ptables, please report it",
            self.0
        )
    }
}

impl std::error::Error for ImportError {}

/// Writes the script of a ruleset, runs it and compares what it makes with the ruleset; a rule that comes out otherwise is
/// written word for word instead. `name` is what the rules come from.
///
/// Rules that are [missing](Imported::missing) are so by necessity, and there is an error for each.
///
/// # Errors
/// [`ImportError`].
pub fn import(ruleset: &Ruleset, name: &str, names: &dyn Names) -> Result<Imported, ImportError> {
    let mut options = import::Options::default();
    options.name = name.to_owned();
    loop {
        let imported = import::script(ruleset, &options);
        let different = differences(ruleset, &imported, names)?;
        if different.is_empty() {
            return Ok(imported);
        }
        // First word for word; what still differs then has no text that makes it.
        let (again, first): (Vec<Place>, _) =
            different.into_iter().partition(|place| options.verbatim.contains(place));
        options.verbatim.extend::<Vec<Place>>(first);
        options.left_out.extend(again);
    }
}

/// The rules that the script makes otherwise than they are.
fn differences(
    wanted: &Ruleset,
    imported: &Imported,
    names: &dyn Names,
) -> Result<HashSet<Place>, ImportError> {
    let made = evaluate("import.star", &imported.script, &Options::default());
    let Some(tables) = made.tables else {
        let errors: Vec<String> = made.diagnostics.iter().map(|it| it.message.clone()).collect();
        return Err(ImportError(errors.join("; ")));
    };
    let context = wanted.context;
    let made = lower::lower(&tables, context.family, lower::Options::new(context.dialect, names)).ruleset;
    compare(wanted, &made, &imported.missing)
}

fn compare(wanted: &Ruleset, made: &Ruleset, missing: &[Place]) -> Result<HashSet<Place>, ImportError> {
    let mut different = HashSet::new();
    let fail = || ImportError("it makes other chains".to_owned());
    if wanted.tables.len() != made.tables.len() {
        return Err(fail());
    }
    for (at, (table, table_made)) in wanted.tables.iter().zip(&made.tables).enumerate() {
        if table.name != table_made.name || table.chains.len() != table_made.chains.len() {
            return Err(fail());
        }
        for (chain_at, (chain, chain_made)) in table.chains.iter().zip(&table_made.chains).enumerate() {
            let rules = chain.rules.iter().enumerate().map(|(rule_at, rule)| ((at, chain_at, rule_at), rule));
            let rules: Vec<_> = rules.filter(|(place, _)| missing.binary_search(place).is_err()).collect();
            let same = chain.name == chain_made.name && chain.policy == chain_made.policy;
            if !same || rules.len() != chain_made.rules.len() {
                return Err(fail());
            }
            let pairs = rules.into_iter().zip(&chain_made.rules);
            different.extend(pairs.filter(|((_, a), b)| a.body != b.body).map(|((place, _), _)| place));
        }
    }
    Ok(different)
}
