//! What rules remember of earlier packets.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::buckets::Buckets;
use super::clock::within;
use super::machine::{Machine, Value};
use super::sets::SetMemory;
use crate::dialect::Family;
use crate::ext::Hook;
use crate::ipset::Contents;
use crate::meaning::{Field, Need, RecentAction, RecentTest};
use crate::packet::{Packet, Path};
use crate::source::Text;

/// Memory of a ruleset, from the moment that it was loaded.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// `None`: nobody knows which packets came before.
    earlier: Option<Box<Earlier>>,
    pub(super) sets: SetMemory,
    /// Places of conditions that remember.
    slots: u64,
    /// How often at most such a condition was asked since the rules were loaded, be it known what came or not.
    asked: u64,
}

/// What earlier packets left behind.
#[derive(Clone, Debug, Default)]
struct Earlier {
    slots: Vec<Slot>,
    lists: HashMap<(Text, Family), Option<HashMap<u128, Entry>>>,
    buckets: Buckets,
}

/// What a condition remembers that shares it with no other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Slot {
    /// No packet came yet.
    #[default]
    Fresh,
    /// The last number of `nth`.
    Nth(u32),
    /// Bytes that are left.
    Quota(u64),
    /// Time that is left in a bucket, in 1/10,000 second, and when that was, in seconds, if a packet said so.
    Bucket(u64, Option<u64>),
    /// An undecided packet may have changed it.
    Lost,
}

/// What is remembered of a condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Recall {
    Is(bool),
    Unknown,
    /// Nor whether the kernel drops the packet, for want of room.
    NoRoom,
}

impl From<Option<bool>> for Recall {
    fn from(answer: Option<bool>) -> Recall {
        answer.map_or(Recall::Unknown, Recall::Is)
    }
}

/// An address in a list.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    hop_limit: u8,
    times: u32,
}

impl Memory {
    /// Fresh from a load, with these places; without any word of them nothing is known.
    pub(super) fn new(slots: Option<&Vec<Slot>>, sets: Option<&Arc<Contents>>) -> Memory {
        Memory {
            earlier: slots.map(|it| Box::new(Earlier { slots: it.clone(), ..Earlier::default() })),
            sets: SetMemory::new(sets),
            slots: slots.map_or(0, Vec::len) as u64,
            ..Memory::default()
        }
    }

    /// The next packet comes.
    pub(super) fn come(&mut self, packet: &Packet) {
        self.asked += self.slots;
        self.sets.come(packet.facts.now);
    }

    /// A packet went another way too, and nobody can tell which: what the ways left differently is lost.
    pub(super) fn merge(&mut self, other: &Memory) {
        match (&mut self.earlier, &other.earlier) {
            (Some(ours), Some(theirs)) => {
                let slots = ours.slots.iter_mut().zip(&theirs.slots);
                for (slot, _) in slots.filter(|(one, other)| **one != **other) {
                    *slot = Slot::Lost;
                }
                merge(&mut ours.lists, &theirs.lists);
                ours.buckets.merge(&theirs.buckets);
            }
            (ours, _) => *ours = None,
        }
        self.sets.merge(&other.sets);
    }

    /// A packet went its way to an end that nobody knows: all is lost.
    pub(super) fn forget(&mut self) {
        *self = Memory { slots: self.slots, asked: self.asked, ..Memory::default() };
    }

    /// Whether a condition holds that asks for earlier packets.
    pub(super) fn ask(&mut self, at: usize, need: &Need, machine: &Machine<'_>, sure: bool) -> Recall {
        match (need, &mut self.earlier) {
            (Need::Bucket(test), Some(earlier)) => earlier.buckets.ask(test, machine, sure),
            (Need::Bucket(test), None) if test.may_be_full(self.asked) => Recall::NoRoom,
            _ => self.ask_others(at, need, machine, sure).into(),
        }
    }

