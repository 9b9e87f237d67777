//! What IPv4 and IPv6 let through: the same services?

use crate::analysis::{Limits, families};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::model::Ruleset;

use super::not_analysed;

/// Services that one finding names.
const SHOWN: usize = 8;

/// Compares what rulesets for IPv4 and IPv6 let through: services, by interface, whatever the addresses.
pub fn unlike(v4: &Ruleset, v6: &Ruleset, limits: Limits) -> Vec<Diagnostic> {
    let gaps = match families(v4, v6, limits) {
        Ok(gaps) => gaps,
        Err(large) => return vec![not_analysed(format!("IPv4 and IPv6 cannot be compared: {large}"))],
    };
    let one = |gap: crate::analysis::Gap| {
        let (ruleset, other) = match gap.only {
            Family::V4 => (v4, Family::V6),
            Family::V6 => (v6, Family::V4),
        };
        let ways = [("in ", &gap.incoming), ("out ", &gap.outgoing)].map(|(word, names)| {
            let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
            let more = if names.len() > SHOWN { " …" } else { "" };
            if names.is_empty() { String::new() } else { format!(" {word}{}{more}", shown.join(" ")) }
        });
        let shown: Vec<&str> = gap.services.iter().take(SHOWN).map(String::as_str).collect();
        let more = if gap.services.len() > SHOWN { " and others" } else { "" };
        let message = format!(
            "{} lets through what {other} does not:{}{}, {}{more}",
            gap.only,
            ways[0],
            ways[1],
            shown.join(", ")
        );
        let mut finding = Diagnostic::warning(codes::CHECK_FAMILIES_UNLIKE, message);
        let chain = |at: crate::simulate::At| ruleset.tables.get(at.table)?.chains.get(at.chain);
        if let Some((at, chain)) = gap.by.and_then(|at| Some((at, chain(at)?))) {
            let rule = at.rule.and_then(|it| chain.rules.get(it));
            let label = if rule.is_some() { "" } else { "the policy" };
            finding = finding.at(rule.map_or(&chain.origin, |it| &it.origin).clone(), label);
        }
        let note = format!("on the path {}, such as {}", gap.path.as_str(), gap.witness);
        finding.note(note).help("say it for both families, or silence this where it is meant")
    };
    gaps.into_iter().map(one).collect()
}
