//! The way of a packet through hooks, tables and chains.

use smallvec::SmallVec;

use super::compile::{Action, Chain, Rule, Table};
use super::effect::{After, apply, is_harmless, track};
use super::index::{Candidates, Entry, Index};
use super::machine::{Machine, Value};
use super::memory::Memory;
use super::nat;
use super::test::{Tri, Why, every, every_of};
use super::{At, Event, Observer, Simulator, Verdict, effect};
use crate::dialect::Family;
use crate::ext::{Hook, TableName};
use crate::meaning::{Answer, Effect, Field};
use crate::model::Policy;
use crate::packet::bytes::u16_at;
use crate::packet::{Packet, Path};

/// What to do where nobody can tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    /// Whether undecided rules match, in the order in which they come; `None` ends the way at the first.
    pub(super) given: Option<Vec<bool>>,
    /// How many were met.
    pub(super) met: usize,
}

/// One way of one packet.
pub(super) struct Run<'s, 'p, 'm, O> {
    pub(super) simulator: &'s Simulator<'s>,
    pub(super) machine: Machine<'p>,
    pub(super) memory: &'m mut Memory,
    pub(super) observer: &'m mut O,
    pub(super) choices: Choices,
    /// What was not decided, each once.
    pub(super) unknown: Vec<Why<'s>>,
    /// Why the way ended between the rules.
    pub(super) ended: Option<&'static str>,
}

/// Where a packet stops on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    Table(TableName),
    /// Connection tracking.
    Track,
}

use Stop::{Table as In, Track};
use TableName::{Filter, Mangle, Nat, Raw, Security};

const PREROUTING: &[Stop] = &[In(Raw), Track, In(Mangle), In(Nat)];
const INPUT: &[Stop] = &[In(Mangle), In(Filter), In(Security), In(Nat)];
/// iptables-nft registers its security table later than the kernel's own (priority 150).
const INPUT_NFT: &[Stop] = &[In(Mangle), In(Filter), In(Nat), In(Security)];
const FORWARD: &[Stop] = &[In(Mangle), In(Filter), In(Security)];
const OUTPUT: &[Stop] = &[In(Raw), Track, In(Mangle), In(Nat), In(Filter), In(Security)];
const POSTROUTING: &[Stop] = &[In(Mangle), In(Nat)];

type Way = &'static [(Hook, &'static [Stop])];

/// The hooks on a path, and where a packet stops at each.
pub(crate) fn way(path: Path, nft: bool) -> Way {
    match (path, nft) {
        (Path::Input, false) => &[(Hook::Prerouting, PREROUTING), (Hook::Input, INPUT)],
        (Path::Input, true) => &[(Hook::Prerouting, PREROUTING), (Hook::Input, INPUT_NFT)],
        (Path::Forward, _) => {
            &[(Hook::Prerouting, PREROUTING), (Hook::Forward, FORWARD), (Hook::Postrouting, POSTROUTING)]
        }
        (Path::Output, _) => &[(Hook::Output, OUTPUT), (Hook::Postrouting, POSTROUTING)],
    }
}

