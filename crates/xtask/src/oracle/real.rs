//! The iptables programs of this machine, in a namespace of their own.

use std::fs;
use std::io::{self, Write};

use ptables::dialect::{Backend, Dialect, Family};
use ptables::ext::Context;
use ptables::text::lex;
use ptables_kernel::netns::{Scratch, scratch_or_skip};
use ptables_kernel::{Cause, RestoreError, RestoreOptions};

use super::Failure;

/// The tools of one back end and family.
pub struct Real {
    scratch: Scratch,
    /// Which, and of what version.
    pub context: Context,
}

/// Whether the tools can judge everything here: a namespace can be made, by the root of the machine. In a user namespace
/// the kernel takes no large table and no id that is not mapped. Says so if not; in CI that is a failure.
///
/// # Panics
/// In CI, or with `PTABLES_REQUIRE_KERNEL`, if the tools cannot be used.
pub fn usable_or_skip() -> bool {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let ids = read("uid_map");
    let status = read("status");
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    let root = user.split_whitespace().nth(1) == Some("0");
    if scratch_or_skip().is_none() {
        return false;
    }
    if root && ids.split_whitespace().eq(["0", "0", "4294967295"]) {
        return true;
    }
    let required = ["CI", "PTABLES_REQUIRE_KERNEL"].iter().any(|name| std::env::var_os(name).is_some());
    assert!(!required, "the comparison with the tools needs the root of the machine");
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "SKIPPED: the comparison with the tools needs the root of the machine");
    false
}

/// What the tools said of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They loaded it; this is what they saved of it then, without remarks that hold the date.
    Accepted(String),
    /// They refused it.
    Refused {
        /// What they said.
        message: String,
        /// The line that they named.
        line: Option<u32>,
    },
}

impl Real {
    /// A new namespace, with the tools that are installed.
    ///
    /// # Errors
    /// Why there is none.
    pub fn new(backend: Backend, family: Family) -> Result<Real, Failure> {
        let scratch = Scratch::new().map_err(|error| error.to_string())?;
        let version = scratch.kernel().version(backend).map_err(|error| error.to_string())?;
        Ok(Real { scratch, context: Context::new(family, Dialect::new(backend, version)) })
    }

    /// Back end of the tools.
    pub fn backend(&self) -> Backend {
        self.context.dialect.backend
    }

    /// Family of the tools.
    pub fn family(&self) -> Family {
        self.context.family
    }

    /// Begins anew, in another namespace.
    ///
    /// # Errors
    /// Why there is none.
    pub fn renew(&mut self) -> Result<(), Failure> {
        self.scratch = Scratch::new().map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Runs a command of a `# setup:` line. Quotes are those of rules.
    ///
    /// # Errors
    /// What it said, or that there is no such program.
    pub fn set_up(&self, command: &str) -> Result<(), Failure> {
        let mut words = Vec::new();
        lex::words(command.as_bytes(), &mut words);
        let words: Vec<String> =
            words.iter().map(|word| String::from_utf8_lossy(&word.bytes).into_owned()).collect();
        let Some((program, arguments)) = words.split_first() else { return Ok(()) };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output =
            self.scratch.run(program, &arguments, b"").map_err(|error| format!("`{command}`: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("`{command}`: {}", String::from_utf8_lossy(&output.stderr).trim_end()))
    }

    /// Restores a text, and saves what is there then.
    ///
    /// # Errors
    /// What kept the tools from judging it.
    pub fn load(&self, text: &[u8]) -> Result<Verdict, Failure> {
        let (family, backend) = (self.family(), self.backend());
        match self.scratch.kernel().restore(family, backend, text, RestoreOptions::new()) {
            Ok(_) => Ok(Verdict::Accepted(self.save()?)),
            Err(error) => match error.cause() {
                Cause::Refused
                | Cause::KernelRefused
                | Cause::TableUnavailable
                | Cause::TooLarge
                | Cause::Crashed { .. } => {
                    Ok(Verdict::Refused { message: message(&error), line: error.line() })
                }
                _ => Err(error.to_string()),
            },
        }
    }

    /// Empties a table.
    ///
    /// # Errors
    /// What kept the tools from it.
    pub fn clear(&self, table: &str) -> Result<(), Failure> {
        let text = format!("*{table}\nCOMMIT\n");
        let kernel = self.scratch.kernel();
        let cleared = kernel.restore(self.family(), self.backend(), text.as_bytes(), RestoreOptions::new());
        cleared.map(drop).map_err(|error| error.to_string())
    }

    /// What the tools save, without remarks that hold the date.
    ///
    /// # Errors
    /// Why they did not.
    pub fn save(&self) -> Result<String, Failure> {
        let saved = self.scratch.kernel().save(self.family(), self.backend(), false);
        Ok(without_dates(&saved.map_err(|error| error.to_string())?.text))
    }
}

fn message(error: &RestoreError) -> String {
    let said = error.message().trim();
    if said.is_empty() { error.to_string() } else { said.replace('\n', " / ") }
}

/// Saved text without the two remarks around each table, which hold the date.
pub fn without_dates(text: &[u8]) -> String {
    let dated = |line: &&str| line.starts_with("# Generated by ") || line.starts_with("# Completed on ");
    let text = String::from_utf8_lossy(text);
    text.lines().filter(|line| !dated(line)).flat_map(|line| [line, "\n"]).collect()
}
