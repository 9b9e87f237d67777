//! Layer 7. What would happen to this packet: a ruleset, compiled, and asked.
//!
//! `docs/semantics.md` says in numbered paragraphs what a ruleset means; the judge of this module is the kernel
//! (`cargo xtask kernel-diff`). What nobody can tell from the packet and what is said of it is *unknown*, with the reason.

mod buckets;
mod bytes;
mod clock;
mod compile;
mod content;
mod counts;
mod describe;
mod effect;
mod hash;
mod index;
#[cfg(feature = "json")]
pub mod json;
mod machine;
mod memory;
mod nat;
mod route;
mod sets;
mod show;
mod test;
#[cfg(test)]
mod tests;
mod trace;
mod tracked;
mod walk;

pub(crate) use compile::tracks;
pub use show::Standing;
pub use trace::{Step, StepKind, Trace};
pub(crate) use walk::{Stop, way};

use std::sync::Arc;

use crate::ipset::Contents;
use crate::meaning::Answer;
use crate::model::{Policy, Ruleset};
use crate::packet::Packet;
use crate::routes::Routes;
use machine::Machine;
use memory::Memory;
use test::Test;
use walk::Run;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It passes all hooks of its path.
    Accept,
    /// It is dropped in silence.
    Drop,
    /// It is dropped and its sender told.
    Reject(Answer),
    /// Nobody can tell from what is known.
    Unknown,
}

/// What is assumed where the ruleset does not say.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The policy of built-in chains whose policy is left as it is; `None`: nobody knows.
    pub policy: Option<Policy>,
}

impl Options {
    /// With this policy where a ruleset tells none.
    pub const fn new(policy: Option<Policy>) -> Options {
        Options { policy }
    }
}

/// What is asked about packets; by default the one way of each by itself.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Ask {
    /// They come one after the other, from the moment that the rules were loaded ([`Simulator::session`]); else each by itself.
    pub sequence: bool,
    /// Every way that a packet may go, where something is not decided.
    pub ways: bool,
    /// Also the rules that do not match.
    pub misses: bool,
}

/// A ruleset, compiled for simulation.
#[derive(Clone, Debug)]
pub struct Simulator<'a> {
    ruleset: &'a Ruleset,
    options: Options,
    /// In the order of [`TableName`](crate::ext::TableName)'s variants.
    tables: [Option<compile::Table>; 5],
    /// The places of the memory, when the first packet comes.
    slots: Vec<memory::Slot>,
    /// The interfaces that rules tell apart.
    names: index::Names,
    /// Whether the ruleset makes the kernel track connections, and with that put fragments together first.
    tracks: bool,
    /// Whether nf_tables asks the rules.
    nft: bool,
    /// Whether a rule looks at the hop limit, or at bytes among which it is.
    counts_hops: bool,
    /// What is in sets, when the first packet comes.
    sets: Option<Arc<Contents>>,
    /// Where packets go.
    routes: Option<Arc<Routes>>,
}

/// A place in a [`Ruleset`]: indexes of its `tables`, their `chains`, their `rules`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// In [`Ruleset::tables`].
    pub table: usize,
    /// In [`Table::chains`](crate::model::Table::chains).
    pub chain: usize,
    /// In [`Chain::rules`](crate::model::Chain::rules); `None` for the chain itself.
    pub rule: Option<usize>,
}

/// What happens on the way of a packet, as counters of the kernel see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// A rule matched.
    Rule,
    /// A rule may have matched: nobody can tell, and it makes no difference, or the way on which it did is shown.
    Maybe,
    /// The end of a user's chain: back to the caller.
    Return,
    /// The end of a built-in chain.
    Policy,
    /// A rule did not match and dropped the packet, because a header is not whole.
    Torn,
}

/// Watches a packet. `bytes` is its length at that moment.
pub trait Watch {
    /// Something happened at a rule or a chain.
    fn see(&mut self, at: At, seen: Seen, bytes: u64);
}

impl<F: FnMut(At, Seen, u64)> Watch for F {
    fn see(&mut self, at: At, seen: Seen, bytes: u64) {
        self(at, seen, bytes);
    }
}

/// What happens at a chain.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Policy(Option<Policy>),
    Return,
    Torn,
}

