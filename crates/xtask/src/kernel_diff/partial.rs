//! The simulator, told less than all: what the kernel did must be one of the ways that it leaves open.

use std::collections::BTreeSet;

use ptables::meaning::{Answer, Field};
use ptables::model::Jump;
use ptables::packet::Packet;
use ptables::simulate::{At, Step, StepKind, Trace, Verdict};

use ptables_judge::world::Watch;

use super::arena::Fate;
use super::shot::{Entry, Shot};
use super::subject::{Subject, fate, follows, is_harmless};
use super::trial::agree;
use super::unknown::Untold;

/// Every so many packets are asked about so.
pub const EVERY: usize = 4;

/// How often one is asked about, each time with another part.
const TIMES: usize = 2;

/// After so many packets of a sequence all is told again of what came before.
const AGAIN: usize = 8;

impl Subject<'_, '_> {
    /// What is wrong with what the simulator says of a packet when it is told only a part, or if its answers to one question
    /// do not agree with each other; `None` if all is well. Of rules that remember nothing.
    ///
    /// # Errors
    /// That its bytes are no packet.
    pub fn fault_in_part(&self, shot: &Shot, seen: &Fate) -> Result<Option<&'static str>, String> {
        let Ok(whole) = self.place.packet(shot) else { return Ok(None) };
        let simulated = self.simulator.simulate(&whole);
        let explained = self.simulator.explain(&whole);
        let steps = |trace: &Trace| {
            let met = trace.path.iter().filter(|it| it.kind != StepKind::Miss);
            met.map(|it| (it.at, it.kind)).collect::<Vec<_>>()
        };
        let first = self.simulator.verdict(&whole);
        // It ends at the first rule that is not decided, be the end known or not.
        let ends_early = first == Verdict::Unknown && !simulated.unknown.is_empty();
        if steps(&simulated) != steps(&explained)
            || simulated.verdict != explained.verdict
            || has_misses(&simulated)
            || !self.is_whole(&explained)
            || !ends_early && first != simulated.verdict
        {
            return Ok(Some("what it explains is not what it simulates"));
        }
        if is_time_exceeded(shot, seen) && simulated.ended.is_none() {
            return Ok(Some("it does not say that the hop limit is used up"));
        }
        Ok((0..TIMES).find_map(|time| {
            let mut part = whole.clone();
            forget(&mut part, shot, time);
            self.fault_of(&part, seen)
        }))
    }

    /// The same of a packet of which a part is told.
    fn fault_of(&self, part: &Packet, seen: &Fate) -> Option<&'static str> {
        let told = self.simulator.simulate(part);
        let ways = self.simulator.ways(part);
        let passes = match told.verdict {
            Verdict::Accept => Some(true),
            Verdict::Unknown => None,
            _ => Some(false),
        };
        // Where it knows what becomes of the packet, it is what became of it.
        if passes.is_some_and(|it| it != seen.out.is_some()) || passes.is_none() && told.unknown.is_empty() {
            return Some("what it knows is wrong");
        }
        let first = self.simulator.verdict(part);
        if (first != Verdict::Unknown || ways.len() == 1) && first != told.verdict {
            return Some("the first undecided rule is passed over, or there is none");
        }
        if let Some(fault) = self.fault_of_ways(&told, &ways) {
            return Some(fault);
        }
        (!self.leaves_open(&ways, seen)).then_some("the way is not among those that it leaves open")
    }

    /// Whether all ways make what is told of them together, and where each parts from the one before it there is a rule that
    /// may have matched.
    fn fault_of_ways(&self, told: &Trace, ways: &[Trace]) -> Option<&'static str> {
        let too_many = told.unknown.iter().any(|it| it.starts_with("more than "));
        if too_many {
            return (told.verdict != Verdict::Unknown).then_some("what too many ways lead to is told");
        }
        let same = ways.iter().all(|it| it.verdict == ways[0].verdict);
        let all: BTreeSet<&String> = ways.iter().flat_map(|it| &it.unknown).collect();
        if told.verdict != if same { ways[0].verdict } else { Verdict::Unknown }
            || all != told.unknown.iter().collect()
            || all.len() != told.unknown.len()
        {
            return Some("what is told of all ways is not what they have in common");
        }
        let parts = |pair: &[Trace]| {
            let [one, other] = pair else { return false };
            let key = |trace: &Trace, at: usize| trace.path.get(at).map(|it| (it.at, it.kind));
            let parting = (0..other.path.len()).find(|at| key(one, *at) != key(other, *at));
            let Some(parting) = parting else { return false };
            let step = &other.path[parting];
            let drops = matches!(other.verdict, Verdict::Drop | Verdict::Reject(_))
                && other.path.len() == parting + 1;
            match step.kind {
                StepKind::Maybe => drops || !is_harmless(self.ruleset, step.at),
                kind => drops && kind == StepKind::Torn,
            }
        };
        (!ways.windows(2).all(parts)).then_some("ways do not part at a rule that may have matched")
    }

    /// The same of the next packet of a sequence, where rules remember what came before: of some packets it is told only
    /// a part, and what it then still knows, of this packet and of those that follow, must be right. Now and then it is told all
    /// again, from the beginning.
    ///
    /// # Errors
    /// That its bytes are no packet.
    pub fn fault_in_sequence(
        &mut self,
        (at, shot): (usize, &Shot),
        (seen, watch): (&Fate, Watch),
        untold: &Untold,
    ) -> Result<Option<String>, String> {
        let Ok(mut packet) = self.place.packet(shot) else { return Ok(None) };
        let prompt = self.prompt.verdict(&packet);
        if self.decided.is_some_and(|it| it != prompt) {
            return Ok(Some("what it knows at once of a sequence is not what it simulates".to_owned()));
        }
        if at % AGAIN == 0 {
            (self.doubtful, self.hasty) = (self.session.clone(), self.session.clone());
            return Ok(None);
        }
        if at % EVERY == EVERY - 1 {
            forget(&mut packet, shot, at);
        }
        let verdict = self.hasty.verdict(&packet);
        if verdict != Verdict::Unknown && (verdict == Verdict::Accept) != seen.out.is_some() {
            return Ok(Some("what it knows at once in a sequence is wrong".to_owned()));
        }
        let explained = self.doubtful.clone().explain(&packet);
        let ways = self.doubtful.ways(&packet);
        let told = self.doubtful.simulate(&packet);
        if has_misses(&told) || !self.is_whole(&explained) || explained.verdict != told.verdict {
            return Ok(Some("it tells what it was not asked for, or less than it was".to_owned()));
        }
        if untold.room.is_some_and(|it| at < it) && told.unknown.iter().any(|it| it.contains("there is room"))
        {
            return Ok(Some("it does not know that there is room".to_owned()));
        }
        if let Some(fault) = self.fault_of_ways(&told, &ways) {
            return Ok(Some(format!("in a sequence, {fault}")));
        }
        if !self.leaves_open(&ways, seen) {
            return Ok(Some("in a sequence, the way is not among those that it leaves open".to_owned()));
        }
        if told.verdict == Verdict::Unknown {
            return Ok(told.unknown.is_empty().then(|| "what is not known has no reason".to_owned()));
        }
        let passes = told.verdict == Verdict::Accept;
        let all = told.unknown.is_empty() && told.untold.is_empty();
        let same = || agree(&Ok(fate(self.ruleset, &told, self.place.nft)), seen, watch);
        let right = passes == seen.out.is_some() && (!all || same());
        let wrong = || format!("what it knows in a sequence is wrong\n{}", self.simulator.human(&told));
        Ok((!right).then(wrong))
    }

    /// Whether what the kernel did is one of the ways that it leaves open, with all that it is told.
    ///
    /// # Errors
    /// That its bytes are no packet.
    pub fn is_open(&self, shot: &Shot, seen: &Fate) -> Result<bool, String> {
        Ok(self.leaves_open(&self.simulator.ways(&self.place.packet(shot)?), seen))
    }

    fn leaves_open(&self, ways: &[Trace], seen: &Fate) -> bool {
        let open = ways.len() >= 64 || ways.iter().any(|trace| self.leads_there(trace, seen));
        open && !ways.iter().any(has_misses) && !self.parts_for_nothing(ways)
    }

    /// Whether there are several ways though all that is undecided are rules that do nothing.
    fn parts_for_nothing(&self, ways: &[Trace]) -> bool {
        // By name, not as `is_harmless`, which asks the library what a target does: the simulator parts ways by that same
        // answer, so a wrong one would not be seen here. And SET does something, though it is harmless.
        let does_nothing = |at: At| {
            let rule = at.rule.map(|rule| &self.ruleset.tables[at.table].chains[at.chain].rules[rule]);
            rule.and_then(|it| it.as_typed()).is_some_and(|it| match &it.jump {
                Jump::None => true,
                Jump::Target(target) => ["LOG", "CLASSIFY"].contains(&target.spec().name),
                _ => false,
            })
        };
        ways.len() > 1
            && ways.iter().all(|way| {
                // What ends there is dropped by a look.
                let ends_there =
                    way.path.last().is_some_and(|it| matches!(it.kind, StepKind::Maybe | StepKind::Torn));
                let mut open = way.path.iter().filter(|it| it.kind == StepKind::Maybe);
                way.verdict != Verdict::Unknown && !ends_there && open.all(|it| does_nothing(it.at))
            })
    }

    /// Whether a trace begins with the first rule of a chain, be it met or not, and has the next one behind each that was not
    /// met. What is not decided is not written down.
    fn is_whole(&self, trace: &Trace) -> bool {
        if !trace.unknown.is_empty() {
            return true;
        }
        let end = |at: At| self.ruleset.tables[at.table].chains[at.chain].rules.len();
        let rule = |at: At| at.rule.unwrap_or_else(|| end(at));
        let goes_on = |pair: &[Step]| {
            let [one, next] = pair else { return false };
            let is_next = (one.at.table, one.at.chain) == (next.at.table, next.at.chain);
            one.kind != StepKind::Miss || is_next && rule(next.at) == rule(one.at) + 1
        };
        trace.path.first().is_none_or(|it| rule(it.at) == 0) && trace.path.windows(2).all(goes_on)
    }

    /// Whether a way is the one that was taken.
    fn leads_there(&self, trace: &Trace, seen: &Fate) -> bool {
        let told = fate(self.ruleset, trace, self.place.nft);
        let Some(behind) = follows(self.ruleset, trace, &told, seen) else { return false };
        if trace.verdict == Verdict::Unknown {
            // Such as a target that asks for a socket: here it says no more.
            return true;
        }
        let is_mark_told = !trace.untold.iter().any(|it| it.0 == Field::Mark);
        let same = match (&told.out, &seen.out) {
            (Some((mark, _)), Some((seen, _))) if is_mark_told && mark != seen => false,
            // Bytes of which some are not told.
            (Some((_, bytes)), Some((_, seen))) => bytes.is_empty() || bytes == seen,
            (told, seen) => told == seen,
        };
        behind == seen.steps.len() && same && seen.is_answered_as(&told)
    }
}

