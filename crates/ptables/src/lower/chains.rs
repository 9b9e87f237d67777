//! Lowers chains: names, policies, and what text says of chains besides their rules.

use std::collections::HashSet;

use super::rule::Lowerer;
use super::tables::Options;
use crate::diag::{Diagnostic, Severity, codes};
use crate::ext::{Context, TableName};
use crate::model::{self, Body, Hook, Policy};
use crate::origin::Origin;
use crate::program::{Chain, ChainKind, Table};

/// The names that a rule of a table may jump to.
pub(super) struct ChainNames<'a> {
    names: HashSet<&'a [u8]>,
    kernel: Option<TableName>,
}

impl<'a> ChainNames<'a> {
    pub(super) fn new(table: &'a Table) -> ChainNames<'a> {
        let written = table.iter().map(|chain| &chain.name);
        let former = table.gone.iter().chain(table.renamed.iter().map(|(old, _)| old));
        ChainNames {
            names: written.chain(former).map(|name| name.as_bytes()).collect(),
            kernel: TableName::find(&table.name),
        }
    }

    pub(super) fn is_chain(&self, name: &[u8]) -> bool {
        self.names.contains(name) || self.is_builtin(name)
    }

    pub(super) fn is_builtin(&self, name: &[u8]) -> bool {
        self.kernel.is_some_and(|it| it.hooks().iter().any(|hook| hook.as_str().as_bytes() == name))
    }
}

/// Jumps that were written before a chain was renamed lead to its new name.
pub(super) fn follow_renames(table: &Table, lowered: &mut model::Table) {
    for (old, new) in &table.renamed {
        for rule in lowered.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
            if let Body::Typed(typed) = &mut rule.body
                && let model::Jump::Chain(name) | model::Jump::Goto(name) = &mut typed.jump
                && name == old
            {
                *name = new.clone();
            }
        }
    }
}

/// Rules that still jump to a chain which was deleted.
pub(super) fn dangling_jumps(lowerer: &mut Lowerer<'_>, lowered: &model::Table) {
    for rule in lowered.chains.iter().flat_map(|chain| &chain.rules) {
        let missing =
            rule.as_typed().and_then(|typed| typed.jump.chain()).filter(|name| lowered.chain(name).is_none());
        if let Some(name) = missing {
            let message = format!("chain `{}` is deleted while this rule jumps to it", name.to_lossy());
            let error = Diagnostic::error(codes::CHECK_MISSING_CHAIN, message).at(rule.origin.clone(), "");
            lowerer.diagnostics.push(error.help("delete the rule first"));
        }
    }
}

/// Rules of text that jump to a chain which is declared only below them: the tools do not know it yet.
pub(super) fn late_chains(lowerer: &mut Lowerer<'_>, table: &Table, lowered: &model::Table) {
    let span = |origin: &Origin| match origin {
        Origin::Text(text) => Some(text.clone()),
        _ => None,
    };
    let first =
        table.iter().filter_map(|chain| span(&chain.rules().first()?.origin)).min_by_key(|text| text.start());
    let Some(first) = first else { return };
    let late: Vec<_> = table
        .iter()
        .filter(|chain| chain.kind == ChainKind::User)
        .filter_map(|chain| span(&chain.origin).map(|text| (&chain.name, text)))
        .filter(|(_, text)| text.shares_source(&first) && text.start() > first.start())
        .collect();
    if late.is_empty() {
        return;
    }
    for rule in lowered.chains.iter().flat_map(|chain| &chain.rules) {
        let jump = rule.as_typed().and_then(|typed| typed.jump.chain()).zip(span(&rule.origin));
        let Some((name, place)) = jump else { continue };
        if let Some((_, declared)) =
            late.iter().find(|(late, text)| *late == name && text.start() > place.start())
        {
            let message = format!("chain `{}` is declared only after this rule jumps to it", name.to_lossy());
            let error = Diagnostic::error(codes::CHECK_MISSING_CHAIN, message).at(rule.origin.clone(), "");
            let error = error.see(Origin::Text(declared.clone()), "declared here");
            lowerer.diagnostics.push(error.help("declare chains at the beginning of their table"));
        }
    }
}

