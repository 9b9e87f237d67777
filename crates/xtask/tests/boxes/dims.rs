//! The dimensions of boxes, and conditions as boxes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ptables::dialect::Family;
use ptables::meaning::{Field, Header, Need, Pred};
use ptables::value::ct_state::CtState;
use ptables::value::iface::Iface;

use super::boxes::{Block, Blocks};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dim {
    In,
    Out,
    Whole(Field),
    Bit(Field, u32),
    Flag(String),
}

/// What the conditions of a table tell apart.
pub(crate) struct Dims {
    family: Family,
    /// Whether later fragments are seen.
    fragments: bool,
    /// Fields that rules rewrite, and sets that they change: nothing is known of these.
    pub(crate) lost: BTreeSet<Field>,
    pub(crate) changed: BTreeSet<String>,
    names: [Vec<Vec<u8>>; 2],
    bitwise: BTreeMap<Field, u128>,
    dims: Vec<(Dim, u128)>,
}

/// What holds for certain, and what may hold.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) must: Blocks,
    pub(crate) may: Blocks,
}

const FRAGMENT_FLAGS: &str = "flags of a later fragment";

/// Fields that a packet has or has not, whatever else it is.
fn may_be_absent(field: Field) -> bool {
    matches!(
        field,
        Field::MacSource | Field::Uid | Field::Gid | Field::Spi | Field::TcpMss | Field::ControlGroup
    )
}

fn bits(field: Field, family: Family) -> u32 {
    match field {
        Field::Source
        | Field::Destination
        | Field::CtOrigSource
        | Field::CtOrigDestination
        | Field::CtReplySource
        | Field::CtReplyDestination => u32::from(family.bits()),
        Field::CtState => 32,
        Field::CtProto => 8,
        Field::Proto | Field::TcpFlags | Field::HopLimit | Field::Tos | Field::IcmpType | Field::IcmpCode => {
            8
        }
        Field::SourcePort | Field::DestinationPort | Field::Length | Field::TcpMss => 16,
        Field::SourceType | Field::DestinationType => 16,
        Field::CtOrigSourcePort | Field::CtOrigDestinationPort => 16,
        Field::MacSource => 48,
        Field::Mark | Field::ConnMark | Field::Uid | Field::Gid | Field::CtStatus | Field::Spi => 32,
        Field::Realm | Field::ControlGroup => 32,
        Field::PacketType => 3,
        Field::LaterFragment
        | Field::ReversePath
        | Field::SocketWaits
        | Field::CtDirection
        | Field::Ipsec => 1,
        Field::HasBridgeIn | Field::HasBridgeOut | Field::HasSocket => 1,
        other => panic!("teach the test how wide {other:?} is"),
    }
}

fn top(field: Field, family: Family) -> u128 {
    u128::MAX >> (128 - bits(field, family))
}

/// The states that a connection can be in.
fn states() -> Vec<u128> {
    let (snat, dnat) = (CtState::Snat as u128, CtState::Dnat as u128);
    let mut all = vec![CtState::Invalid as u128, CtState::Untracked as u128];
    for state in [CtState::New, CtState::Established, CtState::Related] {
        all.extend([0, snat, dnat, snat | dnat].map(|it| state as u128 | it));
    }
    all
}

/// The first and last value of those that share all bits of a mask, if these lie side by side.
fn side_by_side(top: u128, mask: u128, value: u128) -> Option<(u128, u128)> {
    let free = top & !mask;
    (free & free.wrapping_add(1) == 0).then_some((value & mask & top, value & mask & top | free))
}

fn is_connection(field: Field) -> bool {
    field == Field::ConnMark || format!("{field:?}").starts_with("Ct") && field != Field::CtState
}

fn leaves(pred: &Pred, see: &mut dyn FnMut(&Pred)) {
    match pred {
        Pred::Not(inner) => leaves(inner, see),
        Pred::All(all) | Pred::Any(all) => all.iter().for_each(|it| leaves(it, see)),
        leaf => see(leaf),
    }
}

/// The question of a condition that is asked as a whole; equal questions have equal answers.
fn question(leaf: &Pred) -> Option<String> {
    match leaf {
        Pred::Needs(Need::Set(_) | Need::Clock(_)) => Some(format!("{leaf:?}")),
        Pred::Needs(_) | Pred::SetLabel(_) | Pred::True | Pred::False => None,
        Pred::Header(Header::Transport(_) | Header::Tcp) => None,
        Pred::Range(..) | Pred::Bits(..) | Pred::AnyBit(..) | Pred::InIface(_) | Pred::OutIface(_) => None,
        other => Some(format!("{other:?}")),
    }
}

