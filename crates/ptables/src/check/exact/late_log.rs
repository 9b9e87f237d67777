//! LOG behind the rule that decides: nothing is written.

use super::{Analysed, origin};
use crate::analysis::{Cover, Standing};
use crate::diag::{Diagnostic, codes};
use crate::ext::Target;
use crate::model::{Chain, Jump};

/// Whether a rule logs, and the one rule right before it takes its packets.
pub(super) fn is_late(chain: &Chain, at: usize, cover: &Cover) -> bool {
    let rule = chain.rules.get(at).and_then(|it| it.as_typed());
    let logs = rule.is_some_and(|it| {
        matches!(&it.jump, Jump::Target(Target::Log(_) | Target::Nflog(_) | Target::Ulog(_)))
    });
    logs && at > 0 && cover.rules == [at - 1]
}

pub(super) fn run(analysed: &Analysed<'_>, found: &mut Vec<Diagnostic>) {
    for (chain, at, rule, standing) in analysed.rules() {
        if let Standing::Unreachable(cover) = standing
            && is_late(chain, at, cover)
        {
            let message = "this rule logs what the rule before it has taken: nothing is ever written";
            let warning = Diagnostic::warning(codes::CHECK_LATE_LOG, message);
            let warning =
                warning.at(rule.origin.clone(), "").see(origin(chain, at - 1), "this ends their way");
            found.push(warning.help("swap the two rules"));
        }
    }
}
