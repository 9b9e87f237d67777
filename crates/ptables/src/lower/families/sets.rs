//! Of which families a declared set is, and what it is called in each.

use super::address::{self, In};
use crate::dialect::Family;
use crate::program::IpSet;
use crate::value::Names;

/// What a set is called in each family; `None` where it has no part.
///
/// Types without addresses serve both families. One with addresses has a part for each family of its entries, or for the one
/// that it names; without entries for both. Two parts are `NAME` (IPv4) and `NAME6`.
pub(crate) fn names(set: &IpSet, hosts: &dyn Names) -> [Option<String>; 2] {
    let name = set.name.to_lossy();
    let Some(families) = families(set, hosts) else { return [Some(name.clone()), Some(name)] };
    let second = if families == In::BOTH { format!("{name}6") } else { name.clone() };
    [families.v4.then_some(name), families.v6.then_some(second)]
}

/// The families of its addresses; `None` for a type without.
fn families(set: &IpSet, hosts: &dyn Names) -> Option<In> {
    match set.kind.as_bytes() {
        b"hash:mac" | b"bitmap:port" | b"list:set" => return None,
        b"bitmap:ip" | b"bitmap:ip,mac" => return Some(In::one(Family::V4)),
        _ => {}
    }
    let said = set.options.iter().find(|(name, _)| name.as_bytes() == b"family").and_then(|it| it.1.as_ref());
    match said.map(|it| it.as_bytes()) {
        Some(b"inet") => return Some(In::one(Family::V4)),
        Some(b"inet6") => return Some(In::one(Family::V6)),
        _ => {}
    }
    let of_entry = |entry: &[u8]| of(entry, hosts);
    let found = set.entries.iter().fold(In::NONE, |all, entry| all.or(of_entry(entry)));
    Some(if found == In::NONE { In::BOTH } else { found })
}

/// The families of an entry: those of the address that it begins with.
fn of(entry: &[u8], hosts: &dyn Names) -> In {
    let element = entry.split(|it| it.is_ascii_whitespace()).next().unwrap_or_default();
    address::of(element.split(|it| *it == b',').next().unwrap_or_default(), hosts)
}

/// Whether an entry has a place in the part of a family.
pub(crate) fn is_for(entry: &[u8], family: Family, hosts: &dyn Names) -> bool {
    of(entry, hosts).has(family)
}
