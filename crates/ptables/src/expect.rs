//! Layer 8. Expectations about a ruleset: a plain file beside the rules, what came of each, and which rules were met.
//!
//! One expectation a line: the verdict, then the packet; `#` begins a remark.
//!
//! ```text
//! # ssh from the office, and from nowhere else
//! ACCEPT  tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new
//! DROP    tcp 203.0.113.9:40000 -> 198.51.100.2:22 in eth0 new
//! REJECT  udp 203.0.113.9:40000 -> 198.51.100.2:161 in eth0 new
//!
//! sequence        # the packets from here to `end` come one after the other, right after a load
//! ACCEPT  icmp 192.0.2.7 -> 198.51.100.2 in eth0
//! DROP    icmp 192.0.2.7 -> 198.51.100.2 in eth0
//! end
//! ```
//!
//! Verdicts: `ACCEPT`, `DROP`, `REJECT`, and `BLOCK` for either of the last two.

use std::collections::BTreeMap;

use crate::diag::{Diagnostic, codes};
use crate::origin::Origin;
use crate::packet::Packet;
use crate::simulate::{At, Simulator, StepKind, Trace, Verdict};
use crate::source::{Source, Text};

/// What should become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It passes.
    Accept,
    /// It is dropped in silence.
    Drop,
    /// It is dropped and its sender told.
    Reject,
    /// It does not pass.
    Block,
}

/// One line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Expectation {
    /// What is expected.
    pub wanted: Wanted,
    /// Of which packet.
    pub packet: Packet,
    /// As it was written: verdict and packet.
    pub at: Text,
    /// Who wrote it.
    pub origin: Origin,
    /// The number of its sequence, from 1; `None` if it stands alone.
    pub sequence: Option<u32>,
}

/// What came of an expectation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The expectation.
    pub expectation: Expectation,
    /// What the ruleset does.
    pub trace: Trace,
}

/// What came of all.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// In the order written.
    pub outcomes: Vec<Outcome>,
    /// How many packets matched each rule.
    pub hits: BTreeMap<At, u64>,
}

impl Wanted {
    /// The verdict of this name, in any case.
    pub fn find(name: &[u8]) -> Option<Wanted> {
        let known = [
            ("ACCEPT", Wanted::Accept),
            ("DROP", Wanted::Drop),
            ("REJECT", Wanted::Reject),
            ("BLOCK", Wanted::Block),
        ];
        known.into_iter().find(|(word, _)| name.eq_ignore_ascii_case(word.as_bytes())).map(|(_, it)| it)
    }

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Wanted::Accept => "ACCEPT",
            Wanted::Drop => "DROP",
            Wanted::Reject => "REJECT",
            Wanted::Block => "BLOCK",
        }
    }

    /// Whether a verdict is what is wanted.
    pub const fn holds(self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Accept => matches!(self, Wanted::Accept),
            Verdict::Drop => matches!(self, Wanted::Drop | Wanted::Block),
            Verdict::Reject(_) => matches!(self, Wanted::Reject | Wanted::Block),
            Verdict::Unknown => false,
        }
    }
}

impl Expectation {
    /// What should become of a packet, which stands alone.
    ///
    /// # Errors
    /// `packet/expectation` for another verdict, `packet/syntax` for no packet; both point at `origin`.
    pub fn new(wanted: &str, packet: &str, origin: Origin) -> Result<Expectation, Box<Diagnostic>> {
        let text = Text::from(packet);
        let Some(verdict) = Wanted::find(wanted.as_bytes()) else {
            let message = format!("`{wanted}` is no verdict: ACCEPT, DROP, REJECT or BLOCK");
            return Err(Box::new(Diagnostic::error(codes::PACKET_EXPECTATION, message).at(origin, "")));
        };
        match Packet::parse(&text) {
            Ok(packet) => {
                let at = Text::from(format!("{} {}", verdict.as_str(), text.to_lossy()));
                Ok(Expectation { wanted: verdict, packet, at, origin, sequence: None })
            }
            Err(mut error) => {
                error.labels.clear();
                Err(Box::new(error.at(origin, "").note(format!("in the packet `{packet}`"))))
            }
        }
    }
}

