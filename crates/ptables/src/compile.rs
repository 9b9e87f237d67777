//! Layer 10. The whole way from a program to a checked ruleset, and to the text that a restore tool is given.

use std::sync::Arc;

use crate::analysis::{Limits, Progress};
use crate::check;
use crate::diag::once::Once;
use crate::diag::{Diagnostic, Severity};
use crate::dialect::Family;
use crate::ext::{Context, Families};
use crate::ipset::{Contents, Set, Sets};
use crate::lower::{self, Edits, LoweredSets, Options, families, lower_sets};
use crate::model::{self, Ruleset};
use crate::origin::Origin;
use crate::program::Tables;
use crate::simulate::{self, Simulator};
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
    /// A ruleset, and what was found on the way to it.
    pub fn new(ruleset: Ruleset, diagnostics: Vec<Diagnostic>) -> Compiled {
        Compiled { ruleset, diagnostics }
    }

    /// Whether nothing stands against giving it to a kernel: no error, and no rule that was not understood.
    pub fn is_restorable(&self) -> bool {
        is_restorable(&self.diagnostics, [&self.ruleset])
    }
}

/// A program compiled for each of the families that it is for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CompiledFamilies {
    /// One a family, IPv4 first.
    pub parts: Vec<Part>,
    /// The sets that it declares.
    pub sets: Vec<Set>,
    /// Everything that was found; what is wrong in both families is said once.
    pub diagnostics: Vec<Diagnostic>,
}

/// What one family gets of a program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Part {
    /// The program of this family; `None` if it is the whole.
    pub program: Option<Tables>,
    /// What it means.
    pub ruleset: Ruleset,
}

/// Compiles a program for these families, and says where they differ.
///
/// A program that is for both is taken apart ([`families::split`]) even if only one family is asked for: rules follow their
/// addresses.
pub fn compile_families(tables: &Tables, families: Families, options: Options<'_>) -> CompiledFamilies {
    let both = families == Families::Both || tables.families == Some(Families::Both);
    let LoweredSets { sets, diagnostics: found, .. } = lower_sets(tables, families, options.names);
    let mut compiled = match families.only().filter(|_| !both) {
        Some(family) => {
            let Compiled { ruleset, diagnostics } = compile(tables, family, options);
            CompiledFamilies { parts: vec![Part { program: None, ruleset }], sets: Vec::new(), diagnostics }
        }
        None => compile_split(tables, families, options),
    };
    compiled.diagnostics.splice(0..0, found);
    let mut compiled = CompiledFamilies { sets, ..compiled };
    compiled.know(&Sets::new());
    compiled
}

fn compile_split(tables: &Tables, families: Families, options: Options<'_>) -> CompiledFamilies {
    let mut split = families::split(tables, options.names);
    let mut diagnostics = Once::default();
    std::mem::take(&mut split.diagnostics).into_iter().for_each(|it| diagnostics.add(it));
    let mut parts = Vec::new();
    let wanted = Family::ALL.into_iter().filter(|it| families.has(*it));
    for family in wanted {
        let Compiled { ruleset, diagnostics: more } = compile(split.of(family), family, options);
        more.into_iter().for_each(|it| diagnostics.add(it));
        parts.push(Part { program: Some(std::mem::take(split.of_mut(family))), ruleset });
    }
    let mut diagnostics = diagnostics.found;
    if let [v4, v6] = parts.as_slice() {
        diagnostics.extend(check::differ(&v4.ruleset, &v6.ruleset));
    }
    CompiledFamilies { parts, sets: Vec::new(), diagnostics }
}

impl CompiledFamilies {
    /// Whether nothing stands against giving it to a kernel: no error, and no rule that was not understood.
    pub fn is_restorable(&self) -> bool {
        is_restorable(&self.diagnostics, self.parts.iter().map(|it| &it.ruleset))
    }

    /// Looks at all packets: rules that none meets, what one family lets through and the other does not, and the like. What is so in
    /// both families is said once.
    pub fn analyse(&self, limits: Limits) -> Vec<Diagnostic> {
        self.analyse_watched(limits, &mut |_| {})
    }

    /// The same; `watch` is told how far it is with the rules of a table.
    pub fn analyse_watched(&self, limits: Limits, watch: &mut dyn FnMut(Progress)) -> Vec<Diagnostic> {
        let mut found = Once::default();
        for part in &self.parts {
            let more = check::analyse_watched(&part.ruleset, limits, watch);
            more.into_iter().for_each(|it| found.add(it));
        }
        let mut found = found.found;
        if let [v4, v6] = self.parts.as_slice() {
            found.extend(check::unlike(&v4.ruleset, &v6.ruleset, limits));
        }
        found
    }

    /// Has the rulesets know what is in the sets that the program declares, and in these: of two of one name, these count.
    pub fn know(&mut self, more: &Sets) {
        let mut sets = Sets::new();
        self.sets.iter().for_each(|it| sets.declare(it.clone()));
        for set in more {
            sets.insert(set.clone());
        }
        let sets = Arc::new(sets);
        self.parts.iter_mut().for_each(|it| it.ruleset.sets = Arc::clone(&sets));
    }

    /// Asks the rules of one family about packets; the declared sets have their declared contents. `policy` counts where a chain has none.
    pub fn simulator<'r>(&self, ruleset: &'r Ruleset, policy: Option<model::Policy>) -> Simulator<'r> {
        let simulator = Simulator::new(ruleset, simulate::Options::new(policy));
        if self.sets.is_empty() {
            return simulator;
        }
        let mut sets = Sets::new();
        self.sets.iter().for_each(|it| sets.declare(it.clone()));
        simulator.with_sets(Contents::new(&sets).0)
    }
}

fn is_restorable<'r>(found: &[Diagnostic], rulesets: impl IntoIterator<Item = &'r Ruleset>) -> bool {
    let stops = |it: &Diagnostic| matches!(it.severity, Severity::Error | Severity::Unsupported);
    let opaque = |ruleset: &Ruleset| ruleset.rules().any(|(_, _, rule)| rule.as_typed().is_none());
    !found.iter().any(stops) && !rulesets.into_iter().any(opaque)
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