/// What watches from within.
trait Observer {
    /// Whether rules that do not match are told too: then all are asked.
    const MISSES: bool;
    /// Whether it looks at the packet.
    const LOOKS: bool = true;
    fn hit(&mut self, at: At, machine: &Machine<'_>, tests: &[Test], sure: bool);
    fn miss(&mut self, at: At, machine: &Machine<'_>, tests: &[Test]);
    fn at(&mut self, at: At, machine: &Machine<'_>, event: Event);
}

/// Nobody watches.
struct Nobody;

impl Observer for Nobody {
    const MISSES: bool = false;
    const LOOKS: bool = false;
    #[inline]
    fn hit(&mut self, _: At, _: &Machine<'_>, _: &[Test], _: bool) {}
    fn miss(&mut self, _: At, _: &Machine<'_>, _: &[Test]) {}
    #[inline]
    fn at(&mut self, _: At, _: &Machine<'_>, _: Event) {}
}

/// Somebody outside watches.
struct Outside<'w, W>(&'w mut W);

impl<W: Watch> Observer for Outside<'_, W> {
    const MISSES: bool = false;
    fn hit(&mut self, at: At, machine: &Machine<'_>, _: &[Test], sure: bool) {
        self.0.see(at, if sure { Seen::Rule } else { Seen::Maybe }, machine.bytes.len() as u64);
    }
    fn miss(&mut self, _: At, _: &Machine<'_>, _: &[Test]) {}
    fn at(&mut self, at: At, machine: &Machine<'_>, event: Event) {
        let seen = match event {
            Event::Policy(_) => Seen::Policy,
            Event::Return => Seen::Return,
            Event::Torn => Seen::Torn,
        };
        self.0.see(at, seen, machine.bytes.len() as u64);
    }
}

impl<'a> Simulator<'a> {
    /// Compiles a ruleset.
    pub fn new(ruleset: &'a Ruleset, options: Options) -> Simulator<'a> {
        let (tables, slots, names) = compile::tables(ruleset);
        let tracks = compile::tracks(ruleset);
        let counts_hops = compile::counts_hops(ruleset);
        let nft = ruleset.context.dialect.is_nft();
        Simulator {
            ruleset,
            options,
            tables,
            slots,
            names,
            tracks,
            nft,
            counts_hops,
            sets: None,
            routes: None,
        }
    }

    /// With the contents of sets: rules that ask for these are decided, and what the target SET does to them counts for the
    /// same packet and for those that follow in a session. Times of entries run from the first packet of a session.
    #[must_use]
    pub fn with_sets(self, sets: Contents) -> Simulator<'a> {
        Simulator { sets: Some(Arc::new(sets)), ..self }
    }

    /// With the routes of the machine: they say where a packet goes that does not say it itself
    /// ([`Packet::parse_routed`]), and where one goes whose destination or mark a rule has changed, and which address
    /// MASQUERADE takes. What a packet is told counts as long as no rule changes what routes look at.
    #[must_use]
    pub fn with_routes(self, routes: Routes) -> Simulator<'a> {
        Simulator { routes: Some(Arc::new(routes)), ..self }
    }

    /// The ruleset.
    pub fn ruleset(&self) -> &'a Ruleset {
        self.ruleset
    }

    /// What becomes of one packet, when nothing is known of earlier ones. The way ends at the first rule that is not decided.
    pub fn verdict(&self, packet: &Packet) -> Verdict {
        Run::new(self, packet, &mut Memory::new(None, self.sets.as_ref()), &mut Nobody, None).go()
    }

    /// The way of one packet with everything that is known about it; where that is not enough, both ways are gone, and the
    /// verdict is unknown only if they lead to different ones. The path is then the one on which undecided rules do not match.
    pub fn simulate(&self, packet: &Packet) -> Trace {
        trace::joined(self, packet, &mut Memory::new(None, self.sets.as_ref()), false)
    }

    /// As [`simulate`](Simulator::simulate), with the rules that did not match, each with the condition that failed.
    pub fn explain(&self, packet: &Packet) -> Trace {
        trace::joined(self, packet, &mut Memory::new(None, self.sets.as_ref()), true)
    }

    /// Every way that the packet may go, at most 64: one for each answer to each condition that is not decided.
    pub fn ways(&self, packet: &Packet) -> Vec<Trace> {
        trace::ways(self, packet, &Memory::new(None, self.sets.as_ref()), false).0
    }

    /// What becomes of packets: of each its way, or all of its ways.
    pub fn ask(&self, packets: &[Packet], how: Ask) -> Vec<Vec<Trace>> {
        let mut session = self.session();
        let each = packets.iter().map(|packet| {
            if !how.sequence {
                session.memory = Memory::new(None, self.sets.as_ref());
            }
            if how.ways {
                let (ways, left, _) = trace::ways(self, packet, &session.memory, how.misses);
                session.memory = left;
                return ways;
            }
            vec![trace::joined(self, packet, &mut session.memory, how.misses)]
        });
        each.collect()
    }

    /// Packets one after the other, from the moment that the rules were loaded: limits are full, lists empty, counts at their
    /// beginning. All packets come at once, unless they say when ([`Facts::now`](crate::packet::Facts::now)): one that does not
    /// comes with the one before it.
    pub fn session(&self) -> Session<'_, 'a> {
        Session { simulator: self, memory: Memory::new(Some(&self.slots), self.sets.as_ref()) }
    }
}

/// A sequence of packets.
#[derive(Clone, Debug)]
pub struct Session<'s, 'a> {
    simulator: &'s Simulator<'a>,
    memory: Memory,
}

impl Session<'_, '_> {
    /// The next packet: its verdict. If it is unknown, so is from then on what earlier packets left behind;
    /// [`simulate`](Session::simulate) goes all ways and keeps what they have in common.
    pub fn verdict(&mut self, packet: &Packet) -> Verdict {
        let verdict = Run::new(self.simulator, packet, &mut self.memory, &mut Nobody, None).go();
        self.after(verdict)
    }

    fn after(&mut self, verdict: Verdict) -> Verdict {
        if verdict == Verdict::Unknown {
            self.memory.forget();
        }
        verdict
    }

    /// The next packet, watched: every rule that matches, in order, every end of a chain. Ends at the first rule that is
    /// not decided.
    pub fn watch(&mut self, packet: &Packet, watch: &mut impl Watch) -> Verdict {
        let verdict = Run::new(self.simulator, packet, &mut self.memory, &mut Outside(watch), None).go();
        self.after(verdict)
    }

    /// The next packet, with its way.
    pub fn simulate(&mut self, packet: &Packet) -> Trace {
        trace::joined(self.simulator, packet, &mut self.memory, false)
    }

    /// Every way that the next packet may go, as [`Simulator::ways`] does; it does not come yet.
    pub fn ways(&self, packet: &Packet) -> Vec<Trace> {
        trace::ways(self.simulator, packet, &self.memory, false).0
    }

    /// The next packet, with the rules that did not match.
    pub fn explain(&mut self, packet: &Packet) -> Trace {
        trace::joined(self.simulator, packet, &mut self.memory, true)
    }
}
