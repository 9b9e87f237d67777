//! The kernel's side: rules are loaded, packets sent, and what became of them is read.

use std::io;

use ptables::meaning::Answer;
use ptables::model::Ruleset;
use ptables_judge::conntrack::Connections;
use ptables_judge::counters::{Count, Kind, Table};
use ptables_judge::restore::{self, Loader};
use ptables_judge::trace::{Event, Log, NftTrace};
use ptables_judge::world::{Watch, World};

use super::answers::{Rewrites, answer};
use super::held::Held;
use super::pace::Pace;
use super::shot::{Entry, Known, Shot};

/// Bytes of a packet that are told where it leaves.
pub const TOLD: usize = 512;

/// A rule that matched, or the end of a chain: numbers of the table and chain in the ruleset, and of the rule in the
/// chain; as many as there are rules means the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step {
    /// Table.
    pub table: usize,
    /// Chain.
    pub chain: usize,
    /// Rule.
    pub rule: usize,
}

/// What became of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Its path, in order.
    pub steps: Vec<Step>,
    /// Its mark and its first bytes where it passed every table; `None` if it did not.
    pub out: Option<(u32, Vec<u8>)>,
    /// Its connection then; `None` where that is not compared.
    pub connection: Option<Held>,
    /// What its sender is told of it; of the simulator's, what is told if anybody is.
    pub answer: Option<Answer>,
    /// Whether the kernel tells nobody of such a packet, or may not.
    pub is_mute: bool,
}

impl Fate {
    /// Whether the kernel answered as the simulator says.
    pub fn is_answered_as(&self, simulated: &Fate) -> bool {
        self.answer == simulated.answer || self.answer.is_none() && self.is_mute
    }

    /// Whether the kernel holds of the connection what the simulator says.
    pub fn is_held_as(&self, simulated: &Fate) -> bool {
        let both = self.connection.as_ref().zip(simulated.connection.as_ref());
        both.is_none_or(|(seen, told)| told.is_as(seen))
    }
}

/// A namespace of the calling thread, and the rules in it.
pub struct Arena {
    world: World,
    loaders: [Loader; 2],
    watch: Watch,
    log: Option<Log>,
    trace: Option<NftTrace>,
    connections: Option<Connections>,
    counters: Vec<TableCounters>,
    names: Vec<(String, Vec<String>)>,
    rewrites: Rewrites,
    pace: Pace,
}

struct TableCounters {
    table: Table,
    steps: Vec<Option<Step>>,
    before: Vec<Count>,
    now: Vec<Count>,
}

impl Arena {
    /// A new namespace for the calling thread.
    ///
    /// # Errors
    /// What could not be done.
    pub fn new(watch: Watch, tracked: bool, devices: &[String]) -> io::Result<Arena> {
        let devices: Vec<&str> = devices.iter().map(String::as_str).collect();
        let world = World::with_devices(watch, tracked, &devices)?;
        let loaders = [false, true].map(|v6| Loader::legacy(v6, world.lock_file()));
        let log = if watch == Watch::Counters { None } else { Some(Log::new(TOLD as u32)?) };
        let trace = if watch == Watch::Nft { Some(NftTrace::new()?) } else { None };
        let connections = if tracked { Some(Connections::new()?) } else { None };
        Ok(Arena {
            world,
            loaders,
            watch,
            log,
            trace,
            connections,
            counters: Vec::new(),
            names: Vec::new(),
            rewrites: Rewrites::default(),
            pace: Pace::default(),
        })
    }

    /// Loads a text; `ruleset` is the same as we read it, which gives chains their numbers.
    ///
    /// # Errors
    /// What the tool said against it.
    pub fn load(&mut self, v6: bool, text: &str, ruleset: &Ruleset) -> io::Result<()> {
        self.rewrites = Rewrites::of(text);
        self.pace = Pace::default();
        let name = |text: &ptables::source::Text| text.to_lossy();
        self.names = ruleset
            .tables
            .iter()
            .map(|table| (name(&table.name), table.chains.iter().map(|chain| name(&chain.name)).collect()))
            .collect();
        match (self.watch, &mut self.trace) {
            (Watch::Nft, Some(trace)) => {
                restore::nft(v6, text)?;
                trace.learn(v6)?;
            }
            _ => self.loaders[usize::from(v6)].load(text)?,
        }
        self.counters.clear();
        if self.watch == Watch::Counters {
            for at in 0..self.names.len() {
                let mut table = Table::new(v6, &self.names[at].0)?;
                let shape = table.shape()?;
                let steps = shape
                    .iter()
                    .map(|entry| {
                        let chain = self.names[at].1.iter().position(|it| *it == entry.chain)?;
                        let rules = ruleset.tables[at].chains[chain].rules.len();
                        let rule = match entry.kind {
                            Kind::Rule(rule) => rule,
                            Kind::Policy | Kind::End => rules,
                            Kind::Mark => return None,
                        };
                        Some(Step { table: at, chain, rule })
                    })
                    .collect();
                let mut before = Vec::new();
                table.counts(&mut before)?;
                self.counters.push(TableCounters { table, steps, before, now: Vec::new() });
            }
        }
        Ok(())
    }

