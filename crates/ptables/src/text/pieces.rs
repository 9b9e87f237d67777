//! Parts of the annotated style by themselves, for front ends whose users may write the other parts on their own.

use super::print::{self, Printer};
use crate::diag::Diagnostic;
use crate::program::{Chain, Rule, Table};

/// Appends what a rule says, without `-A CHAIN`; nothing for a composite.
///
/// # Errors
/// If it holds a line break or NUL.
pub fn definition(rule: &Rule, out: &mut Vec<u8>) -> Result<(), Vec<Diagnostic>> {
    let start = out.len();
    let breaks = print::body(out, rule);
    // Every word begins with a blank.
    if out.len() > start {
        out.remove(start);
    }
    if breaks { Err(vec![print::line_break(rule)]) } else { Ok(()) }
}

/// Appends the `#` line above a rule, without its end.
pub fn heading(rule: &Rule, out: &mut Vec<u8>) {
    Printer::new(out).heading(rule);
    out.pop();
}

/// Appends the box of three lines above a table, without the last line end.
pub fn title(table: &Table, out: &mut Vec<u8>) {
    Printer::new(out).title(table);
    out.pop();
}

/// Appends the line that declares a chain to `declaration`, and its remarks and rules to `rules`; both without the last line end.
///
/// # Errors
/// As [`annotated`](super::annotated).
pub fn chain(chain: &Chain, declaration: &mut Vec<u8>, rules: &mut Vec<u8>) -> Result<(), Vec<Diagnostic>> {
    let mut printer = Printer::new(declaration);
    printer.declaration(chain);
    let mut errors = std::mem::take(&mut printer.errors);
    let mut printer = Printer::new(rules);
    printer.chain(chain);
    errors.append(&mut printer.errors);
    // The blank line behind a chain belongs to the table.
    rules.truncate(rules.len().saturating_sub(2));
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}
