//! The simulator's side: what it says becomes of a packet.

use std::time::{SystemTime, UNIX_EPOCH};

use ptables::meaning::{Effect, Field};
use ptables::model::{Jump, Ruleset};
use ptables::packet::{Connection, Count, Link as Frame, Owner, Packet, PacketType};
use ptables::simulate::{Seen, Session, Simulator, StepKind, Trace, Verdict};
use ptables::source::Text;
use ptables::value::ct_state::CtState;
use ptables::value::iface::Iface;
use ptables::value::mac::Mac;
use ptables_judge::world::{Link, OWNERS, Path};

use super::arena::{Fate, Step, TOLD};
use super::facts;
use super::held::Held;
use super::shot::{Entry, Shot};

/// Where the simulator is asked: the namespace that the packets are sent in.
#[derive(Clone, Debug)]
pub struct Place {
    /// Interfaces by their numbers.
    pub devices: Vec<Iface>,
    /// Whether connections are tracked.
    pub tracked: bool,
    /// Processor of the thread.
    pub cpu: usize,
    /// Whether nf_tables tells of a rule that drops the packet when it looks at it.
    pub nft: bool,
    /// The time that the simulator is told.
    pub now: u64,
}

impl Place {
    /// A namespace with these interfaces.
    pub fn new(devices: &[String], tracked: bool, cpu: usize) -> Place {
        let parse = |name: &String| Iface::parse(name.as_bytes()).unwrap_or(Iface::ANY);
        Place { devices: devices.iter().map(parse).collect(), tracked, cpu, nft: false, now: Place::clock() }
    }

    /// The time now, as the simulator is told it. Rules about times are made around the moment at which they are made, so
    /// it must be asked anew for each set of rules: a judge that takes its time would tell an old one.
    pub fn clock() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
    }

    /// The packet as the simulator is told of it.
    ///
    /// # Errors
    /// That its bytes are no packet.
    pub fn packet(&self, shot: &Shot) -> Result<Packet, String> {
        let mut packet = self.bare(shot)?;
        packet.entry = self.entry(shot, &packet).map(Box::new);
        facts::tell(&mut packet, shot, self.cpu, self.now);
        Ok(packet)
    }

    /// The packet, where it comes from and where it goes, without a word about what else the machine knows.
    ///
    /// # Errors
    /// That its bytes are no packet.
    pub fn bare(&self, shot: &Shot) -> Result<Packet, String> {
        let mut packet =
            Packet::from_bytes(&shot.bytes, shot.sim_path()).map_err(|error| error.to_string())?;
        self.tell(shot, &mut packet);
        Ok(packet)
    }

    /// Where a packet comes from, and where it goes.
    pub fn tell(&self, shot: &Shot, packet: &mut Packet) {
        let output = shot.path == Path::Output;
        if shot.mark != 0 {
            packet.mark = shot.mark;
        }
        if output {
            let (uid, gid) = OWNERS[shot.owner];
            packet.owner = Some(Owner { uid, gid });
        } else {
            packet.in_iface = Some(self.devices[shot.input]);
            packet.link = Some(Frame { source: Mac(shot.mac), destination: Mac([2, 0, 0, 0, 0, 0]) });
            packet.packet_type = match shot.link {
                Link::Host => PacketType::Host,
                Link::Broadcast => PacketType::Broadcast,
                Link::Multicast => PacketType::Multicast,
            };
        }
        if shot.path != Path::Input {
            packet.out_iface = Some(self.devices[shot.output]);
        }
    }

    fn entry(&self, shot: &Shot, packet: &Packet) -> Option<Connection> {
        let tuple = shot.tuple(packet);
        match &shot.entry {
            Entry::None => {
                let mut connection = packet.connection();
                connection.expires = Some(0);
                Some(connection)
            }
            Entry::Untracked => Some(Connection::new(CtState::Untracked, tuple)),
            Entry::There(known) => {
                let state = match (known.seen || known.reply, known.related) {
                    _ if known.error => CtState::Related,
                    (true, _) => CtState::Established,
                    (_, true) => CtState::Related,
                    _ => CtState::New,
                };
                let (original, reply) = known.tuples(tuple);
                let mut connection = Connection::new(state, original);
                connection.reply_tuple = reply;
                // An error goes to who sent what it is about, and is counted by nobody.
                connection.reply = known.reply != known.error;
                let carried = Count {
                    packets: known.before.into(),
                    bytes: u64::from(known.before) * shot.bytes.len() as u64,
                };
                let carried = if known.error { Count::default() } else { carried };
                let (there, back) =
                    if known.reply { (Count::default(), carried) } else { (carried, Count::default()) };
                connection.counts = Some([there, back]);
                // Of most it is what the state says.
                let plain = !known.error && known.reply <= known.seen && known.related != known.seen;
                let own = if known.seen { Connection::SEEN_REPLY | Connection::ASSURED } else { 0 }
                    | if known.related { Connection::EXPECTED } else { 0 };
                connection.status = if plain { connection.status } else { own }
                    | if known.begins { 0 } else { Connection::CONFIRMED }
                    | match known.nat {
                        None => 0,
                        Some((true, ..)) => Connection::SOURCE_NAT,
                        Some((false, ..)) => Connection::DESTINATION_NAT,
                    };
                connection.mark = known.mark;
                connection.labels = known.labels;
                connection.helper = (!known.helper.is_empty()).then(|| Text::new(known.helper.as_str()));
                // What the kernel gives it now; conditions of these tests are far from it.
                let flags = shot.bytes.get(packet.view().transport + 13).copied().unwrap_or(0);
                connection.expires = Some(match tuple.proto {
                    _ if known.begins => 0,
                    _ if known.error => 600,
                    6 if flags & 4 != 0 => 9,
                    // The same segment for the fourth time.
                    6 if known.seen && flags & 1 == 0 && known.before > 2 => 300,
                    6 if known.seen && flags & 1 == 0 => 432_000,
                    _ => 100,
                });
                Some(connection)
            }
        }
    }
}

