//! Where packets are sent to: verdicts do not tell.

use crate::meaning::Effect;
use crate::model::{Jump, Ruleset, Table};

/// What cannot be told of two rulesets, because a table that translates addresses is not the same in both: a packet may get the
/// same verdict and still reach another machine.
pub(super) fn unlike(old: &Ruleset, new: &Ruleset) -> Vec<String> {
    let mut found = Vec::new();
    for table in old.tables.iter().chain(&new.tables) {
        let name = table.name.to_lossy();
        let text = |ruleset: &Ruleset| {
            let mut out = Vec::new();
            let same = ruleset.tables.iter().filter(|it| it.name == table.name);
            same.for_each(|it| it.print(&mut out, ruleset.context, false));
            out
        };
        let translates = translates(table, old) || translates(table, new);
        let said =
            format!("where packets are sent: the rules of {name} translate addresses and are not the same");
        if translates && text(old) != text(new) && !found.contains(&said) {
            found.push(said);
        }
    }
    found
}

fn translates(table: &Table, ruleset: &Ruleset) -> bool {
    let rules = table.chains.iter().flat_map(|it| &it.rules).filter_map(|it| it.as_typed());
    rules.into_iter().any(|typed| match &typed.jump {
        Jump::Target(target) => matches!(
            target.effect(ruleset.context),
            Effect::Nat(_) | Effect::Netmap { .. } | Effect::Intercept { .. } | Effect::Prefix { .. }
        ),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::ruleset;
    use super::*;

    #[test]
    fn another_server_behind_a_translation_is_not_the_same() {
        let to = |address: &str| {
            ruleset(&format!(
                "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination {address}\nCOMMIT\n"
            ))
        };
        assert!(unlike(&to("10.0.0.1"), &to("10.0.0.1")).is_empty());
        assert_eq!(unlike(&to("10.0.0.1"), &to("10.0.0.2")).len(), 1);
        assert_eq!(unlike(&to("10.0.0.1"), &ruleset("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")).len(), 1);
    }
}
