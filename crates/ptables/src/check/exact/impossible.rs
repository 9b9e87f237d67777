//! Rules whose conditions contradict each other.

use super::Analysed;
use crate::analysis::Standing;
use crate::diag::{Diagnostic, codes};

pub(super) fn run(analysed: &Analysed<'_>, found: &mut Vec<Diagnostic>) {
    for (chain, _, rule, standing) in analysed.rules() {
        if *standing == Standing::Impossible {
            let message = format!("no packet in {} fits all conditions of this rule", chain.name.to_lossy());
            let warning = Diagnostic::warning(codes::CHECK_IMPOSSIBLE_RULE, message);
            let help = "correct the conditions, or remove the rule";
            found.push(warning.at(rule.origin.clone(), "").help(help));
        }
    }
}
