//! Sets of rules by chance, over all tables, and packets that aim at them.

use std::fmt::Write;
use std::rc::Rc;

use ptables::ext::Hook;
use ptables_judge::world::{DEVICES, Path};

use super::draft::{Draft, Scope, Wish};
use super::pieces::{Place, makers, stateful};
use super::pool;
use super::rng::Rng;
use super::shot::{Entry, Shot};
use super::targets;
use super::themes::Theme;

/// A set of rules and what packets need to meet them.
pub struct Rules {
    /// What packets it may get.
    pub scope: Scope,
    /// Text for a restore tool, all tables.
    pub text: String,
    /// What each rule wants, with the hook from which it is reached.
    pub aims: Vec<(Hook, Vec<Wish>)>,
    /// What they are about, if it is something.
    pub theme: Option<Theme>,
    /// Whether packets come seconds after each other.
    pub waits: bool,
}

/// For what rules are made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Whether they are of IPv6.
    pub v6: bool,
    /// Whether connections are tracked.
    pub tracked: bool,
    /// Whether packets may have entries.
    pub entries: bool,
    /// Whether iptables-nft loads them.
    pub nft: bool,
    /// Whether rules may remember earlier packets.
    pub stateful: bool,
    /// Whether every condition must be decided: then no address is that of an interface.
    pub decided: bool,
    /// Processor of the thread.
    pub cpu: usize,
}

impl Plan {
    /// What packets such rules may get, with so many interfaces.
    pub(super) fn scope(&self, one_way_out: bool, devices: usize) -> Scope {
        Scope { v6: self.v6, tracked: self.tracked, one_way_out, devices, nft: self.nft }
    }

    /// Where conditions of a rule stand, which may name a protocol.
    pub(super) fn place<'a>(
        self,
        rng: &'a mut Rng,
        table: &'static str,
        hook: Hook,
        proto: Option<u8>,
    ) -> Place<'a> {
        Place {
            rng,
            v6: self.v6,
            hook,
            table,
            tracked: self.tracked,
            entries: self.entries,
            nft: self.nft,
            proto,
            decided: self.decided,
            cpu: self.cpu,
        }
    }

    /// The tables of its rules, with their hooks. Each is there, so that its policies count, and what was loaded before is
    /// gone; but `nat` only where connections are tracked, for elsewhere the kernel does not ask it.
    fn tables(self) -> impl Iterator<Item = (&'static str, &'static [Hook])> {
        TABLES.into_iter().filter(move |it| it.0 != "nat" || self.tracked)
    }

    /// A text of these tables, with built-in chains that accept, and what `fill` writes behind their names: other chains, and
    /// rules.
    pub(super) fn text(self, mut fill: impl FnMut(&'static str, &'static [Hook], &mut String)) -> String {
        let mut text = String::new();
        for (table, hooks) in self.tables() {
            text.push_str(&format!("*{table}\n"));
            hooks.iter().for_each(|hook| text.push_str(&format!(":{} ACCEPT [0:0]\n", chain_of(*hook))));
            fill(table, hooks, &mut text);
            text.push_str("COMMIT\n");
        }
        text
    }
}

/// Tables with their hooks, in the order in which they are written.
const TABLES: [(&str, &[Hook]); 5] = [
    ("raw", &[Hook::Prerouting, Hook::Output]),
    ("mangle", &[Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting]),
    ("nat", &[Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting]),
    ("filter", &[Hook::Input, Hook::Forward, Hook::Output]),
    ("security", &[Hook::Input, Hook::Forward, Hook::Output]),
];

/// Name of the built-in chain of a hook.
pub const fn chain_of(hook: Hook) -> &'static str {
    match hook {
        Hook::Prerouting => "PREROUTING",
        Hook::Input => "INPUT",
        Hook::Forward => "FORWARD",
        Hook::Output => "OUTPUT",
        Hook::Postrouting => "POSTROUTING",
    }
}

