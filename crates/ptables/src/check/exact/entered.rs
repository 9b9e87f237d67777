//! Chains that no packet enters.

use super::Analysed;
use crate::diag::{Diagnostic, codes};

pub(super) fn run(analysed: &Analysed<'_>, found: &mut Vec<Diagnostic>) {
    for (_, chain, it) in analysed.chains() {
        // An empty chain is a place for rules to come.
        if it.entered || chain.hook.is_some() || chain.rules.is_empty() {
            continue;
        }
        let message = format!("no packet ever enters the chain `{}`", chain.name.to_lossy());
        let warning = Diagnostic::warning(codes::CHECK_NEVER_ENTERED, message).at(chain.origin.clone(), "");
        let help = "let a rule lead to it that packets meet, or remove the chain";
        found.push(warning.help(help));
    }
}
