//! Whether rules would cut off whoever applies them.

use std::net::IpAddr;

use ptables::compile::RestoreText;
use ptables::diag::{Diagnostic, codes};
use ptables::dialect::{Backend, Dialect};
use ptables::ipset::Set;
use ptables::lower::{self, lower};
use ptables::model::Ruleset;
use ptables::packet::Packet;
use ptables::plan::{Plan, State};
use ptables::simulate::{Simulator, StepKind, Verdict};
use ptables::source::Source;
use ptables::text;
use ptables_kernel::apply::SshSession;
use ptables_kernel::{Kernel, SystemNames};

use crate::cli::Assumed;
use crate::commands::Failure;
use crate::output::Findings;
use crate::snapshot;

/// A packet that must pass, and what it is.
struct Protected {
    packet: Packet,
    what: String,
}

/// Asks for the packets of a session, and for those that were told. `true`: something would be cut off; the findings say what.
pub(crate) fn cuts_off(
    plans: &[Plan],
    sets: &[Set],
    backend: Backend,
    session: Option<SshSession>,
    told: &[String],
    kernel: &Kernel,
    findings: &mut Findings<'_>,
) -> Result<bool, Failure> {
    let mut all = Vec::new();
    if let Some(session) = &session {
        match kernel.route_device(session.client.0) {
            Some(device) => {
                all.extend(packets(session, &device).into_iter().map(|it| (it, "this ssh session")))
            }
            None => {
                let message =
                    "whether this ssh session still passes cannot be told: its interface is not known";
                findings.add([Diagnostic::warning(codes::APPLY_LOCKS_OUT, message)]);
            }
        }
    }
    all.extend(told.iter().map(|it| (it.clone(), "`--protect`")));
    let mut protected = Vec::new();
    for (text, what) in all {
        let source = Source::new("<packet>", text.as_bytes())?;
        let packet = Packet::parse(&source.text(0, u32::MAX)).map_err(|it| it.message.clone())?;
        protected.push(Protected { packet, what: format!("{what} ({text})") });
    }
    if protected.is_empty() {
        return Ok(false);
    }
    // What is declared will be so; of other sets the kernel knows.
    let mut known = snapshot::sets(Vec::new(), &Assumed::default(), true, findings)?;
    for set in sets {
        known.get_or_insert_default().declare(set.clone());
    }
    let dialect = Dialect::new(backend, kernel.version(backend).unwrap_or(Dialect::default().version));
    let mut cut = false;
    for plan in plans.iter().filter(|it| !it.is_empty()) {
        let own = protected.iter().filter(|it| it.packet.family() == plan.before.family);
        let own: Vec<&Protected> = own.collect();
        if own.is_empty() {
            continue;
        }
        let (before, after) = (Rules::of(&plan.before, dialect)?, Rules::of(&plan.after, dialect)?);
        let old = snapshot::simulator(&before.ruleset, known.as_ref(), &Assumed::default(), findings)?;
        let new = snapshot::simulator(&after.ruleset, known.as_ref(), &Assumed::default(), findings)?;
        for it in own {
            let was = old.simulate(&it.packet).verdict;
            let (verdict, at) = after.ask(&new, &it.packet);
            let falls = |it: Verdict| matches!(it, Verdict::Drop | Verdict::Reject(_));
            if falls(verdict) && !falls(was) {
                cut = true;
                findings.add([at.error(&format!("this would cut off {}: {verdict}", it.what))]);
            } else if verdict == Verdict::Unknown && was != Verdict::Unknown {
                findings.add([at.warning(&format!("whether {} still passes cannot be told", it.what))]);
            }
        }
    }
    Ok(cut)
}

/// The rule that decides.
struct Decides {
    origin: ptables::origin::Origin,
    text: String,
}

impl Decides {
    fn error(&self, message: &str) -> Diagnostic {
        let found = Diagnostic::error(codes::APPLY_LOCKS_OUT, message).at(self.origin.clone(), "");
        self.with_rule(found).help("let it in, or say `--allow-lockout`")
    }

    fn warning(&self, message: &str) -> Diagnostic {
        self.with_rule(Diagnostic::warning(codes::APPLY_LOCKS_OUT, message).at(self.origin.clone(), ""))
    }

    fn with_rule(&self, found: Diagnostic) -> Diagnostic {
        if self.text.is_empty() {
            found
        } else {
            found.note(format!("the rule that decides: `{}`", self.text))
        }
    }
}

/// The rules of a state, read as the kernel would hold them.
struct Rules {
    written: RestoreText,
    ruleset: Ruleset,
}

impl Rules {
    fn of(state: &State, dialect: Dialect) -> Result<Rules, Failure> {
        let (written, names) = (state.text(), SystemNames::new());
        let source = Source::new("planned", written.bytes.as_slice())?;
        let options = lower::Options::new(dialect, &names);
        let ruleset = lower(&text::parse(&source).tables, state.family, options).ruleset;
        Ok(Rules { written, ruleset })
    }

    /// What becomes of a packet, and by which rule.
    fn ask(&self, simulator: &Simulator<'_>, packet: &Packet) -> (Verdict, Decides) {
        let trace = simulator.simulate(packet);
        let decides = trace.path.iter().rev().find(|it| it.kind != StepKind::Return);
        let line = decides
            .and_then(|it| simulator.standing(it))
            .and_then(|it| it.origin().place().map(|it| it.line));
        let origin = line.map(|it| self.written.origin(it).clone()).unwrap_or_default();
        let text = decides.map(|it| simulator.text(it)).unwrap_or_default();
        (trace.verdict, Decides { origin, text })
    }
}

/// The packets of a session: of the connection that there is, and of a new one, both ways.
fn packets(session: &SshSession, device: &str) -> Vec<String> {
    let end = |(address, port): (IpAddr, u16)| match address {
        IpAddr::V4(it) => format!("{it}:{port}"),
        IpAddr::V6(it) => format!("[{it}]:{port}"),
    };
    let (client, server) = (end(session.client), end(session.server));
    vec![
        format!("tcp {client} -> {server} in {device} established"),
        format!("tcp {server} -> {client} out {device} reply"),
        format!("tcp {client} -> {server} in {device} new"),
    ]
}
