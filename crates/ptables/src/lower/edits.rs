//! Lowers a program that adds to what the kernel holds (`--noflush`): its commands stay commands.

use super::chains::{ChainNames, lower_chain};
use super::reader::Scope;
use super::rule::Lowerer;
use super::tables::Options;
use crate::diag::Diagnostic;
use crate::dialect::Family;
use crate::ext::{Context, TableName};
use crate::model;
use crate::origin::Origin;
use crate::program::{ChainKind, Tables, Verb};
use crate::source::Text;

/// A program as commands on what the kernel holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Edits {
    /// Family and dialect.
    pub context: Context,
    /// One for each table, in the order written.
    pub tables: Vec<TableEdits>,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
}

/// Commands on one table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TableEdits {
    /// Its name.
    pub name: Text,
    /// Who wrote it.
    pub origin: Origin,
    /// Chains that it declares: the kernel empties or makes them. Without rules.
    pub declared: Vec<model::Chain>,
    /// Commands: chain, what is done, with which rule (or who asked, where there is none).
    pub commands: Vec<(Text, Verb, Result<model::Rule, Origin>)>,
    /// Chains that it deletes at the end.
    pub deleted: Vec<Text>,
}

/// Lowers a program into commands. [`Options::noflush`] is taken as set.
pub fn lower_edits(tables: &Tables, family: Family, options: Options<'_>) -> Edits {
    let context = Context::new(family, options.dialect);
    let options = Options { noflush: true, ..options };
    let mut lowerer = Lowerer::default();
    let mut all = Vec::new();
    for table in tables {
        let kernel = TableName::find(&table.name);
        let names = ChainNames::new(table);
        let is_chain = |name: &[u8]| names.is_chain(name);
        let is_builtin = |name: &[u8]| names.is_builtin(name);
        let mut edits = TableEdits {
            name: table.name.clone(),
            origin: table.origin.clone(),
            declared: Vec::new(),
            commands: Vec::new(),
            deleted: table.deleted.clone(),
        };
        for chain in table {
            let scope = Scope {
                context,
                names: options.names,
                chain: &chain.name,
                is_chain: &is_chain,
                is_builtin: &is_builtin,
                noflush: true,
                counters: options.counters,
            };
            let lowered = lower_chain(&mut lowerer, context, kernel, chain, options);
            if lowered.policy.is_some() || chain.kind == ChainKind::User {
                edits.declared.push(lowered);
            }
            for rule in chain {
                if matches!(rule.verb, Verb::Flush | Verb::Zero | Verb::DeleteAt(_)) {
                    edits.commands.push((chain.name.clone(), rule.verb, Err(rule.origin.clone())));
                    continue;
                }
                let mut found = Vec::new();
                lowerer.rule(&scope, rule, &mut found);
                edits.commands.extend(found.into_iter().map(|it| (chain.name.clone(), rule.verb, Ok(it))));
            }
        }
        all.push(edits);
    }
    Edits { context, tables: all, diagnostics: lowerer.diagnostics }
}
