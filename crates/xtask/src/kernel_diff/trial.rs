//! One set of rules, in the kernel and in the simulator, and packets that both get.

use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::ext::Context;
use ptables::meaning::Answer;
use ptables::model::Ruleset;
use ptables_judge::world::Watch;

use super::arena::{Arena, Fate, Step};
use super::shot::Shot;
use super::subject::{Place, Subject};
use super::unknown::{Untold, has_unknown_address};
use crate::oracle::Ours;
use ptables::simulate::{Options, Simulator};

/// What a difference is about, and what is needed to see it again.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Whether iptables-nft loads the rules.
    pub nft: bool,
    /// Whether the namespace tracks connections.
    pub tracked: bool,
    /// Whether the ordered path is compared, else the counters.
    pub ordered: bool,
    /// Whether the rules are of IPv6.
    pub v6: bool,
    /// Whether rules remember earlier packets.
    pub remembers: bool,
    /// Whether rules may ask what nobody tells the simulator.
    pub undecided: bool,
    /// Whether the simulator must know all, whatever its rules ask.
    pub known: bool,
    /// Names of the interfaces.
    pub devices: Vec<String>,
    /// The rules.
    pub text: String,
    /// The packets, in order.
    pub shots: Vec<Shot>,
}

/// A difference between the two.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Number of the packet.
    pub at: usize,
    /// What the simulator says, or why it does not know.
    pub simulated: Result<Fate, String>,
    /// What the kernel did.
    pub seen: Fate,
}

impl Case {
    /// What the namespace watches.
    pub fn watch(&self) -> Watch {
        match (self.ordered, self.nft) {
            (_, true) => Watch::Nft,
            (true, false) => Watch::Legacy,
            (false, false) => Watch::Counters,
        }
    }

    /// Whether the simulator is asked with less than all that is told, too: of rules that remember nothing, and put nothing
    /// into packets that nobody tells.
    pub fn is_asked_in_part(&self) -> bool {
        self.ordered && !self.remembers && !self.undecided && !has_unknown_address(&self.text)
    }

    /// The rules as the simulator reads them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn ruleset(&self) -> Result<Ruleset, String> {
        read(self.v6, self.nft, &self.text)
    }

    /// Takes all rules away, and with them the lists that they filled.
    ///
    /// # Errors
    /// What the tool said.
    pub fn forget(&self, arena: &mut Arena) -> Result<(), String> {
        if !self.remembers {
            return Ok(());
        }
        let tables = self.text.lines().filter(|line| line.starts_with('*'));
        let text: String = tables.map(|line| format!("{line}\nCOMMIT\n")).collect();
        let ruleset = read(self.v6, self.nft, &text)?;
        arena.load(self.v6, &text, &ruleset).map_err(|error| error.to_string())
    }

    /// Loads the rules on both sides and sends the packets until one is a difference.
    ///
    /// # Errors
    /// That the rules or a packet are not possible.
    pub fn play(&self, arena: &mut Arena, cpu: usize) -> Result<Option<Difference>, String> {
        let ruleset = self.ruleset()?;
        self.forget(arena)?;
        arena.load(self.v6, &self.text, &ruleset).map_err(|error| error.to_string())?;
        let place = Place { nft: self.nft, ..Place::new(&self.devices, self.tracked, cpu) };
        let simulator = Simulator::new(&ruleset, Options::default());
        let mut subject = Subject::new(&simulator, &place);
        let untold = Untold::of(self);
        for (at, shot) in self.shots.iter().enumerate() {
            let seen = arena.follow(shot).map_err(|error| error.to_string())?;
            let simulated = subject.fate(shot);
            if arena.is_late() {
                return Ok(None);
            }
            let is_untold = simulated.is_err() && untold.may_be(at, shot, &seen);
            if is_untold && (self.remembers || subject.is_open(shot, &seen)?) {
                continue;
            }
            if !agree(&simulated, &seen, self.watch()) {
                return Ok(Some(Difference { at, simulated, seen }));
            }
        }
        Ok(None)
    }
}

/// Reads rules.
///
/// # Errors
/// What is wrong with them.
pub fn read(v6: bool, nft: bool, text: &str) -> Result<Ruleset, String> {
    let family = if v6 { Family::V6 } else { Family::V4 };
    let backend = if nft { Backend::Nft } else { Backend::Legacy };
    let ours = Ours::read(Context::new(family, Dialect::new(backend, Version::V1_8_9)), text)?;
    match ours.errors().first() {
        None => Ok(ours.ruleset),
        Some(error) => Err(error.clone()),
    }
}

/// Whether both say the same.
pub fn agree(simulated: &Result<Fate, String>, seen: &Fate, watch: Watch) -> bool {
    let Ok(simulated) = simulated else { return false };
    if watch == Watch::Counters {
        // Counters tell what was counted, not when.
        let sorted = |steps: &[Step]| {
            let mut steps = steps.to_vec();
            steps.sort_unstable();
            steps
        };
        return sorted(&simulated.steps) == sorted(&seen.steps);
    }
    let same_end = match (&simulated.out, &seen.out) {
        (Some((mark, bytes)), Some(out)) if bytes.is_empty() => *mark == out.0,
        (simulated, seen) => simulated == seen,
    };
    simulated.steps == seen.steps && same_end && seen.is_answered_as(simulated) && seen.is_held_as(simulated)
}

/// The difference, for people.
pub fn describe(case: &Case, difference: &Difference) -> String {
    let ruleset = case.ruleset().ok();
    let name = |step: &Step| {
        let Some(table) = ruleset.as_ref().map(|it| &it.tables[step.table]) else { return String::new() };
        let chain = &table.chains[step.chain];
        let end = if step.rule == chain.rules.len() { " (its end)" } else { "" };
        format!("    {} {} {}{end}\n", table.name.to_lossy(), chain.name.to_lossy(), step.rule + 1)
    };
    let fate = |fate: &Fate| {
        let steps: String = fate.steps.iter().map(name).collect();
        let out = match &fate.out {
            None => "    it is dropped, or nobody looks\n".to_owned(),
            Some((mark, bytes)) => {
                let hex: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
                format!("    it leaves, mark {mark:#x}: {hex}\n")
            }
        };
        let told = match (fate.answer, fate.is_mute) {
            (Some(Answer::Icmp(kind, code)), _) => format!("    its sender is told: ICMP {kind}/{code}\n"),
            (Some(_), _) => "    its sender is told: TCP reset\n".to_owned(),
            (None, true) => "    nobody is told, which need not mean anything\n".to_owned(),
            (None, false) => String::new(),
        };
        let held = match &fate.connection {
            None => String::new(),
            Some(it) => format!("    its connection: {it:?}\n"),
        };
        steps + &out + &told + &held
    };
    let simulated = match &difference.simulated {
        Ok(it) => fate(it),
        Err(reason) => format!("    unknown: {reason}\n"),
    };
    let shot = case.shots.get(difference.at).map(Shot::line).unwrap_or_default();
    format!(
        "{}packet {}: {shot}\n  simulated:\n{simulated}  kernel:\n{}",
        rules_only(&case.text),
        difference.at + 1,
        fate(&difference.seen)
    )
}

/// The rules, and the policies that are not ACCEPT.
fn rules_only(text: &str) -> String {
    let mut out = String::new();
    let mut table = "";
    for line in text.lines() {
        if line.starts_with('*') {
            table = line;
        } else if line.starts_with("-A") || line.contains(" DROP") && line.starts_with(':') {
            if !table.is_empty() {
                out.push_str(&format!("  {table}\n"));
                table = "";
            }
            out.push_str(&format!("  {line}\n"));
        }
    }
    out
}
