//! Where packets are sent to: verdicts do not tell.

use super::ways::Goal;
use super::world::World;
use crate::meaning::Effect;
use crate::model::{Jump, Ruleset, Table};
use crate::simulate::At;
use crate::source::Text;
use crate::space::{Set, TooLarge};

/// What cannot be told of two rulesets, because a table that translates addresses is not the same in both: a packet may get the
/// same verdict and still reach another machine. Tables are alike if the same packets come to the same translations.
pub(super) fn unlike(world: &mut World<'_>) -> Result<Vec<String>, TooLarge> {
    let mut found = Vec::new();
    let [old, new] = world.courses.as_slice() else { return Ok(found) };
    let (old, new) = (old.ruleset, new.ruleset);
    let mut names: Vec<&Text> = old.tables.iter().chain(&new.tables).map(|it| &it.name).collect();
    names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    names.dedup();
    for name in names {
        let text = |ruleset: &Ruleset| {
            let mut out = Vec::new();
            let same = ruleset.tables.iter().filter(|it| it.name == *name);
            same.for_each(|it| it.print(&mut out, ruleset.context, false));
            out
        };
        let of = [old, new].map(|it| translations(it, name));
        if of.iter().all(Vec::is_empty) || text(old) == text(new) || alike(world, &of)? {
            continue;
        }
        let name = name.to_lossy();
        found.push(format!(
            "where packets are sent: the rules of {name} translate addresses and are not the same"
        ));
    }
    Ok(found)
}

/// A rule that translates: where it is, what it says, whether packets end their way in the table there.
struct Translation {
    at: At,
    target: String,
    ends: bool,
}

fn translations(ruleset: &Ruleset, name: &Text) -> Vec<Translation> {
    let mut found = Vec::new();
    let tables = ruleset.tables.iter().enumerate().filter(|it| it.1.name == *name);
    for (table, chain, number, rule) in tables.flat_map(|(at, table)| rules(at, table)) {
        let Some(Jump::Target(target)) = rule.as_typed().map(|it| &it.jump) else { continue };
        let ends = match target.effect(ruleset.context) {
            Effect::Nat(_) | Effect::Netmap { .. } | Effect::Intercept { .. } => true,
            Effect::Prefix { .. } => false,
            _ => continue,
        };
        let at = At { table, chain, rule: Some(number) };
        found.push(Translation { at, target: format!("{target:?}"), ends });
    }
    found
}

fn rules(at: usize, table: &Table) -> impl Iterator<Item = (usize, usize, usize, &crate::model::Rule)> {
    let chains = table.chains.iter().enumerate();
    chains.flat_map(move |(chain, it)| {
        it.rules.iter().enumerate().map(move |(number, rule)| (at, chain, number, rule))
    })
}

/// Whether the same packets come to the same translations.
fn alike<'a>(world: &mut World<'_>, of: &'a [Vec<Translation>; 2]) -> Result<bool, TooLarge> {
    if of.iter().flatten().any(|it| !it.ends) {
        return Ok(false);
    }
    let goals =
        |side: &'a [Translation]| side.iter().map(|it| (it.target.as_str(), Goal::Rule(it.at))).collect();
    let [old, new] = of;
    world.alike(&[goals(old), goals(new)], &|_| Set::ALL)
}

#[cfg(test)]
mod tests {
    use super::super::tests::ruleset;
    use super::super::{Given, compare};
    use crate::model::Ruleset;

    #[test]
    fn another_server_behind_a_translation_is_not_the_same() {
        let nat = |rules: &str| ruleset(&format!("*nat\n:PREROUTING ACCEPT [0:0]\n{rules}\nCOMMIT\n"));
        let to = |address: &str| {
            nat(&format!("-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination {address}"))
        };
        let undecided =
            |old: &Ruleset, new: &Ruleset| compare(old, new, Given::default()).unwrap().undecided.len();
        assert_eq!(undecided(&to("10.0.0.1"), &to("10.0.0.1")), 0);
        assert!(undecided(&to("10.0.0.1"), &to("10.0.0.2")) > 0);
        assert!(undecided(&to("10.0.0.1"), &ruleset("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")) > 0);
        // Other text, and the same packets come to the same translation.
        let dead = "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2";
        assert_eq!(undecided(&to("10.0.0.1"), &nat(dead)), 0);
        let split = "-A PREROUTING -s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1";
        assert_eq!(undecided(&to("10.0.0.1"), &nat(split)), 0);
    }
}
