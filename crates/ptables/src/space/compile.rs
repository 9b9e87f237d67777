//! Conditions, compiled to sets.

use std::collections::HashMap;

use super::arena::{Arena, Set, TooLarge, Vars};
use super::census::{
    Census, FRAGMENT_FLAGS, PORTS, Presence, UNTRACKED, flag, icmp, interval, open, presence, top,
};
use super::code::{Code, Dim};
use super::names::Names;
use crate::dialect::Family;
use crate::meaning::{Field, Header, Need, Pred};
use crate::source::Text;
use crate::value::iface::Iface;

/// What a condition holds of for certain, and what it may hold of: they differ where it depends on more than the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// It holds of these packets.
    pub must: Set,
    /// It holds of no others.
    pub may: Set,
}

impl Pair {
    const fn exact(set: Set) -> Pair {
        Pair { must: set, may: set }
    }

    const UNKNOWN: Pair = Pair { must: Set::NONE, may: Set::ALL };

    const fn not(self) -> Pair {
        Pair { must: self.may.not(), may: self.must.not() }
    }

    /// Whether it depends on nothing but the packet.
    pub fn is_exact(self) -> bool {
        self.must == self.may
    }
}

/// What of the conditions cannot be relied upon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Free<'a> {
    /// Fields that rules rewrite before these conditions are asked.
    pub fields: &'a [Field],
    /// Sets that rules change.
    pub sets: &'a [Text],
    /// A name for what depends on earlier packets: the same name gives the same answer. Without it, the answer is unknown.
    pub choice: Option<&'a str>,
}

/// A space of packets.
#[derive(Clone, Debug)]
pub struct Space {
    pub(super) arena: Arena,
    pub(super) family: Family,
    pub(super) fragments: bool,
    pub(super) fields: HashMap<Field, Dim>,
    pub(super) ins: (Dim, Names),
    pub(super) outs: (Dim, Names),
    pub(super) flags: HashMap<String, u32>,
    /// Sets that are asked for, with the variable of the question.
    pub(super) sets: Vec<(Text, u32)>,
    /// Variables that there are.
    vars: u32,
    known: HashMap<(Field, u128, u128), Set>,
}

/// What variables stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    In,
    Out,
    Field(Field),
}

/// What is before is tested first. Measured: rules that bind a source to an interface and a MAC address want these side by
/// side, and before all that differs by destination; see `docs/analysis.md`.
fn order(slot: Slot) -> u32 {
    match slot {
        Slot::In => 0,
        Slot::Field(Field::Source) => 1,
        Slot::Field(Field::MacSource) => 2,
        Slot::Out => 3,
        Slot::Field(Field::CtState) => 4,
        Slot::Field(Field::Proto) => 5,
        Slot::Field(Field::LaterFragment) => 6,
        Slot::Field(Field::Destination) => 7,
        Slot::Field(Field::DestinationPort) => 8,
        Slot::Field(Field::SourcePort) => 9,
        Slot::Field(Field::IcmpType) => 10,
        Slot::Field(Field::IcmpCode) => 11,
        Slot::Field(Field::TcpFlags) => 12,
        Slot::Field(_) => 20,
    }
}

/// The other order: by destination, and by source behind all that is common.
fn other_order(slot: Slot) -> u32 {
    match slot {
        Slot::Field(Field::Source) => 7,
        Slot::Field(Field::Destination) => 1,
        other => order(other),
    }
}

/// Whether destinations should be tested before sources: rules tell more of them apart.
fn by_destination(census: &Census) -> bool {
    let classes = |field| {
        census.fields.get(&field).map_or(0, |asked| {
            let mut cuts = asked.cuts.clone();
            cuts.sort_unstable();
            cuts.dedup();
            cuts.len()
        })
    };
    !census.asks(Field::MacSource) && classes(Field::Destination) > classes(Field::Source)
}

fn dim(code: Code, vars: &mut u32) -> Dim {
    let dim = Dim { first: *vars, width: code.width(), code };
    *vars += dim.width;
    dim
}

