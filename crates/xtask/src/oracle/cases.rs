//! Every rule of every `.cases` file on the real tools. That we read it as the file says is a test of its own.

use ptables::ext::cases::{self, Case};
use ptables::ext::{CATALOGUE, Context, Entry, Kind};

use super::trials::{self, Trial};
use super::{Failure, Outcome, Real};

/// Compares all cases for the tools given.
///
/// # Errors
/// Why they could not be compared.
pub fn compare(real: &mut Real) -> Result<Outcome, Failure> {
    set_up(real)?;
    let mut trials: Vec<Trial> = Vec::new();
    for (entry, case) in all(real.context)? {
        let trial = trial(entry, &case);
        if !trials.iter().any(|it| it.text() == trial.text()) {
            trials.push(trial);
        }
    }
    trials::compare(real, &trials)
}

/// The cases that hold for a family and back end, of whatever version.
///
/// # Errors
/// A line that is no case.
pub fn all(context: Context) -> Result<Vec<(&'static Entry, Case<'static>)>, Failure> {
    let mut all = Vec::new();
    for entry in CATALOGUE {
        let cases = cases::parse(entry.spec, entry.cases)?.into_iter();
        let here = cases.filter(|case| {
            case.families.contains(&context.family) && case.backends.contains(&context.dialect.backend)
        });
        all.extend(here.map(|case| (entry, case)));
    }
    Ok(all)
}

/// A case as a rule to try.
pub fn trial(entry: &Entry, case: &Case<'_>) -> Trial {
    let folder = if entry.spec.kind == Kind::Match { "matches" } else { "targets" };
    Trial {
        file: format!("{folder}/{}.cases", entry.spec.name.to_lowercase()),
        line: case.line,
        table: case.place.0.into(),
        chain: case.place.1.into(),
        rule: case.rule.into(),
    }
}

/// Makes in a namespace what the cases need there: each command once.
///
/// # Errors
/// What a command said.
pub fn set_up(real: &Real) -> Result<(), Failure> {
    let mut done: Vec<&str> = Vec::new();
    for (families, command) in CATALOGUE.iter().flat_map(|entry| cases::setups(entry.cases)) {
        if families.contains(&real.family()) && !done.contains(&command) {
            real.set_up(command)?;
            done.push(command);
        }
    }
    Ok(())
}