impl Expectation {
    /// The same for a machine whose routes are known: [`Packet::parse_routed`] reads the packet.
    ///
    /// # Errors
    /// `packet/syntax`, which does not happen to what was read before.
    pub fn routed(self) -> Result<Expectation, Box<Diagnostic>> {
        let verdict = self.at.iter().position(u8::is_ascii_whitespace).unwrap_or(self.at.len());
        let packet = Packet::parse_routed(&self.at.slice(verdict, self.at.len()))?;
        Ok(Expectation { packet, ..self })
    }
}

impl Outcome {
    /// Whether the ruleset does what is expected.
    pub fn holds(&self) -> bool {
        self.expectation.wanted.holds(self.trace.verdict)
    }
}

impl Report {
    /// How many do not hold.
    pub fn failures(&self) -> usize {
        self.outcomes.iter().filter(|it| !it.holds()).count()
    }
}

/// Reads a file of expectations; lines that cannot be read are told.
pub fn parse(source: &Source) -> (Vec<Expectation>, Vec<Diagnostic>) {
    read(source, Packet::parse)
}

/// As [`parse`], for a machine whose routes are known: packets are read by [`Packet::parse_routed`].
pub fn parse_routed(source: &Source) -> (Vec<Expectation>, Vec<Diagnostic>) {
    read(source, Packet::parse_routed)
}

fn read(
    source: &Source,
    packet: fn(&Text) -> Result<Packet, Box<Diagnostic>>,
) -> (Vec<Expectation>, Vec<Diagnostic>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    let (mut sequences, mut inside) = (0, None);
    let mut number = 1;
    while let Some(line) = source.line(number) {
        number += 1;
        let text = without_remark(&line);
        let end = text.len();
        let start = text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(end);
        let text = text.slice(start, end);
        let first = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        let word = text.slice(0, first);
        let rest = text.slice(first, text.len());
        match (word.as_bytes(), rest.trim_ascii().is_empty()) {
            (b"", _) => {}
            (b"sequence", true) if inside.is_none() => {
                sequences += 1;
                inside = Some(sequences);
            }
            (b"end", true) if inside.is_some() => inside = None,
            _ => match Wanted::find(&word) {
                None => {
                    let message = format!(
                        "`{}` is no verdict: ACCEPT, DROP, REJECT or BLOCK",
                        String::from_utf8_lossy(&word)
                    );
                    faults.push(
                        Diagnostic::error(codes::PACKET_EXPECTATION, message).at(Origin::Text(word), ""),
                    );
                }
                Some(wanted) => match packet(&rest) {
                    Ok(packet) => {
                        let origin = Origin::Text(text.clone());
                        found.push(Expectation { wanted, packet, at: text, origin, sequence: inside });
                    }
                    Err(fault) => faults.push(*fault),
                },
            },
        }
    }
    (found, faults)
}

/// The line up to `#`, unless that stands in quotes.
fn without_remark(line: &Text) -> Text {
    let mut quoted = false;
    let end = line.iter().position(|byte| {
        quoted ^= *byte == b'"';
        *byte == b'#' && !quoted
    });
    line.slice(0, end.unwrap_or(line.len()))
}

/// Asks a ruleset.
pub fn run(simulator: &Simulator<'_>, expectations: Vec<Expectation>) -> Report {
    let mut report = Report::default();
    let mut session = (None, simulator.session());
    for expectation in expectations {
        let trace = match expectation.sequence {
            None => simulator.simulate(&expectation.packet),
            number => {
                if session.0 != number {
                    session = (number, simulator.session());
                }
                session.1.simulate(&expectation.packet)
            }
        };
        for step in trace.path.iter().filter(|step| step.kind == StepKind::Match) {
            *report.hits.entry(step.at).or_insert(0) += 1;
        }
        report.outcomes.push(Outcome { expectation, trace });
    }
    report
}

/// The rules that no packet of a report matched.
pub fn never_met(simulator: &Simulator<'_>, report: &Report) -> Vec<At> {
    let tables = simulator.ruleset().tables.iter().enumerate();
    tables
        .flat_map(|(table, it)| {
            it.chains.iter().enumerate().flat_map(move |(chain, it)| {
                (0..it.rules.len()).map(move |rule| At { table, chain, rule: Some(rule) })
            })
        })
        .filter(|at| !report.hits.contains_key(at))
        .collect()
}
