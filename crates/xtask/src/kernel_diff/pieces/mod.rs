//! Conditions by chance: the text of a match, and what a packet needs to meet it.

mod bytes;
mod connection;
mod headers;
mod ip;
mod machine;
mod ports;
mod stateful;

use std::rc::Rc;

use ptables::ext::Hook;

pub(crate) use machine::within;

use super::draft::{Draft, Wish};
use super::pool;
use super::rng::Rng;

/// A condition of a rule.
pub struct Piece {
    /// What stands in the rule.
    pub text: String,
    /// What makes packets meet it.
    pub wishes: Vec<Wish>,
}

/// Where a condition is to stand.
pub struct Place<'a> {
    /// Chance.
    pub rng: &'a mut Rng,
    /// Whether the rule is of IPv6.
    pub v6: bool,
    /// The hook from which its chain is reached.
    pub hook: Hook,
    /// Its table.
    pub table: &'static str,
    /// Whether connections are tracked.
    pub tracked: bool,
    /// Whether packets may have entries.
    pub entries: bool,
    /// Whether iptables-nft loads it.
    pub nft: bool,
    /// Protocol of the rule, if it names one.
    pub proto: Option<u8>,
    /// Whether every condition must be decided.
    pub decided: bool,
    /// Processor of the thread.
    pub cpu: usize,
}

/// What makes conditions of one match.
pub struct Maker {
    /// Name of the match, with the family if it has one only.
    pub name: &'static str,
    /// Whether it can stand at a place.
    pub fits: fn(&Place<'_>) -> bool,
    /// Makes one.
    pub make: fn(&mut Place<'_>) -> Piece,
    /// The protocols of which the rule must name one.
    pub protos: &'static [u8],
}

impl Maker {
    /// A match of both families that stands anywhere.
    pub const fn new(name: &'static str, make: fn(&mut Place<'_>) -> Piece) -> Maker {
        Maker { name, fits: |_| true, make, protos: &[] }
    }

    /// Only where this holds.
    pub const fn only(self, fits: fn(&Place<'_>) -> bool) -> Maker {
        Maker { fits, ..self }
    }

    /// Only with one of these protocols.
    pub const fn of(self, protos: &'static [u8]) -> Maker {
        Maker { protos, ..self }
    }
}

/// All matches that are compared packet by packet.
pub fn makers() -> impl Iterator<Item = &'static Maker> {
    let all =
        [ip::MAKERS, ports::MAKERS, headers::MAKERS, bytes::MAKERS, machine::MAKERS, connection::MAKERS];
    all.into_iter().flatten()
}

/// Those that remember earlier packets.
pub fn stateful() -> &'static [Maker] {
    stateful::MAKERS
}

impl Piece {
    fn new(name: &str) -> Piece {
        Piece { text: format!("-m {name}"), wishes: Vec::new() }
    }

    /// Adds words.
    fn word(&mut self, text: &str) {
        self.text.push(' ');
        self.text.push_str(text);
    }

    /// Adds an option with its value; with `not`, inverted, and its wish now and then, so that it fails too.
    fn option(&mut self, not: bool, text: &str, wish: impl Fn(&mut Draft, &mut Rng) + 'static) {
        if not {
            self.word("!");
            self.wishes.push(Rc::new(move |draft, rng| {
                if rng.chance(25) {
                    wish(draft, rng);
                }
            }));
        } else {
            self.wishes.push(Rc::new(wish));
        }
        self.word(text);
    }
}

impl Place<'_> {
    /// Whether an option is inverted.
    fn not(&mut self) -> bool {
        self.rng.chance(25)
    }

    /// Whether an option of several is given.
    fn given(&mut self) -> bool {
        self.rng.chance(45)
    }

    /// Ports as text, and the first and last.
    fn port_range(&mut self) -> (String, u16, u16) {
        let (low, high) = self.rng.pair(&pool::PORTS);
        if low == high || self.rng.chance(60) {
            (low.to_string(), low, low)
        } else {
            (format!("{low}:{high}"), low, high)
        }
    }

    /// A range of numbers as text, and one of its numbers.
    fn range(&mut self, of: &[u32]) -> (String, u32) {
        let (low, high) = self.rng.pair(of);
        if self.rng.chance(60) { (low.to_string(), low) } else { (format!("{low}:{high}"), high) }
    }
}

/// Whether a packet at this hook has come through an interface.
fn incoming(place: &Place<'_>) -> bool {
    matches!(place.hook, Hook::Prerouting | Hook::Input | Hook::Forward)
}

/// Whether a packet at this hook leaves through an interface.
fn outgoing(place: &Place<'_>) -> bool {
    matches!(place.hook, Hook::Forward | Hook::Output | Hook::Postrouting)
}
