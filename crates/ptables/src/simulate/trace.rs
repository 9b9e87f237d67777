//! The way of a packet, written down.

use super::describe;
use super::machine::Machine;
use super::memory::Memory;
use super::test::{Test, Why};
use super::walk::Run;
use super::{At, Event, Observer, Simulator, Verdict};
use crate::ext::Hook;
use crate::meaning::Field;
use crate::model::Policy;
use crate::packet::Packet;

/// What happened to a packet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trace {
    /// What becomes of it.
    pub verdict: Verdict,
    /// Rules and ends of chains in the order in which it met them.
    pub path: Vec<Step>,
    /// The packet as it leaves, or as it was when it was dropped.
    pub packet: Packet,
    /// What was not decided, each reason once.
    pub unknown: Vec<String>,
    /// Fields of the packet as it leaves that nobody can tell, with the reason.
    pub untold: Vec<(Field, &'static str)>,
    /// Why its way ended between the rules, such as for want of a route.
    pub ended: Option<&'static str>,
}

/// One step of the way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// Where.
    pub at: At,
    /// In which hook.
    pub hook: Hook,
    /// What happened.
    pub kind: StepKind,
    /// Why: one sentence a condition.
    pub why: Vec<String>,
}

/// What happened at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepKind {
    /// The rule matched.
    Match,
    /// Nobody can tell whether it matched; on this way it did, or it makes no difference.
    Maybe,
    /// The rule did not match.
    Miss,
    /// The end of a user's chain.
    Return,
    /// The end of a built-in chain, with its policy.
    Policy(Option<Policy>),
    /// The rule did not match, but dropped the packet, because a header is not whole.
    Torn,
}

/// Most ways that are gone.
const WAYS: usize = 64;

struct Writer<const MISSES: bool> {
    path: Vec<Step>,
}

impl<const MISSES: bool> Writer<MISSES> {
    fn push(&mut self, at: At, machine: &Machine<'_>, kind: StepKind, why: Vec<String>) {
        self.path.push(Step { at, hook: machine.hook, kind, why });
    }
}

impl<const MISSES: bool> Observer for Writer<MISSES> {
    const MISSES: bool = MISSES;

    fn hit(&mut self, at: At, machine: &Machine<'_>, tests: &[Test], sure: bool) {
        let kind = if sure { StepKind::Match } else { StepKind::Maybe };
        self.push(at, machine, kind, describe::hits(tests, machine));
    }

    fn miss(&mut self, at: At, machine: &Machine<'_>, tests: &[Test]) {
        self.push(at, machine, StepKind::Miss, describe::miss(tests, machine).into_iter().collect());
    }

    fn at(&mut self, at: At, machine: &Machine<'_>, event: Event) {
        let kind = match event {
            Event::Policy(policy) => StepKind::Policy(policy),
            Event::Return => StepKind::Return,
            Event::Torn => StepKind::Torn,
        };
        self.push(at, machine, kind, Vec::new());
    }
}

/// Goes every way. Gives also what all of them leave in the memory, and whether all were gone.
pub(super) fn ways(
    simulator: &Simulator<'_>,
    packet: &Packet,
    memory: &Memory,
    misses: bool,
) -> (Vec<Trace>, Memory, bool) {
    let mut traces = Vec::new();
    let mut first: Option<Memory> = None;
    let mut given: Vec<bool> = Vec::new();
    loop {
        let mut own = memory.clone();
        let (trace, mut choices) = if misses {
            one::<true>(simulator, packet, &mut own, given)
        } else {
            one::<false>(simulator, packet, &mut own, given)
        };
        if trace.verdict == Verdict::Unknown {
            // What rules behind the end of the way would have remembered nobody knows.
            own.forget();
        }
        traces.push(trace);
        match &mut first {
            None => first = Some(own),
            Some(first) => first.merge(&own),
        }
        // The next way: the last rule that did not match now does.
        while choices.last() == Some(&true) {
            choices.pop();
        }
        match choices.last_mut() {
            None => break,
            Some(last) => *last = true,
        }
        if traces.len() == WAYS {
            let mut lost = first.unwrap_or_default();
            lost.forget();
            return (traces, lost, false);
        }
        given = choices;
    }
    (traces, first.unwrap_or_default(), true)
}

fn one<const MISSES: bool>(
    simulator: &Simulator<'_>,
    packet: &Packet,
    memory: &mut Memory,
    given: Vec<bool>,
) -> (Trace, Vec<bool>) {
    let mut writer = Writer::<MISSES> { path: Vec::new() };
    let mut run = Run::new(simulator, packet, memory, &mut writer, Some(given));
    let verdict = run.go();
    let mut unknown = Vec::new();
    add(&mut unknown, run.unknown.iter().map(reason));
    let choices = run.choices.given.take().unwrap_or_default();
    let untold = run.machine.lost.clone();
    let ended = run.ended;
    let packet = run.machine.into_packet();
    (Trace { verdict, path: writer.path, packet, unknown, untold, ended }, choices)
}

/// All ways in one trace: the first, with the verdict only if all have it.
pub(super) fn joined(simulator: &Simulator<'_>, packet: &Packet, memory: &mut Memory, misses: bool) -> Trace {
    let (traces, after, whole) = ways(simulator, packet, memory, misses);
    *memory = after;
    let mut traces = traces.into_iter();
    // There is one way at least.
    let Some(mut joined) = traces.next() else {
        let reason = "no way was found".to_owned();
        return Trace {
            verdict: Verdict::Unknown,
            path: Vec::new(),
            packet: packet.clone(),
            unknown: vec![reason],
            untold: Vec::new(),
            ended: None,
        };
    };
    for other in traces {
        if other.verdict != joined.verdict {
            joined.verdict = Verdict::Unknown;
        }
        add(&mut joined.unknown, other.unknown);
    }
    if !whole {
        joined.verdict = Verdict::Unknown;
        joined.unknown.push(format!("more than {WAYS} ways are open"));
    }
    joined
}

/// Adds reasons, each once: what several rules need may have the same words.
fn add(all: &mut Vec<String>, reasons: impl IntoIterator<Item = String>) {
    for reason in reasons {
        if !all.contains(&reason) {
            all.push(reason);
        }
    }
}

fn reason(why: &Why<'_>) -> String {
    match why {
        Why::Text(text) => (*text).to_owned(),
        Why::Need(need) => need.to_string(),
    }
}
