//! Checks that look at all packets, or at the ruleset as a whole. They take longer than the others, so restoring does without.

mod dnat;
mod entered;
mod established;
mod impossible;
mod late_log;
mod policy;
mod recent;
mod redundant;
mod unreachable;

use crate::analysis::{Analysis, ChainAnalysis, Limits, Progress, Standing};
use crate::diag::{Code, Diagnostic, Severity, codes};
use crate::model::{Chain, Rule, Ruleset, Table};
use crate::origin::Origin;

/// A ruleset, and what was found out about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Analysed<'a> {
    /// The ruleset.
    pub ruleset: &'a Ruleset,
    /// Of its tables.
    pub analysis: &'a Analysis,
    /// Bounds for more that is asked of it.
    pub limits: Limits,
}

/// One check of an analysed ruleset.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ExactCheck {
    /// The codes of what it finds.
    pub codes: &'static [Code],
    /// Looks at it and adds what it finds.
    pub run: fn(&Analysed<'_>, &mut Vec<Diagnostic>),
}

/// Every check of this kind. A test compares this list with the folder.
pub static EXACT_CHECKS: &[ExactCheck] = &[
    ExactCheck { codes: &[codes::CHECK_IMPOSSIBLE_RULE], run: impossible::run },
    ExactCheck { codes: &[codes::CHECK_UNREACHABLE_RULE], run: unreachable::run },
    ExactCheck { codes: &[codes::CHECK_LATE_LOG], run: late_log::run },
    ExactCheck { codes: &[codes::CHECK_REDUNDANT_RULE], run: redundant::run },
    ExactCheck { codes: &[codes::CHECK_NEVER_ENTERED], run: entered::run },
    ExactCheck { codes: &[codes::CHECK_UNREACHED_POLICY], run: policy::run },
    ExactCheck { codes: &[codes::CHECK_DNAT_NOT_FORWARDED], run: dnat::run },
    ExactCheck { codes: &[codes::CHECK_RECENT_NEVER_SET], run: recent::run },
    ExactCheck { codes: &[codes::CHECK_ESTABLISHED_LATE], run: established::run },
];

/// Looks at all packets, and says what rules no packet meets, which make no difference, and the like.
pub fn analyse(ruleset: &Ruleset, limits: Limits) -> Vec<Diagnostic> {
    analyse_watched(ruleset, limits, &mut |_| {})
}

/// The same; `watch` is told how far it is.
pub fn analyse_watched(
    ruleset: &Ruleset,
    limits: Limits,
    watch: &mut dyn FnMut(Progress),
) -> Vec<Diagnostic> {
    let analysis = Analysis::watched(ruleset, limits, watch);
    let analysed = Analysed { ruleset, analysis: &analysis, limits };
    let mut found = Vec::new();
    for (table, result) in ruleset.tables.iter().zip(&analysis.tables) {
        let name = table.name.to_lossy();
        match result {
            Err(large) => {
                let message = format!("the table `{name}` is too large: {large}");
                let help = "more nodes may be allowed, at some 20 bytes of memory each";
                found.push(not_analysed(message).at(table.origin.clone(), "").help(help));
            }
            Ok(it) if !it.complete => {
                let message = format!("not every rule of `{name}` was asked whether it makes a difference");
                let it = Diagnostic::new(codes::CHECK_NOT_ANALYSED, Severity::Note, message);
                let it = it.note(
                    "more rules may be redundant than are told; rules that no packet meets are all told",
                );
                found.push(it.at(table.origin.clone(), ""));
            }
            Ok(_) => {}
        }
    }
    for check in EXACT_CHECKS {
        (check.run)(&analysed, &mut found);
    }
    found
}

/// Says that rules were not looked at, and why.
pub fn not_analysed(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(codes::CHECK_NOT_ANALYSED, Severity::Note, message)
        .note("nothing is said of rules that no packet meets")
}

impl<'a> Analysed<'a> {
    /// Chains of the tables that were looked at.
    fn chains(&self) -> impl Iterator<Item = (&'a Table, &'a Chain, &'a ChainAnalysis)> {
        let analysis = self.analysis;
        self.ruleset.tables.iter().zip(&analysis.tables).flat_map(|(table, result)| {
            let chains = result.iter().flat_map(|it| &it.chains);
            table.chains.iter().zip(chains).map(move |(chain, found)| (table, chain, found))
        })
    }

    /// Rules with what was found of them.
    fn rules(&self) -> impl Iterator<Item = (&'a Chain, usize, &'a Rule, &'a Standing)> {
        self.chains().flat_map(|(_, chain, found)| {
            let rules = chain.rules.iter().zip(&found.rules).enumerate();
            rules.map(move |(at, (rule, standing))| (chain, at, rule, standing))
        })
    }
}

/// Who wrote a rule of a chain.
fn origin(chain: &Chain, rule: usize) -> Origin {
    chain.rules.get(rule).map(|it| it.origin.clone()).unwrap_or_default()
}
