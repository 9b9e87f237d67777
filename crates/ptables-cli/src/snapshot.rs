//! What the machine looks like around its rules: sets.

use ptables::ipset::{self, Contents};
use ptables::model::Ruleset;
use ptables::simulate::{Options, Simulator};
use ptables::source::Source;
use ptables_kernel::{Error, Kernel, SystemNames};

use crate::cli::{Assumed, Script};
use crate::commands::Failure;
use crate::input::Input;
use crate::output::Findings;

/// Compiles rules, with what is assumed of the machine; of `live` rules, what the kernel says where nothing is assumed.
pub(crate) fn simulator<'a>(
    ruleset: &'a Ruleset,
    assumed: &Assumed,
    live: bool,
    findings: &mut Findings<'_>,
) -> Result<Simulator<'a>, Failure> {
    let simulator = Simulator::new(ruleset, Options::new(assumed.policy));
    Ok(match sets(assumed, live)? {
        None => simulator,
        Some(source) => {
            let (sets, wrong) = ipset::parse(&source, &SystemNames::new());
            findings.add(wrong);
            let (contents, wrong) = Contents::new(&sets);
            findings.add(wrong);
            simulator.with_sets(contents)
        }
    })
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