impl<'s, 'p, 'm, O: Observer> Run<'s, 'p, 'm, O> {
    #[inline(always)]
    pub(super) fn new(
        simulator: &'s Simulator<'s>,
        packet: &'p Packet,
        memory: &'m mut Memory,
        observer: &'m mut O,
        given: Option<Vec<bool>>,
    ) -> Run<'s, 'p, 'm, O> {
        Run {
            simulator,
            machine: Machine::new(packet, simulator.nft, &simulator.names),
            memory,
            observer,
            choices: Choices { given, met: 0 },
            unknown: Vec::new(),
            ended: None,
        }
    }

    /// The whole way.
    pub(super) fn go(&mut self) -> Verdict {
        self.memory.come(self.machine.packet);
        self.way().unwrap_or(Verdict::Accept)
    }

    /// The whole way, up to where it ends before the last hook.
    fn way(&mut self) -> Option<Verdict> {
        if self.simulator.tracks && self.is_fragment() {
            return Some(self.give_up("the rules make the kernel wait for the other fragments first"));
        }
        let (end, begun) = match self.machine.path {
            Path::Output => (self.set_out(), 0),
            _ => {
                effect::bring_along(&mut self.machine);
                (self.hook(Hook::Prerouting, PREROUTING).or_else(|| self.choose_way()), 1)
            }
        };
        // Where it goes on is known only now.
        let mut left = way(self.machine.path, self.simulator.nft).iter().skip(begun);
        end.or_else(|| left.find_map(|(hook, stops)| self.hook(*hook, stops)))
    }

    fn hook(&mut self, hook: Hook, stops: &[Stop]) -> Option<Verdict> {
        self.machine.hook = hook;
        if let Some(verdict) = self.route() {
            return Some(verdict);
        }
        for stop in stops {
            let end = match stop {
                Stop::Track => {
                    track(&mut self.machine);
                    None
                }
                // What it changes may lead elsewhere.
                Stop::Table(name @ (Mangle | Nat)) if hook == Hook::Output => {
                    let before = self.routed_by();
                    self.table(*name).or_else(|| self.choose_out(before))
                }
                Stop::Table(name) => self.table(*name),
            };
            if end.is_some() {
                return end;
            }
        }
        None
    }

    pub(super) fn give_up(&mut self, why: &'static str) -> Verdict {
        self.note(Why::Text(why));
        Verdict::Unknown
    }

    fn note(&mut self, why: Why<'s>) {
        if !self.unknown.contains(&why) {
            self.unknown.push(why);
        }
    }

    fn is_fragment(&self) -> bool {
        self.machine.heads.fragment != 0
            || match self.machine.family {
                Family::V4 => u16_at(&self.machine.bytes, 6).unwrap_or(0) & 0x2000 != 0,
                Family::V6 => self.machine.view().extension(44).is_some(),
            }
    }

    /// What the kernel does between the hooks.
    fn route(&mut self) -> Option<Verdict> {
        match self.machine.hook {
            // Those of IPv6 come to INPUT one by one.
            Hook::Input if self.machine.family == Family::V4 && self.is_fragment() => {
                Some(self.give_up("fragments are put together before INPUT"))
            }
            Hook::Forward => {
                let Value::Is(hops) = self.machine.value(Field::HopLimit) else { return None };
                let kind = if self.machine.family == Family::V4 { 11 } else { 3 };
                if hops <= 1 {
                    self.ended = Some("its hop limit is used up");
                    return Some(Verdict::Reject(Answer::Icmp(kind, 0)));
                }
                // The packet is copied for it, so that is left out where nobody looks.
                if O::LOOKS || self.simulator.counts_hops {
                    effect::lower_hop_limit(&mut self.machine, hops as u8);
                }
                None
            }
            _ => None,
        }
    }

    fn table(&mut self, name: TableName) -> Option<Verdict> {
        if name == Nat && !nat::begins(&self.machine) {
            let passes = self.machine.behind(nat::follow);
            return (!passes).then_some(Verdict::Drop);
        }
        let simulator = self.simulator;
        let table = simulator.tables.get(name as usize).and_then(Option::as_ref);
        let hook = self.machine.hook;
        let chain = table.and_then(|it| Some((it, it.hooks.get(hook as usize).copied().flatten()?)));
        let verdict = match chain {
            Some((table, chain)) => self.chains(table, chain),
            None => Verdict::Accept,
        };
        if name == Nat {
            nat::settle(&mut self.machine);
        }
        (verdict != Verdict::Accept).then_some(verdict)
    }

    fn chains(&mut self, table: &'s Table, base: usize) -> Verdict {
        if table.chains.get(base).is_some_and(|it| it.rules.is_empty()) {
            return self.policy(table, base);
        }
        let mut callers: SmallVec<[Frame<'s>; 4]> = SmallVec::new();
        let mut called = base;
        loop {
            let Some(chain) = table.chains.get(called) else { return self.give_up("a chain is missing") };
            let mut frame = Frame::new(chain, called, 0, &self.machine, O::MISSES);
            called = loop {
                match self.chain(table, &mut frame) {
                    Step::Jump(to, back) => {
                        if back {
                            callers.push(frame);
                        }
                        break to;
                    }
                    Step::End(verdict) => return verdict,
                    Step::Return => match callers.pop() {
                        Some(caller) => frame = caller,
                        None => return self.policy(table, base),
                    },
                }
            };
        }
    }

    fn policy(&mut self, table: &'s Table, base: usize) -> Verdict {
        let policy = table.chains.get(base).and_then(|it| it.policy);
        self.event(table, base, Event::Policy(policy));
        match policy.or(self.simulator.options.policy) {
            Some(Policy::Accept) => Verdict::Accept,
            Some(Policy::Drop) => Verdict::Drop,
            None => self.give_up("the policy of the chain is not told"),
        }
    }

    fn event(&mut self, table: &Table, chain: usize, event: Event) {
        let at = At { table: table.place, chain, rule: None };
        self.observer.at(at, &self.machine, event);
    }

    /// The rules of a chain that are left, up to the first that leads elsewhere.
    fn chain(&mut self, table: &'s Table, frame: &mut Frame<'s>) -> Step {
        let (chain, place) = (frame.chain, frame.place);
        loop {
            if frame.epoch != self.machine.epoch {
                *frame = Frame::new(chain, place, frame.from, &self.machine, O::MISSES);
            }
            let Some(Entry { rule: number, left }) = frame.rules.next() else { break };
            let number = number as usize;
            frame.from = number + 1;
            let Some(rule) = chain.rules.get(number) else { break };
            let at = At { table: table.place, chain: place, rule: Some(number) };
            let answer = match left {
                ALL => every(&rule.tests, &mut self.machine, self.memory, true),
                left => every_of(&rule.tests, left, &mut self.machine, self.memory),
            };
            // The commonest answers come before the others: a processor foresees them better than one of six.
            if matches!(answer, Tri::No) {
                if O::MISSES {
                    self.observer.miss(at, &self.machine, &rule.tests);
                }
                continue;
            }
            if matches!(answer, Tri::Yes) {
                self.observer.hit(at, &self.machine, &rule.tests, true);
            } else {
                match self.uncommon(table, rule, at, answer) {
                    Uncommon::Matches => {}
                    Uncommon::Next => continue,
                    Uncommon::End(verdict) => return Step::End(verdict),
                }
            }
            if let Action::Do(place) = rule.action {
                let Some(effect) = table.effects.get(place as usize) else { break };
                match self.apply(effect) {
                    After::Next => continue,
                    After::Return => return Step::Return,
                    After::End(verdict) => return Step::End(verdict),
                    After::Unknown(why) => {
                        self.note(why);
                        return Step::End(Verdict::Unknown);
                    }
                }
            }
            match rule.action {
                Action::Jump(to) => return Step::Jump(to as usize, true),
                Action::Goto(to) => return Step::Jump(to as usize, false),
                Action::Circle => return Step::End(self.give_up("chains call each other in a circle")),
                Action::Missing => return Step::End(self.give_up("a rule leads to a chain that is missing")),
                Action::Next | Action::Do(_) => {}
            }
        }
        if !chain.builtin {
            self.event(table, place, Event::Return);
        }
        Step::Return
    }

    /// What comes of a rule that neither matches for certain nor fails.
    #[cold]
    fn uncommon(&mut self, table: &'s Table, rule: &'s Rule, at: At, answer: Tri<'s>) -> Uncommon {
        match answer {
            Tri::Yes => Uncommon::Matches,
            Tri::No => Uncommon::Next,
            Tri::Drop => {
                self.observer.at(at, &self.machine, Event::Torn);
                Uncommon::End(Verdict::Drop)
            }
            Tri::YesDrop => {
                self.observer.hit(at, &self.machine, &rule.tests, true);
                Uncommon::End(self.dropped_behind(table, rule))
            }
            Tri::MayDrop(why, counts) => match self.undecided(Some(&Effect::Drop), why) {
                Some(Some(true)) if counts => {
                    self.observer.hit(at, &self.machine, &rule.tests, false);
                    Uncommon::End(self.dropped_behind(table, rule))
                }
                Some(Some(true)) => {
                    self.observer.at(at, &self.machine, Event::Torn);
                    Uncommon::End(Verdict::Drop)
                }
                Some(None) => Uncommon::End(Verdict::Unknown),
                _ => Uncommon::Next,
            },
            Tri::Lost(why) => {
                self.note(why);
                Uncommon::End(Verdict::Unknown)
            }
            Tri::Unknown(why) => match self.undecided(table.effect(&rule.action), why) {
                None => {
                    self.observer.hit(at, &self.machine, &rule.tests, false);
                    Uncommon::Next
                }
                Some(Some(true)) => {
                    self.observer.hit(at, &self.machine, &rule.tests, false);
                    Uncommon::Matches
                }
                Some(Some(false)) => Uncommon::Next,
                Some(None) => Uncommon::End(Verdict::Unknown),
            },
        }
    }

    /// What becomes of a packet that a look drops, though the rule counts: the kernel's own tables come to the target, and drop
    /// the packet behind it.
    fn dropped_behind(&self, table: &Table, rule: &Rule) -> Verdict {
        match table.effect(&rule.action) {
            Some(Effect::Reject(answer)) if !self.simulator.nft => Verdict::Reject(*answer),
            _ => Verdict::Drop,
        }
    }

    fn apply(&mut self, effect: &'s Effect) -> After<'s> {
        match effect {
            Effect::Drop => After::End(Verdict::Drop),
            Effect::Sets(changes) => {
                self.memory.sets.change(changes, &self.machine);
                After::Next
            }
            Effect::Sequence(all) => {
                for it in all {
                    match self.apply(it) {
                        After::Next => {}
                        end => return end,
                    }
                }
                After::Next
            }
            effect => {
                if let Effect::Nat(nat) = effect
                    && nat.of_interface
                {
                    self.machine.own_address = self.address_of_interface(nat.source);
                }
                self.machine.behind(|machine| apply(effect, machine))
            }
        }
    }

    /// Whether an undecided rule is taken, which does this or leads elsewhere: `None` if it makes no difference, `Some(None)` if
    /// the way ends here.
    fn undecided(&mut self, effect: Option<&Effect>, why: Why<'s>) -> Option<Option<bool>> {
        self.note(why);
        match effect {
            Some(Effect::Sets(changes)) => {
                self.memory.sets.doubt(changes);
                return None;
            }
            Some(effect) if is_harmless(effect) => return None,
            _ => {}
        }
        let Some(given) = &mut self.choices.given else { return Some(None) };
        let choice = given.get(self.choices.met).copied();
        if choice.is_none() {
            given.push(false);
        }
        self.choices.met += 1;
        Some(Some(choice.unwrap_or(false)))
    }
}

/// What comes of a rule that neither matches for certain nor fails.
enum Uncommon {
    Matches,
    Next,
    End(Verdict),
}

/// What comes after the rules of a chain.
enum Step {
    /// To a chain, and back, unless it was `goto`.
    Jump(usize, bool),
    Return,
    End(Verdict),
}

/// A chain that the packet is in.
struct Frame<'a> {
    chain: &'a Chain,
    place: usize,
    rules: Rules<'a>,
    /// The first rule that was not asked.
    from: usize,
    /// Of the packet, when its rules were chosen.
    epoch: u32,
}

