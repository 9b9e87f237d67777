//! Whether two rulesets are the same firewall; if not, which packets get another verdict, and by which rules.

use std::collections::{BTreeMap, HashMap};

use super::act::Traces;
use super::course::Course;
use super::left;
use super::translations::unlike;
use super::ways::Goal;
use super::world::World;
use super::{Limits, known, simulator};
use crate::ext::TableName;
use crate::ipset;
use crate::meaning::{Effect, Field, Pred};
use crate::model::{Policy, Ruleset};
use crate::packet::{Packet, Path};
use crate::simulate::{At, Simulator, StepKind, Trace, Verdict};
use crate::space::{Free, Region, Set, TooLarge};
use crate::value::ct_state::CtState;

/// Packets that are tried in vain before the rest of a change is called undecided.
const TRIES: usize = 8;

/// What is assumed, and how much is told.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Given {
    /// Bounds.
    pub limits: Limits,
    /// The policy of chains for which the rules tell none; `None`: nobody knows, but it is the same in both.
    pub policy: Option<Policy>,
    /// The most differences that are told for each path and kind of change.
    pub most: usize,
}

impl Default for Given {
    fn default() -> Given {
        Given { limits: Limits::default(), policy: None, most: 40 }
    }
}

/// What becomes of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// They pass.
    Accept,
    /// They are dropped in silence.
    Drop,
    /// They are dropped, and their sender is told.
    Reject,
}

impl Fate {
    /// `accept`, `drop` or `reject`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fate::Accept => "accept",
            Fate::Drop => "drop",
            Fate::Reject => "reject",
        }
    }

    fn of(verdict: Verdict) -> Option<Fate> {
        match verdict {
            Verdict::Accept => Some(Fate::Accept),
            Verdict::Drop => Some(Fate::Drop),
            Verdict::Reject(_) => Some(Fate::Reject),
            Verdict::Unknown => None,
        }
    }
}

/// What one ruleset does with the packets of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Side {
    /// What becomes of them.
    pub fate: Fate,
    /// The rule, or the chain whose policy decides; `None` if no rule or policy has a say.
    pub by: Option<At>,
}

/// Packets that get another verdict, by the same rules.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Difference {
    /// Their way.
    pub path: Path,
    /// The packets, field by field.
    pub region: Region,
    /// One of them. The simulator says of both rulesets what is said here.
    pub witness: Packet,
    /// With the old rules.
    pub old: Side,
    /// With the new rules.
    pub new: Side,
}

/// How two rulesets compare.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Comparison {
    /// What differs for certain.
    pub differences: Vec<Difference>,
    /// Differences beyond those that are told.
    pub more: bool,
    /// What nobody can tell, and why.
    pub undecided: Vec<String>,
}

impl Comparison {
    /// Whether every packet gets the same verdict.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty() && !self.more && self.undecided.is_empty()
    }
}

/// Compares two rulesets of one family, packet by packet, on all paths.
///
/// # Errors
/// [`TooLarge`] in both orders of variables.
pub fn compare(old: &Ruleset, new: &Ruleset, given: Given) -> Result<Comparison, TooLarge> {
    if old.context.family != new.context.family {
        let why = "the rulesets are of two address families".to_owned();
        return Ok(Comparison { undecided: vec![why], ..Comparison::default() });
    }
    let text = |ruleset: &Ruleset| {
        let mut out = Vec::new();
        ruleset.print(&mut out, false);
        out
    };
    let sets = |ruleset: &Ruleset| ipset::print(ruleset.sets.iter()).unwrap_or_default();
    if text(old) == text(new) && old.context == new.context && sets(old) == sets(new) {
        return Ok(Comparison::default());
    }
    let one = |second| Pairing::new(old, new, given, second).compare();
    let mut found = one(false).or_else(|_| one(true))?;
    found.undecided.extend(known::unlike(old, new));
    Ok(found)
}

/// Two rulesets in one space.
struct Pairing<'a> {
    world: World<'a>,
    simulators: [Simulator<'a>; 2],
    given: Given,
    hits: HashMap<(usize, Path, At), Set>,
    found: Comparison,
}

/// For each side, accepted and rejected packets, and what lies behind translations.
type Verdicts = [(Set, Set, Vec<Set>); 2];

