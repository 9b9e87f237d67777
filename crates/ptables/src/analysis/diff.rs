//! Whether two rulesets are the same firewall; if not, which packets get another verdict, and by which rules.

use std::collections::{BTreeMap, HashMap};

use super::Limits;
use super::course::{Course, unknown};
use super::ways::{Goal, POOL, Pool, Search, pool_name};
use crate::ext::TableName;
use crate::meaning::Field;
use crate::model::{Policy, Ruleset};
use crate::packet::{Packet, Path};
use crate::simulate::{At, Options, Simulator, StepKind, Trace, Verdict, tracks};
use crate::source::Text;
use crate::space::{Census, Region, Set, Space, TooLarge};

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
    if text(old) == text(new) && old.context == new.context {
        return Ok(Comparison::default());
    }
    let one = |second| Pairing::new(old, new, given, second).and_then(|mut it| it.compare());
    one(false).or_else(|_| one(true))
}

/// Two rulesets in one space.
struct Pairing<'a> {
    courses: [Course<'a>; 2],
    simulators: [Simulator<'a>; 2],
    space: Space,
    pool: Pool,
    sets: Vec<Text>,
    given: Given,
    /// Which variables stand for what nobody can tell.
    chance: Vec<bool>,
    hits: HashMap<(usize, Path, At), Set>,
    found: Comparison,
}

/// For each side, accepted and rejected packets, and what lies behind translations.
type Verdicts = [(Set, Set, Vec<Set>); 2];

impl<'a> Pairing<'a> {
    fn new(old: &'a Ruleset, new: &'a Ruleset, given: Given, second: bool) -> Result<Pairing<'a>, TooLarge> {
        let mut courses = [Course::new(old), Course::new(new)];
        let sets: Vec<Text> = courses.iter().flat_map(|it| it.sets()).cloned().collect();
        let mut census = Census::new(old.context.family, !(tracks(old) || tracks(new)));
        courses.iter_mut().for_each(|it| it.ask(&mut census, &sets));
        // Twice: what one writes, the other may copy.
        for _ in 0..2 {
            courses.iter_mut().for_each(|it| it.settle(&mut census));
        }
        (0..POOL).for_each(|number| census.add_flag(&pool_name(number)));
        let space = Space::new(&census, given.limits.nodes, second);
        let mut chance = vec![false; space.variables() as usize];
        let entries = || courses.iter().flat_map(Course::entries);
        let names = entries().flat_map(|it| it.open.iter().cloned().chain(unknown(&it.key)));
        for name in names.chain((0..POOL).map(pool_name)) {
            if let Some(place) = space.flag_variable(&name).and_then(|var| chance.get_mut(var as usize)) {
                *place = true;
            }
        }
        let options = Options::new(given.policy);
        let simulators = [Simulator::new(old, options), Simulator::new(new, options)];
        let (pool, hits, found) = (Pool::default(), HashMap::new(), Comparison::default());
        Ok(Pairing { courses, simulators, space, pool, sets, given, chance, hits, found })
    }

    fn search(&mut self, side: usize, path: Path, goal: Goal) -> Result<(Set, Vec<Set>), TooLarge> {
        let Some(course) = self.courses.get(side) else { return Ok((Set::NONE, Vec::new())) };
        let given = (self.sets.as_slice(), self.given.policy);
        let mut search = Search::new(course, &mut self.space, &mut self.pool, given, path, goal);
        let set = search.find()?;
        Ok((set, std::mem::take(&mut search.behind)))
    }

    /// The packets that come on a path.
    fn domain(&mut self, path: Path) -> Result<Set, TooLarge> {
        let incoming = self.space.no_iface(true)?;
        let outgoing = self.space.no_iface(false)?;
        let (incoming, outgoing) = match path {
            Path::Input => (incoming.not(), outgoing),
            Path::Forward => (incoming.not(), outgoing.not()),
            Path::Output => (incoming, outgoing.not()),
        };
        let mut domain = self.space.arena().and(incoming, outgoing)?;
        if path == Path::Forward {
            let alive = self.space.range(Field::HopLimit, 2, u128::MAX)?;
            domain = self.space.arena().and(domain, alive)?;
        }
        if path == Path::Input {
            // Fragments are put together before.
            let first = self.space.first_fragment()?;
            domain = self.space.arena().and(domain, first)?;
        }
        Ok(domain)
    }

    /// The packets that are in a set whatever nobody can tell.
    fn surely(&mut self, set: Set) -> Result<Set, TooLarge> {
        self.perhaps(set.not()).map(Set::not)
    }

    fn perhaps(&mut self, set: Set) -> Result<Set, TooLarge> {
        let chance = &self.chance;
        self.space.arena().exists(set, &|var| chance.get(var as usize) == Some(&true))
    }

    fn compare(&mut self) -> Result<Comparison, TooLarge> {
        for path in Path::ALL {
            let domain = self.domain(path)?;
            let mut verdicts: Verdicts = [(Set::NONE, Set::NONE, Vec::new()), (Set::NONE, Set::NONE, Vec::new())];
            for (side, place) in verdicts.iter_mut().enumerate() {
                let (accept, behind) = self.search(side, path, Goal::Accept)?;
                let (reject, more) = self.search(side, path, Goal::Reject)?;
                *place = (accept, reject, [behind, more].concat());
            }
            self.changes(path, domain, &verdicts)?;
        }
        self.stateful()?;
        if self.pool.full {
            self.found.undecided.push("more is left open than can be kept apart".to_owned());
        }
        Ok(std::mem::take(&mut self.found))
    }

    fn changes(&mut self, path: Path, domain: Set, verdicts: &Verdicts) -> Result<(), TooLarge> {
        let [(old, old_reject, old_behind), (new, new_reject, new_behind)] = verdicts;
        let mut surely = Vec::new();
        for set in [*old, *old_reject, *new, *new_reject] {
            surely.push((self.surely(set)?, self.perhaps(set)?));
        }
        let at = |place: usize| surely.get(place).copied().unwrap_or((Set::NONE, Set::ALL));
        let (sure_old, sure_old_reject, sure_new, sure_new_reject) = (at(0), at(1), at(2), at(3));
        let mut certain = Set::NONE;
        let arena = self.space.arena();
        // Of a verdict that is sure with one, and cannot be with the other.
        let mut kinds = Vec::new();
        for (yes, no) in [(sure_new, sure_old), (sure_old, sure_new)] {
            kinds.push(arena.minus(yes.0, no.1)?);
        }
        for (yes, no) in [(sure_old_reject, sure_new_reject), (sure_new_reject, sure_old_reject)] {
            let mut set = arena.minus(yes.0, no.1)?;
            set = arena.minus(set, sure_old.1)?;
            kinds.push(arena.minus(set, sure_new.1)?);
        }
        for set in kinds {
            let set = self.space.arena().and(domain, set)?;
            certain = self.space.arena().or(certain, set)?;
            self.groups(path, domain, set)?;
        }
        let arena = self.space.arena();
        let mut possible = Set::NONE;
        for (one, other) in [(*old, *new), (*old_reject, *new_reject)] {
            for (one, other) in [(one, other), (other, one)] {
                let set = arena.minus(one, other)?;
                possible = arena.or(possible, set)?;
            }
        }
        possible = arena.and(possible, domain)?;
        let possible = self.perhaps(possible)?;
        let open = self.space.arena().minus(possible, certain)?;
        if !open.is_empty() {
            let region = self.space.region(open, domain)?;
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
        let mut told = 0;
        while !left.is_empty() {
            if told >= self.given.most {
                self.found.more = true;
                return Ok(());
            }
            told += 1;
            let mut group = self.space.arena().part(left)?;
            match self.confirmed(left, path) {
                Some((witness, [old, new])) => {
                    let mut same = left;
                    for (side, by) in [(0, old.by), (1, new.by)] {
                        let hit = match by {
                            Some(at) => self.hit(side, path, at)?,
                            None => Set::NONE,
                        };
                        same = self.space.arena().and(same, hit)?;
                    }
                    if self.space.arena().within(group, same) {
                        group = same;
                    }
                    let region = self.space.region(group, domain)?;
                    self.found.differences.push(Difference { path, region, witness, old, new });
                }
                None => {
                    let region = self.space.region(group, domain)?;
                    let why = "differs by the sets, but the simulator does not decide the packet that was tried";
                    self.found.undecided.push(format!("{}: {region} {why}", path.as_str()));
                }
            }
            left = self.space.arena().minus(left, group)?;
        }
        Ok(())
    }

    /// A packet of a set, if the simulator says that it gets different verdicts.
    fn confirmed(&mut self, set: Set, path: Path) -> Option<(Packet, [Side; 2])> {
        let witness = self.space.witness(set, path)?;
        let [old, new] = self.simulators.each_ref().map(|it| side(it, &it.simulate(&witness)));
        let (old, new) = (old?, new?);
        (old.fate != new.fate).then_some((witness, [old, new]))
    }

    fn hit(&mut self, side: usize, path: Path, at: At) -> Result<Set, TooLarge> {
        if let Some(known) = self.hits.get(&(side, path, at)) {
            return Ok(*known);
        }
        let goal = if at.rule.is_some() { Goal::Rule(at) } else { Goal::Policy(at) };
        let (set, _) = self.search(side, path, goal)?;
        let set = self.surely(set)?;
        self.hits.insert((side, path, at), set);
        Ok(set)
    }

    /// Rules that remember packets: both rulesets must show them the same packets, else what they remember differs.
    fn stateful(&mut self) -> Result<(), TooLarge> {
        if !self.found.differences.is_empty() || !self.found.undecided.is_empty() {
            return Ok(());
        }
        let mut rules: BTreeMap<String, [Option<At>; 2]> = BTreeMap::new();
        for (side, course) in self.courses.iter().enumerate() {
            for table in course.tables.iter().flatten() {
                for (chain, it) in table.chains.iter().enumerate() {
                    for (number, entry) in it.entries.iter().enumerate() {
                        if !entry.open.is_empty()
                            && let Some(place) = rules.entry(entry.key.clone()).or_default().get_mut(side)
                        {
                            *place = Some(At { table: table.place, chain, rule: Some(number) });
                        }
                    }
                }
            }
        }
        for path in Path::ALL {
            let domain = self.domain(path)?;
            for (key, places) in &rules {
                let mut met = [Set::NONE; 2];
                for (side, (place, met)) in places.iter().zip(&mut met).enumerate() {
                    if let Some(at) = place {
                        let (set, _) = self.search(side, path, Goal::Rule(*at))?;
                        *met = self.space.arena().and(domain, set)?;
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

/// What a ruleset did with a packet, and which rule or policy decided.
fn side(simulator: &Simulator<'_>, trace: &Trace) -> Option<Side> {
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
