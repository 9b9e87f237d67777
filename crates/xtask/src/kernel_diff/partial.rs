//! The simulator, told less than all: what the kernel did must be one of the ways that it leaves open.

use ptables::meaning::Field;
use ptables::model::Jump;
use ptables::packet::Packet;
use ptables::simulate::{At, StepKind, Trace, Verdict};

use ptables_judge::world::Watch;

use super::arena::Fate;
use super::shot::Shot;
use super::subject::{Subject, fate, follows};
use super::trial::agree;

/// Every so many packets are asked about so.
pub const EVERY: usize = 4;

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
        let mut part = whole;
        forget(&mut part, shot);
        let told = self.simulator.simulate(&part);
        let passes = match told.verdict {
            Verdict::Accept => Some(true),
            Verdict::Unknown => None,
            _ => Some(false),
        };
        // Where it knows what becomes of the packet, it is what became of it.
        if passes.is_some_and(|it| it != seen.out.is_some()) || passes.is_none() && told.unknown.is_empty() {
            return Ok(Some("what it knows is wrong"));
        }
        let first = self.simulator.verdict(&part);
        if first != Verdict::Unknown && first != told.verdict {
            return Ok(Some("the first undecided rule is passed over"));
        }
        Ok((!self.leaves_open(&part, seen)).then_some("the way is not among those that it leaves open"))
    }

    /// The same of the next packet of a sequence, where rules remember what came before: every so many packets it is told only
    /// a part, and what it then still knows, of this packet and of those that follow, must be right.
    ///
    /// # Errors
    /// That its bytes are no packet.
    pub fn fault_in_sequence(
        &mut self,
        (at, shot): (usize, &Shot),
        seen: &Fate,
        watch: Watch,
    ) -> Result<Option<String>, String> {
        let Ok(mut packet) = self.place.packet(shot) else { return Ok(None) };
        if at % EVERY == EVERY - 1 {
            forget(&mut packet, shot);
        }
        let verdict = self.hasty.verdict(&packet);
        if verdict != Verdict::Unknown && (verdict == Verdict::Accept) != seen.out.is_some() {
            return Ok(Some("what it knows at once in a sequence is wrong".to_owned()));
        }
        let explained = self.doubtful.clone().explain(&packet);
        let told = self.doubtful.simulate(&packet);
        if has_misses(&told) || !self.is_whole(&explained) || explained.verdict != told.verdict {
            return Ok(Some("it tells what it was not asked for, or less than it was".to_owned()));
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
        Ok(self.leaves_open(&self.place.packet(shot)?, seen))
    }

    fn leaves_open(&self, packet: &Packet, seen: &Fate) -> bool {
        let ways = self.simulator.ways(packet);
        let open = ways.len() >= 64 || ways.iter().any(|trace| self.leads_there(trace, seen));
        open && !ways.iter().any(has_misses) && !self.parts_for_nothing(&ways)
    }

    /// Whether there are several ways though all that is undecided are rules that do nothing.
    fn parts_for_nothing(&self, ways: &[Trace]) -> bool {
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

    /// Whether a trace begins with the first rule of a chain, be it met or not. What is not decided is not written down.
    fn is_whole(&self, trace: &Trace) -> bool {
        let first = trace.path.first().filter(|_| trace.unknown.is_empty());
        first.is_none_or(|it| match it.at.rule {
            Some(rule) => rule == 0,
            None => self.ruleset.tables[it.at.table].chains[it.at.chain].rules.is_empty(),
        })
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

/// Takes a part of what is told away, another of each packet.
fn forget(packet: &mut Packet, shot: &Shot) {
    let mut bits = shot.bytes.iter().fold(0xcbf2_9ce4_u32 ^ shot.mark, |all, byte| {
        (all ^ u32::from(*byte)).wrapping_mul(0x0100_0193).rotate_left(5)
    });
    let mut forget = || {
        bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bits >> 30 == 0
    };
    macro_rules! drop_some {
        ($($place:expr),*) => { $(if forget() { $place = None; })* };
    }
    drop_some!(packet.in_iface, packet.out_iface, packet.link, packet.owner);
    let facts = &mut packet.facts;
    drop_some!(facts.source_type, facts.destination_type, facts.reverse_path, facts.realm, facts.in_group);
    drop_some!(facts.out_group, facts.cpu, facts.cgroup, facts.socket, facts.bridge_in, facts.bridge_out);
    drop_some!(facts.ipsec, facts.now);
    if packet.owner.is_none() {
        // That no socket waits would say that none sends it.
        packet.facts.socket = None;
    }
    if let Some(entry) = &mut packet.entry {
        drop_some!(entry.expires, entry.counts);
    }
}