impl<'a> Pairing<'a> {
    fn new(old: &'a Ruleset, new: &'a Ruleset, given: Given, second: bool) -> Pairing<'a> {
        let courses = vec![Course::new(old, false), Course::new(new, false)];
        let world = World::new(courses, &|_| {}, (given.limits, given.policy), second);
        let simulators = [old, new].map(|it| simulator(it, given.policy));
        let (hits, found) = (HashMap::new(), Comparison::default());
        Pairing { world, simulators, given, hits, found }
    }

    fn compare(&mut self) -> Result<Comparison, TooLarge> {
        for path in Path::ALL {
            let domain = self.world.domain(path)?;
            let mut verdicts: Verdicts =
                [(Set::NONE, Set::NONE, Vec::new()), (Set::NONE, Set::NONE, Vec::new())];
            for (side, place) in verdicts.iter_mut().enumerate() {
                let (accept, behind) = self.world.search(side, path, Goal::Accept)?;
                let (reject, more) = self.world.search(side, path, Goal::Reject)?;
                *place = (accept, reject, [behind, more].concat());
            }
            self.changes(path, domain, &verdicts)?;
        }
        self.stateful()?;
        self.found.undecided.extend(unlike(&mut self.world)?);
        if self.found.differences.is_empty() {
            self.found.undecided.extend(left::unlike(&mut self.world)?);
        }
        if self.world.pool.full {
            self.found.undecided.push("more is left open than can be kept apart".to_owned());
        }
        Ok(std::mem::take(&mut self.found))
    }

    fn changes(&mut self, path: Path, domain: Set, verdicts: &Verdicts) -> Result<(), TooLarge> {
        let [(old, old_reject, old_behind), (new, new_reject, new_behind)] = verdicts;
        let arena = self.world.space.arena();
        // What is accepted or rejected by one and not by the other, and what is dropped by one and rejected by the other.
        let mut changed = Vec::new();
        for (one, other) in
            [(*new, *old), (*old, *new), (*old_reject, *new_reject), (*new_reject, *old_reject)]
        {
            let set = arena.minus(one, other)?;
            changed.push(arena.and(domain, set)?);
        }
        let mut possible = Set::NONE;
        for set in &changed {
            possible = arena.or(possible, *set)?;
        }
        let mut certain = Set::NONE;
        for (kind, mut set) in changed.into_iter().enumerate() {
            let arena = self.world.space.arena();
            if kind > 1 {
                set = arena.minus(set, *old)?;
                set = arena.minus(set, *new)?;
            }
            let set = self.world.surely(set)?;
            certain = self.world.space.arena().or(certain, set)?;
            self.groups(path, domain, set)?;
        }
        let possible = self.world.perhaps(possible)?;
        let open = self.world.space.arena().minus(possible, certain)?;
        if !open.is_empty() {
            let region = self.world.space.region(open, domain)?;
            let why = "depends on what no packet tells (limits, lists, sets, rules that are not understood)";
            self.found.undecided.push(format!("{}: {region} {why}", path.as_str()));
        } else if certain.is_empty() && old_behind != new_behind {
            let why = "packets of connections that are translated may go another way";
            self.found.undecided.push(format!("{}: {why}", path.as_str()));
        }
        Ok(())
    }

    /// Takes a set of differing packets apart, by the rules that decide.
    fn groups(&mut self, path: Path, domain: Set, set: Set) -> Result<(), TooLarge> {
        let mut left = set;
        let (mut told, mut tried) = (0, 0);
        let mut unconfirmed = Set::NONE;
        while !left.is_empty() {
            if told >= self.given.most || tried >= TRIES {
                self.found.more = true;
                break;
            }
            told += 1;
            let familiar = self.familiar(left)?;
            let mut group = self.world.space.arena().part(familiar)?;
            match self.confirmed(group, path) {
                Some((witness, [old, new])) => {
                    let mut same = left;
                    for (side, by) in [(0, old.by), (1, new.by)] {
                        let hit = match by {
                            Some(at) => self.hit(side, path, at)?,
                            None => Set::NONE,
                        };
                        same = self.world.space.arena().and(same, hit)?;
                    }
                    if self.world.space.arena().within(group, same) {
                        group = same;
                    }
                    let region = self.world.space.region(group, domain)?;
                    self.found.differences.push(Difference { path, region, witness, old, new });
                }
                None => {
                    tried += 1;
                    unconfirmed = self.world.space.arena().or(unconfirmed, group)?;
                }
            }
            left = self.world.space.arena().minus(left, group)?;
        }
        if !unconfirmed.is_empty() {
            let region = self.world.space.region(unconfirmed, domain)?;
            let why =
                "another verdict by the sets, but the simulator does not decide the packets that were tried";
            self.found.undecided.push(format!("{}: {region}: {why}", path.as_str()));
        }
        Ok(())
    }

    /// The part of a set whose packets look familiar, if there is one: those that begin connections, of TCP, and so on.
    fn familiar(&mut self, set: Set) -> Result<Set, TooLarge> {
        let new = self.world.space.states(CtState::New as u128)?;
        let mut wanted = vec![new];
        for proto in [6, 17, 1, 58] {
            wanted.push(self.world.space.range(Field::Proto, proto, proto)?);
        }
        wanted.push(self.world.space.range(Field::SourcePort, 1024, u128::from(u16::MAX))?);
        // Segments without any of these flags are in no connection.
        for (mask, flags) in [(0x17, 0x02), (0x10, 0x10)] {
            let flags = Pred::Bits(Field::TcpFlags, mask, flags);
            wanted.push(self.world.space.compile(&flags, &Free::default())?.must);
        }
        let mut familiar = set;
        for wanted in wanted {
            let part = self.world.space.arena().and(familiar, wanted)?;
            if !part.is_empty() {
                familiar = part;
            }
        }
        Ok(familiar)
    }

    /// A packet of a set, if the simulator says that it gets different verdicts.
    fn confirmed(&mut self, set: Set, path: Path) -> Option<(Packet, [Side; 2])> {
        let witness = self.world.space.witness(set, path)?;
        let [old, new] = self.simulators.each_ref().map(|it| side(it, &it.simulate(&witness)));
        let (old, new) = (old?, new?);
        (old.fate != new.fate).then_some((witness, [old, new]))
    }

    /// The packets for which a rule, or a policy, may decide.
    fn hit(&mut self, side: usize, path: Path, at: At) -> Result<Set, TooLarge> {
        if let Some(known) = self.hits.get(&(side, path, at)) {
            return Ok(*known);
        }
        let goal = if at.rule.is_some() { Goal::Rule(at) } else { Goal::Policy(at) };
        let (set, _) = self.world.search(side, path, goal)?;
        let set = self.world.perhaps(set)?;
        self.hits.insert((side, path, at), set);
        Ok(set)
    }

    /// Rules that remember packets: both rulesets must show them the same packets, else what they remember differs.
    fn stateful(&mut self) -> Result<(), TooLarge> {
        if !self.found.differences.is_empty() || !self.found.undecided.is_empty() {
            return Ok(());
        }
        let mut rules: BTreeMap<String, [Option<At>; 2]> = BTreeMap::new();
        for (side, course) in self.world.courses.iter().enumerate() {
            for table in course.tables.iter().flatten() {
                for (chain, it) in table.chains.iter().enumerate() {
                    for (number, entry) in it.entries.iter().enumerate() {
                        let changes_sets = entry.effect.as_ref().is_some_and(changes_sets);
                        if (changes_sets || !entry.open.is_empty())
                            && let Some(place) = rules.entry(entry.key.clone()).or_default().get_mut(side)
                        {
                            *place = Some(At { table: table.place, chain, rule: Some(number) });
                        }
                    }
                }
            }
        }
        for path in Path::ALL {
            let domain = self.world.domain(path)?;
            for (key, places) in &rules {
                let mut met = [Set::NONE; 2];
                for (side, (place, met)) in places.iter().zip(&mut met).enumerate() {
                    if let Some(at) = place {
                        let (set, _) = self.world.search(side, path, Goal::Rule(*at))?;
                        *met = self.world.space.arena().and(domain, set)?;
                    }
                }
                if met[0] != met[1] {
                    let why = "other packets come to a rule that remembers packets";
                    self.found.undecided.push(format!("{}: {why}: {key}", path.as_str()));
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Whether later packets may find other entries in a set.
fn changes_sets(effect: &Effect) -> bool {
    let mut traces = Traces::default();
    traces.add(effect);
    !traces.sets.is_empty()
}

/// What a ruleset did with a packet, and which rule or policy decided.
pub(super) fn side(simulator: &Simulator<'_>, trace: &Trace) -> Option<Side> {
    let fate = Fate::of(trace.verdict)?;
    let filter = |at: At| {
        let table = simulator.ruleset().tables.get(at.table).and_then(|it| it.kernel_table());
        table == Some(TableName::Filter)
    };
    let decides = |kind: StepKind| matches!(kind, StepKind::Match | StepKind::Policy(_));
    let steps = || trace.path.iter().rev().filter(|it| decides(it.kind));
    let last = match fate {
        Fate::Accept => steps().find(|it| filter(it.at)).or_else(|| steps().next()),
        Fate::Drop | Fate::Reject => steps().next(),
    };
    Some(Side { fate, by: last.map(|it| it.at) })
}