    /// Sends a packet, with its entry of connection tracking.
    ///
    /// # Errors
    /// The kernel's.
    pub fn send(&mut self, shot: &Shot) -> io::Result<()> {
        let entries = shot.kernel_entries();
        if entries.is_empty() {
            return self.world.send(&shot.wire());
        }
        let Some(connections) = &mut self.connections else {
            return Err(io::Error::other("an entry in a namespace that does not track"));
        };
        let mut done = Vec::new();
        let mut result = Ok(());
        for entry in &entries {
            result = connections.insert(entry);
            if result.is_err() {
                break;
            }
            done.push(entry.original);
        }
        if let (Ok(()), Some(expected), [master]) = (&result, shot.expected(), &*done) {
            result = connections.expect(&expected, master);
        }
        let result = result.and_then(|()| {
            if let Entry::There(Known { before: 1.., .. }) = &shot.entry {
                self.repeat(shot)?;
            }
            self.world.send(&shot.wire())
        });
        let Some(connections) = &mut self.connections else { return result };
        for original in done.iter().rev() {
            // A packet may have ended its connection.
            let _ = connections.delete(original);
        }
        result
    }

    /// The packets that came before; what becomes of them is not told.
    fn repeat(&mut self, shot: &Shot) -> io::Result<()> {
        let Entry::There(known) = &shot.entry else { return Ok(()) };
        for _ in 0..known.before {
            self.world.send(&shot.wire())?;
        }
        if let Some(trace) = &mut self.trace {
            trace.drain(|_, _| {})?;
        }
        match &mut self.log {
            Some(log) => log.drain(|_| {}),
            None => Ok(()),
        }
    }

    /// Sends a packet and reads its ordered path.
    ///
    /// # Errors
    /// The kernel's.
    pub fn follow(&mut self, shot: &Shot) -> io::Result<Fate> {
        if self.watch == Watch::Counters {
            return self.count_one(shot);
        }
        self.pace.wait(shot.after);
        self.send(shot)?;
        let mut fate = Fate { is_mute: self.rewrites.is_mute(shot), ..Fate::default() };
        let names = &self.names;
        let find = |table: &str, chain: &str, rule| {
            let at = names.iter().position(|it| it.0 == table)?;
            let chain = names[at].1.iter().position(|it| it == chain)?;
            Some(Step { table: at, chain, rule })
        };
        let mut identity = None;
        if let Some(trace) = &mut self.trace {
            trace.drain(|packet, event| {
                // The first packet is ours; what the kernel answers is another.
                if *identity.get_or_insert(packet) == packet
                    && let Event::Step { table, chain, rule, .. } = event
                {
                    fate.steps.extend(find(table, chain, rule));
                }
            })?;
        }
        let traced = self.trace.is_some();
        if let Some(log) = &mut self.log {
            log.drain(|event| match event {
                Event::Step { table, chain, rule, .. } if !traced => {
                    fate.steps.extend(find(table, chain, rule))
                }
                Event::Step { .. } => {}
                Event::Out { mark, packet, connection } => {
                    fate.out = Some((mark, packet.to_vec()));
                    fate.connection = (!connection.is_empty()).then(|| Held::read(connection));
                }
                Event::Answer { packet } => fate.answer = answer(packet).or(fate.answer),
            })?;
        }
        Ok(fate)
    }

    /// Whether packets that are said to come at once took too long for that since rules were loaded.
    pub fn is_late(&self) -> bool {
        self.pace.is_late
    }

    /// How often each step was taken since the rules were loaded or this was asked last, and with how many bytes.
    ///
    /// # Errors
    /// The kernel's.
    pub fn counts(&mut self, mut each: impl FnMut(Step, Count)) -> io::Result<()> {
        for it in &mut self.counters {
            it.table.counts(&mut it.now)?;
            for ((step, now), before) in it.steps.iter().zip(&it.now).zip(&it.before) {
                let count = (now.0.wrapping_sub(before.0), now.1.wrapping_sub(before.1));
                if let Some(step) = step.filter(|_| count != (0, 0)) {
                    each(step, count);
                }
            }
            std::mem::swap(&mut it.now, &mut it.before);
        }
        Ok(())
    }

    /// One packet by counters: the steps are in the order of the tables, and nothing is known of its end.
    fn count_one(&mut self, shot: &Shot) -> io::Result<Fate> {
        self.counts(|_, _| {})?;
        self.send(shot)?;
        let mut fate = Fate::default();
        self.counts(|step, count| fate.steps.extend((0..count.0).map(|_| step)))?;
        Ok(fate)
    }
}
