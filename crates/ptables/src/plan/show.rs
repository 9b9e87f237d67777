//! A plan for people.

use std::fmt::Write;

use super::make::{ChainPlan, Line, LineKind, Plan};
use super::owner::{MARKER, maker};
use super::state::ChainState;
use crate::diag::escape::{self, Escaped};

/// Numbers of rules in a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanCounts {
    /// Rules that come.
    pub added: usize,
    /// Rules that go.
    pub removed: usize,
    /// Rules that go and come again elsewhere in the chain; not counted as added or removed.
    pub moved: usize,
    /// Rules of ours that stay, in all tables.
    pub kept: usize,
    /// Rules of others, in all tables.
    pub foreign: usize,
    /// Packets that rules which go or move have counted: their counters are lost.
    pub lost_packets: u64,
}

impl Plan {
    /// How much there is to do.
    pub fn counts(&self) -> PlanCounts {
        let lines = || self.tables.iter().flat_map(|it| &it.chains).flat_map(|it| &it.lines);
        let count = |kind, moved| lines().filter(|it| it.kind == kind && it.moved == moved).count();
        let (added, removed) = (count(LineKind::Add, false), count(LineKind::Remove, false));
        let (new, foreign) = self.after.count();
        let comes = count(LineKind::Add, true);
        let lost = lines().filter(|it| it.kind == LineKind::Remove).filter_map(|it| it.item.counters);
        let lost_packets = lost.fold(0_u64, |sum, it| sum.saturating_add(it.packets));
        PlanCounts {
            added,
            removed,
            moved: comes,
            kept: new.saturating_sub(added + comes),
            foreign,
            lost_packets,
        }
    }

    /// For people: each chain that changes, with the rules that come and go and who asks for them; then the foreign chains.
    pub fn human(&self, color: bool) -> String {
        let mut out = String::new();
        let family = self.before.family;
        for table in &self.tables {
            // The marker of an owner says nothing to anybody.
            let markers = |it: &&ChainPlan| !it.name.starts_with(MARKER) || !it.lines.is_empty();
            for chain in table.chains.iter().filter(markers) {
                let title = format!("{family} {} {}", Escaped(&table.name), Escaped(&chain.name));
                let _ = writeln!(out, "{}", paint(color, "1", &title));
                chain_lines(&mut out, chain, color);
            }
        }
        for it in &self.obstacles {
            let _ = writeln!(out, "{}", paint(color, "31", &format!("! {it}")));
        }
        let foreign = self.foreign();
        if !foreign.is_empty() && !self.is_empty() {
            let _ = writeln!(out, "not ours, kept: {}", foreign.join(", "));
        }
        let counts = self.counts();
        if self.is_empty() {
            let _ = writeln!(
                out,
                "{family}: nothing to do, {} rules of ours, {} of others",
                counts.kept, counts.foreign
            );
        } else {
            let _ = write!(
                out,
                "{family}: {} to add, {} to remove, {} to move, {} kept, {} of others",
                counts.added, counts.removed, counts.moved, counts.kept, counts.foreign
            );
            if counts.lost_packets > 0 {
                let _ = write!(out, "; counters with {} packets are lost", counts.lost_packets);
            }
            out.push('\n');
        }
        out
    }

    /// Chains with rules that are not ours: `filter DOCKER-USER: 2 rules (Docker)`.
    pub fn foreign(&self) -> Vec<String> {
        let chains =
            self.before.tables.iter().flat_map(|table| table.chains.iter().map(move |it| (table, it)));
        let foreign = chains.filter(|(_, it)| it.foreign() > 0);
        let name = |chain: &ChainState| {
            let target = |text: &[u8]| {
                let at = text.windows(4).position(|it| it == b" -j ")?;
                maker(text.get(at + 4..)?)
            };
            maker(&chain.name)
                .or_else(|| chain.items.iter().filter(|it| !it.ours).find_map(|it| target(&it.text)))
        };
        let say = |(table, chain): (&super::TableState, &ChainState)| {
            let (rules, by) = (chain.foreign(), name(chain).map(|it| format!(" ({it})")).unwrap_or_default());
            let word = if rules == 1 { "rule" } else { "rules" };
            format!("{} {}: {rules} {word}{by}", Escaped(&table.name), Escaped(&chain.name))
        };
        foreign.map(say).collect()
    }
}

fn chain_lines(out: &mut String, chain: &ChainPlan, color: bool) {
    if chain.made {
        let _ = writeln!(out, "  {}", paint(color, "32", "+ chain"));
    }
    if let Some(policy) = chain.policy {
        let _ = writeln!(out, "  {}", paint(color, "33", &format!("~ policy {}", policy.as_str())));
    }
    let mut kept = 0;
    for line in &chain.lines {
        if line.kind == LineKind::Keep {
            kept += 1;
            continue;
        }
        skipped(out, &mut kept);
        let (sign, style) = match (line.kind, line.moved) {
            (LineKind::Add, false) => ("+", "32"),
            (LineKind::Add, true) => (">", "33"),
            (_, false) => ("-", "31"),
            (_, true) => ("<", "33"),
        };
        let _ = writeln!(
            out,
            "  {}{}",
            paint(color, style, &format!("{sign}{}", Escaped(&line.item.text))),
            by(line)
        );
    }
    skipped(out, &mut kept);
    if chain.gone {
        let _ = writeln!(out, "  {}", paint(color, "31", "- chain"));
    }
}

fn skipped(out: &mut String, kept: &mut usize) {
    match std::mem::take(kept) {
        0 => {}
        1 => out.push_str("    1 rule stays\n"),
        kept => {
            let _ = writeln!(out, "    {kept} rules stay");
        }
    }
}

fn by(line: &Line) -> String {
    let place = line.item.origin.place().map(|it| format!("   # {}", escape::line(&it.to_string())));
    let counted = line.item.counters.filter(|it| it.packets > 0 && line.kind == LineKind::Remove);
    let counted = counted.map(|it| format!("   [{} packets]", it.packets));
    counted.unwrap_or_default() + &place.unwrap_or_default()
}

pub(super) fn paint(color: bool, style: &str, text: &str) -> String {
    if color { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
}