struct Maker<'a> {
    rng: &'a mut Rng,
    plan: Plan,
    aims: Vec<(Hook, Vec<Wish>)>,
    one_way_out: bool,
    theme: Option<Theme>,
}

impl Rules {
    /// Some forty rules.
    pub fn random(plan: Plan, rng: &mut Rng) -> Rules {
        // Of few sets more are about something.
        let share = if plan.decided && !plan.entries { 35 } else { 60 };
        let theme = (!plan.stateful && rng.chance(share)).then(|| Theme::random(&plan, rng));
        let mut maker = Maker { rng, plan, aims: Vec::new(), one_way_out: false, theme };
        let mut text = String::new();
        for (table, hooks) in plan.tables() {
            let share =
                maker.rng.pick(if table == "filter" { &[4, 8, 8, 25][..] } else { &[0, 0, 2, 5, 12] });
            maker.table(table, hooks, share, &mut text);
        }
        let scope = plan.scope(maker.one_way_out, DEVICES.len());
        Rules { scope, text, aims: maker.aims, theme, waits: false }
    }

    /// So many packets; most aim at a rule.
    pub fn shots(&self, count: u64, plan: Plan, rng: &mut Rng) -> Vec<Shot> {
        // A text may be long: it is looked through once.
        let changes = Changes {
            prefixes: self.text.contains("NPT "),
            connections: self.text.contains("CONNMARK") || self.text.contains("--set"),
            templates: self.text.contains("-j CT --ctevents"),
            tracks: TRACK.iter().any(|it| self.text.contains(it)),
        };
        let mut shots: Vec<Shot> = (0..count).map(|_| self.shot(&changes, plan, rng)).collect();
        if self.waits {
            let third = shots.len().div_ceil(3).max(1);
            shots.iter_mut().enumerate().for_each(|(at, it)| it.after = (at / third) as u32);
        }
        shots
    }

    fn shot(&self, changes: &Changes, plan: Plan, rng: &mut Rng) -> Shot {
        loop {
            let mut draft = Draft::random(self.scope, rng);
            if plan.entries {
                draft.entry(rng);
            }
            if !self.aims.is_empty() && rng.chance(85) {
                let (hook, wishes) = &self.aims[rng.below(self.aims.len() as u64) as usize];
                draft.take_path(path_to(*hook, rng), self.scope);
                for wish in wishes {
                    if rng.chance(90) {
                        wish(&mut draft, rng);
                    }
                }
            }
            if let Some(theme) = &self.theme
                && rng.chance(70)
            {
                (theme.twist)(&mut draft, rng);
            }
            let is_possible = match draft.shot.entry {
                Entry::There(_) => plan.entries,
                // Nobody leaves a packet untracked that has got a template.
                Entry::Untracked => !changes.templates,
                Entry::None => true,
            };
            if !is_possible {
                draft.shot.entry = Entry::None;
            }
            if changes.prefixes && draft.shot.path == Path::Output && draft.layout.proto == 58 {
                // A raw socket does not tell the kernel where the ICMP header is.
                draft.become_proto(17, rng);
            }
            draft.settle(self.scope, rng);
            if !plan.decided && !plan.nft && rng.chance(3) && (!plan.tracked || changes.tracks) {
                draft.hold(plan.tracked, rng);
            }
            if changes.connections
                && let Entry::There(known) = &mut draft.shot.entry
            {
                // What came before has changed the connection.
                known.before = 0;
            }
            if let Some(shot) = draft.finish() {
                return shot;
            }
        }
    }
}

/// What makes the kernel track connections, and with that wait for all fragments of a packet.
const TRACK: [&str; 9] = [
    "-m conntrack",
    "-m state",
    "-m conn",
    "-m helper",
    "-m socket",
    "-j CONNMARK",
    "-j DNAT",
    "-j SNAT",
    "-j TPROXY",
];