impl Space {
    /// A space in which these conditions can be told apart, of at most so many nodes. `second` chooses another order of
    /// variables, which may do where the first needs too many.
    pub fn new(census: &Census, limit: usize, second: bool) -> Space {
        let mut vars = 0;
        let mut slots: Vec<Slot> = census.fields.keys().map(|it| Slot::Field(*it)).collect();
        slots.extend([Slot::In, Slot::Out]);
        let other = by_destination(census) != second;
        slots.sort_by_key(|it| (if other { other_order(*it) } else { order(*it) }, *it));
        let names = |asked| {
            let names = Names::new(asked);
            (Dim { first: 0, width: 0, code: Code::Count(names.classes.len() as u32) }, names)
        };
        let (mut ins, mut outs) = (names(&census.ins), names(&census.outs));
        let mut fields = HashMap::new();
        for slot in slots {
            let field = match slot {
                Slot::In => {
                    ins.0 = dim(ins.0.code, &mut vars);
                    continue;
                }
                Slot::Out => {
                    outs.0 = dim(outs.0.code, &mut vars);
                    continue;
                }
                Slot::Field(field) => field,
            };
            let Some(asked) = census.fields.get(&field) else { continue };
            let absent = matches!(presence(field), Presence::Free);
            let code = match field {
                Field::CtState => Code::states(asked),
                // Whether it is 1 is what is asked, if anything.
                Field::LaterFragment => Code::Count(2),
                _ => Code::of(asked, top(field, census.family), absent),
            };
            fields.insert(field, dim(code, &mut vars));
        }
        let mut flags = HashMap::new();
        let mut sets = Vec::new();
        for (name, set) in &census.flags {
            flags.insert(name.clone(), vars);
            sets.extend(set.clone().map(|it| (it, vars)));
            vars += 1;
        }
        Space {
            arena: Arena::new(limit),
            family: census.family,
            fragments: census.fragments,
            fields,
            ins,
            outs,
            flags,
            sets,
            vars,
            known: HashMap::new(),
        }
    }

    /// The sets.
    pub fn arena(&mut self) -> &mut Arena {
        &mut self.arena
    }

