//! Lowers tables and chains, and carries out the commands of text on them.

use super::chains::{ChainNames, dangling_jumps, follow_renames, late_chains, lower_chain};
use super::reader::Scope;
use super::rule::Lowerer;
use crate::diag::{Diagnostic, codes};
use crate::dialect::{Dialect, Family};
use crate::ext::{Context, Families, TableName};
use crate::model::{self, Ruleset};
use crate::origin::Origin;
use crate::program::{Rule, Table, Tables, Verb};
use crate::source::Text;
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
    /// Counters before rules and behind policies count (`iptables-restore -c`); otherwise they are left out.
    pub counters: bool,
    /// Counters are asked for (`-c`), so what is not a counter is refused. Off unless set.
    pub counters_asked: bool,
    /// Names of the machine.
    pub names: &'a dyn Names,
}

impl<'a> Options<'a> {
    /// For these tools, as a whole ruleset.
    pub fn new(dialect: Dialect, names: &'a dyn Names) -> Options<'a> {
        Options { dialect, noflush: false, counters: true, counters_asked: false, names }
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

fn lower_table<'a>(
    lowerer: &mut Lowerer<'a>,
    context: Context,
    table: &'a Table,
    options: Options<'_>,
) -> model::Table {
    let kernel = TableName::find(&table.name);
    let names = ChainNames::new(table);
    let (is_chain, is_builtin) = (|name: &[u8]| names.is_chain(name), |name: &[u8]| names.is_builtin(name));
    let mut lowered = model::Table::new(table.name.clone(), table.origin.clone());
    let foreign = |families: Option<Families>| families.is_some_and(|it| !it.has(context.family));
    if foreign(table.families) {
        lowerer.diagnostics.push(other_family("table", &table.name, &table.origin, context.family));
    }
    for chain in table {
        if foreign(chain.families) {
            lowerer.diagnostics.push(other_family("chain", &chain.name, &chain.origin, context.family));
        }
        let scope = Scope {
            context,
            names: options.names,
            chain: &chain.name,
            is_chain: &is_chain,
            is_builtin: &is_builtin,
            noflush: options.noflush,
            counters: options.counters,
        };
        let mut declared = lower_chain(lowerer, context, kernel, chain, options);
        declared.rules.reserve_exact(chain.len());
        for rule in chain {
            apply(lowerer, &scope, &mut declared, rule);
        }
        lowered.chains.push(declared);
    }
    follow_renames(table, &mut lowered);
    if !table.gone.is_empty() {
        dangling_jumps(lowerer, &lowered);
    }
    late_chains(lowerer, table, &lowered);
    if let Some(commit) = table.unfinished.as_ref().filter(|_| !context.dialect.is_nft()) {
        let message = "iptables-legacy-restore does not see a `COMMIT` without a line feed after it";
        let error = Diagnostic::error(codes::PARSE_MISSING_COMMIT, message).at(commit.clone(), "");
        lowerer.diagnostics.push(error.help("end the file with a line feed"));
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

/// What is for one family stands in a program that is for the other.
fn other_family(what: &str, name: &Text, origin: &Origin, family: Family) -> Diagnostic {
    let message = format!("{what} `{}` is not for {family}, but these tables are", name.to_lossy());
    let error = Diagnostic::error(codes::FAMILY_NEITHER, message).at(origin.clone(), "");
    error.help("say `family='both'` of the tables, or take the family out here")
}

/// Carries out what text says of a chain.
fn apply<'a>(lowerer: &mut Lowerer<'a>, scope: &Scope<'_>, chain: &mut model::Chain, rule: &'a Rule) {
    if rule.verb == Verb::Append {
        return lowerer.rule(scope, rule, &mut chain.rules);
    }
    let mut found = Vec::new();
    if matches!(rule.verb, Verb::Insert(_) | Verb::Replace(_) | Verb::Delete | Verb::Check) {
        lowerer.rule(scope, rule, &mut found);
    }
    if scope.noflush && matches!(rule.verb, Verb::Insert(_) | Verb::Replace(_)) {
        // Places count the kernel's rules too, so they are not known: the rules are there, somewhere.
        return chain.rules.extend(found);
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
            // 1.8.11 takes the first address of a list.
            (Some(at), _) if scope.context.dialect.since_1_8_11() => {
                chain.rules.splice(at..=at, found.into_iter().take(1)).for_each(drop);
                let message = "a replacement is one rule: of a list of addresses only the first is taken";
                let warning = Diagnostic::warning(codes::CHECK_CHANGED, message).at(rule.origin.clone(), "");
                lowerer.diagnostics.push(warning.help("name one address"));
            }
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
