//! What the simulator may not know, though it is told all that there is to tell.

use std::collections::HashSet;

use ptables::packet::Packet;
use ptables_judge::world::Path;

use super::arena::Fate;
use super::shot::{Entry, Shot};
use super::trial::Case;

/// What the rules of a case leave open. A text may be long: it is looked through once.
pub struct Untold {
    address: bool,
    kinds: bool,
    count: bool,
    tracked: bool,
    machines: Vec<Machine>,
    /// Whether a rule may make packets longer.
    grows: bool,
    /// The packet from which on a list or a table may have no room; before it, there is.
    full: Option<usize>,
    /// So many packets find room in tables, whoever sends them.
    pub room: Option<usize>,
    nothing: bool,
}

impl Untold {
    /// Of these rules.
    pub fn of(case: &Case) -> Untold {
        let kinds = case.text.contains("-m addrtype");
        Untold {
            address: has_any(&case.text, &LEFT_OPEN)
                || case.text.lines().any(|it| chooses(it) || joins(it))
                || has_template(&case.text)
                // An address may come back.
                || kinds && case.text.lines().filter(|it| has_any(it, &TRANSLATE)).count() > 1,
            kinds,
            count: case.text.contains("-m connbytes"),
            tracked: case.tracked,
            machines: case.text.lines().filter_map(Machine::of).collect(),
            grows: case.text.contains("TCPMSS"),
            full: full_from(case),
            room: tables(case).min(),
            nothing: case.known,
        }
    }

    /// Whether the simulator may not know all of a packet, though all is told that there is to tell: then what the kernel did
    /// must be one of its ways.
    pub fn may_be(&self, at: usize, shot: &Shot, seen: &Fate) -> bool {
        let open = self.address
            || self.kinds && !keeps_addresses(shot, seen)
            || self.count && is_syn_of_known(shot)
            || self.machines.iter().any(|it| self.grows || it.may_read_on(shot.bytes.len()))
            || self.full.is_some_and(|it| at >= it)
            || shot.untold != 0
            || is_held(shot, self.tracked);
        open && !self.nothing
    }
}

/// A machine of `--algo fsm`.
struct Machine {
    /// Offset behind the last byte that it is to read.
    to: usize,
    /// Whether it never asks twice for what is behind the end: each token comes once, but for a first of two that may come as
    /// often as it likes.
    asks_once: bool,
}

impl Machine {
    /// That of a rule.
    fn of(line: &str) -> Option<Machine> {
        let (before, after) = line.split_once("|\" --algo fsm")?;
        let to = after.split_once(" --to ").and_then(|it| it.1.split(' ').next()?.parse().ok());
        let tokens = before.rsplit_once('|')?.1.as_bytes();
        let times: Vec<&[u8]> = tokens.chunks(8).filter_map(|it| it.get(4..6)).collect();
        let asks_once = times.iter().all(|it| *it == b"00") || times == [&b"04"[..], b"00"];
        Some(Machine { to: to.unwrap_or(usize::MAX), asks_once })
    }

    /// Whether the simulator may not know what it finds in a packet of so many bytes.
    fn may_read_on(&self, length: usize) -> bool {
        self.to < length || !self.asks_once
    }
}

/// What puts something into packets that nobody tells, or asks for it.
const LEFT_OPEN: [&str; 8] = [
    "-j MASQUERADE",
    "-j REDIRECT",
    "--clamp-mss-to-pmtu",
    "--limit-iface",
    // The header of the link, and the number of an interface, of which programs may ask.
    " 0 42928701",
    " 0 4294963208",
    "-name table9v",
    "-name timed",
];

/// What writes addresses.
const TRANSLATE: [&str; 5] = ["-j DNPT", "-j SNPT", "-j DNAT", "-j SNAT", "-j NETMAP"];

fn has_any(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|it| text.contains(it))
}

/// Whether a rule chooses one of several addresses or ports.
fn chooses(line: &str) -> bool {
    let to = line.split_once("--to-destination ").or(line.split_once("--to-source ")).map(|it| it.1);
    to.is_some_and(|to| to.contains('-') && !to.contains('/'))
}

/// Whether a rule asks for several kinds of an address: of IPv6 the kernel joins them in its own way.
fn joins(line: &str) -> bool {
    line.split("-type ").skip(1).any(|it| it.split(' ').next().is_some_and(|it| it.contains(',')))
}

/// Whether a packet leaves with the addresses with which it came.
fn keeps_addresses(shot: &Shot, seen: &Fate) -> bool {
    let of = if shot.is_v6() { 8..40 } else { 12..20 };
    seen.out.as_ref().is_some_and(|(_, bytes)| bytes.get(of.clone()) == shot.bytes.get(of))
}

/// The room of each table that rules fill with many senders.
fn tables(case: &Case) -> impl Iterator<Item = usize> {
    let room = |text: &str| {
        let most = text.split("--hashlimit-htable-max ").nth(1)?.split_whitespace().next()?.parse().ok()?;
        Some(usize::max(most, TABLE))
    };
    case.text.lines().filter(|it| it.contains("-name crowd")).filter_map(room)
}

/// The packet with which rules that remember many senders may have met more of them than there is room for.
fn full_from(case: &Case) -> Option<usize> {
    let lists = case.text.contains("-name many").then_some(LIST);
    let room = tables(case).chain(lists).min()?;
    let mut senders = HashSet::new();
    let source = |shot: &Shot| shot.bytes.get(if shot.is_v6() { 8..24 } else { 12..16 }).map(<[u8]>::to_vec);
    case.shots.iter().position(|shot| senders.insert(source(shot)) && senders.len() > room)
}

/// Entries that a list of `recent` has room for.
const LIST: usize = 100;

/// Entries that a table of these rules holds at least: as many as it has places.
const TABLE: usize = 64;

/// Whether rules put something into packets that nobody tells the simulator: an address of an interface, one of several
/// addresses or ports, what a path takes; or ask for the kind of an address that was translated, or for what a machine
/// finds at the end of a packet, or for a table that several rules settle, or for a list that is full.
pub(super) fn has_unknown_address(text: &str) -> bool {
    let others = ["-m addrtype", "--algo fsm", "-name many", "-name crowd"];
    has_any(text, &LEFT_OPEN) || has_any(text, &others) || text.lines().any(chooses) || has_template(text)
}

/// Whether `cluster` may ask what CT hangs on packets.
fn has_template(text: &str) -> bool {
    text.contains("-j CT --ctevents") && text.contains("-m cluster")
}

/// Whether it may not be told what a connection has carried: tracking counts a SYN by the state that it has noted.
fn is_syn_of_known(shot: &Shot) -> bool {
    let is_syn = || {
        let packet = Packet::from_bytes(&shot.bytes, shot.sim_path());
        packet.is_ok_and(|it| {
            let view = it.view();
            view.proto == Some(6) && view.transport_bytes().get(13).is_some_and(|flags| flags & 2 != 0)
        })
    };
    matches!(shot.entry, Entry::There(_)) && is_syn()
}

/// Whether the kernel waits for other fragments of a packet, and the simulator cannot know what they hold. Those of IPv6 come
/// to INPUT one by one.
fn is_held(shot: &Shot, tracked: bool) -> bool {
    let packet = Packet::from_bytes(&shot.bytes, shot.sim_path());
    let is_fragment = |it: Packet| match shot.is_v6() {
        true => it.view().extension(44).is_some(),
        false => shot.bytes[6] & 0x3f != 0 || shot.bytes[7] != 0,
    };
    (tracked || !shot.is_v6() && shot.path == Path::Input) && packet.is_ok_and(is_fragment)
}
