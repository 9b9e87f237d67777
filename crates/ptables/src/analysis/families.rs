//! What one address family lets through and the other does not: first packets of connections, by interfaces, protocol and
//! destination port, whatever their addresses.

use std::collections::{BTreeMap, BTreeSet};

use super::course::Course;
use super::diff::side;
use super::ways::Goal;
use super::world::World;
use super::{Limits, simulator};
use crate::dialect::Family;
use crate::meaning::{Field, Pred};
use crate::model::Ruleset;
use crate::packet::{Packet, Path};
use crate::simulate::{At, Simulator, Verdict};
use crate::space::{Census, Set, TooLarge};
use crate::value::ct_state::CtState;
use crate::value::iface::Iface;

/// Services that one family lets through, from some address to some address, and the other from none to none.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gap {
    /// The way of the packets.
    pub path: Path,
    /// The family that lets them through.
    pub only: Family,
    /// Names of the incoming interfaces; for those that no rule names, an example. None on the output path.
    pub incoming: Vec<String>,
    /// Names of the outgoing interfaces. None on the input path.
    pub outgoing: Vec<String>,
    /// The services: `tcp 22`, `udp 5000-6000`, `protocol 47`.
    pub services: Vec<String>,
    /// A packet that passes.
    pub witness: Packet,
    /// The rule, or the policy, that lets it through.
    pub by: Option<At>,
}

/// The most pairs of interfaces that are looked at, on each path.
const PAIRS: usize = 4096;

/// Compares what rulesets for IPv4 and IPv6 let through. The loopback interface, and protocols that only one family has (ICMP and the
/// like), do not count; neither does a path on which IPv6 lets nothing through: it is closed as a whole.
///
/// # Errors
/// [`TooLarge`] in both orders of variables.
pub fn families(v4: &Ruleset, v6: &Ruleset, limits: Limits) -> Result<Vec<Gap>, TooLarge> {
    let one = |second| {
        let mut halves = [v4, v6].map(|it| Half::new(it, limits, second));
        let mut gaps = Vec::new();
        for path in Path::ALL {
            on_path(&mut halves, path, &mut gaps)?;
        }
        Ok(gaps)
    };
    one(false).or_else(|_| one(true))
}

/// One family.
struct Half<'a> {
    world: World<'a>,
    simulator: Simulator<'a>,
    /// What passes on a path.
    passing: Set,
    /// The same, of which only interfaces, protocol and destination port are kept.
    seen: Set,
}

/// Interfaces in and out.
type Pair = (Option<Iface>, Option<Iface>);