    /// The packets that lie in a set but for some variables: those that `gone` says.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn exists(&mut self, set: Set, gone: impl Fn(u32) -> bool) -> Result<Set, TooLarge> {
        self.arena.exists(set, &Vars::new(self.vars, gone))
    }

    /// How many variables there are.
    pub fn variables(&self) -> u32 {
        self.vars
    }

    /// Address family of the packets.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Compiles a condition.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn compile(&mut self, pred: &Pred, free: &Free<'_>) -> Result<Pair, TooLarge> {
        Ok(match pred {
            Pred::True => Pair::exact(Set::ALL),
            Pred::False => Pair::exact(Set::NONE),
            Pred::Not(inner) => self.compile(inner, free)?.not(),
            Pred::All(all) => {
                let mut sum = Pair::exact(Set::ALL);
                // What is tested last comes first: so the sets stay small.
                for pred in all.iter().rev() {
                    let it = self.compile(pred, free)?;
                    sum = self.both(sum, it)?;
                }
                sum
            }
            Pred::Any(all) => {
                let mut sum = Pair::exact(Set::ALL);
                for pred in all {
                    let it = self.compile(pred, free)?.not();
                    sum = self.both(sum, it)?;
                }
                sum.not()
            }
            Pred::Range(field, ..) | Pred::Bits(field, ..) | Pred::AnyBit(field, _)
                if free.fields.contains(field) =>
            {
                Pair::UNKNOWN
            }
            Pred::Range(field, low, high) => Pair::exact(self.range(*field, *low, *high)?),
            Pred::Bits(field, mask, value) => Pair::exact(self.bits(*field, *mask, *value)?),
            Pred::AnyBit(field, mask) => {
                let set = match self.fields.get(field) {
                    Some(dim) => dim.any_bit(&mut self.arena, *mask)?,
                    None => return Ok(Pair::UNKNOWN),
                };
                Pair::exact(self.present(*field, set)?)
            }
            Pred::InIface(wanted) => Pair::exact(self.iface(wanted, true)?),
            Pred::OutIface(wanted) => Pair::exact(self.iface(wanted, false)?),
            Pred::Header(Header::Transport(_) | Header::Tcp) => Pair::exact(self.first_fragment()?),
            // These look at all bytes of the packet.
            Pred::Numbers(_) | Pred::Text(_) | Pred::Program(_) | Pred::TcpOption(_)
                if free.fields.iter().any(|it| it.is_of_bytes()) =>
            {
                Pair::UNKNOWN
            }
            other => {
                let changed = matches!(other, Pred::Needs(Need::Set(test)) if free.sets.contains(&test.name));
                let fixed = flag(other).filter(|_| !changed);
                let name = fixed.or_else(|| free.choice.map(|it| open(it, other)));
                match name {
                    Some(name) => self.flag(&name)?.map_or(Pair::UNKNOWN, Pair::exact),
                    None => Pair::UNKNOWN,
                }
            }
        })
    }

    fn both(&mut self, a: Pair, b: Pair) -> Result<Pair, TooLarge> {
        let must = self.arena.and(a.must, b.must)?;
        let may = if a.is_exact() && b.is_exact() { must } else { self.arena.and(a.may, b.may)? };
        Ok(Pair { must, may })
    }

    /// Packets of which something holds that has this name; `None` if the space does not know it.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn flag(&mut self, name: &str) -> Result<Option<Set>, TooLarge> {
        let Some(var) = self.flags.get(name).copied() else { return Ok(None) };
        self.arena.choose(var, Set::NONE, Set::ALL).map(Some)
    }

    /// The variable of a name.
    pub fn flag_variable(&self, name: &str) -> Option<u32> {
        self.flags.get(name).copied()
    }

    /// The variables of a field: the first, and how many.
    pub fn field_variables(&self, field: Field) -> (u32, u32) {
        self.fields.get(&field).map_or((0, 0), |dim| (dim.first, dim.width))
    }

    /// The classes of a field's values that are told apart, each with its first value; none where they are not numbered.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn field_classes(&mut self, field: Field) -> Result<Vec<(u128, Set)>, TooLarge> {
        let Some(dim) = self.fields.get(&field) else { return Ok(Vec::new()) };
        let Code::Cells { starts, .. } = &dim.code else { return Ok(Vec::new()) };
        let starts = starts.iter().enumerate();
        starts.map(|(at, low)| Ok((*low, dim.classes(&mut self.arena, at as u32, at as u32)?))).collect()
    }

    /// Packets in which the field lies in a range. A field that nothing asks for is not told apart.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn range(&mut self, field: Field, low: u128, high: u128) -> Result<Set, TooLarge> {
        if let Some(known) = self.known.get(&(field, low, high)) {
            return Ok(*known);
        }
        if field == Field::LaterFragment {
            let first = self.first_fragment()?;
            return Ok(match (low, high) {
                (0, 1..) => Set::ALL,
                (0, 0) => first,
                (1, _) => first.not(),
                _ => Set::NONE,
            });
        }
        let set = match self.fields.get(&field) {
            Some(dim) => dim.range(&mut self.arena, low, high)?,
            None => Set::ALL,
        };
        let set = self.present(field, set)?;
        self.known.insert((field, low, high), set);
        Ok(set)
    }

    fn bits(&mut self, field: Field, mask: u128, value: u128) -> Result<Set, TooLarge> {
        let mask = mask & top(field, self.family);
        if value & !mask != 0 {
            return Ok(Set::NONE);
        }
        if let Some((low, high)) = interval(field, self.family, mask, value) {
            return self.range(field, low, high);
        }
        let set = match self.fields.get(&field) {
            Some(dim) => dim.bits(&mut self.arena, mask, value)?,
            None => Set::ALL,
        };
        self.present(field, set)
    }

    /// Packets that are no second or later fragment.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn first_fragment(&mut self) -> Result<Set, TooLarge> {
        match self.fields.get(&Field::LaterFragment) {
            Some(dim) if self.fragments => self.arena.choose(dim.first, Set::ALL, Set::NONE),
            _ => Ok(Set::ALL),
        }
    }

    /// Within a set, the packets that have the field.
    fn present(&mut self, field: Field, set: Set) -> Result<Set, TooLarge> {
        let there = match presence(field) {
            Presence::Always | Presence::Free => return Ok(set),
            Presence::Ports => {
                let mut protos = Set::NONE;
                for proto in PORTS {
                    let one = self.range(Field::Proto, proto, proto)?;
                    protos = self.arena.or(protos, one)?;
                }
                let first = self.first_fragment()?;
                self.arena.and(protos, first)?
            }
            Presence::Icmp => {
                let proto = icmp(self.family);
                let proto = self.range(Field::Proto, proto, proto)?;
                let first = self.first_fragment()?;
                self.arena.and(proto, first)?
            }
            Presence::Tcp => {
                let proto = self.range(Field::Proto, 6, 6)?;
                let first = self.first_fragment()?;
                let other = self.flag(FRAGMENT_FLAGS)?.unwrap_or(Set::NONE);
                let there = self.arena.or(first, other)?;
                self.arena.and(proto, there)?
            }
            Presence::Tracked => self.states(UNTRACKED)?.not(),
        };
        self.arena.and(set, there)
    }

    /// Packets whose connection has one of these states (bits of [`CtState`](crate::value::ct_state::CtState)); all, if no
    /// condition asks for states.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn states(&mut self, mask: u128) -> Result<Set, TooLarge> {
        match self.fields.get(&Field::CtState) {
            Some(dim) => dim.any_bit(&mut self.arena, mask),
            None => Ok(Set::ALL),
        }
    }

    /// Packets that come (`incoming`) or leave through such an interface.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn iface(&mut self, wanted: &Iface, incoming: bool) -> Result<Set, TooLarge> {
        let (dim, names) = if incoming { &self.ins } else { &self.outs };
        let mut set = Set::NONE;
        for (at, class) in names.classes.iter().enumerate() {
            if Names::fits(wanted, class) {
                let one = dim.classes(&mut self.arena, at as u32, at as u32)?;
                set = self.arena.or(set, one)?;
            }
        }
        Ok(set)
    }

    /// Packets that come (`incoming`) or leave through no interface: where a hook has none.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn no_iface(&mut self, incoming: bool) -> Result<Set, TooLarge> {
        let dim = if incoming { &self.ins.0 } else { &self.outs.0 };
        dim.classes(&mut self.arena, 0, 0)
    }
}
