//! What the conditions of rules ask: for each field the values that are told apart.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::dialect::Family;
use crate::meaning::{Field, Header, Need, Pred};
use crate::source::Text;
use crate::value::addr::prefix_length;
use crate::value::ct_state::CtState;
use crate::value::iface::Iface;

/// What was asked of one field.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// Where a class of values begins.
    pub(super) cuts: Vec<u128>,
    /// Bits that are looked at one by one.
    pub(super) bits: u128,
    /// Sets of bits of which one suffices.
    pub(super) masks: BTreeSet<u128>,
}

/// What conditions ask, of which a [`Space`](super::Space) is made. Two rulesets that are compared share one.
#[derive(Clone, Debug)]
pub struct Census {
    pub(super) family: Family,
    pub(super) fields: BTreeMap<Field, Asked>,
    pub(super) ins: HashSet<Iface>,
    pub(super) outs: HashSet<Iface>,
    /// Conditions that are compared as a whole; of one that asks a set, its name.
    pub(super) flags: BTreeMap<String, Option<Text>>,
    /// Whether rules see later fragments.
    pub(super) fragments: bool,
}

/// The largest value of a field.
pub(super) fn top(field: Field, family: Family) -> u128 {
    let bits = match field {
        Field::Source
        | Field::Destination
        | Field::CtOrigSource
        | Field::CtOrigDestination
        | Field::CtReplySource
        | Field::CtReplyDestination => u32::from(family.bits()),
        Field::CtLabels => 128,
        Field::LaterFragment
        | Field::CtDirection
        | Field::HasSocket
        | Field::ReversePath
        | Field::SocketWaits
        | Field::Ipsec
        | Field::HasBridgeIn
        | Field::HasBridgeOut => 1,
        Field::PacketType => 3,
        Field::Proto
        | Field::TcpFlags
        | Field::HopLimit
        | Field::Tos
        | Field::IcmpType
        | Field::IcmpCode
        | Field::CtProto
        | Field::CtState
        | Field::DccpType
        | Field::MobilityType
        | Field::RoutingType
        | Field::RoutingLeft
        | Field::FragmentReserved => 8,
        Field::SourcePort
        | Field::DestinationPort
        | Field::TcpMss
        | Field::Length
        | Field::CtOrigSourcePort
        | Field::CtOrigDestinationPort
        | Field::CtReplySourcePort
        | Field::CtReplyDestinationPort
        | Field::SourceType
        | Field::DestinationType
        | Field::IpCompIndex
        | Field::AhReserved
        | Field::FragmentField => 16,
        Field::MacSource => 48,
        Field::Spi
        | Field::Mark
        | Field::ConnMark
        | Field::CtStatus
        | Field::CtExpire
        | Field::Uid
        | Field::Gid
        | Field::AhIndex
        | Field::AhLength
        | Field::FragmentId
        | Field::RoutingLength
        | Field::RoutingReserved
        | Field::Realm
        | Field::InGroup
        | Field::OutGroup
        | Field::Cpu
        | Field::ControlGroup
        | Field::Headers => 32,
        _ => 64,
    };
    u128::MAX >> (128 - bits)
}

impl Census {
    /// Nothing asked yet. `fragments`: rules see second and later fragments; where connections are tracked, they do not.
    pub fn new(family: Family, fragments: bool) -> Census {
        let (fields, flags) = (BTreeMap::new(), BTreeMap::new());
        Census { family, fields, ins: HashSet::new(), outs: HashSet::new(), flags, fragments }
    }

    /// Adds what a condition asks.
    pub fn add(&mut self, pred: &Pred) {
        match pred {
            Pred::True | Pred::False => {}
            Pred::Not(inner) => self.add(inner),
            Pred::All(all) | Pred::Any(all) => all.iter().for_each(|it| self.add(it)),
            Pred::Range(field, low, high) => self.range(*field, *low, *high),
            Pred::Bits(field, mask, value) => self.bits(*field, *mask, *value),
            Pred::AnyBit(field, mask) => {
                self.asked(*field).masks.insert(*mask);
            }
            Pred::InIface(iface) => {
                self.ins.insert(*iface);
            }
            Pred::OutIface(iface) => {
                self.outs.insert(*iface);
            }
            Pred::Header(Header::Transport(_) | Header::Tcp) => {
                self.asked(Field::LaterFragment);
            }
            other => {
                if let Some(name) = flag(other) {
                    let set = match other {
                        Pred::Needs(Need::Set(test)) => Some(test.name.clone()),
                        _ => None,
                    };
                    self.flags.insert(name, set);
                }
            }
        }
    }

    /// Adds names for what of a condition depends on more than the packet, or on sets that rules change. Gives these names.
    pub fn add_open(&mut self, pred: &Pred, choice: &str, sets: &[Text]) -> Vec<String> {
        let mut names = Vec::new();
        leaves(pred, &mut |leaf| {
            let changed = matches!(leaf, Pred::Needs(Need::Set(test)) if sets.contains(&test.name));
            if matches!(leaf, Pred::Needs(_) | Pred::SetLabel(_)) && (changed || flag(leaf).is_none()) {
                names.push(open(choice, leaf));
            }
        });
        names.iter().for_each(|it| self.add_flag(it));
        names
    }

    /// Adds a condition of this name that nobody can tell, and that is the same wherever it is named.
    pub fn add_flag(&mut self, name: &str) {
        self.flags.insert(name.to_owned(), None);
    }

