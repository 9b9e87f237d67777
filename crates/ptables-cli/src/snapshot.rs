//! What the machine looks like around its rules: sets and routes.

use ptables::ipset::{self, Contents, Set, Sets};
use ptables::model::Ruleset;
use ptables::routes::Routes;
use ptables::simulate::{Options, Simulator};
use ptables::source::Source;
use ptables_kernel::{Error, Kernel, SystemNames};

use crate::cli::{Assumed, Script};
use crate::commands::Failure;
use crate::input::Input;
use crate::output::Findings;

/// Compiles rules, with the sets that their program declares and what is assumed of the machine; of `live` rules, with what the
/// kernel says where nothing is assumed. A set that is told has its contents from there.
pub(crate) fn simulator<'a>(
    ruleset: &'a Ruleset,
    declared: Vec<Set>,
    assumed: &Assumed,
    live: bool,
    findings: &mut Findings<'_>,
) -> Result<Simulator<'a>, Failure> {
    let mut simulator = Simulator::new(ruleset, Options::new(assumed.policy));
    if let Some(source) = routes(assumed)? {
        let (routes, wrong) = Routes::parse(&source);
        findings.add(wrong);
        simulator = simulator.with_routes(routes);
    }
    let told = sets(assumed, live)?;
    if told.is_none() && declared.is_empty() {
        return Ok(simulator);
    }
    let mut all = Sets::new();
    declared.into_iter().for_each(|it| all.declare(it));
    if let Some(source) = told {
        let (sets, wrong) = ipset::parse(&source, &SystemNames::new());
        findings.add(wrong);
        for set in &sets {
            all.insert(set.clone());
        }
    }
    let (contents, wrong) = Contents::new(&all);
    findings.add(wrong);
    Ok(simulator.with_sets(contents))
}

fn routes(assumed: &Assumed) -> Result<Option<Source>, Failure> {
    match &assumed.routes {
        None => Ok(None),
        Some(path) if path.as_os_str() == "live" => {
            Ok(Some(Source::new("<routes>", Kernel::new().save_routes()?)?))
        }
        Some(path) => Ok(Some(Input::read(path, &Script::default())?.source)),
    }
}

fn sets(assumed: &Assumed, live: bool) -> Result<Option<Source>, Failure> {
    match &assumed.ipset {
        Some(path) => Ok(Some(Input::read(path, &Script::default())?.source)),
        None if live => match Kernel::new().save_sets() {
            Ok(text) => Ok(Some(Source::new("<ipset save>", text)?)),
            // Without the tool nobody knows; rules that ask are then undecided.
            Err(Error::ToolMissing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        },
        None => Ok(None),
    }
}
