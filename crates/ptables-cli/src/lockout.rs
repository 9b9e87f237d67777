//! Whether rules would cut off whoever applies them.

use std::net::IpAddr;

use ptables::diag::{Diagnostic, codes};
use ptables::ipset::{Set, Sets};
use ptables::packet::Packet;
use ptables::plan::{Plan, State};
use ptables::simulate::{Simulator, StepKind, Verdict};
use ptables::source::Source;
use ptables_kernel::apply::{Applier, ApplyError, SshSession, Wanted};
use ptables_kernel::{Error, Kernel, SystemNames};

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
    applier: &Applier,
    (wanted, plans): (&Wanted, &[Plan]),
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
    let (names, dialect) = (SystemNames::new(), applier.dialect());
    // In sets is what is there, with what this changes: entries of others too.
    let live = match applier.live_sets() {
        Ok(live) => Some(live),
        // Without the tool nobody knows; rules that ask are then undecided.
        Err(ApplyError::Kernel(Error::ToolMissing { .. })) => None,
        Err(error) => return Err(error.into()),
    };
    let change = applier.plan_sets(wanted)?;
    let after =
        change.after(live.as_deref().unwrap_or_default(), &wanted.sets).map_err(|it| it.message.clone())?;
    let known = |sets: Option<&[Set]>| {
        sets.map(|sets| {
            let mut known = Sets::new();
            for set in sets {
                known.insert(set.clone());
            }
            known
        })
    };
    let sets_after = live.is_some() || !wanted.sets.is_empty();
    let (known_before, known_after) = (known(live.as_deref()), known(sets_after.then_some(&*after)));
    let mut cut = false;
    for plan in plans.iter().filter(|it| !it.is_empty() || !change.is_empty()) {
        let own = protected.iter().filter(|it| it.packet.family() == plan.before.family);
        let own: Vec<&Protected> = own.collect();
        if own.is_empty() {
            continue;
        }
        let read = |state: &State| state.ruleset(dialect, &names).ok_or("there are too many rules");
        let (before, after) = (read(&plan.before)?, read(&plan.after)?);
        let old = snapshot::simulator(&before, known_before.as_ref(), &Assumed::default(), findings)?;
        let new = snapshot::simulator(&after, known_after.as_ref(), &Assumed::default(), findings)?;
        for it in own {
            let was = old.simulate(&it.packet).verdict;
            let (verdict, at) = ask(&new, &it.packet);
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

/// What becomes of a packet, and by which rule.
fn ask(simulator: &Simulator<'_>, packet: &Packet) -> (Verdict, Decides) {
    let trace = simulator.simulate(packet);
    let decides = trace.path.iter().rev().find(|it| it.kind != StepKind::Return);
    let origin = decides.and_then(|it| simulator.standing(it)).map(|it| it.origin().clone());
    let text = decides.map(|it| simulator.text(it)).unwrap_or_default();
    (trace.verdict, Decides { origin: origin.unwrap_or_default(), text })
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
