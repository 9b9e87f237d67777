//! Matches and targets whose rule must name their protocol: `-p udp -m tcp`.

use super::{Facts, TableFacts};
use crate::diag::{Diagnostic, Severity, codes};
use crate::ext::{Kind, Protos, Spec};
use crate::lower::is_native;
use crate::model::{Inverted, Jump, Rule, Typed};
use crate::value::proto;

pub(super) fn run(facts: &Facts<'_>, found: &mut Vec<Diagnostic>) {
    let nft = facts.ruleset.context.dialect.is_nft();
    for (_, _, rule) in facts.tables.iter().flat_map(TableFacts::wrong_proto_rules) {
        let Some(typed) = rule.as_typed() else { continue };
        for it in &typed.matches {
            if let Some(protos) = it.protos() {
                one(rule, typed, it.spec(), protos, nft && is_native(it), found);
            }
        }
        if let Jump::Target(it) = &typed.jump
            && let Some(protos) = it.protos()
        {
            one(rule, typed, it.spec(), protos, false, found);
        }
    }
}

fn one(rule: &Rule, typed: &Typed, spec: &Spec, protos: Protos, native: bool, found: &mut Vec<Diagnostic>) {
    let named = protos.0.contains(&typed.proto);
    let inverted = typed.inverted.has(Inverted::PROTO);
    if named && !inverted {
        return;
    }
    let name = |number: u8| {
        proto::printed_name(number, crate::dialect::Dialect::default())
            .map_or_else(|| number.to_string(), str::to_owned)
    };
    let wanted = protos.0.iter().map(|it| format!("`-p {}`", name(*it))).collect::<Vec<_>>().join(" or ");
    let kind = if spec.kind == Kind::Match { "match" } else { "target" };
    let message = match (typed.proto, inverted) {
        (0, _) => format!("{kind} `{}` needs {wanted}", spec.name),
        (other, false) => {
            format!("{kind} `{}` needs {wanted}, but the rule has `-p {}`", spec.name, name(other))
        }
        (other, true) => {
            format!("{kind} `{}` needs {wanted}, but the rule has `! -p {}`", spec.name, name(other))
        }
    };
    // iptables-nft takes `! -p tcp --dport 22`: it looks for ports in packets that have none.
    let severity = if named && inverted && native { Severity::Warning } else { Severity::Error };
    let diagnostic = Diagnostic::new(codes::CHECK_PROTOCOL_MISMATCH, severity, message);
    found.push(diagnostic.at(rule.origin.clone(), "").help(format!("write {wanted} in this rule")));
}
