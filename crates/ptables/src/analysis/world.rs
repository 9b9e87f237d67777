//! Rulesets in one space.

use std::collections::HashMap;

use super::Limits;
use super::course::{Course, unknown};
use super::ways::{Goal, Memory, POOL, Pool, Search, pool_name};
use crate::dialect::Family;
use crate::meaning::Field;
use crate::model::Policy;
use crate::packet::Path;
use crate::simulate::tracks;
use crate::source::Text;
use crate::space::{Census, Set, Space, TooLarge};

/// Rulesets whose packets are sets of one space.
pub(super) struct World<'a> {
    pub(super) courses: Vec<Course<'a>>,
    pub(super) space: Space,
    pub(super) pool: Pool,
    memory: Memory,
    sets: Vec<Text>,
    policy: Option<Policy>,
    /// Variables whose values are given, if no rule changes a field: only packets with these are sought.
    pub(super) fixed: HashMap<u32, Set>,
    /// Which variables stand for what nobody can tell.
    chance: Vec<bool>,
}

impl<'a> World<'a> {
    /// Puts rulesets of one family into a space, in which what `more` asks can be told apart too.
    pub(super) fn new(
        mut courses: Vec<Course<'a>>,
        more: &dyn Fn(&mut Census),
        (limits, policy): (Limits, Option<Policy>),
        second: bool,
    ) -> World<'a> {
        let sets: Vec<Text> = courses.iter().flat_map(|it| it.sets()).cloned().collect();
        let family = courses.first().map(|it| it.ruleset.context.family).unwrap_or(Family::V4);
        let fragments = !courses.iter().any(|it| tracks(it.ruleset));
        let mut census = Census::new(family, fragments);
        more(&mut census);
        courses.iter_mut().for_each(|it| it.ask(&mut census, &sets));
        // Twice: what one writes, the other may copy.
        for _ in 0..2 {
            courses.iter_mut().for_each(|it| it.settle(&mut census));
        }
        (0..POOL).for_each(|number| census.add_flag(&pool_name(number)));
        let space = Space::new(&census, limits.nodes, second);
        let mut chance = vec![false; space.variables() as usize];
        let entries = || courses.iter().flat_map(Course::entries);
        let names = entries().flat_map(|it| it.open.iter().cloned().chain(unknown(&it.key)));
        for name in names.chain((0..POOL).map(pool_name)) {
            if let Some(place) = space.flag_variable(&name).and_then(|var| chance.get_mut(var as usize)) {
                *place = true;
            }
        }
        let (pool, memory) = (Pool::default(), Memory::default());
        World { courses, space, pool, memory, sets, policy, fixed: HashMap::new(), chance }
    }

    /// Seeks only packets whose fields have these values, if no rule changes what conditions look at.
    pub(super) fn fix(&mut self, values: &[(Field, u128)]) {
        let chains =
            || self.courses.iter().flat_map(|it| it.tables.iter().flatten()).flat_map(|it| &it.chains);
        if chains().all(|it| it.pure) {
            self.fixed = self.space.constants(values);
        }
    }

    pub(super) fn search(
        &mut self,
        side: usize,
        path: Path,
        goal: Goal,
    ) -> Result<(Set, Vec<Set>), TooLarge> {
        let Some(course) = self.courses.get(side) else { return Ok((Set::NONE, Vec::new())) };
        let given = (self.sets.as_slice(), self.policy, &self.fixed);
        let own = (&mut self.space, &mut self.pool, &mut self.memory);
        let mut search = Search::new((side, course), own, given, path, goal);
        let set = search.find()?;
        Ok((set, std::mem::take(&mut search.behind)))
    }

    /// The packets that come on a path.
    pub(super) fn domain(&mut self, path: Path) -> Result<Set, TooLarge> {
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
        if path == Path::Input && self.space.family() == Family::V4 {
            // Fragments are put together before; those of IPv6 are not.
            let first = self.space.first_fragment()?;
            domain = self.space.arena().and(domain, first)?;
        }
        Ok(domain)
    }

    /// Whether each name stands for the same packets in both rulesets: on every path those that any of its goals finds, within the
    /// set that `within` says for it.
    pub(super) fn alike(
        &mut self,
        asked: &[Vec<(&str, Goal)>; 2],
        within: &dyn Fn(&str) -> Set,
    ) -> Result<bool, TooLarge> {
        for path in Path::ALL {
            let domain = self.domain(path)?;
            let mut met: HashMap<&str, [Set; 2]> = HashMap::new();
            for (side, goals) in asked.iter().enumerate() {
                for (name, goal) in goals {
                    let (set, _) = self.search(side, path, *goal)?;
                    let set = self.space.arena().and(set, domain)?;
                    let set = self.space.arena().and(set, within(name))?;
                    if let Some(place) = met.entry(name).or_insert([Set::NONE; 2]).get_mut(side) {
                        *place = self.space.arena().or(*place, set)?;
                    }
                }
            }
            if met.values().any(|[old, new]| old != new) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The packets that are in a set whatever nobody can tell.
    pub(super) fn surely(&mut self, set: Set) -> Result<Set, TooLarge> {
        self.perhaps(set.not()).map(Set::not)
    }

    pub(super) fn perhaps(&mut self, set: Set) -> Result<Set, TooLarge> {
        let chance = &self.chance;
        self.space.exists(set, |var| chance.get(var as usize) == Some(&true))
    }
}
