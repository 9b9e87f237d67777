//! The tables that a kernel begins with.

use super::chain::{Chain, ChainKind};
use super::table::{Table, Tables};
use crate::ext::TableName;
use crate::origin::Origin;

/// The tables of PyPTables: filter (INPUT, FORWARD, OUTPUT), nat (PREROUTING, OUTPUT, POSTROUTING) and mangle (all five
/// chains), each with policy `ACCEPT`.
#[track_caller]
pub fn default_tables() -> Tables {
    let origin = Origin::caller();
    let mut tables = Tables::with_origin(origin.clone());
    for (name, chains) in [
        ("filter", ["INPUT", "FORWARD", "OUTPUT"].as_slice()),
        ("nat", &["PREROUTING", "OUTPUT", "POSTROUTING"]),
        ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
    ] {
        tables.push(table(name, chains.iter().copied(), &origin));
    }
    tables
}

/// Every table of the kernel with every built-in chain (raw, security and nat's INPUT too), each with policy `ACCEPT`.
#[track_caller]
pub fn all_tables() -> Tables {
    let origin = Origin::caller();
    let mut tables = Tables::with_origin(origin.clone());
    for table in TableName::ALL {
        tables.push(self::table(table.as_str(), table.hooks().iter().map(|hook| hook.as_str()), &origin));
    }
    tables
}

/// A table with these chains, all by the same author: the caller of the functions above.
fn table(name: &str, chains: impl Iterator<Item = &'static str>, origin: &Origin) -> Table {
    let mut table = Table::with_origin(name.into(), origin.clone());
    for chain in chains {
        table.push(Chain::new(chain.into(), ChainKind::Builtin(Some("ACCEPT".into())), origin.clone()));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_tables_are_those_of_the_documentation() {
        let tables = default_tables();
        let names = |table: &str| -> Vec<String> {
            tables[table].iter().map(|chain| chain.name.to_lossy()).collect()
        };
        assert_eq!(tables.len(), 3);
        assert_eq!(names("filter"), ["INPUT", "FORWARD", "OUTPUT"]);
        assert_eq!(names("nat"), ["PREROUTING", "OUTPUT", "POSTROUTING"]);
        assert_eq!(names("mangle"), ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]);
        assert!(tables.iter().flatten().all(|chain| chain.policy().unwrap().as_bytes() == b"ACCEPT"));
        assert!(tables["filter"].origin.place().unwrap().file.ends_with("default.rs"));
    }

    #[test]
    fn all_tables_are_those_of_the_kernel() {
        assert_eq!(all_tables().iter().map(|table| table.len()).collect::<Vec<_>>(), [3, 4, 5, 2, 3]);
    }
}