impl<'a> Frame<'a> {
    #[inline]
    fn new(chain: &'a Chain, place: usize, from: usize, machine: &Machine<'_>, all: bool) -> Frame<'a> {
        Frame { chain, place, rules: Rules::new(chain, machine, from, all), from, epoch: machine.epoch }
    }
}

/// All conditions of a rule are to be asked.
const ALL: u32 = u32::MAX;

/// The rules that are asked: all, or those that can match.
enum Rules<'a> {
    All(std::ops::Range<u32>),
    Found(std::slice::Iter<'a, Entry>),
    // Chains of this kind are few and long.
    Some(Box<Candidates<'a>>),
}

impl<'a> Rules<'a> {
    #[inline]
    fn new(chain: &'a Chain, machine: &Machine<'_>, from: usize, all: bool) -> Rules<'a> {
        match &chain.index {
            Some(Index::Tree(tree)) if !all => {
                let found = tree.find(machine);
                let start = if from == 0 { 0 } else { found.partition_point(|it| (it.rule as usize) < from) };
                Rules::Found(found.get(start..).unwrap_or_default().iter())
            }
            Some(Index::Sets(sets)) if !all => Rules::Some(Box::new(sets.candidates(machine, from))),
            _ => Rules::All(from as u32..chain.rules.len() as u32),
        }
    }
}

impl Iterator for Rules<'_> {
    type Item = Entry;
    #[inline(always)]
    fn next(&mut self) -> Option<Entry> {
        match self {
            Rules::Found(found) => found.next().copied(),
            Rules::All(range) => range.next().map(|rule| Entry { rule, left: ALL }),
            Rules::Some(candidates) => candidates.next(),
        }
    }
}