pub(super) fn lower_chain(
    lowerer: &mut Lowerer<'_>,
    context: Context,
    kernel: Option<TableName>,
    chain: &Chain,
    options: Options<'_>,
) -> model::Chain {
    let hook = Hook::find(&chain.name).filter(|hook| kernel.is_none_or(|table| table.hooks().contains(hook)));
    let mut error = |code, message: String, help: &str| {
        lowerer.diagnostics.push(Diagnostic::error(code, message).at(chain.origin.clone(), "").help(help));
    };
    let name = chain.name.to_lossy();
    if chain.name.is_empty() || chain.name.len() > 28 {
        error(
            codes::CHECK_NAME_TOO_LONG,
            format!("`{name}` is no chain name: 1 to 28 bytes"),
            "shorten the name",
        );
    } else if chain.name.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
        error(
            codes::PROGRAM_BAD_NAME,
            format!("chain name `{name}` holds a blank or a control character"),
            "use letters, digits, `-` and `_`",
        );
    } else if matches!(chain.name.as_bytes(), b"ACCEPT" | b"DROP" | b"RETURN" | b"QUEUE") {
        error(
            codes::PARSE_BAD_CHAIN_NAME,
            format!("a chain cannot be called `{name}`, like a target"),
            "choose another name",
        );
    } else if matches!(chain.name.first(), Some(b'-' | b'!')) && context.dialect.is_nft() {
        error(
            codes::PARSE_BAD_CHAIN_NAME,
            format!("iptables-nft refuses chain names that begin with `-` or `!`: `{name}`"),
            "choose another name",
        );
    }
    if chain.name.contains(&b'"') && !chain.is_empty() {
        error(
            codes::PROGRAM_BAD_NAME,
            format!("no rule can be put into a chain called `{name}`: its name holds a quote"),
            "use letters, digits, `-` and `_`",
        );
    }
    if chain.name.as_bytes() == b"standard" && !chain.is_empty() {
        error(
            codes::PARSE_BAD_CHAIN_NAME,
            "a chain called `standard` crashes iptables-legacy-restore".into(),
            "choose another name",
        );
    }
    if hook.is_none() && kernel.is_some() {
        match &chain.kind {
            ChainKind::Builtin(Some(_)) if !context.dialect.is_nft() => {
                error(
                    codes::PARSE_BAD_CHAIN_NAME,
                    format!("chain `{name}` is not built into this table, so it has no policy"),
                    "write `-` in place of the policy",
                );
            }
            ChainKind::Named if !options.noflush => {
                error(
                    codes::CHECK_MISSING_CHAIN,
                    format!("this table has no chain `{name}`"),
                    "declare it: a line `:NAME - [0:0]` after the table's",
                );
            }
            _ => {}
        }
    }
    if let Some((place, garbage)) = &chain.odd_counters {
        // Without `-c` they are not looked at, but for garbage since 1.8.11.
        let refused = options.counters_asked || (*garbage && context.dialect.since_1_8_11());
        let severity = if refused { Severity::Error } else { Severity::Warning };
        let message = format!("the counters of policy `{name}` are not `[packets:bytes]`");
        if *garbage || refused {
            let diagnostic =
                Diagnostic::new(codes::PARSE_BAD_COUNTERS, severity, message).at(place.clone(), "");
            lowerer.diagnostics.push(diagnostic.help("write `[0:0]`"));
        }
    }
    if let Some(again) = &chain.redeclared {
        let (message, severity) = if context.dialect.is_nft() {
            (format!("chain `{name}` is declared twice: iptables-nft empties it here"), Severity::Warning)
        } else {
            (format!("chain `{name}` is declared twice: iptables-legacy refuses that"), Severity::Error)
        };
        let diagnostic = Diagnostic::new(codes::CHECK_DUPLICATE_CHAIN, severity, message);
        lowerer.diagnostics.push(diagnostic.at(again.clone(), "").see(chain.origin.clone(), "first here"));
    }
    let mut error = |code, message: String, help: &str| {
        lowerer.diagnostics.push(Diagnostic::error(code, message).at(chain.origin.clone(), "").help(help));
    };
    let mut policy = None;
    if let Some(written) = chain.policy().filter(|_| hook.is_some() || !context.dialect.is_nft()) {
        policy = Policy::find(written);
        if policy.is_none() {
            error(
                codes::PARSE_BAD_VALUE,
                format!("bad policy `{}` of chain `{name}`: expected ACCEPT or DROP", written.to_lossy()),
                "set ACCEPT or DROP, or `-` to leave it as it is",
            );
        }
    }
    model::Chain {
        hook,
        policy: policy.filter(|_| hook.is_some()),
        counters: if options.counters { chain.counters } else { model::Counters::default() },
        ..model::Chain::user(chain.name.clone(), chain.origin.clone())
    }
}
