//! Lowers tables and chains, and carries out the commands of text on them.

use std::collections::HashSet;

use super::reader::Scope;
use super::rule::Lowerer;
use crate::diag::{Diagnostic, codes};
use crate::dialect::{Dialect, Family};
use crate::ext::{Context, TableName};
use crate::model::{self, Body, Hook, Policy, Ruleset};
use crate::program::{Chain, ChainKind, Rule, Table, Tables, Verb};
use crate::value::Names;

/// A lowered program: its ruleset, and all that was found on the way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Lowered {
    /// What it means. Rules that could not be understood are in it, word for word.
    pub ruleset: Ruleset,
    /// What was found, in the order of the program.
    pub diagnostics: Vec<Diagnostic>,
}

/// How to lower.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Options<'a> {
    /// For which tools.
    pub dialect: Dialect,
    /// The program adds to what the kernel holds (`--noflush`): it may name chains and rules that it does not make.
    pub noflush: bool,
    /// Names of the machine.
    pub names: &'a dyn Names,
}

impl<'a> Options<'a> {
    /// For these tools, as a whole ruleset.
    pub fn new(dialect: Dialect, names: &'a dyn Names) -> Options<'a> {
        Options { dialect, noflush: false, names }
    }
}

/// Lowers a program for one family.
pub fn lower(tables: &Tables, family: Family, options: Options<'_>) -> Lowered {
    let context = Context::new(family, options.dialect);
    let mut ruleset = Ruleset::new(context);
    let mut lowerer = Lowerer::default();
    for table in tables {
        if TableName::find(&table.name).is_none() {
            let message = format!("there is no table `{}`", table.name.to_lossy());
            let close = crate::diag::suggest::closest(
                &table.name.to_lossy(),
                TableName::ALL.iter().map(|it| it.as_str()),
            );
            let error = Diagnostic::error(codes::PARSE_UNKNOWN_TABLE, message).at(table.origin.clone(), "");
            lowerer.diagnostics.push(match close {
                Some(close) => error.help(format!("did you mean `{close}`?")),
                None => error.help("tables are filter, nat, mangle, raw and security"),
            });
        }
        let lowered = lower_table(&mut lowerer, context, table, options);
        match ruleset.tables.iter_mut().find(|old| old.name == lowered.name) {
            Some(old) => {
                let message = format!(
                    "table `{}` stands here twice: what stands here replaces the first",
                    lowered.name.to_lossy()
                );
                let warning = Diagnostic::warning(codes::CHECK_DUPLICATE_TABLE, message);
                lowerer
                    .diagnostics
                    .push(warning.at(table.origin.clone(), "").see(old.origin.clone(), "first here"));
                *old = lowered;
            }
            None => ruleset.tables.push(lowered),
        }
    }
    Lowered { ruleset, diagnostics: lowerer.diagnostics }
}

fn lower_table(lowerer: &mut Lowerer, context: Context, table: &Table, options: Options<'_>) -> model::Table {
    let kernel = TableName::find(&table.name);
    let names: HashSet<&[u8]> = table.iter().map(|chain| chain.name.as_bytes()).collect();
    let is_chain = |name: &[u8]| {
        names.contains(name)
            || kernel.is_some_and(|it| it.hooks().iter().any(|hook| hook.as_str().as_bytes() == name))
    };
    let mut lowered = model::Table::new(table.name.clone(), table.origin.clone());
    for chain in table {
        let scope = Scope {
            context,
            names: options.names,
            chain: &chain.name,
            is_chain: &is_chain,
            noflush: options.noflush,
        };
        let mut declared = lower_chain(lowerer, context, kernel, chain, options);
        declared.rules.reserve_exact(chain.len());
        for rule in chain {
            apply(lowerer, &scope, &mut declared, rule);
        }
        lowered.chains.push(declared);
    }
    // Jumps that were written before a chain was renamed.
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
    let hooks = kernel.map_or(&[][..], TableName::hooks);
    lowered.chains.sort_by(|a, b| {
        let place = |chain: &model::Chain| {
            chain.hook.and_then(|hook| hooks.iter().position(|it| *it == hook)).unwrap_or(usize::MAX)
        };
        place(a).cmp(&place(b)).then_with(|| match (a.hook, b.hook) {
            (None, None) => a.name.as_bytes().cmp(b.name.as_bytes()),
            _ => std::cmp::Ordering::Equal,
        })
    });
    lowered
}

pub(super) fn lower_chain(
    lowerer: &mut Lowerer,
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
        counters: chain.counters,
        ..model::Chain::user(chain.name.clone(), chain.origin.clone())
    }
}

/// Carries out what text says of a chain.
fn apply(lowerer: &mut Lowerer, scope: &Scope<'_>, chain: &mut model::Chain, rule: &Rule) {
    if rule.verb == Verb::Append {
        return lowerer.rule(scope, rule, &mut chain.rules);
    }
    let mut found = Vec::new();
    if matches!(rule.verb, Verb::Insert(_) | Verb::Replace(_) | Verb::Delete | Verb::Check) {
        lowerer.rule(scope, rule, &mut found);
    }
    let mut missing = |what: String| {
        if !scope.noflush {
            let error = Diagnostic::error(codes::CHECK_MISSING_RULE, what).at(rule.origin.clone(), "");
            lowerer.diagnostics.push(error.help("number the rules as they stand at this line, from 1"));
        }
    };
    let len = chain.rules.len();
    let name = || chain.name.to_lossy();
    let place = |number: u32| (number as usize).checked_sub(1).filter(|at| *at < len);
    match rule.verb {
        Verb::Append => {}
        Verb::Insert(number) => match (number as usize).checked_sub(1).filter(|at| *at <= len) {
            // Each of a comma list goes to the same place, so they end up reversed.
            Some(at) => found.into_iter().for_each(|rule| chain.rules.insert(at, rule)),
            None => missing(format!("chain `{}` has {len} rules here: there is no place {number}", name())),
        },
        Verb::Replace(number) => match (place(number), found.len()) {
            (Some(at), 1) => chain.rules.splice(at..=at, found).for_each(drop),
            (Some(_), _) => {
                let error = Diagnostic::error(
                    codes::PARSE_OPTION_CONFLICT,
                    "a replacement is one rule: it cannot have a list of addresses",
                );
                lowerer.diagnostics.push(error.at(rule.origin.clone(), ""));
            }
            (None, _) => {
                missing(format!("chain `{}` has {len} rules here: there is no rule {number}", name()))
            }
        },
        Verb::DeleteAt(number) => match place(number) {
            Some(at) => drop(chain.rules.remove(at)),
            None => missing(format!("chain `{}` has {len} rules here: there is no rule {number}", name())),
        },
        Verb::Delete => {
            for rule in found {
                match chain.rules.iter().position(|it| it.body == rule.body) {
                    Some(at) => drop(chain.rules.remove(at)),
                    None => missing(format!("chain `{}` has no such rule here", name())),
                }
            }
        }
        Verb::Check => {
            for rule in found {
                if !chain.rules.iter().any(|it| it.body == rule.body) {
                    missing(format!("chain `{}` has no such rule here", name()));
                }
            }
        }
        Verb::Flush => chain.rules.clear(),
        Verb::Zero => {
            chain.counters = model::Counters::default();
            chain.rules.iter_mut().for_each(|rule| rule.counters = None);
        }
    }
}
