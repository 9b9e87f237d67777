//! Lowers declared sets: what the kernel is to hold, one set for each family that needs one.

use super::families::sets as split;
use crate::diag::{Diagnostic, codes, suggest};
use crate::dialect::Family;
use crate::ext::Families;
use crate::ipset::{Set, SetType};
use crate::program::{IpSet, Tables};
use crate::source::Text;
use crate::text::lex;
use crate::value::Names;

/// What the declared sets of a program are in the kernel.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoweredSets {
    /// The sets, in the order declared; the part of IPv4 before that of IPv6.
    pub sets: Vec<Set>,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
}

/// Lowers the sets of a program for these families. In a program for both, a set with addresses of both becomes two, `NAME` and
/// `NAME6`; else a set is of the program's family.
pub fn lower_sets(tables: &Tables, families: Families, names: &dyn Names) -> LoweredSets {
    let mut lowered = LoweredSets::default();
    let both = families == Families::Both || tables.families == Some(Families::Both);
    for set in tables.sets() {
        let Some(kind) = SetType::find(&set.kind) else {
            lowered.diagnostics.push(unknown_type(set));
            continue;
        };
        let parts = if both { split::names(set, names) } else { [None, None] };
        let parts: Vec<(String, Option<Family>)> = match (both, families.only(), parts) {
            (false, Some(family), _) => vec![(set.name.to_lossy(), Some(family))],
            (_, _, [Some(four), Some(six)]) if four == six => vec![(four, None)],
            (_, _, [four, six]) => [(four, Family::V4), (six, Family::V6)]
                .into_iter()
                .filter(|it| families.has(it.1))
                .filter_map(|(name, family)| Some((name?, Some(family))))
                .collect(),
        };
        for (name, family) in parts {
            let filter = family.filter(|_| both && kind.has_addresses());
            let made = part(set, kind, name.as_str().into(), family, filter, names, &mut lowered.diagnostics);
            if let Some(other) = lowered.sets.iter().find(|it| it.name == made.name) {
                let message = format!("two sets are called `{name}`: one is the IPv6 part of another");
                let error = Diagnostic::error(codes::IPSET_BAD_SET, message).at(set.origin.clone(), "");
                lowered.diagnostics.push(error.see(other.origin.clone(), "the other"));
            }
            lowered.sets.push(made);
        }
    }
    lowered
}

/// One set of the kernel; `filter` is the family whose entries it gets.
fn part(
    set: &IpSet,
    kind: SetType,
    name: Text,
    family: Option<Family>,
    filter: Option<Family>,
    names: &dyn Names,
    found: &mut Vec<Diagnostic>,
) -> Set {
    let mut made = Set::new(name, kind);
    made.origin = set.origin.clone();
    if let Err(error) = crate::ipset::check_name(&made.name) {
        found.push(at_set(*error, set, None));
    }
    for (option, value) in &set.options {
        if let Err(error) = made.set_option(option, value.as_ref()) {
            found.push(at_set(*error, set, None));
        }
    }
    if kind.has_addresses() && kind.is_hash() && made.options.family.is_none() {
        made.options.family = family.filter(|it| *it == Family::V6);
    }
    for entry in &set.entries {
        if filter.is_some_and(|family| !split::is_for(entry, family, names)) {
            continue;
        }
        let mut words = Vec::new();
        lex::words(entry, &mut words);
        let words: Vec<Text> = words.iter().map(|it| Text::from(&*it.bytes)).collect();
        match made.read_entry(&words, names) {
            Ok(entry) => made.entries.push(entry),
            Err(error) => found.push(at_set(*error, set, Some(entry))),
        }
    }
    // What was declared must fit.
    let many = u32::try_from(made.entries.len()).unwrap_or(u32::MAX);
    if kind.is_hash() && made.options.maxelem.is_none() && many > made.options.room() {
        made.options.maxelem = Some(many);
    }
    made
}

/// A finding about a word, at the statement that declared the set: the words stand in no file.
fn at_set(mut diagnostic: Diagnostic, set: &IpSet, entry: Option<&Text>) -> Diagnostic {
    diagnostic.labels.clear();
    let diagnostic = diagnostic.at(set.origin.clone(), "");
    let name = set.name.to_lossy();
    match entry {
        Some(entry) => diagnostic.note(format!("in the entry `{}` of the set `{name}`", entry.to_lossy())),
        None => diagnostic.note(format!("in the set `{name}`")),
    }
}

fn unknown_type(set: &IpSet) -> Diagnostic {
    let kind = set.kind.to_lossy();
    let message = format!("there is no type of sets `{kind}`");
    let error = Diagnostic::error(codes::IPSET_BAD_SET, message).at(set.origin.clone(), "");
    match suggest::closest(&kind, SetType::all().map(SetType::as_str)) {
        Some(close) => error.help(format!("did you mean `{close}`?")),
        None => error.help("such as `hash:ip`, `hash:net`, `hash:ip,port`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::default_tables;
    use crate::value::BuiltinNames;

    fn text(set: IpSet, families: Families) -> Result<String, Vec<String>> {
        let mut tables = default_tables();
        tables.add_set(set);
        let lowered = lower_sets(&tables, families, &BuiltinNames);
        if !lowered.diagnostics.is_empty() {
            return Err(lowered.diagnostics.into_iter().map(|it| it.message).collect());
        }
        Ok(String::from_utf8(crate::ipset::print(&lowered.sets).unwrap()).unwrap())
    }

    #[test]
    fn a_set_with_both_kinds_of_addresses_becomes_two() {
        let set = IpSet::new("b", "hash:net")
            .option("timeout", "300")
            .entries(["10.0.0.0/8", "fd00::/8 timeout 9"]);
        let made = text(set, Families::Both).unwrap();
        assert_eq!(
            made,
            "create b hash:net timeout 300\nadd b 10.0.0.0/8\n\
             create b6 hash:net family inet6 timeout 300\nadd b6 fd00::/8 timeout 9\n"
        );
        let set = IpSet::new("b", "hash:ip").entries(["10.0.0.1", "fd00::1"]);
        assert!(
            text(set.clone(), Families::V4).unwrap_err()[0].contains("IPv4"),
            "{:?}",
            text(set, Families::V4)
        );
        let set = IpSet::new("m", "hash:mac").entries(["00:11:22:33:44:55"]);
        assert_eq!(text(set, Families::Both).unwrap(), "create m hash:mac\nadd m 00:11:22:33:44:55\n");
        assert!(text(IpSet::new("m", "hash:nat"), Families::V4).unwrap_err()[0].contains("hash:nat"));
    }

    #[test]
    fn nothing_leaves_its_place() {
        for name in ["a\nflush", "a b", "-x", ""] {
            assert!(text(IpSet::new(name, "hash:ip"), Families::V4).is_err(), "{name:?}");
        }
        let set = IpSet::new("c", "hash:ip").flag("comment").entries(["10.0.0.1 comment \"x\nflush\""]);
        assert!(text(set, Families::V4).map_or(true, |it| !it.contains("\nflush")));
    }
}
