//! What the simulator may not know, though it is told all that there is to tell.

use ptables::packet::Packet;
use ptables_judge::world::Path;

use super::shot::{Entry, Shot};
use super::trial::Case;

/// What the rules of a case leave open. A text may be long: it is looked through once.
pub struct Untold {
    address: bool,
    count: bool,
    tracked: bool,
    machines: Vec<Machine>,
    /// Whether a rule may make packets longer.
    grows: bool,
}

impl Untold {
    /// Of these rules.
    pub fn of(case: &Case) -> Untold {
        Untold {
            address: has_unknown_part(&case.text),
            count: case.text.contains("-m connbytes"),
            tracked: case.tracked,
            machines: case.text.lines().filter_map(Machine::of).collect(),
            grows: case.text.contains("TCPMSS"),
        }
    }

    /// Whether the simulator may not know all of a packet, though all is told that there is to tell: then what the kernel did
    /// must be one of its ways.
    pub fn may_be(&self, shot: &Shot) -> bool {
        let machine = || self.machines.iter().any(|it| self.grows || it.may_read_on(shot.bytes.len()));
        self.address || self.count && is_syn_of_known(shot) || is_held(shot, self.tracked) || machine()
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

/// Whether rules put something into packets that nobody tells the simulator: an address of an interface, one of several
/// addresses or ports, what a path takes; or ask for the kind of an address that was translated, or for what a machine
/// finds at the end of a packet, or for a table that several rules settle, or for a list that is full.
pub(super) fn has_unknown_address(text: &str) -> bool {
    has_unknown_part(text) || text.contains("--algo fsm")
}

/// The same without machines, of which only some packets are not known.
fn has_unknown_part(text: &str) -> bool {
    let chosen = |line: &str| {
        let to = line.split_once("--to-destination ").or(line.split_once("--to-source ")).map(|it| it.1);
        to.is_some_and(|to| to.contains('-') && !to.contains('/'))
    };
    let parts = [
        "-j MASQUERADE",
        "-j REDIRECT",
        "--clamp-mss-to-pmtu",
        "-m addrtype",
        // The header of the link, and the number of an interface, of which programs may ask.
        " 0 42928701",
        " 0 4294963208",
        "-name table9v",
        "-name many",
        "-name crowd",
    ];
    // What `cluster` makes of a template.
    let template = text.contains("-j CT --ctevents") && text.contains("-m cluster");
    parts.iter().any(|it| text.contains(it)) || text.lines().any(chosen) || template
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

/// Whether the kernel waits for other fragments of a packet, and the simulator cannot know what they hold.
fn is_held(shot: &Shot, tracked: bool) -> bool {
    let packet = Packet::from_bytes(&shot.bytes, shot.sim_path());
    let is_fragment = |it: Packet| match shot.is_v6() {
        true => it.view().extension(44).is_some(),
        false => shot.bytes[6] & 0x3f != 0 || shot.bytes[7] != 0,
    };
    (tracked || shot.path == Path::Input) && packet.is_ok_and(is_fragment)
}
