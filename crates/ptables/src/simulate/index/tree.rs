//! An index as questions: a field of the packet after another, until few rules are left.
//!
//! Which field is asked next depends on the answers so far, and the same rules that are left in two places share what follows
//! (Gouda and Liu, "Firewall design: consistency, completeness, and compactness", 2004).

use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

use super::bounds::{Bounds, starts};
use super::{DESTINATION_PORT, IN, Names, OUT, PLACES, PROTO, SOURCE_PORT, Wanted};
use crate::dialect::Family;
use crate::simulate::machine::Machine;

/// So few rules that ask for more are not told apart: to ask them costs no more.
const FEW: usize = 2;
/// Edges and entries that a tree may have in any case, and for each rule.
const ROOM: usize = 4096;
const ROOM_OF_RULE: usize = 64;
/// If more rules are left at some end because there is no more room, the tree is none.
const MANY: usize = 16;

/// The tree of a chain.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Tree {
    root: Edge,
    nodes: Box<[Node]>,
    entries: Box<[Entry]>,
}

/// What an answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edge {
    /// The place of a node, or of the first entry.
    at: u32,
    /// How many entries there are; [`NODE`] for a node.
    count: u32,
}

const NODE: u32 = u32::MAX;

/// A question.
#[derive(Clone, Debug)]
struct Node {
    place: u8,
    /// Of a field, its intervals; of an interface, none.
    bounds: Bounds,
    /// For each interval or class of names.
    edges: Box<[Edge]>,
    /// If nobody knows.
    unknown: Edge,
}

/// A rule that may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) struct Entry {
    pub(in crate::simulate) rule: u32,
    /// The conditions that are left to be asked, a bit each; all of them if all are set.
    pub(in crate::simulate) left: u32,
}

impl Tree {
    pub(super) fn new(family: Family, names: &Names, wanted: &[Wanted]) -> Option<Tree> {
        let room = ROOM + ROOM_OF_RULE * wanted.len();
        let most = super::largest(family);
        let mut classes = HashMap::new();
        for iface in wanted.iter().flat_map(|it| it.ifaces).flatten() {
            let fitting = || (0..names.count()).filter(|class| names.fits(*class, &iface)).collect();
            classes.entry(iface.as_bits()).or_insert_with(fitting);
        }
        let mut builder = Builder {
            names,
            wanted,
            classes,
            most,
            room,
            states: Vec::new(),
            known: HashMap::new(),
            open: BinaryHeap::new(),
        };
        builder.find(State { asked: 0, rules: (0..wanted.len() as u32).collect(), is_end: false });
        let mut drafts = Vec::new();
        // Where most rules are left comes first: when there is no more room, few are left elsewhere.
        while let Some((_, state)) = builder.open.pop() {
            let draft = builder.split(state as usize)?;
            drafts.resize_with(builder.states.len(), || Draft::End);
            if let Some(place) = drafts.get_mut(state as usize) {
                *place = draft;
            }
        }
        builder.finish(&drafts)
    }

    /// The rules that can match.
    #[inline]
    pub(in crate::simulate) fn find(&self, machine: &Machine<'_>) -> &[Entry] {
        let mut edge = self.root;
        while edge.count == NODE {
            let Some(node) = self.nodes.get(edge.at as usize) else { return &[] };
            let answer = match usize::from(node.place) {
                IN => machine.in_class().map(usize::from),
                OUT => machine.out_class().map(usize::from),
                place => machine.values.get(place).map(|value| node.bounds.place(value)),
            };
            let next = answer.and_then(|it| node.edges.get(it));
            edge = *next.unwrap_or(&node.unknown);
        }
        let start = edge.at as usize;
        self.entries.get(start..start + edge.count as usize).unwrap_or_default()
    }
}

/// Rules that are left after some answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// Places that were asked, a bit each.
    asked: u8,
    rules: Box<[u32]>,
    /// The state is the end for a packet of which a place is not known.
    is_end: bool,
}

/// A node that knows states where the tree will have edges.
enum Draft {
    End,
    Ask { place: usize, bounds: Vec<u128>, states: Vec<u32>, unknown: u32 },
}

struct Builder<'a> {
    names: &'a Names,
    wanted: &'a [Wanted],
    /// The classes that each name fits which a rule tells.
    classes: HashMap<u128, Rc<[usize]>>,
    /// The largest address.
    most: u128,
    room: usize,
    states: Vec<State>,
    known: HashMap<State, u32>,
    /// Those of which it is not known yet what is asked, by how many rules are left.
    open: BinaryHeap<(usize, u32)>,
}

