//! What iptables-save prints, in a form that can be compared: no dated remarks, built-in chains filled in, tables sorted.

use std::collections::BTreeMap;

use ptables::ext::TableName;

#[derive(Default)]
struct Table {
    chains: BTreeMap<(usize, String), String>,
    rules: Vec<String>,
}

/// The normal form of saved text.
pub fn normal(text: &str) -> String {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let mut open = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            open = name.to_owned();
            let kernel = TableName::find(name.as_bytes());
            let table = tables.entry(open.clone()).or_default();
            for (place, hook) in kernel.map_or(&[][..], TableName::hooks).iter().enumerate() {
                table.chains.insert((place, hook.to_string()), "ACCEPT [0:0]".into());
            }
        } else if let Some((name, policy)) = line.strip_prefix(':').and_then(|it| it.split_once(' ')) {
            let kernel = TableName::find(open.as_bytes());
            let place = kernel.and_then(|it| it.hooks().iter().position(|hook| hook.as_str() == name));
            let policy = if place.is_some() { policy.replace("- [", "ACCEPT [") } else { "- [0:0]".into() };
            tables
                .entry(open.clone())
                .or_default()
                .chains
                .insert((place.unwrap_or(9), name.to_owned()), policy);
        } else if !line.starts_with('#') && line != "COMMIT" && !line.is_empty() {
            tables.entry(open.clone()).or_default().rules.push(line.to_owned());
        }
    }
    let mut out = String::new();
    for (name, table) in tables {
        out.push_str(&format!("*{name}\n"));
        for ((_, chain), policy) in table.chains {
            out.push_str(&format!(":{chain} {policy}\n"));
        }
        for rule in table.rules {
            out.push_str(&rule);
            out.push('\n');
        }
    }
    out
}
