//! A plan as text for `iptables-restore --noflush`.

use super::make::{LineKind, Plan, TablePlan};
use super::state::State;
use crate::compile::RestoreText;
use crate::model::{Counters, Policy};
use crate::origin::Origin;
use crate::value::{number, quote};

impl Plan {
    /// One text a table, each to be committed for itself: `--noflush`, without `--counters`.
    ///
    /// A rule whose counters are known (one that comes back) brings them along, by `-c`.
    pub fn texts(&self) -> Vec<(String, RestoreText)> {
        self.tables.iter().map(|it| (it.name.to_lossy(), it.text())).collect()
    }
}

impl State {
    /// All of it as text for `iptables-restore`, with who wrote each line.
    pub fn text(&self) -> RestoreText {
        let mut text = RestoreText::default();
        for table in &self.tables {
            let mut line = |origin: &Origin, parts: &[&[u8]]| {
                text.line(origin, |out| {
                    parts.iter().for_each(|it| out.extend_from_slice(it));
                    out.push(b'\n');
                });
            };
            line(&Origin::Unknown, &[b"*", &name(&table.name)]);
            for chain in &table.chains {
                let policy = chain.policy.map_or("-", Policy::as_str).as_bytes();
                line(&Origin::Unknown, &[b":", &name(&chain.name), b" ", policy, b" [0:0]"]);
            }
            for chain in &table.chains {
                chain.items.iter().for_each(|it| line(&it.origin, &[b"-A ", &name(&chain.name), &it.text]));
            }
            line(&Origin::Unknown, &[b"COMMIT"]);
        }
        text
    }
}

/// A name that cannot leave its place.
fn name(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    quote::push_raw(&mut out, name);
    out
}

impl TablePlan {
    /// The commands: chains are made, policies set, rules taken out by what they say, put in by place, and chains deleted last.
    pub fn text(&self) -> RestoreText {
        let mut text = RestoreText::default();
        let mut line = |origin: &Origin, parts: &[&[u8]]| {
            text.line(origin, |out| {
                parts.iter().for_each(|it| out.extend_from_slice(it));
                out.push(b'\n');
            });
        };
        line(&Origin::Unknown, &[b"*", &name(&self.name)]);
        for chain in self.chains.iter().filter(|it| it.made) {
            line(&Origin::Unknown, &[b"-N ", &name(&chain.name)]);
        }
        for chain in &self.chains {
            if let Some(policy) = chain.policy {
                line(&Origin::Unknown, &[b"-P ", &name(&chain.name), b" ", policy.as_str().as_bytes()]);
            }
            for it in chain.lines.iter().filter(|it| it.kind == LineKind::Remove) {
                line(&it.item.origin, &[b"-D ", &name(&chain.name), &it.item.text]);
            }
        }
        for chain in &self.chains {
            let mut left = chain.lines.iter().filter(|it| it.kind == LineKind::Keep).count();
            let after = chain.lines.iter().filter(|it| it.kind != LineKind::Remove);
            for (place, it) in (1_u64..).zip(after) {
                if it.kind == LineKind::Keep {
                    left -= 1;
                    continue;
                }
                let counted = it.item.counters.map(counters).unwrap_or_default();
                let chain = name(&chain.name);
                // With nothing behind it, it is appended: that place is the same however long the chain is by then.
                let mut number = Vec::new();
                match left {
                    0 => line(&it.item.origin, &[b"-A ", &chain, &counted, &it.item.text]),
                    _ => {
                        number::push(&mut number, place);
                        line(&it.item.origin, &[b"-I ", &chain, b" ", &number, &counted, &it.item.text]);
                    }
                }
            }
        }
        for chain in self.chains.iter().filter(|it| it.gone) {
            line(&Origin::Unknown, &[b"-X ", &name(&chain.name)]);
        }
        line(&Origin::Unknown, &[b"COMMIT"]);
        text
    }
}

fn counters(it: Counters) -> Vec<u8> {
    let mut out = b" -c ".to_vec();
    number::push(&mut out, it.packets);
    out.push(b' ');
    number::push(&mut out, it.bytes);
    out
}
