//! `-j TCPMSS` in rules that do not look for SYN: the legacy kernel refuses them, because only packets that begin a
//! connection hold a segment size.

use super::{Facts, TableFacts};
use crate::diag::{Diagnostic, codes};
use crate::ext::{Match, Target};
use crate::model::{Jump, Typed};
use crate::value::proto;
use crate::value::tcp_flags::TcpFlags;

pub(super) fn run(facts: &Facts<'_>, found: &mut Vec<Diagnostic>) {
    if facts.ruleset.context.dialect.is_nft() {
        return;
    }
    for (_, _, rule) in facts.tables.iter().flat_map(TableFacts::demanding_rules) {
        let Some(typed) = rule.as_typed() else { continue };
        if !matches!(typed.jump, Jump::Target(Target::SetTcpmss(_))) || typed.proto != proto::TCP {
            continue;
        }
        if !tests_syn(typed) {
            let message = "target `TCPMSS` needs a rule that looks for SYN";
            let error = Diagnostic::error(codes::CHECK_PROTOCOL_MISMATCH, message);
            found.push(error.at(rule.origin.clone(), "").help("write `--syn` or `--tcp-flags SYN,RST SYN`"));
        }
    }
}

/// Whether a match wants SYN among the flags that are set, as the kernel looks for it.
fn tests_syn(typed: &Typed) -> bool {
    typed.matches.iter().any(|it| match it {
        Match::Tcp(tcp) => {
            !tcp.inverted.flags && tcp.flags.is_some_and(|(_, set)| set.0 & TcpFlags::SYN.0 != 0)
        }
        _ => false,
    })
}