/// A set of rules in the simulator, from the moment that it was loaded.
pub struct Subject<'s, 'r> {
    pub(super) session: Session<'s, 'r>,
    /// The same, told less than all.
    pub(super) doubtful: Session<'s, 'r>,
    /// The same, asked for verdicts only.
    pub(super) hasty: Session<'s, 'r>,
    /// The same, told all.
    pub(super) prompt: Session<'s, 'r>,
    /// The verdict about the last packet, as long as none was undecided.
    pub(super) decided: Option<Verdict>,
    pub(super) simulator: &'s Simulator<'r>,
    pub(super) ruleset: &'r Ruleset,
    pub(super) place: &'s Place,
}

impl<'s, 'r> Subject<'s, 'r> {
    /// Asks a simulator about packets in this place, one after the other.
    pub fn new(simulator: &'s Simulator<'r>, place: &'s Place) -> Subject<'s, 'r> {
        let session = simulator.session();
        let (doubtful, hasty, prompt) = (session.clone(), session.clone(), session.clone());
        let (ruleset, decided) = (simulator.ruleset(), Some(Verdict::Accept));
        Subject { session, doubtful, hasty, prompt, decided, simulator, ruleset, place }
    }

    /// What becomes of the next packet.
    ///
    /// # Errors
    /// Why the simulator does not know.
    pub fn fate(&mut self, shot: &Shot) -> Result<Fate, String> {
        // What is no packet comes to no hook.
        let Ok(packet) = self.place.packet(shot) else { return Ok(Fate::default()) };
        let trace = self.session.simulate(&packet);
        self.decided = self.decided.and(Some(trace.verdict)).filter(|_| trace.unknown.is_empty());
        if trace.verdict == Verdict::Unknown || !trace.unknown.is_empty() {
            return Err(trace.unknown.join("; "));
        }
        if let Some((_, why)) = trace.untold.iter().find(|it| it.0 == Field::Mark) {
            return Err((*why).to_owned());
        }
        Ok(fate(self.ruleset, &trace, self.place.nft))
    }

    /// Whether what the kernel did is one of the ways that are open where the simulator does not know all: a rate, the time.
    ///
    /// # Errors
    /// That its bytes are no packet.
    pub fn allows(&self, shot: &Shot, seen: &Fate) -> Result<bool, String> {
        let packet = self.place.packet(shot)?;
        let ways = self.simulator.ways(&packet);
        Ok(ways.iter().any(|trace| {
            let told = fate(self.ruleset, trace, self.place.nft);
            let behind = follows(self.ruleset, trace, &told, seen);
            behind == Some(seen.steps.len()) && told.out == seen.out && seen.is_answered_as(&told)
        }))
    }