impl<'a> Half<'a> {
    fn new(ruleset: &'a Ruleset, limits: Limits, second: bool) -> Half<'a> {
        let ask = |census: &mut Census| {
            census.range(Field::Proto, 6, 6);
            census.range(Field::DestinationPort, 0, u128::from(u16::MAX));
            // What only one family has is no service.
            only_one_has().for_each(|it| census.range(Field::Proto, it, it));
            census.add(&Pred::AnyBit(Field::CtState, CtState::New as u128));
        };
        let world = World::new(vec![Course::new(ruleset, false)], &ask, (limits, None), second);
        let simulator = simulator(ruleset, None);
        Half { world, simulator, passing: Set::NONE, seen: Set::NONE }
    }

    fn look(&mut self, path: Path) -> Result<(), TooLarge> {
        let (accept, _) = self.world.search(0, path, Goal::Accept)?;
        let domain = self.world.domain(path)?;
        let space = &mut self.world.space;
        let new = space.states(CtState::New as u128)?;
        let whole = space.first_fragment()?;
        let mut set = accept;
        for other in [domain, new, whole] {
            set = space.arena().and(set, other)?;
        }
        self.passing = self.world.perhaps(set)?;
        let space = &mut self.world.space;
        let kept = [
            space.iface_variables(true),
            space.iface_variables(false),
            space.field_variables(Field::Proto),
            space.field_variables(Field::DestinationPort),
        ];
        let gone = |var: u32| !kept.iter().any(|(first, width)| (*first..first + width).contains(&var));
        self.seen = space.exists(self.passing, gone)?;
        Ok(())
    }

    fn within(&mut self, set: Set, pair: &Pair) -> Result<Set, TooLarge> {
        let mut set = set;
        for (name, incoming) in [(&pair.0, true), (&pair.1, false)] {
            if let Some(name) = name {
                let through = self.world.space.named(name, incoming)?;
                set = self.world.space.arena().and(set, through)?;
            }
        }
        Ok(set)
    }

    /// What passes between two interfaces: protocols and ports.
    fn services(&mut self, pair: &Pair) -> Result<Set, TooLarge> {
        let set = self.within(self.seen, pair)?;
        let space = &mut self.world.space;
        let gone = [space.iface_variables(true), space.iface_variables(false)];
        space.exists(set, |var| gone.iter().any(|(first, width)| (*first..first + width).contains(&var)))
    }

    fn starts(&mut self, field: Field) -> Result<Vec<u128>, TooLarge> {
        Ok(self.world.space.field_classes(field)?.into_iter().map(|it| it.0).collect())
    }

    fn cell(&mut self, set: Set, (proto, port): (u128, Option<u128>)) -> Result<Set, TooLarge> {
        let space = &mut self.world.space;
        let of_proto = space.range(Field::Proto, proto, proto)?;
        let mut set = space.arena().and(set, of_proto)?;
        if let Some(port) = port {
            let of_port = space.range(Field::DestinationPort, port, port)?;
            set = space.arena().and(set, of_port)?;
        }
        Ok(set)
    }
}

/// ICMP, IGMP, ICMPv6, headers of IPv6, and what tunnels one in the other.
fn only_one_has() -> impl Iterator<Item = u128> {
    [0, 1, 2, 4, 41, 43, 44, 58, 59, 60, 135].into_iter()
}

fn has_ports(proto: u128) -> bool {
    [6, 17, 33, 132, 136].contains(&proto)
}

fn on_path(halves: &mut [Half<'_>; 2], path: Path, gaps: &mut Vec<Gap>) -> Result<(), TooLarge> {
    for half in halves.iter_mut() {
        half.look(path)?;
    }
    let names = |halves: &[Half<'_>; 2], incoming: bool| -> Vec<Option<Iface>> {
        let all: Vec<Iface> = halves.iter().flat_map(|it| it.world.space.iface_names(incoming)).collect();
        let all: BTreeMap<Vec<u8>, Iface> = all.into_iter().map(|it| (it.as_bytes().to_vec(), it)).collect();
        all.into_iter().filter(|it| it.0 != b"lo").map(|it| Some(it.1)).collect()
    };
    let ins = if path == Path::Output { vec![None] } else { names(halves, true) };
    let outs = if path == Path::Input { vec![None] } else { names(halves, false) };
    let mut groups: BTreeMap<(Set, Set), Vec<Pair>> = BTreeMap::new();
    for pair in ins.iter().flat_map(|i| outs.iter().map(move |o| (*i, *o))).take(PAIRS) {
        let [four, six] = halves;
        groups.entry((four.services(&pair)?, six.services(&pair)?)).or_default().push(pair);
    }
    let closed = groups.keys().all(|it| it.1.is_empty());
    let (mut protos, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for half in halves.iter_mut() {
        protos.extend(half.starts(Field::Proto)?);
        ports.extend(half.starts(Field::DestinationPort)?);
    }
    protos.retain(|it| !only_one_has().any(|only| only == *it) && *it < 255);
    let ports: Vec<u128> = ports.into_iter().collect();
    for ((four, six), pairs) in groups {
        for (only, yes, no) in [(0, four, six), (1, six, four)] {
            if only == 0 && closed {
                continue;
            }
            let mut services = Vec::new();
            let mut first = None;
            for proto in &protos {
                let wanted: Vec<Option<u128>> =
                    if has_ports(*proto) { ports.iter().map(|it| Some(*it)).collect() } else { vec![None] };
                let mut open = Vec::new();
                for (at, port) in wanted.iter().enumerate() {
                    let cell = (*proto, *port);
                    let [own, other] = if only == 0 { [0, 1] } else { [1, 0] };
                    let own = halves.get_mut(own).map_or(Ok(Set::NONE), |it| it.cell(yes, cell))?;
                    let other = halves.get_mut(other).map_or(Ok(Set::NONE), |it| it.cell(no, cell))?;
                    if !own.is_empty() && other.is_empty() {
                        first = first.or(Some(cell));
                        open.push(at);
                    }
                }
                services.extend(written(*proto, &open, &ports));
            }
            let (Some(cell), Some(pair), Some(half)) = (first, pairs.first(), halves.get_mut(only)) else {
                continue;
            };
            let passing = half.within(half.passing, pair)?;
            let passing = half.cell(passing, cell)?;
            let Some(witness) = half.world.space.witness(passing, path) else { continue };
            let trace = half.simulator.simulate(&witness);
            if !matches!(trace.verdict, Verdict::Accept | Verdict::Unknown) {
                continue;
            }
            let by = side(&half.simulator, &trace).and_then(|it| it.by);
            let only = if only == 0 { Family::V4 } else { Family::V6 };
            let shown = |which: fn(&Pair) -> Option<Iface>| {
                let names = pairs.iter().filter_map(which);
                let names: BTreeSet<String> =
                    names.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()).collect();
                names.into_iter().collect()
            };
            let (incoming, outgoing) = (shown(|it| it.0), shown(|it| it.1));
            gaps.push(Gap { path, only, incoming, outgoing, services, witness, by });
        }
    }
    Ok(())
}

/// Services of a protocol; `open` are places of classes of ports.
fn written(proto: u128, open: &[usize], ports: &[u128]) -> Vec<String> {
    let name = match proto {
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        33 => "dccp".to_owned(),
        132 => "sctp".to_owned(),
        136 => "udplite".to_owned(),
        other => format!("protocol {other}"),
    };
    if open.is_empty() {
        return Vec::new();
    }
    if !has_ports(proto) || open.len() == ports.len() {
        return vec![name];
    }
    let mut ranges: Vec<(u128, u128)> = Vec::new();
    for at in open {
        let low = ports.get(*at).copied().unwrap_or(0);
        let high = ports.get(at + 1).map_or(u128::from(u16::MAX), |it| it - 1);
        match ranges.last_mut() {
            Some(last) if last.1 + 1 == low => last.1 = high,
            _ => ranges.push((low, high)),
        }
    }
    let one = |(low, high): (u128, u128)| {
        if low == high { format!("{name} {low}") } else { format!("{name} {low}-{high}") }
    };
    ranges.into_iter().map(one).collect()
}
