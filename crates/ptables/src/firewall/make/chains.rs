//! Names of chains, and chains that stay short.

use std::collections::HashSet;

use super::draft::Made;
use crate::origin::Origin;
use crate::program::{Args, Chain, Keyword, Rule, Table};

/// The most rules of one chain: a longer one makes every change and dump by iptables-nft slow.
pub(super) const LONGEST: usize = 190;
/// Bytes of a name, without the number of a further part.
const NAME: usize = 24;

/// Gives each chain a name of its own.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// This name, or one like it: at most 24 bytes, and nobody else's.
    pub(super) fn fresh(&mut self, wanted: &str) -> String {
        let fits = |byte: char| byte.is_ascii_alphanumeric() || matches!(byte, '-' | '_' | '.');
        let clean: String = wanted.chars().map(|it| if fits(it) { it } else { '_' }).collect();
        let clean = clean.trim_start_matches('-');
        // A target of this name would hide the chain, or be hidden.
        let reserved = clean.is_empty() || clean.bytes().all(|it| it.is_ascii_uppercase());
        if clean.len() <= NAME && !reserved && self.0.insert(clean.to_owned()) {
            return clean.to_owned();
        }
        let mut number = 1_u32;
        loop {
            let tail = format!("~{number}");
            let room = NAME - tail.len();
            let head: String = clean.chars().take(room).collect();
            let name = format!("{head}{tail}");
            if self.0.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    }
}

/// Puts rules into a chain of a table. What is too much for one goes on in further chains.
pub(super) fn fill(table: &mut Table, name: &str, rules: Vec<Made>, origin: &Origin) {
    let mut parts: Vec<Vec<Rule>> = vec![Vec::new()];
    let mut weight = 0;
    for made in rules {
        // The last place is for the way to the next part.
        if weight + made.weight >= LONGEST {
            parts.push(Vec::new());
            weight = 0;
        }
        weight += made.weight;
        if let Some(part) = parts.last_mut() {
            part.push(made.rule);
        }
    }
    let count = parts.len();
    for (at, mut rules) in parts.into_iter().enumerate() {
        if at + 1 < count {
            let mut args = Args::new();
            let next = part_name(name, at + 1);
            // A known option: it cannot be refused.
            let _ = args.keyword(Keyword { name: "g", inverted: false }, [next.as_bytes()]);
            rules.push(Rule::from_args(origin.clone(), args));
        }
        let own = part_name(name, at);
        match table.get_mut(&own) {
            Some(chain) => chain.extend(rules),
            None => {
                let mut chain = Chain::user(own);
                chain.origin = origin.clone();
                chain.extend(rules);
                table.push(chain);
            }
        }
    }
}

fn part_name(name: &str, at: usize) -> String {
    if at == 0 { name.to_owned() } else { format!("{name}.{}", at + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_nobody_elses() {
        let mut names = Names::default();
        let long = "a-zone-with-quite-a-long-name";
        let made: Vec<String> = ["lan-wan", "lan-wan", long, long, "ACCEPT", "LOG", "", "a b", "-x", "é"]
            .map(|it| names.fresh(it))
            .into();
        assert_eq!(made[0], "lan-wan");
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len(), "{made:?}");
        for name in &made {
            assert!((1..=NAME).contains(&name.len()) && !name.starts_with('-'), "{name}");
            assert!(!["ACCEPT", "LOG"].contains(&name.as_str()));
        }
    }
}
