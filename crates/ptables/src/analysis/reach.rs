//! Who can reach whom: classes of addresses for a service, and which class reaches which.

use std::collections::HashMap;

use super::course::Course;
use super::diff::Given;
use super::ways::Goal;
use super::world::World;
use crate::dialect::Family;
use crate::meaning::{Field, Pred};
use crate::model::Ruleset;
use crate::packet::Path;
use crate::space::{Set, TooLarge};
use crate::value::addr::{plain, push_range, strict};
use crate::value::ct_state::CtState;
use crate::value::iface::Iface;

/// What is asked for: the first packets of connections to a port.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Service {
    /// Protocol.
    pub proto: u8,
    /// Destination port.
    pub port: u16,
    /// Source port; `None` for any.
    pub source_port: Option<u16>,
    /// Packets that are forwarded, or that come to this machine, or leave it.
    pub path: Path,
}

impl Service {
    /// Forwarded connections to a port.
    pub const fn new(proto: u8, port: u16) -> Service {
        Service { proto, port, source_port: None, path: Path::Forward }
    }

    /// The same by names: protocol `tcp`, `udp` or `sctp`, path `forward`, `input` or `output`.
    ///
    /// # Errors
    /// What else was said, in one line.
    pub fn named(proto: &str, port: u16, path: &str) -> Result<Service, String> {
        let proto = match proto {
            "tcp" => 6,
            "udp" => 17,
            "sctp" => 132,
            other => return Err(format!("the protocol is tcp, udp or sctp, not `{other}`")),
        };
        let known = Path::ALL.into_iter().find(|it| it.as_str() == path);
        let path = known.ok_or_else(|| format!("the path is forward, input or output, not `{path}`"))?;
        Ok(Service { path, ..Service::new(proto, port) })
    }
}

/// Which addresses lie behind which interface.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Links {
    /// Interfaces with ranges of addresses, first and last.
    pub links: Vec<(Iface, Vec<(u128, u128)>)>,
    /// Interfaces of which a rule that names one may match or not.
    pub unknown: Vec<Iface>,
}

/// Addresses that nobody can tell apart, neither as source nor as destination.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Class {
    /// Ranges, first and last.
    pub ranges: Vec<(u128, u128)>,
}

impl Class {
    /// How many addresses it has; `None` beyond 2^128 - 1.
    pub fn size(&self) -> Option<u128> {
        self.ranges.iter().try_fold(0u128, |sum, (low, high)| sum.checked_add((high - low).checked_add(1)?))
    }
}

/// Classes of addresses, and which reaches which.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Matrix {
    /// Address family.
    pub family: Family,
    /// The classes, that of the lowest address first.
    pub classes: Vec<Class>,
    /// Places of classes: from, to. Some packet passes, perhaps one of which it depends on more than the packet.
    pub edges: Vec<(usize, usize)>,
}

impl Matrix {
    /// The addresses of a class, each range as it is written.
    pub fn addresses(&self, class: usize) -> Vec<String> {
        let ranges = self.classes.get(class).map(|it| it.ranges.as_slice()).unwrap_or_default();
        let text = |(low, high): &(u128, u128)| {
            let mut out = Vec::new();
            push_range(&mut out, self.family, *low, *high);
            String::from_utf8_lossy(&out).into_owned()
        };
        ranges.iter().map(text).collect()
    }
}

impl Links {
    /// Reads lines `NAME = [ADDRESS/LENGTH, FIRST-LAST, …]` or `NAME = all_but_those_ips […]`; `#` begins a remark.
    ///
    /// # Errors
    /// What cannot be read, in one line.
    pub fn parse(text: &str, family: Family) -> Result<Links, String> {
        let text: String =
            text.lines().map(|it| it.split('#').next().unwrap_or_default().to_owned() + " ").collect();
        let mut links = Vec::new();
        for part in text.split(']').filter(|it| !it.trim().is_empty()) {
            let (name, rest) =
                part.split_once('=').ok_or_else(|| format!("`NAME = [` is missing: {}", part.trim()))?;
            let (word, list) =
                rest.split_once('[').ok_or_else(|| format!("`[` is missing after {}", name.trim()))?;
            let iface = Iface::parse(name.trim().as_bytes())
                .map_err(|it| format!("`{}`: expected {}", name.trim(), it.expected))?;
            let ranges = list.split(',').map(str::trim).filter(|it| !it.is_empty());
            let mut ranges = ranges.map(|it| range(it, family)).collect::<Result<Vec<_>, _>>()?;
            match word.trim() {
                "" => {}
                "all_but_those_ips" => ranges = others(ranges, family),
                word => return Err(format!("unknown word `{word}`")),
            }
            links.push((iface, ranges));
        }
        Ok(Links { links, unknown: Vec::new() })
    }
}

