//! Matches and targets in tables and hooks where the kernel refuses them, also through chains of the user.

use super::{Facts, TableFacts};
use crate::diag::{Diagnostic, codes};
use crate::ext::{Context, Hooks, Kind, Places, Spec};
use crate::model::{Chain, Jump, Rule};

pub(super) fn run(facts: &Facts<'_>, found: &mut Vec<Diagnostic>) {
    let context = facts.ruleset.context;
    for table in &facts.tables {
        for (place, chain, rule) in table.restricted_rules() {
            let hooks = table.hooks_of(place);
            let Some(typed) = rule.as_typed() else { continue };
            for it in &typed.matches {
                one(table, chain, hooks, rule, it.spec(), it.places(context), context, found);
            }
            if let Jump::Target(it) = &typed.jump {
                one(table, chain, hooks, rule, it.spec(), it.places(context), context, found);
            }
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the loop above, for a match and for a target")]
fn one(
    table: &TableFacts<'_>,
    chain: &Chain,
    hooks: Hooks,
    rule: &Rule,
    spec: &Spec,
    places: Places,
    context: Context,
    found: &mut Vec<Diagnostic>,
) {
    if places == Places::ANY {
        return;
    }
    let what = format!("{} `{}`", if spec.kind == Kind::Match { "match" } else { "target" }, spec.name);
    if let Some(kernel) = table.kernel.filter(|it| !places.tables.has(*it)) {
        let allowed: Vec<String> = places.tables.iter().map(|it| format!("`{it}`")).collect();
        let message = format!("{what} cannot stand in table `{kernel}`");
        let error = Diagnostic::error(codes::CHECK_WRONG_TABLE, message).at(rule.origin.clone(), "");
        found.push(error.help(format!("{} takes it in {}", context.dialect.backend, allowed.join(", "))));
        return;
    }
    let refused = hooks.without(places.hooks);
    if refused.is_empty() {
        return;
    }
    let list = |hooks: Hooks| hooks.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let message = if chain.hook.is_some() {
        format!("{what} cannot stand in chain {}", list(refused))
    } else {
        format!(
            "{what} cannot stand in chain `{}`, which packets reach from {}",
            chain.name.to_lossy(),
            list(refused)
        )
    };
    let error = Diagnostic::error(codes::CHECK_WRONG_HOOK, message).at(rule.origin.clone(), "");
    found.push(error.help(format!("the kernel takes it where packets come from {}", list(places.hooks))));
}
