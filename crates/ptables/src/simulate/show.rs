//! Traces for people.

use super::{At, Simulator, Step, StepKind, Trace, Verdict};
use crate::diag::escape;
use crate::meaning::Answer;
use crate::model::{Chain, Rule, Table};
use crate::origin::Origin;

/// Where a step stands in its ruleset.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Standing<'a> {
    /// The table.
    pub table: &'a Table,
    /// The chain.
    pub chain: &'a Chain,
    /// The rule, unless the step is the end of the chain.
    pub rule: Option<&'a Rule>,
}

impl Standing<'_> {
    /// Who wrote the rule, or the chain.
    pub fn origin(&self) -> &Origin {
        self.rule.map_or(&self.chain.origin, |rule| &rule.origin)
    }
}

impl Verdict {
    /// `ACCEPT`, `DROP`, `REJECT` or `UNKNOWN`.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Accept => "ACCEPT",
            Verdict::Drop => "DROP",
            Verdict::Reject(_) => "REJECT",
            Verdict::Unknown => "UNKNOWN",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Reject(Answer::TcpReset) => write!(f, "{} (TCP reset)", self.name()),
            Verdict::Reject(Answer::Icmp(kind, code)) => write!(f, "{} (ICMP {kind}/{code})", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

impl StepKind {
    /// `match`, `maybe`, `miss`, `return`, `policy` or `torn`.
    pub const fn as_str(self) -> &'static str {
        match self {
            StepKind::Match => "match",
            StepKind::Maybe => "maybe",
            StepKind::Miss => "miss",
            StepKind::Return => "return",
            StepKind::Policy(_) => "policy",
            StepKind::Torn => "torn",
        }
    }
}

impl<'a> Simulator<'a> {
    /// What a step speaks of; `None` for a step of another ruleset.
    pub fn standing(&self, step: &Step) -> Option<Standing<'a>> {
        self.place(step.at)
    }

    /// What stands at a place; `None` if there is no such place.
    pub fn place(&self, at: At) -> Option<Standing<'a>> {
        let table = self.ruleset.tables.get(at.table)?;
        let chain = table.chains.get(at.chain)?;
        let rule = match at.rule {
            Some(at) => Some(chain.rules.get(at)?),
            None => None,
        };
        Some(Standing { table, chain, rule })
    }

    /// The rule at a place, `-A CHAIN …` as iptables-save prints it; empty if there is none.
    pub fn rule_text(&self, at: At) -> String {
        let Some(Standing { chain, rule: Some(rule), .. }) = self.place(at) else { return String::new() };
        let mut out = Vec::new();
        rule.print(&mut out, self.ruleset.context);
        format!("-A {}{}", chain.name.to_lossy(), String::from_utf8_lossy(&out))
    }

    /// The rule of a step as iptables-save prints it, or what happens at the end of its chain.
    pub fn text(&self, step: &Step) -> String {
        let Some(it) = self.standing(step) else { return String::new() };
        let name = it.chain.name.to_lossy();
        match (it.rule, step.kind) {
            (Some(_), _) => self.rule_text(step.at),
            (None, StepKind::Policy(policy)) => {
                format!("-P {name} {}", policy.map_or("(not told)", |it| it.as_str()))
            }
            (None, _) => format!("the end of {name}"),
        }
    }

    /// The trace in lines: verdict, way, packet, reasons. Nothing in it can steer a terminal.
    pub fn human(&self, trace: &Trace) -> String {
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(&escape::line(text));
            out.push('\n');
        };
        line(&trace.verdict.to_string());
        let mut last = None;
        for step in &trace.path {
            let Some(it) = self.standing(step) else { continue };
            let section = (step.hook, step.at.table);
            if last.replace(section) != Some(section) {
                line(&format!("  {} in {}", step.hook.as_str(), it.table.name.to_lossy()));
            }
            let mark = match step.kind {
                StepKind::Match => '+',
                StepKind::Maybe => '?',
                StepKind::Miss => '-',
                StepKind::Torn => '!',
                StepKind::Return | StepKind::Policy(_) => ' ',
            };
            let place = it.origin().place().map(|place| format!("  ({place})")).unwrap_or_default();
            line(&format!("  {mark} {}{place}", self.text(step)));
            for why in &step.why {
                line(&format!("      {why}"));
            }
            if step.kind == StepKind::Torn {
                line("      a header is not whole: the kernel drops the packet when the rule looks at it");
            }
        }
        if let Some(why) = trace.ended {
            line(&format!("  {why}"));
        }
        line(&format!("  packet: {}", trace.packet));
        for (field, why) in &trace.untold {
            line(&format!("  unknown: {field:?}: {why}"));
        }
        for reason in &trace.unknown {
            line(&format!("  unknown: {reason}"));
        }
        out
    }
}