impl Dims {
    pub(crate) fn new(family: Family, fragments: bool, preds: &[&Pred]) -> Dims {
        let mut fields = BTreeSet::from([Field::Proto, Field::LaterFragment, Field::CtState]);
        let mut bitwise: BTreeMap<Field, u128> = BTreeMap::new();
        let mut flags = BTreeSet::from([FRAGMENT_FLAGS.to_owned()]);
        let mut ifaces: [HashSet<Iface>; 2] = Default::default();
        let mut see = |leaf: &Pred| {
            match leaf {
                Pred::Range(field, ..) => drop(fields.insert(*field)),
                Pred::Bits(field, mask, value) => {
                    fields.insert(*field);
                    if side_by_side(top(*field, family), *mask, *value).is_none() {
                        bitwise.insert(*field, top(*field, family));
                    }
                }
                Pred::AnyBit(field, _) if *field != Field::CtState => {
                    fields.insert(*field);
                    bitwise.insert(*field, top(*field, family));
                }
                Pred::InIface(it) => drop(ifaces[0].insert(*it)),
                Pred::OutIface(it) => drop(ifaces[1].insert(*it)),
                _ => {}
            }
            flags.extend(question(leaf));
        };
        preds.iter().for_each(|it| leaves(it, &mut see));
        let names = ifaces.map(|asked| {
            // A name for each that is told whole, and one for each beginning that nobody else has.
            let mut names: Vec<Vec<u8>> = vec![b"\x01".to_vec()];
            names.extend(asked.iter().filter(|it| !it.is_any()).map(|it| match it.stem() {
                (stem, true) => [stem, b"\x01"].concat(),
                (name, false) => name.to_vec(),
            }));
            names
        });
        let mut dims = vec![(Dim::In, names[0].len() as u128), (Dim::Out, names[1].len() as u128)];
        for field in fields {
            let last = top(field, family);
            if field == Field::CtState {
                dims.push((Dim::Whole(field), states().len() as u128 - 1));
            } else if bitwise.contains_key(&field) {
                dims.extend((0..bits(field, family)).map(|bit| (Dim::Bit(field, bit), 1)));
            } else {
                dims.push((Dim::Whole(field), last + u128::from(may_be_absent(field))));
            }
        }
        dims.extend(flags.into_iter().map(|it| (Dim::Flag(it), 1)));
        Dims { family, fragments, lost: BTreeSet::new(), changed: BTreeSet::new(), names, bitwise, dims }
    }

    pub(crate) fn all(&self) -> Blocks {
        Blocks(vec![self.dims.iter().map(|it| (0, it.1)).collect()])
    }

    fn not(&self, it: &Blocks) -> Blocks {
        self.all().minus(it)
    }

    /// A dimension within one of these spans.
    fn spans(&self, dim: &Dim, spans: &[(u128, u128)]) -> Blocks {
        let Some(at) = self.dims.iter().position(|it| it.0 == *dim) else { panic!("{dim:?} was not seen") };
        let block = |span: &(u128, u128)| -> Block {
            self.dims.iter().enumerate().map(|(it, dim)| if it == at { *span } else { (0, dim.1) }).collect()
        };
        Blocks(spans.iter().filter(|it| it.0 <= it.1).map(block).collect())
    }

    fn bit(&self, field: Field, bit: u32, set: bool) -> Blocks {
        self.spans(&Dim::Bit(field, bit), &[(u128::from(set), u128::from(set))])
    }

    /// The bits of a mask, as in a value.
    fn masked(&self, field: Field, mask: u128, value: u128) -> Blocks {
        let wanted = (0..bits(field, self.family)).filter(|bit| mask >> bit & 1 == 1);
        wanted.fold(self.all(), |sum, bit| sum.and(&self.bit(field, bit, value >> bit & 1 == 1)))
    }

    fn flag(&self, name: &str) -> Blocks {
        self.spans(&Dim::Flag(name.to_owned()), &[(1, 1)])
    }

    pub(crate) fn first_fragment(&self) -> Blocks {
        if self.fragments { self.spans(&Dim::Whole(Field::LaterFragment), &[(0, 0)]) } else { self.all() }
    }

    pub(crate) fn in_states(&self, mask: u128) -> Blocks {
        let fits = states().into_iter().enumerate().filter(|it| it.1 & mask != 0);
        let spans: Vec<_> = fits.map(|(at, _)| (at as u128, at as u128)).collect();
        self.spans(&Dim::Whole(Field::CtState), &spans)
    }

    /// Packets with an incoming or outgoing interface, or without.
    pub(crate) fn has_iface(&self, incoming: bool, has: bool) -> Blocks {
        let (dim, names) = if incoming { (Dim::In, &self.names[0]) } else { (Dim::Out, &self.names[1]) };
        self.spans(&dim, &[if has { (1, names.len() as u128) } else { (0, 0) }])
    }

    /// The packets of each pair of interfaces.
    pub(crate) fn slices(&self) -> Vec<Blocks> {
        let each = |dim: Dim, names: &[Vec<u8>]| -> Vec<Blocks> {
            (0..=names.len() as u128).map(|it| self.spans(&dim, &[(it, it)])).collect()
        };
        let (ins, outs) = (each(Dim::In, &self.names[0]), each(Dim::Out, &self.names[1]));
        ins.iter().flat_map(|it| outs.iter().map(|out| it.and(out))).collect()
    }

