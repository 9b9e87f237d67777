//! Rules without which the same would become of every packet.

use super::{Analysed, origin};
use crate::analysis::{Instead, Standing};
use crate::diag::{Diagnostic, Severity, codes};

pub(super) fn run(analysed: &Analysed<'_>, found: &mut Vec<Diagnostic>) {
    for (chain, _, rule, standing) in analysed.rules() {
        let Standing::Redundant(instead) = standing else { continue };
        let message = "without this rule the same would become of every packet";
        let note = Diagnostic::new(codes::CHECK_REDUNDANT_RULE, Severity::Note, message);
        let note = note.at(rule.origin.clone(), "");
        let (label, place) = match instead {
            Instead::Rule(at) => ("this does the same with its packets", origin(chain, *at)),
            Instead::End if chain.hook.is_some() => ("the policy does the same", chain.origin.clone()),
            Instead::End => ("the end of the chain does the same", chain.origin.clone()),
        };
        found.push(note.see(place, label).help("remove the rule"));
    }
}