fn has_misses(trace: &Trace) -> bool {
    trace.path.iter().any(|it| it.kind == StepKind::Miss)
}

/// Whether the kernel tells the sender that the hop limit was used up, which no rule does.
fn is_time_exceeded(shot: &Shot, seen: &Fate) -> bool {
    seen.answer == Some(Answer::Icmp(if shot.is_v6() { 3 } else { 11 }, 0))
}

/// Takes a part of what is told away, another of each packet and each time: now and then much.
fn forget(packet: &mut Packet, shot: &Shot, time: usize) {
    let mut bits = shot.bytes.iter().fold(0xcbf2_9ce4_u32 ^ shot.mark ^ time as u32, |all, byte| {
        (all ^ u32::from(*byte)).wrapping_mul(0x0100_0193).rotate_left(5)
    });
    let mut next = || {
        bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bits >> 30
    };
    let least = if next() == 0 { 2 } else { 0 };
    let mut forget = || next() <= least;
    macro_rules! drop_some {
        ($($place:expr),*) => { $(if forget() { $place = None; })* };
    }
    drop_some!(packet.in_iface, packet.out_iface, packet.link, packet.owner);
    let facts = &mut packet.facts;
    drop_some!(facts.source_type, facts.destination_type, facts.reverse_path, facts.realm, facts.in_group);
    drop_some!(facts.out_group, facts.cpu, facts.cgroup, facts.socket, facts.bridge_in, facts.bridge_out);
    drop_some!(facts.ipsec);
    if shot.after == 0 {
        // Else it would say that no time has passed.
        drop_some!(facts.now);
    }
    if packet.owner.is_none() {
        // That no socket waits would say that none sends it.
        packet.facts.socket = None;
    }
    if let Some(entry) = &mut packet.entry {
        drop_some!(entry.expires, entry.counts);
    }
    if shot.entry == Entry::None && forget() {
        // What tracking makes of such a packet it finds by itself.
        packet.entry = None;
    }
}
