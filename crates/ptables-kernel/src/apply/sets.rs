//! Sets of the kernel: what is in them, and changes.

use ptables::diag::{Diagnostic, codes};
use ptables::ipset::{self, Set};
use ptables::plan::SetChange;
use ptables::source::Source;

use super::{Applier, ApplyError, Wanted};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::names::SystemNames;

impl Applier {
    /// All sets, with what is in them.
    ///
    /// # Errors
    /// As [`Kernel::save_sets`]; [`ApplyError::State`] if what it gives cannot be read.
    pub fn live_sets(&self) -> Result<Vec<Set>, ApplyError> {
        let source =
            Source::new("live", self.kernel.save_sets()?).map_err(|it| ApplyError::State(it.to_string()))?;
        let (live, _) = ipset::parse(&source, &SystemNames::new());
        Ok(live.iter().cloned().collect())
    }

    /// What would be done with sets.
    ///
    /// # Errors
    /// As [`Applier::live_sets`]; [`ApplyError::Refused`] if a set is there with another type or family.
    pub fn plan_sets(&self, wanted: &Wanted) -> Result<SetChange, ApplyError> {
        let kept = self.kept_sets()?;
        if wanted.sets.is_empty() && kept.is_empty() {
            return Ok(SetChange::default());
        }
        let refused = |error: Box<Diagnostic>| ApplyError::Refused(vec![*error]);
        SetChange::new(&self.live_sets()?, &kept, &wanted.sets).map_err(refused)
    }
}

/// Runs lines of `ipset restore`; what is there already may be. Who wrote the line that is refused is looked for in `wanted`.
pub(super) fn run(kernel: &Kernel, lines: &[String], wanted: &[Set]) -> Result<(), ApplyError> {
    let text = lines.join("\n") + "\n";
    let output = kernel.run_program("ipset", &["-exist", "restore"], text.as_bytes())?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    // `ipset v7.17: Error in line 2: Hash is full, cannot add more elements`
    let told = message.split_once("Error in line ").and_then(|it| it.1.split_once(": "));
    let refused = told.and_then(|(number, why)| {
        let line = lines.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
        let found =
            Diagnostic::error(codes::KERNEL_REFUSED, format!("ipset refuses `{line}`: {}", why.trim()));
        let found = found.at(SetChange::origin(line, wanted), "");
        Some(ApplyError::Refused(vec![found.note("what had been changed before was changed back")]))
    });
    Err(refused.unwrap_or_else(|| {
        Error::Failed { tool: "ipset".into(), code: output.status.code(), message }.into()
    }))
}
