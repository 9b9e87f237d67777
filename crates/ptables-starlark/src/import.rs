//! Rules that exist as a script, proved by running it.

use std::collections::HashSet;
use std::fmt;

use ptables::dialect::Family;
use ptables::import::{self, Conflict, Imported, Place};
use ptables::lower::{self, families};
use ptables::model::Ruleset;
use ptables::program::Tables;
use ptables::value::Names;

use crate::run::{Options, evaluate};

/// Why there is no script.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportError {
    /// No script makes both families.
    Conflict(Conflict),
    /// The script that was written would not make the rules: a fault of ptables.
    Fault(String),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportError::Conflict(conflict) => conflict.fmt(f),
            ImportError::Fault(what) => {
                write!(
                    f,
                    "the script would not make the same rules ({what}): this is a fault of ptables, please report it"
                )
            }
        }
    }
}

impl std::error::Error for ImportError {}

/// Writes the script of a ruleset, or of one of each family, runs it and compares what it makes; a rule that comes out otherwise
/// is written word for word instead. `name` is what the rules come from.
///
/// Rules that are [missing](Imported::missing) are so by necessity, and there is an error for each.
///
/// # Errors
/// [`ImportError`].
pub fn import(rulesets: &[&Ruleset], name: &str, names: &dyn Names) -> Result<Imported, ImportError> {
    let mut options = import::Options::default();
    options.name = name.to_owned();
    loop {
        let imported = import::script(rulesets, &options).map_err(ImportError::Conflict)?;
        let different = differences(rulesets, &imported, names)?;
        if different.is_empty() {
            return Ok(imported);
        }
        for place in different {
            // First by itself, then word for word; what still differs then has no text that makes it.
            let more = if options.verbatim.contains(&place) {
                options.left_out.insert(place)
            } else if options.apart.contains(&place) || rulesets.len() < 2 {
                options.verbatim.insert(place)
            } else {
                options.apart.insert(place)
            };
            if !more {
                return Err(ImportError::Fault("a rule that was left out is there".to_owned()));
            }
        }
    }
}

/// The rules that the script makes otherwise than they are.
fn differences(
    wanted: &[&Ruleset],
    imported: &Imported,
    names: &dyn Names,
) -> Result<HashSet<Place>, ImportError> {
    let made = evaluate("import.star", &imported.script, &Options::default());
    let Some(tables) = made.tables else {
        let errors: Vec<String> = made.diagnostics.iter().map(|it| it.message.clone()).collect();
        return Err(ImportError::Fault(errors.join("; ")));
    };
    let lower = |tables: &Tables, wanted: &Ruleset| {
        let context = wanted.context;
        lower::lower(tables, context.family, lower::Options::new(context.dialect, names)).ruleset
    };
    let mut different = HashSet::new();
    match wanted {
        [one] => compare(one, &lower(&tables, one), &imported.missing, &mut different)?,
        _ => {
            let split = families::split(&tables, names);
            for wanted in wanted {
                let made = lower(split.of(wanted.context.family), wanted);
                compare(wanted, &made, &imported.missing, &mut different)?;
            }
        }
    }
    Ok(different)
}

fn compare(
    wanted: &Ruleset,
    made: &Ruleset,
    missing: &HashSet<Place>,
    different: &mut HashSet<Place>,
) -> Result<(), ImportError> {
    let family: Family = wanted.context.family;
    let fault = |what: &str| Err(ImportError::Fault(what.to_owned()));
    let names = |ruleset: &Ruleset| {
        let mut names: Vec<_> = ruleset.tables.iter().map(|it| it.name.clone()).collect();
        names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        names
    };
    if names(wanted) != names(made) {
        return fault("it makes other tables");
    }
    for (at, table) in wanted.tables.iter().enumerate() {
        let Some(table_made) = made.table(&table.name) else { return fault("a table is missing") };
        if table.chains.len() != table_made.chains.len() {
            return fault("it makes other chains");
        }
        for (chain_at, chain) in table.chains.iter().enumerate() {
            let Some(chain_made) = table_made.chain(&chain.name).filter(|it| it.policy == chain.policy)
            else {
                return fault("a chain or its policy is missing");
            };
            let places = chain.rules.iter().enumerate().map(|(rule, it)| ((family, at, chain_at, rule), it));
            let rules: Vec<_> = places.filter(|(place, _)| !missing.contains(place)).collect();
            if rules.len() == chain_made.rules.len() {
                let pairs = rules.into_iter().zip(&chain_made.rules);
                different.extend(pairs.filter(|((_, a), b)| a.body != b.body).map(|((place, _), _)| place));
            } else {
                // One is too many or too few; which, is not known.
                different.extend(rules.into_iter().map(|(place, _)| place));
            }
        }
    }
    Ok(())
}