    /// What the next packet counts: each step with its bytes. Returns whether the simulator knows it all.
    ///
    /// # Errors
    /// That its bytes are no packet.
    pub fn count(&mut self, shot: &Shot, mut each: impl FnMut(Step, u64)) -> Result<bool, String> {
        let Ok(packet) = self.place.packet(shot) else { return Ok(true) };
        let ruleset = self.ruleset;
        let mut known = true;
        let verdict = self.session.watch(
            &packet,
            &mut |at: ptables::simulate::At, seen: Seen, bytes: u64| match seen {
                Seen::Torn => {}
                Seen::Maybe => known = false,
                _ => each(step(ruleset, at), bytes),
            },
        );
        Ok(known && verdict != Verdict::Unknown)
    }
}

/// Whether a rule makes no difference to anything that rules look at, but for what they remember.
pub(super) fn is_harmless(ruleset: &Ruleset, at: ptables::simulate::At) -> bool {
    let chain = &ruleset.tables[at.table].chains[at.chain];
    let rule = at.rule.and_then(|it| chain.rules[it].as_typed());
    rule.is_some_and(|rule| match &rule.jump {
        Jump::None => true,
        Jump::Target(target) => {
            let effect = target.effect(ruleset.context);
            matches!(effect, Effect::Continue(_) | Effect::Rewrite(_) | Effect::Sets(_))
        }
        _ => false,
    })
}

/// Whether a way ends with a rule that may have matched, and has dropped the packet by a look; a header that cannot be
/// translated drops it behind all rules.
fn ends_by_a_look(trace: &Trace) -> bool {
    let last = trace.path.last().is_some_and(|it| it.kind == StepKind::Maybe);
    last && trace.verdict == Verdict::Drop && trace.ended.is_none() && trace.packet.view().proto != Some(47)
}

/// How many of the steps that were seen a way has, if it has them in order and no other; a rule that may have matched without a
/// difference is there or not.
pub(super) fn follows(ruleset: &Ruleset, trace: &Trace, told: &Fate, seen: &Fate) -> Option<usize> {
    let free = trace.path.len() - usize::from(ends_by_a_look(trace));
    let maybes =
        trace.path[..free].iter().filter(|it| it.kind == StepKind::Maybe && is_harmless(ruleset, it.at));
    let maybe = |at: &Step| maybes.clone().any(|it| step(ruleset, it.at) == *at);
    let mut behind = 0;
    for step in &told.steps {
        if seen.steps.get(behind) == Some(step) {
            behind += 1;
        } else if !maybe(step) {
            return None;
        }
    }
    Some(behind)
}

/// A place of the simulator's path as a step: the end of a chain has a number behind its rules.
pub(super) fn step(ruleset: &Ruleset, at: ptables::simulate::At) -> Step {
    let end = || ruleset.tables[at.table].chains[at.chain].rules.len();
    Step { table: at.table, chain: at.chain, rule: at.rule.unwrap_or_else(end) }
}

pub(super) fn fate(ruleset: &Ruleset, trace: &Trace, torn: bool) -> Fate {
    let told = |kind| torn || kind != StepKind::Torn;
    let counted = trace.path.iter().filter(|it| it.kind != StepKind::Miss && told(it.kind));
    let out = (trace.verdict == Verdict::Accept).then(|| {
        let bytes = trace.packet.to_bytes();
        // Bytes of which some are not known are not compared.
        let all = !trace.untold.iter().any(|it| it.0.is_of_bytes());
        let told = if all { bytes.len().min(TOLD) } else { 0 };
        (trace.packet.mark, bytes[..told].to_vec())
    });
    let answer = match trace.verdict {
        Verdict::Reject(answer) => Some(answer),
        _ => None,
    };
    let connection = out.is_some().then(|| Held::of(trace));
    Fate { steps: counted.map(|it| step(ruleset, it.at)).collect(), out, connection, answer, is_mute: false }
}