fn range(text: &str, family: Family) -> Result<(u128, u128), String> {
    let bad = || format!("`{text}` is no address, network or range");
    let address = |it: &str| strict(family, it.trim().as_bytes()).ok_or_else(bad);
    if let Some((low, high)) = text.split_once('-') {
        return Ok((address(low)?, address(high)?));
    }
    if let Some(net) = plain(family, text.as_bytes()) {
        let (low, mask) = net.bits();
        return Ok((low, low | !mask & u128::from(u32::MAX)));
    }
    let (low, length) = text.split_once('/').unwrap_or((text, "128"));
    let mask =
        u128::MAX.checked_shl(128 - length.parse::<u32>().ok().filter(|it| *it <= 128).ok_or_else(bad)?);
    let (low, mask) = (address(low)?, mask.unwrap_or(0));
    Ok((low & mask, low | !mask))
}

/// All addresses that are in none of these ranges.
fn others(mut ranges: Vec<(u128, u128)>, family: Family) -> Vec<(u128, u128)> {
    let top = u128::MAX >> (128 - u32::from(family.bits()));
    ranges.sort_unstable();
    let (mut out, mut next) = (Vec::new(), Some(0));
    for (low, high) in ranges {
        if let Some(from) = next.filter(|it| *it < low) {
            out.push((from, low - 1));
        }
        next = next.and_then(|it: u128| Some(it.max(high.checked_add(1)?))).filter(|it| *it <= top);
    }
    out.extend(next.map(|from| (from, top)));
    out
}

/// The classes of addresses that a ruleset tells apart for a service, and which reaches which.
///
/// `loose` asks less exactly, so that more seems to pass: the filter table alone, of conditions only those on addresses,
/// protocols, ports, states, flags and incoming interfaces. So do tools that know no more.
///
/// # Errors
/// [`TooLarge`] in both orders of variables.
pub fn matrix(
    ruleset: &Ruleset,
    service: Service,
    links: &Links,
    given: Given,
    loose: bool,
) -> Result<Matrix, TooLarge> {
    let one = |second| matrix_of(ruleset, service, links, given, (loose, second));
    one(false).or_else(|_| one(true))
}

fn matrix_of(
    ruleset: &Ruleset,
    service: Service,
    links: &Links,
    given: Given,
    (loose, second): (bool, bool),
) -> Result<Matrix, TooLarge> {
    let courses = vec![Course::new(ruleset, loose).with_unknown(&links.unknown)];
    let more = |census: &mut crate::space::Census| {
        for (iface, ranges) in &links.links {
            census.add(&Pred::InIface(*iface));
            ranges.iter().for_each(|it| census.range(Field::Source, it.0, it.1));
        }
        let proto = u128::from(service.proto);
        census.range(Field::Proto, proto, proto);
        census.range(Field::Destination, 0, 0);
        census.range(Field::Source, 0, 0);
        let port = u128::from(service.port);
        census.range(Field::DestinationPort, port, port);
        if let Some(port) = service.source_port.map(u128::from) {
            census.range(Field::SourcePort, port, port);
        }
        census.add(&Pred::AnyBit(Field::CtState, CtState::New as u128));
        census.add(&Pred::AnyBit(Field::CtState, CtState::Snat as u128));
        census.add(&Pred::AnyBit(Field::CtState, CtState::Dnat as u128));
        if service.proto == 6 {
            census.range(Field::TcpFlags, 2, 2);
        }
    };
    let mut world = World::new(courses, &more, (given.limits, given.policy), second);
    let mut wanted = world.domain(service.path)?;
    let port = u128::from(service.port);
    let proto = u128::from(service.proto);
    let mut tests = vec![(Field::Proto, proto), (Field::DestinationPort, port), (Field::LaterFragment, 0)];
    tests.extend(service.source_port.map(|it| (Field::SourcePort, u128::from(it))));
    tests.extend((service.proto == 6).then_some((Field::TcpFlags, 2)));
    world.fix(&[tests.as_slice(), &[(Field::CtState, CtState::New as u128)]].concat());
    let (accepted, _) = world.search(0, service.path, Goal::Accept)?;
    for (field, value) in tests {
        let set = world.space.range(field, value, value)?;
        wanted = world.space.arena().and(wanted, set)?;
    }
    let new = world.space.states(CtState::New as u128)?;
    let translated = world.space.states(CtState::Snat as u128 | CtState::Dnat as u128)?;
    wanted = world.space.arena().and(wanted, new)?;
    wanted = world.space.arena().minus(wanted, translated)?;
    if !links.links.is_empty() {
        let mut behind = Set::NONE;
        for (iface, ranges) in &links.links {
            let through = world.space.iface(iface, true)?;
            for (low, high) in ranges {
                let from = world.space.range(Field::Source, *low, *high)?;
                let set = world.space.arena().and(through, from)?;
                behind = world.space.arena().or(behind, set)?;
            }
        }
        wanted = world.space.arena().and(wanted, behind)?;
    }
    let passing = world.space.arena().and(accepted, wanted)?;
    classes(&mut world, passing)
}

