//! Layer 9. The whole way from a program to a checked ruleset, and to the text that a restore tool is given.

use crate::check;
use crate::diag::{Diagnostic, Severity};
use crate::dialect::Family;
use crate::ext::Context;
use crate::lower::{self, Edits, Options};
use crate::model::{self, Ruleset};
use crate::origin::Origin;
use crate::program::Tables;
use crate::text::print;
use crate::value::quote;

/// A program that was lowered and checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Compiled {
    /// What it means.
    pub ruleset: Ruleset,
    /// Everything that was found.
    pub diagnostics: Vec<Diagnostic>,
}

/// Lowers a program for one family and runs every check.
pub fn compile(tables: &Tables, family: Family, options: Options<'_>) -> Compiled {
    let lower::Lowered { ruleset, mut diagnostics, .. } = lower::lower(tables, family, options);
    diagnostics.extend(check::check(&ruleset));
    Compiled { ruleset, diagnostics }
}

impl Compiled {
    /// Whether nothing stands against giving it to a kernel: no error, and no rule that was not understood.
    pub fn is_restorable(&self) -> bool {
        let found =
            self.diagnostics.iter().any(|it| matches!(it.severity, Severity::Error | Severity::Unsupported));
        let opaque = self.ruleset.rules().any(|(_, _, rule)| rule.as_typed().is_none());
        !found && !opaque
    }
}

/// Text for a restore tool, with who wrote each line.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RestoreText {
    /// The text.
    pub bytes: Vec<u8>,
    origins: Vec<Origin>,
}

impl RestoreText {
    /// The text of a whole ruleset. Counters of rules are kept where they are known, and reach the kernel if the tool is
    /// told to take them.
    pub fn of_ruleset(ruleset: &Ruleset) -> RestoreText {
        let mut text = RestoreText::default();
        for table in &ruleset.tables {
            text.line(&table.origin, |out| {
                out.push(b'*');
                quote::push_raw(out, &table.name);
                out.push(b'\n');
            });
            for chain in &table.chains {
                text.line(&chain.origin, |out| chain.print_declaration(out));
            }
            for chain in &table.chains {
                for rule in &chain.rules {
                    text.rule(ruleset.context, rule, |out| {
                        print::command(out, &chain.name, crate::program::Verb::Append)
                    });
                }
            }
            text.line(&table.origin, |out| out.extend_from_slice(b"COMMIT\n"));
        }
        text
    }

    /// The text of a program that adds to what the kernel holds: for `--noflush`.
    pub fn of_edits(edits: &Edits) -> RestoreText {
        let mut text = RestoreText::default();
        for table in &edits.tables {
            text.line(&table.origin, |out| {
                out.push(b'*');
                quote::push_raw(out, &table.name);
                out.push(b'\n');
            });
            for chain in &table.declared {
                text.line(&chain.origin, |out| chain.print_declaration(out));
            }
            for (chain, verb, rule) in &table.commands {
                match rule {
                    Ok(rule) => text.rule(edits.context, rule, |out| print::command(out, chain, *verb)),
                    Err(origin) => text.line(origin, |out| {
                        print::command(out, chain, *verb);
                        out.push(b'\n');
                    }),
                }
            }
            for chain in &table.deleted {
                text.line(&table.origin, |out| {
                    out.extend_from_slice(b"-X ");
                    quote::push_raw(out, chain);
                    out.push(b'\n');
                });
            }
            text.line(&table.origin, |out| out.extend_from_slice(b"COMMIT\n"));
        }
        text
    }

    /// Who wrote a line (from 1); [`Origin::Unknown`] beyond the end.
    pub fn origin(&self, line: u32) -> &Origin {
        let at = (line as usize).checked_sub(1);
        at.and_then(|at| self.origins.get(at)).unwrap_or(&Origin::Unknown)
    }

    pub(crate) fn line(&mut self, origin: &Origin, print: impl FnOnce(&mut Vec<u8>)) {
        self.origins.push(origin.clone());
        print(&mut self.bytes);
    }

    pub(crate) fn rule(&mut self, context: Context, rule: &model::Rule, command: impl FnOnce(&mut Vec<u8>)) {
        self.line(&rule.origin, |out| {
            if let Some(counters) = &rule.counters {
                counters.print(out);
                out.push(b' ');
            }
            command(out);
            rule.print(out, context);
            out.push(b'\n');
        });
    }
}