    /// `None` if it is not decided.
    fn ask_others(&mut self, at: usize, need: &Need, machine: &Machine<'_>, sure: bool) -> Option<bool> {
        if let Need::Clock(span) = need {
            return machine.packet.facts.now.map(|now| within(span, now));
        }
        let earlier = self.earlier.as_mut()?;
        if let Need::Recent(test) = need {
            return earlier.recent(test, machine, sure);
        }
        let slot = earlier.slots.get_mut(at)?;
        if !sure {
            *slot = Slot::Lost;
        }
        match (need, *slot) {
            (_, Slot::Lost) => None,
            (Need::Nth { every, packet }, was) => {
                let was = if let Slot::Nth(count) = was {
                    count
                } else {
                    every.saturating_sub(1).saturating_sub(*packet)
                };
                let now = if was == every.saturating_sub(1) { 0 } else { was.wrapping_add(1) };
                *slot = Slot::Nth(now);
                Some(now == 0)
            }
            (Need::Quota(bytes), was) => {
                let left = if let Slot::Quota(left) = was { left } else { *bytes };
                let rest = left.checked_sub(machine.bytes.len() as u64);
                *slot = Slot::Quota(rest.unwrap_or(0));
                Some(rest.is_some())
            }
            (Need::Limit { interval, burst }, was) => {
                let now = machine.packet.facts.now;
                let interval = u64::from(*interval);
                let full = interval * u64::from(*burst);
                let (left, then) = match was {
                    Slot::Bucket(left, then) => {
                        let more = passed(then, now).saturating_mul(10_000);
                        (left.saturating_add(more).min(full), then)
                    }
                    _ => (full, None),
                };
                let rest = left.checked_sub(interval);
                *slot = Slot::Bucket(rest.unwrap_or(left), now.or(then));
                Some(rest.is_some())
            }
            _ => None,
        }
    }
}

impl Earlier {
    fn recent(&mut self, test: &RecentTest, machine: &Machine<'_>, sure: bool) -> Option<bool> {
        let list =
            self.lists.entry((test.name.clone(), machine.family)).or_insert_with(|| Some(HashMap::new()));
        let field = if test.destination { Field::Destination } else { Field::Source };
        let (Value::Is(address), Value::Is(hop_limit)) =
            (machine.value(field), machine.value(Field::HopLimit))
        else {
            *list = None;
            return None;
        };
        // Every entry ages, so with a time in it the answer needs a clock that is finer than ours.
        if !sure || test.seconds != 0 {
            if test.action != RecentAction::Check || test.reap {
                *list = None;
            }
            return None;
        }
        let entries = list.as_mut()?;
        // The hop limit counts as it was before the packet was forwarded.
        let forwarded = machine.path == Path::Forward && machine.hook != Hook::Prerouting;
        let hop_limit = (hop_limit as u8).wrapping_add(u8::from(forwarded));
        let address = address & test.mask;
        let fits = |it: &&mut Entry| {
            !test.same_hop_limit || hop_limit == 0 || it.hop_limit == hop_limit || it.hop_limit == 0
        };
        let full = entries.len() >= LONGEST;
        let Some(entry) = entries.get_mut(&address).filter(fits) else {
            if test.action != RecentAction::Set {
                return Some(test.inverted);
            }
            if full {
                // The oldest entry goes, and which that is was not kept.
                *list = None;
                return Some(!test.inverted);
            }
            entries.insert(address, Entry { hop_limit, times: 1 });
            return Some(!test.inverted);
        };
        // What fills or removes asks for no number of hits.
        let found = entry.times >= u32::from(test.hits);
        let answer = found != test.inverted;
        let notes = test.action == RecentAction::Set || test.action == RecentAction::Update && answer;
        if notes {
            entry.times = entry.times.saturating_add(1);
            entry.hop_limit = hop_limit;
        }
        if test.action == RecentAction::Remove {
            entries.remove(&address);
        }
        Some(answer)
    }
}

/// The seconds between two packets: none unless both say when they came.
pub(super) fn passed(then: Option<u64>, now: Option<u64>) -> u64 {
    now.zip(then).map_or(0, |(now, then)| now.saturating_sub(then))
}

/// Keeps what both know alike.
pub(super) fn merge<K: Clone + Eq + Hash, V: PartialEq>(
    ours: &mut HashMap<K, Option<V>>,
    theirs: &HashMap<K, Option<V>>,
) {
    for (key, value) in ours.iter_mut() {
        if theirs.get(key) != Some(value) {
            *value = None;
        }
    }
    for key in theirs.keys() {
        ours.entry(key.clone()).or_insert(None);
    }
}

/// Entries that a list has room for, unless the kernel's module was told otherwise.
const LONGEST: usize = 100;
