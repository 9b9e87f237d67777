//! An INPUT chain whose policy is DROP, and that forgets the loopback interface.

use super::{Facts, input};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;

pub(super) fn run(facts: &Facts<'_>, found: &mut Vec<Diagnostic>) {
    let Some(chain) = input::closed(facts) else { return };
    // The rule that nearly everybody has needs no question to the simulator.
    if input::accepts_all_of(chain, b"lo") {
        return;
    }
    let packet = match facts.ruleset.context.family {
        Family::V4 => "tcp 127.0.0.1:49152 -> 127.0.0.1:49153 in lo new src-type=LOCAL dst-type=LOCAL",
        Family::V6 => "tcp [::1]:49152 -> [::1]:49153 in lo new src-type=LOCAL dst-type=LOCAL",
    };
    if !input::all_dropped(facts, &[packet.to_owned()]) {
        return;
    }
    let message = "the policy drops what programs of this machine send to each other: no rule accepts the loopback interface";
    let warning = Diagnostic::warning(codes::CHECK_LOOPBACK_DROPPED, message).at(chain.origin.clone(), "");
    found.push(warning.help("begin with `-A INPUT -i lo -j ACCEPT`"));
}
