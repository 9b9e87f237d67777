//! Policies that decide nothing.

use super::Analysed;
use crate::diag::{Diagnostic, Severity, codes};

pub(super) fn run(analysed: &Analysed<'_>, found: &mut Vec<Diagnostic>) {
    for (_, chain, it) in analysed.chains() {
        let Some(policy) = chain.policy.filter(|_| chain.hook.is_some() && !it.ends) else { continue };
        let message = format!(
            "no packet ever comes to the policy {} of {}: the rules decide all",
            policy.as_str(),
            chain.name.to_lossy()
        );
        let note = Diagnostic::new(codes::CHECK_UNREACHED_POLICY, Severity::Note, message);
        found.push(note.at(chain.origin.clone(), ""));
    }
}