/// What rules change, where packets must keep clear of it, and what they make the kernel do.
struct Changes {
    /// Prefixes of addresses.
    prefixes: bool,
    /// Marks of connections.
    connections: bool,
    /// What CT hangs on packets.
    templates: bool,
    /// Whether they make it track connections.
    tracks: bool,
}

fn path_to(hook: Hook, rng: &mut Rng) -> Path {
    match hook {
        Hook::Prerouting => rng.pick(&[Path::Input, Path::Forward]),
        Hook::Input => Path::Input,
        Hook::Forward => Path::Forward,
        Hook::Output => Path::Output,
        Hook::Postrouting => rng.pick(&[Path::Forward, Path::Output]),
    }
}

impl Maker<'_> {
    fn table(&mut self, table: &'static str, hooks: &[Hook], share: u64, text: &mut String) {
        let mut body = String::new();
        let mut user_chains = Vec::new();
        // Writing to a string does not fail.
        let _ = writeln!(text, "*{table}");
        for hook in hooks {
            let accept = table == "nat" || self.rng.chance(if table == "filter" { 50 } else { 80 });
            let _ = writeln!(text, ":{} {} [0:0]", chain_of(*hook), if accept { "ACCEPT" } else { "DROP" });
            let count = if share == 0 { 0 } else { self.rng.within(0, share) };
            let users = if count == 0 { 0 } else { self.rng.below(4) };
            // Chains lead to later ones only: there are no loops. Each is reached from one hook.
            let names: Vec<String> =
                (0..users).map(|at| format!("{}{at}", chain_of(*hook).to_lowercase())).collect();
            for _ in 0..count {
                self.rule(table, *hook, chain_of(*hook), true, &names, &mut body);
            }
            for (at, name) in names.iter().enumerate() {
                for _ in 0..self.rng.within(0, share) {
                    self.rule(table, *hook, name, false, &names[at + 1..], &mut body);
                }
            }
            user_chains.extend(names);
        }
        for name in user_chains {
            let _ = writeln!(text, ":{name} - [0:0]");
        }
        text.push_str(&body);
        text.push_str("COMMIT\n");
    }

    fn rule(
        &mut self,
        table: &'static str,
        hook: Hook,
        chain: &str,
        builtin: bool,
        later: &[String],
        out: &mut String,
    ) {
        let mut line = format!("-A {chain}");
        let mut wishes = Vec::new();
        let (target, needed) = targets::random(self.rng, self.plan, table, hook, later);
        let proto = self.conditions(hook, builtin, needed, &mut line, &mut wishes);
        let mut place = self.plan.place(self.rng, table, hook, proto);
        let theme = self.theme.filter(|_| place.rng.chance(75));
        let is_meant = |name: &&str| theme.is_none_or(|it| it.matches.contains(name));
        let suitable: Vec<_> = makers().filter(|it| is_meant(&it.name) && (it.fits)(&place)).collect();
        let of_proto: Vec<_> =
            suitable.iter().filter(|it| proto.is_some_and(|proto| it.protos.contains(&proto))).collect();
        let any: Vec<_> = suitable.iter().filter(|it| it.protos.is_empty()).collect();
        let count = place.rng.pick(&[0, 1, 1, 1, 1, 2]);
        let mut used = if target.text.contains("-m tcp") { vec!["tcp"] } else { Vec::new() };
        for _ in 0..count {
            if self.plan.stateful && place.rng.chance(60) {
                let all = stateful();
                let maker = &all[place.rng.below(all.len() as u64) as usize];
                let piece = (maker.make)(&mut place);
                let _ = write!(line, " {}", piece.text);
                continue;
            }
            let from = if of_proto.is_empty() || place.rng.chance(25) { &any } else { &of_proto };
            if from.is_empty() {
                continue;
            }
            let maker = from[place.rng.below(from.len() as u64) as usize];
            // Twice the same match is another matter than one.
            if !used.contains(&maker.name) {
                used.push(maker.name);
                let piece = (maker.make)(&mut place);
                let _ = write!(line, " {}", piece.text);
                wishes.extend(piece.wishes);
            }
        }
        self.one_way_out |= hook == Hook::Output && target.reroutes;
        let _ = writeln!(out, "{line}{}", target.text);
        self.aims.push((hook, wishes));
    }

    /// The conditions of the rule itself. Returns its protocol, if it names one.
    fn conditions(
        &mut self,
        hook: Hook,
        builtin: bool,
        needed: Option<u8>,
        line: &mut String,
        wishes: &mut Vec<Wish>,
    ) -> Option<u8> {
        let v6 = self.plan.v6;
        let mut proto = None;
        if needed.is_some() || self.rng.chance(55) {
            let extra: &[u8] = if v6 { &[51, 59, 108, 1] } else { &[108, 47, 58] };
            let of_theme = self.theme.filter(|_| self.rng.chance(80)).and_then(|it| it.proto(v6, self.rng));
            let number = needed.or(of_theme).unwrap_or_else(|| match self.rng.chance(88) {
                true => self.rng.pick(if v6 { &pool::PROTOS_V6 } else { &pool::PROTOS_V4 }),
                false => self.rng.pick(extra),
            });
            let not = needed.is_none() && self.rng.chance(12);
            let _ = write!(line, "{} -p {number}", if not { " !" } else { "" });
            if !not {
                proto = Some(number);
                wishes.push(Rc::new(move |draft, rng| draft.become_proto(number, rng)));
            }
        }
        for (option, percent) in [("-s", 25), ("-d", 25)] {
            if !self.rng.chance(percent) {
                continue;
            }
            let address = pool::address(self.rng, v6);
            let lengths: &[u32] =
                if v6 { &[128, 128, 64, 48, 32, 121, 0] } else { &[32, 32, 24, 25, 16, 8, 31, 0, 30] };
            let length = self.rng.pick(lengths);
            let not = length != 0 && self.rng.chance(20);
            let mask = if !v6 && self.rng.chance(5) {
                self.rng.pick(&["255.0.255.255", "0.0.0.1", "0.0.0.255"]).to_owned()
            } else {
                length.to_string()
            };
            let _ =
                write!(line, "{} {option} {}/{mask}", if not { " !" } else { "" }, pool::text(address, v6));
            if !not {
                wishes.push(Rc::new(move |draft, _| match option {
                    "-s" => draft.layout.source = address,
                    _ => draft.layout.destination = address,
                }));
            }
        }
        self.interfaces(hook, builtin, line, wishes);
        if !v6 && !self.plan.tracked && proto.is_none() && self.rng.chance(8) {
            line.push_str(if self.rng.chance(60) { " -f" } else { " ! -f" });
            wishes.push(Rc::new(|draft, rng| draft.later_fragment(rng)));
        }
        proto
    }

    fn interfaces(&mut self, hook: Hook, builtin: bool, line: &mut String, wishes: &mut Vec<Wish>) {
        let input = !matches!(hook, Hook::Output | Hook::Postrouting);
        let output = !matches!(hook, Hook::Prerouting | Hook::Input);
        for (option, possible) in [("-i", input), ("-o", output)] {
            // In a chain of the user both may stand, though the packet has but one.
            if !self.rng.chance(20) || builtin && !possible || !possible && self.rng.chance(80) {
                continue;
            }
            let (name, device) = self.rng.pick(&[
                ("eth0", 0),
                ("eth1", 1),
                ("wlan0", 2),
                ("ppp0", 3),
                ("eth10", 4),
                ("eth+", 4),
                ("eth1+", 4),
                ("ppp+", 3),
                ("lo", 0),
                ("eth100", 1),
            ]);
            let not = self.rng.chance(20);
            let _ = write!(line, "{} {option} {name}", if not { " !" } else { "" });
            debug_assert!(device < DEVICES.len());
            wishes.push(Rc::new(move |draft, _| match option {
                "-i" => draft.shot.input = device,
                _ => draft.shot.output = device,
            }));
        }
    }
}
