//! Layer 7. Higher-level rules: zones, services, policies between zones, published servers. They become ordinary tables.
//!
//! ```
//! use ptables::prelude::*;
//!
//! let mut fw = Firewall::new();
//! fw.zone("wan", "eth0");
//! fw.zone("lan", "eth1").networks(["192.168.1.0/24", "fd00:1::/64"]);
//! fw.allow("lan", "wan");
//! fw.allow("lan", "host").services("ssh domain dhcp");
//! fw.allow("wan", "host").services("ping").limit("10/second");
//! fw.masquerade("wan").sources("lan");
//! let tables = fw.tables()?;
//! assert!(tables["filter"].get("lan-wan").is_some());
//! # Ok::<(), ptables::firewall::Mistakes>(())
//! ```
//!
//! A place is a zone (`lan`), `host` for this machine, or `any` for all zones, perhaps with hosts behind a colon: `lan:192.168.1.7`,
//! `wan:198.51.100.0/24,2001:db8::/32`, `lan:10.0.0.1-10.0.0.9`, `wan:@blocked` for a set. `docs/higher-level-rules.md` says what is made.

mod build;
mod catalogue;
mod make;
mod place;
mod service;
mod statement;

use std::fmt;

pub use service::{Service, service, services};
pub use statement::{Statement, Verb, Words};

use crate::diag::Diagnostic;
use crate::lower;
use crate::origin::Origin;
use crate::program::{Families, Tables};
use crate::value::BuiltinNames;

/// Statements of a firewall, in order. Nothing is looked at before [`tables`](Firewall::tables).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Firewall {
    /// Who made it: rules that nobody asked for by name (loopback, established connections) are this one's.
    pub origin: Origin,
    /// For which families; both by default.
    pub families: Families,
    statements: Vec<Statement>,
}

/// Statements that cannot be carried out.
#[derive(Clone, Debug)]
pub struct Mistakes {
    diagnostics: Vec<Diagnostic>,
}

impl Mistakes {
    /// One for each.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.diagnostics.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            diagnostic.fmt_line(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl Default for Firewall {
    #[track_caller]
    fn default() -> Firewall {
        Firewall::new()
    }
}

impl Firewall {
    /// No statements, for both families.
    #[track_caller]
    pub fn new() -> Firewall {
        Firewall::with_origin(Origin::caller())
    }

    /// No statements, by this author.
    pub fn with_origin(origin: Origin) -> Firewall {
        Firewall { origin, families: Families::Both, statements: Vec::new() }
    }

    /// For these families.
    #[must_use]
    pub fn family(mut self, families: Families) -> Firewall {
        self.families = families;
        self
    }

    /// Adds a statement, to be filled: how other languages speak.
    pub fn say(&mut self, verb: Verb, origin: Origin) -> &mut Statement {
        self.statements.push(Statement::new(verb, origin));
        let last = self.statements.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "just pushed")]
        &mut self.statements[last]
    }

    /// The statements, in order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The tables: ordinary ones, to which rules can be added. Each rule's origin is a frame with the statement's place, whose
    /// parent is the statement.
    ///
    /// # Errors
    /// [`Mistakes`].
    pub fn tables(&self) -> Result<Tables, Mistakes> {
        match self.make() {
            (tables, diagnostics) if diagnostics.is_empty() => Ok(tables),
            (_, diagnostics) => Err(Mistakes { diagnostics }),
        }
    }

    /// The tables as far as they can be made, and what is wrong.
    pub fn make(&self) -> (Tables, Vec<Diagnostic>) {
        let (tables, diagnostics) = make::tables(self);
        let Some(family) = self.families.only() else { return (tables, diagnostics) };
        // Addresses of the other family are left out, as they would be of a firewall for both. What else a program for one family
        // cannot say is found where it is lowered.
        let split = lower::families::split(&tables.family(Families::Both), &BuiltinNames);
        (split.of(family).clone(), diagnostics)
    }
}