    /// Adds the values of a field that are told apart from others.
    pub fn range(&mut self, field: Field, low: u128, high: u128) {
        let top = top(field, self.family);
        let asked = self.asked(field);
        asked.cuts.push(low.min(top));
        if high < top {
            asked.cuts.push(high + 1);
        }
    }

    fn bits(&mut self, field: Field, mask: u128, value: u128) {
        match interval(field, self.family, mask, value) {
            Some((low, high)) => self.range(field, low, high),
            None => self.asked(field).bits |= mask,
        }
    }

    /// Has these bits of a field told apart one by one: rules rewrite them.
    pub fn rewritten(&mut self, field: Field, mask: u128) {
        if let Some(asked) = self.fields.get_mut(&field) {
            asked.bits |= mask & top(field, self.family);
        }
    }

    /// Whether conditions look at this field.
    pub fn asks(&self, field: Field) -> bool {
        self.fields.contains_key(&field)
    }

    /// Adds a field, and what must be known to tell whether it is there.
    pub(super) fn asked(&mut self, field: Field) -> &mut Asked {
        if let Entry::Vacant(free) = self.fields.entry(field) {
            free.insert(Asked::default());
            self.ask_presence(field);
        }
        self.fields.entry(field).or_default()
    }

    fn ask_presence(&mut self, field: Field) {
        match presence(field) {
            Presence::Always | Presence::Free => {}
            Presence::Ports => {
                self.asked(Field::LaterFragment);
                for proto in PORTS {
                    self.range(Field::Proto, proto, proto);
                }
            }
            Presence::Icmp => {
                self.asked(Field::LaterFragment);
                let proto = icmp(self.family);
                self.range(Field::Proto, proto, proto);
            }
            Presence::Tcp => {
                self.asked(Field::LaterFragment);
                self.range(Field::Proto, 6, 6);
                if self.fragments {
                    self.flags.insert(FRAGMENT_FLAGS.to_owned(), None);
                }
            }
            Presence::Tracked => {
                self.asked(Field::CtState).masks.insert(UNTRACKED);
            }
        }
    }
}

/// States without a connection.
pub(super) const UNTRACKED: u128 = CtState::Invalid as u128 | CtState::Untracked as u128;
/// Protocols with ports.
pub(super) const PORTS: [u128; 5] = [6, 17, 33, 132, 136];
/// Whether a later fragment is so long that what stands in place of a TCP header has flags.
pub(super) const FRAGMENT_FLAGS: &str = "flags in a later fragment";

pub(super) fn icmp(family: Family) -> u128 {
    if family == Family::V4 { 1 } else { 58 }
}

/// When a field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    Ports,
    Icmp,
    Tcp,
    /// With a connection.
    Tracked,
    /// Nobody says.
    Free,
}

pub(super) fn presence(field: Field) -> Presence {
    match field {
        Field::SourcePort | Field::DestinationPort => Presence::Ports,
        Field::IcmpType | Field::IcmpCode => Presence::Icmp,
        Field::TcpFlags => Presence::Tcp,
        Field::ConnMark
        | Field::CtProto
        | Field::CtStatus
        | Field::CtExpire
        | Field::CtDirection
        | Field::CtOrigSource
        | Field::CtOrigDestination
        | Field::CtReplySource
        | Field::CtReplyDestination
        | Field::CtOrigSourcePort
        | Field::CtOrigDestinationPort
        | Field::CtReplySourcePort
        | Field::CtReplyDestinationPort
        | Field::CtLabels => Presence::Tracked,
        Field::Source
        | Field::Destination
        | Field::Proto
        | Field::LaterFragment
        | Field::Length
        | Field::HopLimit
        | Field::Tos
        | Field::PacketType
        | Field::Mark
        | Field::CtState
        | Field::SourceType
        | Field::DestinationType
        | Field::Realm
        | Field::InGroup
        | Field::OutGroup
        | Field::Cpu
        | Field::ReversePath
        | Field::SocketWaits
        | Field::Ipsec
        | Field::HasSocket
        | Field::HasBridgeIn
        | Field::HasBridgeOut => Presence::Always,
        _ => Presence::Free,
    }
}

/// The values of a field that equal `value` in the bits of `mask`, if these lie side by side.
pub(super) fn interval(field: Field, family: Family, mask: u128, value: u128) -> Option<(u128, u128)> {
    let top = top(field, family);
    let mask = mask & top;
    // Widths are those of addresses after a shift to the left.
    let places = top.count_zeros();
    prefix_length(Family::V6, mask << places).map(|_| (value & mask, value & mask | top & !mask))
}

/// What a condition that is compared as a whole is called; `None` where two that read the same may differ.
pub(super) fn flag(pred: &Pred) -> Option<String> {
    match pred {
        Pred::Needs(Need::Set(test)) => {
            Some(format!("the set {} {:?} {}", test.name.to_lossy(), test.dirs, test.exceptions))
        }
        Pred::Needs(Need::Clock(span)) => Some(format!("{span:?}")),
        // A label is set by a look at it.
        Pred::Needs(_) | Pred::SetLabel(_) => None,
        other => Some(format!("{other:?}")),
    }
}

/// What a condition that depends on more than the packet is called, in the rule of this name.
pub(super) fn open(choice: &str, pred: &Pred) -> String {
    format!("{choice} {pred:?}")
}

fn leaves(pred: &Pred, see: &mut dyn FnMut(&Pred)) {
    match pred {
        Pred::Not(inner) => leaves(inner, see),
        Pred::All(all) | Pred::Any(all) => all.iter().for_each(|it| leaves(it, see)),
        leaf => see(leaf),
    }
}
