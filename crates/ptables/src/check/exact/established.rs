//! Packets of connections that pass many rules before one accepts them.

use super::Analysed;
use crate::diag::{Diagnostic, Severity, codes};
use crate::ext::{Hook, Match, Target};
use crate::model::{Chain, Jump, Rule};
use crate::value::ct_state::CtState;

/// Rules that may stand before.
const EARLY: usize = 16;

pub(super) fn run(analysed: &Analysed<'_>, found: &mut Vec<Diagnostic>) {
    let Some(table) = analysed.ruleset.table(b"filter") else { return };
    for chain in table.chains.iter().filter(|it| matches!(it.hook, Some(Hook::Input | Hook::Forward))) {
        let Some((at, rule)) = first(chain) else { continue };
        if at < EARLY {
            continue;
        }
        let message = format!("packets of established connections pass {at} rules before they are accepted");
        let note = Diagnostic::new(codes::CHECK_ESTABLISHED_LATE, Severity::Note, message);
        let help = format!("put it at the beginning of {}", chain.name.to_lossy());
        found.push(note.at(rule.origin.clone(), "").help(help));
    }
}

/// The first rule that accepts all established connections.
fn first(chain: &Chain) -> Option<(usize, &Rule)> {
    chain.rules.iter().enumerate().find(|(_, rule)| {
        let Some(typed) = rule.as_typed() else { return false };
        let plain = typed.proto == 0 && typed.in_iface.is_any() && typed.out_iface.is_any();
        let accepts = matches!(&typed.jump, Jump::Target(Target::Accept(_)));
        let [only] = &*typed.matches else { return false };
        let states = match only {
            Match::Conntrack(it) => it.state,
            Match::State(it) => Some(it.state),
            _ => None,
        };
        let established = states.is_some_and(|it| !it.inverted && it.value.has(CtState::Established));
        plain && accepts && established && typed.source.bits() == (0, 0) && typed.destination.bits() == (0, 0)
    })
}