    fn iface(&self, wanted: &Iface, incoming: bool) -> Blocks {
        let (dim, names) = if incoming { (Dim::In, &self.names[0]) } else { (Dim::Out, &self.names[1]) };
        let (stem, open) = wanted.stem();
        let fits =
            |name: &Vec<u8>| wanted.is_any() || if open { name.starts_with(stem) } else { name == stem };
        let mut spans: Vec<(u128, u128)> = if wanted.is_any() { vec![(0, 0)] } else { Vec::new() };
        let numbers = (1..).zip(names).filter(|it| fits(it.1)).map(|it| (it.0, it.0));
        spans.extend(numbers);
        self.spans(&dim, &spans)
    }

    fn value(&self, field: Field, low: u128, high: u128) -> Blocks {
        let high = high.min(top(field, self.family));
        if !self.bitwise.contains_key(&field) {
            let absent = u128::from(may_be_absent(field));
            return self.spans(&Dim::Whole(field), &[(low + absent, high + absent)]);
        }
        // Blocks of values that share their leading bits, from the lowest on.
        let (mut sum, mut next) = (Blocks::default(), low);
        while next <= high {
            let mut free = 0;
            while next & (1 << free) == 0 && next + (2 << free) - 1 <= high && free < 64 {
                free += 1;
            }
            let size = 1u128 << free;
            sum.0.extend(self.masked(field, top(field, self.family) & !(size - 1), next).0);
            next += size;
        }
        sum
    }

    /// Where a field is there at all.
    fn there(&self, field: Field) -> Blocks {
        let proto = |all: &[u128]| {
            let spans: Vec<_> = all.iter().map(|it| (*it, *it)).collect();
            self.spans(&Dim::Whole(Field::Proto), &spans)
        };
        match field {
            Field::SourcePort | Field::DestinationPort => {
                proto(&[6, 17, 33, 132, 136]).and(&self.first_fragment())
            }
            Field::IcmpType | Field::IcmpCode => {
                proto(&[if self.family == Family::V4 { 1 } else { 58 }]).and(&self.first_fragment())
            }
            Field::TcpFlags => {
                let other = self.flag(FRAGMENT_FLAGS);
                proto(&[6]).and(&self.first_fragment().or(&other))
            }
            field if is_connection(field) => {
                self.not(&self.in_states(CtState::Invalid as u128 | CtState::Untracked as u128))
            }
            _ => self.all(),
        }
    }

    fn field(&self, field: Field, set: &Blocks) -> Pair {
        if self.lost.contains(&field) {
            return self.unknown();
        }
        exact(set.and(&self.there(field)))
    }

    fn unknown(&self) -> Pair {
        Pair { must: Blocks::default(), may: self.all() }
    }

    pub(crate) fn pair(&self, pred: &Pred) -> Pair {
        match pred {
            Pred::True => exact(self.all()),
            Pred::False => exact(Blocks::default()),
            Pred::Not(inner) => {
                let inner = self.pair(inner);
                Pair { must: self.not(&inner.may), may: self.not(&inner.must) }
            }
            Pred::All(all) => all.iter().map(|it| self.pair(it)).fold(exact(self.all()), |sum, it| Pair {
                must: sum.must.and(&it.must),
                may: sum.may.and(&it.may),
            }),
            Pred::Any(all) => all.iter().map(|it| self.pair(it)).fold(exact(Blocks::default()), |sum, it| {
                Pair { must: sum.must.or(&it.must), may: sum.may.or(&it.may) }
            }),
            Pred::Range(Field::LaterFragment, low, high) => {
                let first = self.first_fragment();
                let (zero, one) = (*low == 0, *low <= 1 && *high >= 1);
                let mut set = if zero { first.clone() } else { Blocks::default() };
                if one {
                    set = set.or(&self.not(&first));
                }
                exact(set)
            }
            Pred::Range(field, low, high) => self.field(*field, &self.value(*field, *low, *high)),
            Pred::Bits(field, mask, value) => {
                let top = top(*field, self.family);
                let set = match side_by_side(top, *mask, *value) {
                    _ if value & !(mask & top) != 0 => Blocks::default(),
                    Some((low, high)) => self.value(*field, low, high),
                    None => self.masked(*field, *mask, *value),
                };
                self.field(*field, &set)
            }
            Pred::AnyBit(Field::CtState, mask) => self.field(Field::CtState, &self.in_states(*mask)),
            Pred::AnyBit(field, mask) => self.field(*field, &self.not(&self.masked(*field, *mask, 0))),
            Pred::InIface(iface) => exact(self.iface(iface, true)),
            Pred::OutIface(iface) => exact(self.iface(iface, false)),
            Pred::Header(Header::Transport(_) | Header::Tcp) => exact(self.first_fragment()),
            Pred::Numbers(_) | Pred::Text(_) | Pred::Program(_) | Pred::TcpOption(_)
                if self.lost.iter().any(|it| it.is_of_bytes()) =>
            {
                self.unknown()
            }
            Pred::Needs(Need::Set(test)) if self.changed.contains(&*test.name.to_lossy()) => self.unknown(),
            other => question(other).map_or(self.unknown(), |it| exact(self.flag(&it))),
        }
    }
}

fn exact(set: Blocks) -> Pair {
    Pair { must: set.clone(), may: set }
}
