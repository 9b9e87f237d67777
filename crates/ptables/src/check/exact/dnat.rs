//! DNAT to a machine that no rule lets the packets through to.

use super::Analysed;
use crate::analysis::stranded;
use crate::diag::{Diagnostic, Severity, codes};
use crate::origin::Origin;

pub(super) fn run(analysed: &Analysed<'_>, found: &mut Vec<Diagnostic>) {
    // What is too large was said.
    let Ok(all) = stranded(analysed.ruleset, analysed.limits) else { return };
    let chain = |table: usize, chain: usize| analysed.ruleset.tables.get(table)?.chains.get(chain);
    for it in all {
        let Some(rule) = chain(it.rule.table, it.rule.chain).zip(it.rule.rule) else { continue };
        let Some(rule) = rule.0.rules.get(rule.1) else { continue };
        let message = "no packet that this rule sends to another machine is forwarded";
        let severity = if it.passes_here { Severity::Note } else { Severity::Warning };
        let mut finding = Diagnostic::new(codes::CHECK_DNAT_NOT_FORWARDED, severity, message);
        finding = finding.at(rule.origin.clone(), "");
        if let Some((by, chain)) = it.by.and_then(|by| Some((by, chain(by.table, by.chain)?))) {
            let rule = by.rule.and_then(|at| chain.rules.get(at));
            let origin: &Origin = rule.map_or(&chain.origin, |it| &it.origin);
            finding = finding.see(origin.clone(), "this stops them");
        }
        finding = finding.note(format!("such as {}", it.witness));
        if it.passes_here {
            finding = finding.note("INPUT lets some through, if the new destination is this machine");
        }
        let help = "let FORWARD accept them: it sees the new destination and port";
        found.push(finding.help(help));
    }
}