fn classes(world: &mut World<'_>, passing: Set) -> Result<Matrix, TooLarge> {
    let space = &mut world.space;
    let (source, destination) =
        (space.field_variables(Field::Source), space.field_variables(Field::Destination));
    let of = |var: u32, dim: (u32, u32)| (dim.0..dim.0 + dim.1).contains(&var);
    let ends = space.exists(passing, |var| !of(var, source) && !of(var, destination))?;
    // Sources with the same destinations, then destinations with the same sources.
    let mut kinds: Vec<Set> = Vec::new();
    let mut sources: Vec<(u128, usize)> = Vec::new();
    for (low, class) in space.field_classes(Field::Source)? {
        let set = space.arena().and(ends, class)?;
        let reached = space.exists(set, |var| of(var, source))?;
        let kind = kinds.iter().position(|it| *it == reached).unwrap_or_else(|| {
            kinds.push(reached);
            kinds.len() - 1
        });
        sources.push((low, kind));
    }
    let mut destinations: Vec<(u128, Vec<bool>)> = Vec::new();
    for (low, class) in space.field_classes(Field::Destination)? {
        let arena = space.arena();
        destinations.push((low, kinds.iter().map(|it| !arena.disjoint(*it, class)).collect()));
    }
    let family = space.family();
    let top = u128::MAX >> (128 - u32::from(family.bits()));
    let mut starts: Vec<u128> =
        sources.iter().map(|it| it.0).chain(destinations.iter().map(|it| it.0)).collect();
    starts.sort_unstable();
    starts.dedup();
    let mut known: HashMap<(usize, Vec<bool>), usize> = HashMap::new();
    let mut found = Matrix { family, classes: Vec::new(), edges: Vec::new() };
    let mut says: Vec<(usize, Vec<bool>)> = Vec::new();
    for (at, low) in starts.iter().enumerate() {
        let high = starts.get(at + 1).map_or(top, |next| next - 1);
        let before = sources.partition_point(|it| it.0 <= *low).saturating_sub(1);
        let kind = sources.get(before).map_or(0, |it| it.1);
        let before = destinations.partition_point(|it| it.0 <= *low).saturating_sub(1);
        let from = destinations.get(before).map(|it| it.1.clone()).unwrap_or_default();
        let place = *known.entry((kind, from.clone())).or_insert_with(|| {
            found.classes.push(Class { ranges: Vec::new() });
            says.push((kind, from));
            found.classes.len() - 1
        });
        if let Some(class) = found.classes.get_mut(place) {
            match class.ranges.last_mut() {
                Some(last) if last.1.checked_add(1) == Some(*low) => last.1 = high,
                _ => class.ranges.push((*low, high)),
            }
        }
    }
    for (from, (kind, _)) in says.iter().enumerate() {
        for (to, (_, reached)) in says.iter().enumerate() {
            if reached.get(*kind) == Some(&true) {
                found.edges.push((from, to));
            }
        }
    }
    Ok(found)
}
