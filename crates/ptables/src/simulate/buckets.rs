//! The tables of `hashlimit`: a bucket of tokens for each address or port.

use std::collections::HashMap;

use super::machine::{Machine, Value};
use super::memory::{Recall, merge, passed};
use super::test::Test;
use crate::dialect::Family;
use crate::meaning::{BucketTest, Field, Need};
use crate::source::Text;

/// What a table tells apart: source, source port, destination, destination port.
type Key = [Option<u128>; 4];

/// The buckets of each table; `None`: nobody knows any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Buckets {
    tables: HashMap<(Text, Family), Option<HashMap<Key, Bucket>>>,
    /// How often each was asked: it has no more entries.
    asked: HashMap<(Text, Family), u64>,
}

/// A bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    /// Microseconds of credit.
    credit: u64,
    /// When that was, in seconds, if a packet said so.
    then: Option<u64>,
}

impl Buckets {
    /// Keeps what both know alike.
    pub(super) fn merge(&mut self, other: &Buckets) {
        merge(&mut self.tables, &other.tables);
        for (name, count) in &other.asked {
            let ours = self.asked.entry(name.clone()).or_default();
            *ours = *count.max(ours);
        }
    }

    /// Whether a packet matches.
    pub(super) fn ask(&mut self, test: &BucketTest, machine: &Machine<'_>, sure: bool) -> Recall {
        let name = (test.name.clone(), machine.family);
        let asked = self.asked.entry(name.clone()).or_default();
        *asked += 1;
        let may_be_full = test.may_be_full(*asked);
        let table = self.tables.entry(name).or_insert_with(|| Some(HashMap::new()));
        let found = key(test, machine).filter(|_| sure);
        let has_room = |table: &HashMap<Key, Bucket>, key| {
            !may_be_full || table.contains_key(key) || table.len() < test.entries as usize
        };
        let answer = match (table.as_mut(), found) {
            (Some(table), Some(key)) if has_room(table, &key) => {
                take(table, key, test, machine.packet.facts.now)
            }
            _ if may_be_full => {
                // The packet is dropped unless the kernel has since looked for old entries.
                *table = None;
                return Recall::NoRoom;
            }
            _ => None,
        };
        if answer.is_none() {
            *table = None;
        }
        answer.into()
    }
}

fn take(table: &mut HashMap<Key, Bucket>, key: Key, test: &BucketTest, now: Option<u64>) -> Option<bool> {
    let most = test.period.saturating_mul(test.burst);
    let fresh = Bucket { credit: most, then: now };
    let bucket = table.entry(key).or_insert(fresh);
    let passed = passed(bucket.then, now);
    if passed.saturating_mul(1000) >= u64::from(test.expire) {
        // It may be there still, or not.
        return None;
    }
    let credit = bucket.credit.saturating_add(passed.saturating_mul(1_000_000)).min(most);
    let rest = credit.checked_sub(test.period);
    *bucket = Bucket { credit: rest.unwrap_or(credit), then: now.or(bucket.then) };
    Some(rest.is_some() != test.above)
}

fn key(test: &BucketTest, machine: &Machine<'_>) -> Option<Key> {
    let [source, destination] = test.masks;
    let parts = [
        (Field::Source, source),
        (Field::SourcePort, u128::MAX),
        (Field::Destination, destination),
        (Field::DestinationPort, u128::MAX),
    ];
    let mut key = Key::default();
    for ((place, (field, mask)), _) in key.iter_mut().zip(parts).zip(test.apart).filter(|it| it.1) {
        // Of protocols without ports, of later fragments and of torn headers the kernel takes other bytes for them.
        let is_there = machine.heads.ports.is_some() || matches!(field, Field::Source | Field::Destination);
        if !is_there {
            return None;
        }
        let Value::Is(value) = machine.value(field) else { return None };
        *place = Some(value & mask);
    }
    Some(key)
}

/// Rules that share a table but not its settings: the table has those of whichever was loaded first, so they are undecided.
pub(super) fn settle<'t>(tests: impl Iterator<Item = &'t mut Test>) {
    let mut known: HashMap<Vec<u8>, BucketTest> = HashMap::new();
    let mut mixed: Vec<Text> = Vec::new();
    let all: Vec<&mut Need> = tests.filter_map(Test::need).collect();
    for need in &all {
        let Need::Bucket(test) = &**need else { continue };
        // Which side of the rate is asked for is no setting of the table.
        let usual = BucketTest { above: bool::default(), ..(**test).clone() };
        if *known.entry(test.name.as_bytes().to_vec()).or_insert_with(|| usual.clone()) != usual {
            mixed.push(test.name.clone());
        }
    }
    for need in all {
        if matches!(&*need, Need::Bucket(test) if mixed.contains(&test.name)) {
            *need = Need::Rate;
        }
    }
}
