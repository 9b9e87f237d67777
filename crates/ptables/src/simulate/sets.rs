//! Sets, as they are when the packet comes, and what rules do to them.

use std::sync::Arc;

use super::machine::{Machine, Value};
use crate::dialect::Family;
use crate::ipset::{Asked, Contents, Found, Told};
use crate::meaning::{Field, SetChange, SetTest};
use crate::packet::Path;
use crate::packet::bytes::u16_at;
use crate::value::mac::Mac;

/// The contents of sets in a sequence of packets.
#[derive(Clone, Debug, Default)]
pub(super) struct SetMemory {
    /// `None`: nobody knows. Shared until a rule changes a set.
    contents: Option<Arc<Contents>>,
    /// When the first packet came that says so.
    began: Option<u64>,
    /// Seconds from then to the last packet that said when it came.
    elapsed: u64,
}

/// Why a set is unknown from now on.
const UNDECIDED: &str = "whether a rule changed the set is not decided";

impl SetMemory {
    pub(super) fn new(contents: Option<&Arc<Contents>>) -> SetMemory {
        SetMemory { contents: contents.cloned(), ..SetMemory::default() }
    }

    /// Nobody can tell any more what is in a set that the two hold differently; in none, if one of them knows nothing.
    pub(super) fn merge(&mut self, other: &SetMemory) {
        let both = self.contents.take().zip(other.contents.as_ref());
        self.contents = both.map(|(mut ours, theirs)| {
            if !Arc::ptr_eq(&ours, theirs) {
                Arc::make_mut(&mut ours).lose_where_not(theirs, UNDECIDED);
            }
            ours
        });
    }

    /// The next packet comes, at this moment if it says so.
    pub(super) fn come(&mut self, now: Option<u64>) {
        if let Some(now) = now {
            self.elapsed = now.saturating_sub(*self.began.get_or_insert(now));
        }
    }

    /// Whether the packet is in a set: `None` if nobody knows the set, `Err` with the reason if it cannot be told.
    pub(super) fn ask(
        &mut self,
        test: &SetTest,
        machine: &Machine<'_>,
        sure: bool,
    ) -> Result<Option<bool>, &'static str> {
        if let Some((_, is_in)) = machine.packet.sets.iter().find(|(set, _)| *set == test.name) {
            return Ok(Some(*is_in));
        }
        let look = self.look(machine);
        let Some(contents) = self.contents.as_mut().filter(|it| it.contains(&test.name)) else {
            return Ok(None);
        };
        let found = contents.find_in(&test.name, &look, test.dirs, test.exceptions)?;
        if found == Found::YesLearns {
            let contents = Arc::make_mut(contents);
            if sure {
                contents.learn(&test.name, &look, test.dirs);
            } else {
                contents.lose(&test.name, UNDECIDED);
            }
        }
        Ok(Some(matches!(found, Found::Yes | Found::YesLearns)))
    }

    /// What the target SET does.
    pub(super) fn change(&mut self, changes: &[SetChange], machine: &Machine<'_>) {
        let look = self.look(machine);
        let Some(contents) = &mut self.contents else { return };
        for it in changes.iter().filter(|it| contents.contains(&it.name)).collect::<Vec<_>>() {
            let contents = Arc::make_mut(contents);
            let done = match it.add {
                true => contents.insert(&it.name, &look, it.dirs, it.exist, it.timeout),
                false => contents.remove(&it.name, &look, it.dirs),
            };
            if let Err(why) = done {
                contents.lose(&it.name, why);
            }
        }
    }

    /// Nobody can tell whether a rule did this.
    pub(super) fn doubt(&mut self, changes: &[SetChange]) {
        let Some(contents) = &mut self.contents else { return };
        for it in changes {
            Arc::make_mut(contents).lose(&it.name, UNDECIDED);
        }
    }

    fn look<'m, 'p>(&mut self, machine: &'m Machine<'p>) -> Look<'m, 'p> {
        Look { machine, elapsed: self.elapsed }
    }
}

/// A packet, as sets see it.
struct Look<'m, 'p> {
    machine: &'m Machine<'p>,
    elapsed: u64,
}

impl Asked for Look<'_, '_> {
    fn family(&self) -> Family {
        self.machine.family
    }

    fn address(&self, source: bool) -> Told<u128> {
        told(self.machine.value(if source { Field::Source } else { Field::Destination }))
    }

    fn port(&self, source: bool) -> Told<(u8, u16)> {
        let heads = &self.machine.heads;
        let v6 = self.machine.family == Family::V6;
        // Nothing follows 59 in IPv6, and the kernel takes 0 in IPv4 for an error.
        let Some(proto) = heads.proto.filter(|it| *it != if v6 { 59 } else { 0 }) else { return Ok(None) };
        let least = match proto {
            6 => 20,
            17 | 136 | 1 | 58 => 8,
            132 => 12,
            _ => 0,
        };
        if heads.fragment != 0 {
            // Of IPv6 no later fragment is looked at, and in IPv4 ICMPv6 is one of the protocols without ports.
            let without = !v6 && (least == 0 || proto == 58);
            return Ok(without.then_some((proto, 0)));
        }
        let bytes = self.machine.transport();
        match proto {
            _ if least == 0 => Ok(Some((proto, 0))),
            _ if bytes.len() < least => Ok(None),
            1 | 58 => Ok(u16_at(bytes, 0).map(|port| (proto, port))),
            _ => {
                let field = if source { Field::SourcePort } else { Field::DestinationPort };
                Ok(told(self.machine.value(field))?.map(|port| (proto, port as u16)))
            }
        }
    }

    fn iface(&self, incoming: bool) -> Told<&[u8]> {
        let name = if incoming { self.machine.in_iface() } else { self.machine.out_iface() };
        Ok(name?.map(|it| it.as_bytes()))
    }

    fn mac(&self, source: bool) -> Told<Mac> {
        match self.machine.packet.link {
            Some(link) => Ok(Some(if source { link.source } else { link.destination })),
            None if self.machine.packet.path == Path::Output => Ok(None),
            None => Err("the Ethernet addresses are not told"),
        }
    }

    fn mark(&self) -> Told<u32> {
        Ok(told(self.machine.value(Field::Mark))?.map(|it| it as u32))
    }

    fn elapsed(&self) -> u64 {
        self.elapsed
    }
}

fn told(value: Value) -> Told<u128> {
    match value {
        Value::Is(value) => Ok(Some(value)),
        Value::Absent | Value::Torn => Ok(None),
        Value::Unknown(why) => Err(why),
    }
}