impl Builder<'_> {
    /// The number of a state.
    fn find(&mut self, state: State) -> u32 {
        let number = self.states.len() as u32;
        let number = *self.known.entry(state.clone()).or_insert(number);
        if number as usize == self.states.len() {
            self.room = self.room.saturating_sub(state.rules.len());
            if !state.is_end {
                self.open.push((state.rules.len(), number));
            }
            self.states.push(state);
        }
        number
    }

    fn wanted(&self, rule: u32) -> Option<&Wanted> {
        self.wanted.get(rule as usize)
    }

    /// What is asked of a packet in a state: `None` if too many rules are left and there is no more room.
    fn split(&mut self, at: usize) -> Option<Draft> {
        let State { asked, rules, .. } = self.states.get(at)?.clone();
        let asks = |place: usize| {
            rules.iter().filter(|it| self.wanted(**it).is_some_and(|it| it.asks(place))).count()
        };
        let left: Vec<usize> =
            (0..PLACES).filter(|place| asked >> place & 1 == 0 && asks(*place) > 0).collect();
        let unasked =
            |rule: &&u32| self.wanted(**rule).is_some_and(|it| left.iter().any(|place| it.asks(*place)));
        if rules.iter().filter(unasked).count() <= FEW {
            return Some(Draft::End);
        }
        // Whether a packet has ports depends on its protocol.
        let waits = |place: usize| matches!(place, SOURCE_PORT | DESTINATION_PORT) && left.contains(&PROTO);
        let questions = left.iter().filter(|it| !waits(**it)).map(|it| self.question(*it, &rules));
        let small = questions.filter(|it| it.cost() + rules.len() < self.room);
        let Some(best) = small.min_by(|one, other| one.mean().total_cmp(&other.mean())) else {
            return (rules.len() <= MANY).then_some(Draft::End);
        };
        self.room -= best.spans.len();
        let unknown = self.find(State { asked, rules: rules.clone(), is_end: true });
        let asked = asked | 1 << best.place;
        let mut states = Vec::new();
        let mut bounds = Vec::new();
        for (at, rules) in best.parts(&rules).into_iter().enumerate() {
            let state = self.find(State { asked, rules: rules.into(), is_end: false });
            // Neighbours that lead to the same are one.
            if best.place >= IN || states.last() != Some(&state) {
                states.push(state);
                bounds.extend(at.checked_sub(1).and_then(|it| best.bounds.get(it)));
            }
        }
        Some(Draft::Ask { place: best.place, bounds, states, unknown })
    }

    fn question(&self, place: usize, rules: &[u32]) -> Question {
        let spans = |answers: usize, span: &dyn Fn(&Wanted) -> Span| {
            let all = Span::Range(0, answers - 1);
            rules.iter().map(|it| self.wanted(*it).map_or(all.clone(), span)).collect()
        };
        if place >= IN {
            let answers = self.names.count();
            let fitting = |it: &Wanted| {
                let wanted = it.ifaces.get(place - IN).copied().flatten();
                let classes = wanted.and_then(|it| self.classes.get(&it.as_bits()).cloned());
                classes.map_or(Span::Range(0, answers - 1), Span::Some)
            };
            return Question { place, bounds: Vec::new(), answers, spans: spans(answers, &fitting) };
        }
        let range = |it: &Wanted| it.ranges.get(place).copied().flatten();
        let ranges = rules.iter().filter_map(|it| range(self.wanted(*it)?));
        let bounds = starts(ranges, self.most);
        let within = |it: &Wanted| match range(it) {
            None => Span::Range(0, bounds.len()),
            Some((low, high)) if low > high => Span::Some(Rc::default()),
            Some((low, high)) => {
                Span::Range(bounds.partition_point(|it| *it <= low), bounds.partition_point(|it| *it <= high))
            }
        };
        let (answers, spans) = (bounds.len() + 1, spans(bounds.len() + 1, &within));
        Question { place, bounds, answers, spans }
    }

    fn finish(self, drafts: &[Draft]) -> Option<Tree> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut edges = Vec::new();
        let mut count = 0;
        for (state, draft) in self.states.iter().zip(drafts) {
            if let Draft::Ask { .. } = draft {
                edges.push(Edge { at: count, count: NODE });
                count += 1;
                continue;
            }
            edges.push(Edge { at: entries.len() as u32, count: state.rules.len() as u32 });
            entries.extend(state.rules.iter().map(|rule| {
                let left = self.wanted(*rule).map_or(u32::MAX, |it| it.left(state.asked));
                Entry { rule: *rule, left }
            }));
        }
        let edge = |state: &u32| edges.get(*state as usize).copied();
        let nodes = drafts.iter().filter_map(|draft| match draft {
            Draft::End => None,
            Draft::Ask { place, bounds, states, unknown } => Some(Node {
                place: *place as u8,
                bounds: Bounds::new(bounds.clone()),
                edges: states.iter().filter_map(edge).collect(),
                unknown: edge(unknown)?,
            }),
        });
        let root = edge(&0).filter(|it| it.count == NODE)?;
        Some(Tree { root, nodes: nodes.collect(), entries: entries.into() })
    }
}

/// A question that might be asked.
struct Question {
    place: usize,
    bounds: Vec<u128>,
    answers: usize,
    /// For each rule, the answers after which it may match.
    spans: Vec<Span>,
}

#[derive(Clone)]
enum Span {
    Range(usize, usize),
    Some(Rc<[usize]>),
}

impl Question {
    /// Rules that are left after all answers, together.
    fn cost(&self) -> usize {
        let counts = self.spans.iter().map(|span| match span {
            Span::Range(first, last) => last + 1 - first,
            Span::Some(all) => all.len(),
        });
        counts.sum::<usize>() + self.answers
    }

    /// How many rules are left after an answer.
    fn mean(&self) -> f64 {
        self.cost() as f64 / self.answers as f64
    }

    /// The rules that are left after each answer.
    fn parts(&self, rules: &[u32]) -> Vec<Vec<u32>> {
        let mut parts = vec![Vec::new(); self.answers];
        for (rule, span) in rules.iter().zip(&self.spans) {
            match span {
                Span::Range(first, last) => {
                    let parts = parts.get_mut(*first..=*last).unwrap_or_default();
                    parts.iter_mut().for_each(|it| it.push(*rule));
                }
                Span::Some(all) => all.iter().for_each(|at| {
                    if let Some(part) = parts.get_mut(*at) {
                        part.push(*rule);
                    }
                }),
            }
        }
        parts
    }
}
