//! Traces as JSON, one object a line.
//!
//! | key | type |
//! |---|---|
//! | `verdict` | `"accept"`, `"drop"`, `"reject"` or `"unknown"` |
//! | `answer` | what a rejected sender is told: `"tcp-reset"` or `"icmp TYPE/CODE"`; else absent |
//! | `ended` | why its way ended between the rules, such as for want of a route; else absent |
//! | `path` | list of steps |
//! | `packet` | the packet as it leaves, or as it was when it was dropped, in its text form |
//! | `unknown` | list of strings: what was not decided |
//! | `untold` | list of objects `field`, `why`: fields of the packet that nobody can tell |
//!
//! A **step** has `table`, `chain`, `hook`, `rule` (number from 1, `null` for the end of a chain), `kind` (`match`, `maybe`,
//! `miss`, `return`, `policy`, `torn`), `text` (the rule as iptables-save prints it), `file` and `line` (`null` if
//! unknown), and `why` (list of strings).

use serde::Serialize;

use super::{Simulator, Trace, Verdict};
use crate::meaning::Answer;

#[derive(Serialize)]
struct Object<'a> {
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'static str>,
    path: Vec<StepObject<'a>>,
    packet: String,
    unknown: &'a [String],
    untold: Vec<Untold>,
}

#[derive(Serialize)]
struct StepObject<'a> {
    table: String,
    chain: String,
    hook: &'static str,
    rule: Option<usize>,
    kind: &'static str,
    text: String,
    file: Option<String>,
    line: Option<u32>,
    why: &'a [String],
}

#[derive(Serialize)]
struct Untold {
    field: String,
    why: &'static str,
}

impl Simulator<'_> {
    /// A trace as one line of JSON, without the line end; the module says what it holds.
    pub fn json(&self, trace: &Trace) -> String {
        let (verdict, answer) = match trace.verdict {
            Verdict::Accept => ("accept", None),
            Verdict::Drop => ("drop", None),
            Verdict::Reject(Answer::TcpReset) => ("reject", Some("tcp-reset".to_owned())),
            Verdict::Reject(Answer::Icmp(kind, code)) => ("reject", Some(format!("icmp {kind}/{code}"))),
            Verdict::Unknown => ("unknown", None),
        };
        let path = trace.path.iter().filter_map(|step| {
            let it = self.standing(step)?;
            let place = it.origin().place();
            Some(StepObject {
                table: it.table.name.to_lossy(),
                chain: it.chain.name.to_lossy(),
                hook: step.hook.as_str(),
                rule: step.at.rule.map(|at| at + 1),
                kind: step.kind.as_str(),
                text: self.text(step),
                file: place.map(|it| it.file.to_owned()),
                line: place.map(|it| it.line),
                why: &step.why,
            })
        });
        let untold = trace.untold.iter().map(|(field, why)| Untold { field: format!("{field:?}"), why });
        let object = Object {
            verdict,
            answer,
            ended: trace.ended,
            path: path.collect(),
            packet: trace.packet.to_string(),
            unknown: &trace.unknown,
            untold: untold.collect(),
        };
        crate::diag::json::shown(&object)
    }
}
