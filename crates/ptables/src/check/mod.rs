//! Layer 9. What iptables would refuse or change although every rule reads well by itself. One check per file.

mod chain_loop;
mod differ;
mod exact;
mod facts;
mod families;
mod input;
mod loopback;
mod neighbours;
mod places;
mod protos;
mod tcpmss;

pub use differ::differ;
pub use exact::{Analysed, EXACT_CHECKS, ExactCheck, analyse, analyse_watched, not_analysed};
pub use facts::{Facts, TableFacts};
pub use families::unlike;

use crate::diag::{Code, Diagnostic, codes};
use crate::model::Ruleset;

/// One check.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Check {
    /// The codes of what it finds.
    pub codes: &'static [Code],
    /// Looks at a ruleset and adds what it finds.
    pub run: fn(&Facts<'_>, &mut Vec<Diagnostic>),
}

/// Every check, in the order in which they run. A test compares this list with the folder.
pub static CHECKS: &[Check] = &[
    Check { codes: &[codes::CHECK_LOOP], run: chain_loop::run },
    Check { codes: &[codes::CHECK_WRONG_TABLE, codes::CHECK_WRONG_HOOK], run: places::run },
    Check { codes: &[codes::CHECK_PROTOCOL_MISMATCH], run: protos::run },
    Check { codes: &[codes::CHECK_PROTOCOL_MISMATCH], run: tcpmss::run },
    Check { codes: &[codes::CHECK_LOOPBACK_DROPPED], run: loopback::run },
    Check { codes: &[codes::CHECK_NEIGHBOURS_DROPPED], run: neighbours::run },
];

/// Runs every check on a ruleset. The findings are in the order of checks, then of the ruleset.
pub fn check(ruleset: &Ruleset) -> Vec<Diagnostic> {
    let facts = Facts::new(ruleset);
    let mut found = Vec::new();
    for check in CHECKS {
        (check.run)(&facts, &mut found);
    }
    found
}
