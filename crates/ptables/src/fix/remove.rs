//! Rules that may go.

use super::{Change, Why};
use crate::analysis::{Analysis, Standing};
use crate::diag::{Code, codes};
use crate::ext::Match;
use crate::model::{Rule, Ruleset};
use crate::origin::Origin;

/// Rules that no packet meets, and rules that make no difference and that nobody wants kept.
pub(super) fn candidates(
    part: usize,
    ruleset: &Ruleset,
    analysis: &Analysis,
    is_kept: &dyn Fn(Code, &Origin) -> bool,
) -> Vec<Change> {
    let mut found = Vec::new();
    for (table_at, (table, result)) in ruleset.tables.iter().zip(&analysis.tables).enumerate() {
        let Ok(result) = result else { continue };
        for (chain_at, (chain, of_chain)) in table.chains.iter().zip(&result.chains).enumerate() {
            for (at, (rule, standing)) in chain.rules.iter().zip(&of_chain.rules).enumerate() {
                let (code, why) = match standing {
                    Standing::Alive => continue,
                    Standing::Impossible => (codes::CHECK_IMPOSSIBLE_RULE, Why::Impossible),
                    Standing::Unreachable(cover) => {
                        (codes::CHECK_UNREACHABLE_RULE, Why::Unreachable(cover.clone()))
                    }
                    Standing::Redundant(_) if leaves_traces(rule) => continue,
                    Standing::Redundant(instead) => (codes::CHECK_REDUNDANT_RULE, Why::Redundant(*instead)),
                };
                let late = matches!(standing, Standing::Unreachable(_))
                    && is_kept(codes::CHECK_LATE_LOG, &rule.origin);
                if !late && !is_kept(code, &rule.origin) {
                    let rules = vec![at];
                    let (table, chain) = (table_at, chain_at);
                    found.push(Change { part, table, chain, rules, merged: None, set: None, why });
                }
            }
        }
    }
    found
}

/// Whether something besides the packet's way may tell that the rule was asked: an entry of a set counts, if the set does.
fn leaves_traces(rule: &Rule) -> bool {
    rule.as_typed().is_some_and(|it| it.matches.iter().any(|it| matches!(it, Match::Set(_))))
}
