//! Sets that a program declares: made before its rules, filled beside what is there, and swapped in.

use std::collections::HashMap;

use ptables::diag::{Diagnostic, codes};
use ptables::ipset::{Set, print_entry, print_set};
use ptables::origin::Origin;
use ptables::source::Text;

use crate::error::Error;
use crate::kernel::Kernel;

/// The sets of a program on their way into the kernel. Until [`swap`](Change::swap) nothing that rules use has changed.
pub(crate) struct Change<'a> {
    kernel: &'a Kernel,
    sets: &'a [Set],
    /// Names of sets that were not there.
    created: Vec<Text>,
    /// Names of the sets that hold the new contents.
    filled: Vec<Text>,
}

/// Text for `ipset restore`, with who wrote each line.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    origins: Vec<Origin>,
}

impl<'a> Change<'a> {
    /// Makes the sets that are missing, empty, so that rules can name them.
    pub(crate) fn begin(kernel: &'a Kernel, sets: &'a [Set]) -> Result<Change<'a>, Box<Diagnostic>> {
        let mut change = Change { kernel, sets, created: Vec::new(), filled: Vec::new() };
        if sets.is_empty() {
            return Ok(change);
        }
        let known = change.known()?;
        let mut lines = Lines::default();
        for set in sets {
            match known.get(&*set.name.to_lossy()) {
                None => {
                    lines.line(set, |out| print_set(out, set, b"create"))?;
                    change.created.push(set.name.clone());
                }
                Some(there) => agrees(set, there)?,
            }
        }
        change.run(&lines, &["restore"]).or_else(|error| change.fail(error))?;
        Ok(change)
    }

    /// Fills a new set for each, beside the old one.
    pub(crate) fn fill(&mut self) -> Result<(), Box<Diagnostic>> {
        let mut lines = Lines::default();
        for (at, set) in self.sets.iter().enumerate() {
            let mut new = set.clone();
            new.name = Text::from(format!("ptables-{}-{at}", std::process::id()));
            lines.line(set, |out| print_set(out, &new, b"create"))?;
            for entry in &set.entries {
                // An entry that is declared twice is there once.
                lines.line(set, |out| print_entry(out, &new, entry, b"add"))?;
            }
            self.filled.push(new.name);
        }
        self.run(&lines, &["-exist", "restore"]).or_else(|error| self.fail(error))
    }

    /// Puts the new contents in the place of the old ones.
    pub(crate) fn swap(mut self) -> Result<(), Box<Diagnostic>> {
        let mut lines = Lines::default();
        for (set, new) in self.sets.iter().zip(&self.filled) {
            lines.line(set, |out| {
                out.extend_from_slice(&[b"swap ", new.as_bytes(), b" ", set.name.as_bytes(), b"\n"].concat());
                Ok(())
            })?;
        }
        self.run(&lines, &["restore"])?;
        self.created.clear();
        self.undo();
        Ok(())
    }

    /// Takes out what was made.
    pub(crate) fn undo(&mut self) {
        for name in self.filled.drain(..).chain(self.created.drain(..).rev()) {
            // What was not made cannot be taken out: nothing is to be said of that.
            let _ = self.kernel.run_program("ipset", &["destroy", &name.to_lossy()], b"");
        }
    }

    fn fail<T>(&mut self, error: Box<Diagnostic>) -> Result<T, Box<Diagnostic>> {
        self.undo();
        Err(error)
    }

    /// The sets that the kernel holds: name, type, family.
    fn known(&self) -> Result<HashMap<String, (String, String)>, Box<Diagnostic>> {
        let output = self.kernel.run_program("ipset", &["list", "-t"], b"").map_err(unavailable)?;
        if !output.status.success() {
            return Err(refused(&output.stderr, Origin::Unknown));
        }
        let mut known: HashMap<String, (String, String)> = HashMap::new();
        let mut name = String::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some(it) = line.strip_prefix("Name: ") {
                name = it.to_owned();
                known.insert(name.clone(), Default::default());
            }
            let Some(facts) = known.get_mut(&name) else { continue };
            if let Some(kind) = line.strip_prefix("Type: ") {
                kind.clone_into(&mut facts.0);
            }
            if let Some(header) = line.strip_prefix("Header: family ") {
                header.split(' ').next().unwrap_or_default().clone_into(&mut facts.1);
            }
        }
        Ok(known)
    }

    fn run(&self, lines: &Lines, arguments: &[&str]) -> Result<(), Box<Diagnostic>> {
        if lines.bytes.is_empty() {
            return Ok(());
        }
        let output = self.kernel.run_program("ipset", arguments, &lines.bytes).map_err(unavailable)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.split_once("in line ").and_then(|it| it.1.split(':').next()?.parse::<usize>().ok());
        let origin = line.and_then(|it| lines.origins.get(it.checked_sub(1)?)).cloned().unwrap_or_default();
        Err(refused(&output.stderr, origin))
    }
}

impl Lines {
    fn line(
        &mut self,
        set: &Set,
        print: impl FnOnce(&mut Vec<u8>) -> Result<(), Box<Diagnostic>>,
    ) -> Result<(), Box<Diagnostic>> {
        self.origins.push(set.origin.clone());
        print(&mut self.bytes)
    }
}

/// Sets can be swapped if type and family are the same.
fn agrees(set: &Set, there: &(String, String)) -> Result<(), Box<Diagnostic>> {
    let family = set.family().filter(|_| set.kind.is_hash()).map(|it| match it {
        ptables::dialect::Family::V4 => "inet",
        ptables::dialect::Family::V6 => "inet6",
    });
    if there.0 == set.kind.as_str() && family.is_none_or(|it| it == there.1) {
        return Ok(());
    }
    let name = set.name.to_lossy();
    let message = format!("the kernel has a set `{name}` of another type or family: {} {}", there.0, there.1);
    let error = Diagnostic::error(codes::KERNEL_REFUSED, message.trim_end()).at(set.origin.clone(), "");
    Err(Box::new(error.help(format!("give it another name, or destroy that one (`ipset destroy {name}`)"))))
}

fn unavailable(error: Error) -> Box<Diagnostic> {
    let error = Diagnostic::error(codes::KERNEL_UNAVAILABLE, format!("the sets cannot be made: {error}"));
    Box::new(error.help("install the package `ipset`"))
}

fn refused(said: &[u8], origin: Origin) -> Box<Diagnostic> {
    let said = String::from_utf8_lossy(said);
    let said: Vec<&str> = said.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    let message = format!("ipset refuses this: {}", said.join("; "));
    Box::new(Diagnostic::error(codes::KERNEL_REFUSED, message).at(origin, ""))
}
