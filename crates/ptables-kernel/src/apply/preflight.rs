//! Tries a plan where it cannot hurt: in a scratch namespace that holds what is live, with this machine's own tools.

use ptables::compile::RestoreText;
use ptables::diag::{Diagnostic, codes};
use ptables::dialect::{Backend, Family};
use ptables::ipset::Set;
use ptables::plan::{LineKind, Options, Plan};

use super::{Applier, ApplyError, Wanted, parse_live};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::netns::Scratch;
use crate::restore::{RestoreOptions, Stage};

impl Applier {
    /// Carries plans out in a scratch namespace, and looks whether it then holds what is wanted.
    pub(super) fn try_plans(&self, plans: &[Plan], wanted: &Wanted) -> Result<(), ApplyError> {
        let scratch = Scratch::like(&self.kernel).map_err(|it| ApplyError::Preflight(it.to_string()))?;
        let kernel = scratch.kernel();
        let texts: Vec<Vec<(String, RestoreText)>> = plans.iter().map(Plan::texts).collect();
        for (plan, texts) in plans.iter().zip(&texts).filter(|it| !it.0.is_empty()) {
            let family = plan.before.family;
            let saved = plan.before.text().bytes;
            let all: Vec<u8> = texts.iter().flat_map(|it| &it.1.bytes).copied().collect();
            self.kernel.copy_sets(&[saved.as_slice(), &all].concat(), &scratch)?;
            make_sets(kernel, &wanted.sets)?;
            let seed = RestoreOptions::new();
            kernel
                .attempt(family, self.backend, Stage::Commit, &saved, seed)
                .map_err(|it| ApplyError::Preflight(format!("what is live cannot be loaded there: {it}")))?;
            for (_, text) in texts {
                try_text(kernel, family, self.backend, text, true)?;
            }
            let saved = kernel.save(family, self.backend, false)?.text;
            let mut there = parse_live(kernel, self.backend, family, saved)?;
            there.claim(&plan.after);
            let left = Plan::new(there, plan.after.as_wanted(), &Options::default());
            if !left.is_empty() {
                return Err(ApplyError::Refused(differs(&left)));
            }
        }
        Ok(())
    }
}

impl Kernel {
    /// Loads whole rulesets into a scratch namespace with this machine's tools, each table of each family, with the sets that they
    /// need; root is not needed where user namespaces are allowed.
    ///
    /// # Errors
    /// [`ApplyError::Refused`] names the line that is refused; [`ApplyError::Preflight`] if there can be no such namespace.
    pub fn preflight(
        &self,
        texts: &[(Family, RestoreText)],
        sets: &[Set],
        backend: Backend,
    ) -> Result<(), ApplyError> {
        let scratch = Scratch::like(self).map_err(|it| ApplyError::Preflight(it.to_string()))?;
        make_sets(scratch.kernel(), sets)?;
        texts.iter().try_for_each(|(family, text)| try_text(scratch.kernel(), *family, backend, text, false))
    }
}

fn try_text(
    kernel: &Kernel,
    family: Family,
    backend: Backend,
    text: &RestoreText,
    noflush: bool,
) -> Result<(), ApplyError> {
    let how = RestoreOptions::new().noflush(noflush);
    match kernel.attempt(family, backend, Stage::Commit, &text.bytes, how) {
        Ok(_) => Ok(()),
        Err(error) if error.is_verdict() => {
            let found = kernel
                .blame(text, &error, how)
                .note("found out in a namespace of its own: nothing was changed");
            Err(ApplyError::Refused(vec![found]))
        }
        Err(error) => Err(ApplyError::Preflight(error.to_string())),
    }
}

/// Makes the sets that a program declares, without entries.
fn make_sets(kernel: &Kernel, sets: &[Set]) -> Result<(), ApplyError> {
    if sets.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::new();
    for set in sets {
        let refused = |error: Box<Diagnostic>| ApplyError::Refused(vec![*error]);
        ptables::ipset::print_set(&mut lines, set, b"create").map_err(refused)?;
    }
    let output = kernel.run_program("ipset", &["-exist", "restore"], &lines)?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ApplyError::Preflight(
        Error::Failed { tool: "ipset".into(), code: output.status.code(), message }.to_string(),
    ))
}

/// Rules that the tools of this machine do not print as they were given.
fn differs(left: &Plan) -> Vec<Diagnostic> {
    let lines = left.tables.iter().flat_map(|it| &it.chains).flat_map(|it| &it.lines);
    let lost = lines.filter(|it| it.kind == LineKind::Add).map(|it| {
        let message =
            format!("this machine's iptables takes this rule for another:{}", it.item.text.to_lossy());
        Diagnostic::error(codes::KERNEL_REFUSED, message).at(it.item.origin.clone(), "")
    });
    let lost: Vec<Diagnostic> = lost.collect();
    match lost.is_empty() {
        true => vec![Diagnostic::error(
            codes::KERNEL_REFUSED,
            "this machine's iptables holds other rules than it was given",
        )],
        false => lost,
    }
}
