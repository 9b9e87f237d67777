//! Rules behind others that take all their packets.

use super::{Analysed, late_log, origin};
use crate::analysis::Standing;
use crate::diag::{Diagnostic, codes};

/// Covering rules that are shown.
const SHOWN: usize = 5;

pub(super) fn run(analysed: &Analysed<'_>, found: &mut Vec<Diagnostic>) {
    for (chain, at, rule, standing) in analysed.rules() {
        let Standing::Unreachable(cover) = standing else { continue };
        if late_log::is_late(chain, at, cover) {
            continue;
        }
        let message = match cover.rules.as_slice() {
            [] if cover.outside => {
                format!("no packet that comes to {} can match this rule", chain.name.to_lossy())
            }
            [] => "earlier rules leave no packet to this rule".to_owned(),
            [_] => "an earlier rule leaves no packet to this rule".to_owned(),
            rules => format!("{} earlier rules together leave no packet to this rule", rules.len()),
        };
        let mut warning =
            Diagnostic::warning(codes::CHECK_UNREACHABLE_RULE, message).at(rule.origin.clone(), "");
        for by in cover.rules.iter().take(SHOWN) {
            warning = warning.see(origin(chain, *by), "this takes its packets");
        }
        if let Some(more @ 1..) = cover.rules.len().checked_sub(SHOWN) {
            warning = warning.note(format!("and {more} more rules"));
        }
        if cover.outside {
            warning = warning.note("the rules that lead to this chain send no such packet");
        }
        found.push(warning.help("remove the rule, or put it before the rules that take its packets"));
    }
}
