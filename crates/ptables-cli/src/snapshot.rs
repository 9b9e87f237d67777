//! What the machine looks like around its rules: sets and routes.

use std::path::Path;

use ptables::compile::CompiledFamilies;
use ptables::ipset::{self, Contents, Set, Sets};
use ptables::model::Ruleset;
use ptables::routes::Routes;
use ptables::simulate::{Options, Simulator};
use ptables::source::Source;
use ptables_kernel::{Error, Kernel, SystemNames};

use crate::cli::{self, Assumed, Script};
use crate::commands::Failure;
use crate::input::Input;
use crate::output::Findings;

/// Compiles rules, with what is known of sets and what is assumed of the machine.
pub(crate) fn simulator<'a>(
    ruleset: &'a Ruleset,
    sets: Option<&Sets>,
    assumed: &Assumed,
    findings: &mut Findings<'_>,
) -> Result<Simulator<'a>, Failure> {
    let mut simulator = Simulator::new(ruleset, Options::new(assumed.policy));
    if let Some(source) = routes(assumed)? {
        let (routes, wrong) = Routes::parse(&source);
        findings.add(wrong);
        simulator = simulator.with_routes(routes);
    }
    let Some(sets) = sets else { return Ok(simulator) };
    let (contents, wrong) = Contents::new(sets);
    findings.add(wrong);
    Ok(simulator.with_sets(contents))
}

/// The sets that a program declares, with those that are told, or of `live` rules those of the kernel; `None` if there is nothing to
/// know. A set that is told has its contents from there.
pub(crate) fn sets(
    declared: Vec<Set>,
    assumed: &Assumed,
    live: bool,
    findings: &mut Findings<'_>,
) -> Result<Option<Sets>, Failure> {
    let told = told_sets(assumed.ipset.as_deref(), live)?;
    if told.is_none() && declared.is_empty() {
        return Ok(None);
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
    Ok(Some(all))
}

/// Has the rules know what is told of sets; of `live` rules, what the kernel holds.
pub(crate) fn know(
    compiled: &mut CompiledFamilies,
    told: &cli::Contents,
    live: bool,
    findings: &mut Findings<'_>,
) -> Result<(), Failure> {
    if let Some(source) = told_sets(told.ipset.as_deref(), live)? {
        let (sets, wrong) = ipset::parse(&source, &SystemNames::new());
        findings.add(wrong);
        compiled.know(&sets);
    }
    Ok(())
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

fn told_sets(ipset: Option<&Path>, live: bool) -> Result<Option<Source>, Failure> {
    match ipset {
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
