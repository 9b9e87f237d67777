//! Our reading against the iptables programs of this machine: the verdict on a text, and what they save of it.
//!
//! Each back end and family has a namespace of its own. What differs and is not in `testdata/divergences.toml` is a
//! failure, and so is an entry there that covers nothing any more.

pub mod cases;
pub mod files;
mod ours;
mod real;
pub mod trials;

use std::fmt;
use std::path::PathBuf;
use std::thread;

use ptables::dialect::{Backend, Family};
use ptables::ext::Context;
use ptables_kernel::netns::Scratch;

use crate::divergences::Divergences;
use crate::generate::root;

pub use ours::Ours;
pub use real::{Real, Verdict, usable_or_skip, without_dates};

/// What the comparisons cannot go on without: a message.
pub type Failure = String;

/// One text that the tools and we take differently.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Its name in `testdata/divergences.toml`: the rule of a case, or the name of a file.
    pub name: String,
    /// The file that it stands in.
    pub file: String,
    /// Where in the file; may be empty.
    pub place: String,
    /// Family, back end, version.
    pub context: Context,
    /// What the tools do.
    pub real: String,
    /// What we do.
    pub ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Context { family, dialect, .. } = self.context;
        let Difference { file, place, name, .. } = self;
        writeln!(f, "{file}{place}, {family}, {} {}: {name}", dialect.backend, dialect.version)?;
        for (who, said) in [("tools", &self.real), ("we", &self.ours)] {
            for (index, line) in said.lines().enumerate() {
                writeln!(f, "  {:<6}{line}", if index == 0 { who } else { "" })?;
            }
        }
        Ok(())
    }
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many texts were tried, counted once for each back end and family.
    pub tried: usize,
    /// How many of them the tools accepted.
    pub accepted: usize,
    /// What differed.
    pub differences: Vec<Difference>,
    /// With which tools.
    pub contexts: Vec<Context>,
}

impl Outcome {
    fn add(&mut self, other: Outcome) {
        self.contexts.extend(other.contexts);
        self.tried += other.tried;
        self.accepted += other.accepted;
        self.differences.extend(other.differences);
    }

    /// Takes out what is known to differ.
    ///
    /// # Errors
    /// All that is left, and entries of the list that cover nothing.
    pub fn settle(&self, mut known: Divergences) -> Result<String, Failure> {
        self.contexts.iter().for_each(|it| known.tools_are(*it));
        let new: Vec<String> = self
            .differences
            .iter()
            .filter(|it| !known.covers(&[&it.name, &it.file], it.context))
            .map(Difference::to_string)
            .collect();
        let unused = known.unused();
        let same = self.tried - self.differences.len();
        let report = format!(
            "{} texts, {} of them accepted by the tools: {same} agree, {} differ as listed",
            self.tried,
            self.accepted,
            self.differences.len() - new.len(),
        );
        if new.is_empty() && unused.is_empty() {
            return Ok(report);
        }
        Err(format!(
            "{report}\n\n{}\n{} differ that testdata/divergences.toml does not list\n{}",
            new.join("\n"),
            new.len(),
            unused.join("\n")
        ))
    }
}

/// Every pair of back end and family.
pub fn pairs() -> impl Iterator<Item = (Backend, Family)> {
    Backend::ALL.into_iter().flat_map(|backend| Family::ALL.into_iter().map(move |family| (backend, family)))
}

/// Runs a comparison for every back end and family at once, each in a namespace of its own.
///
/// # Errors
/// The first that could not be run.
pub fn everywhere(
    compare: impl Fn(&mut Real) -> Result<Outcome, Failure> + Sync,
) -> Result<Outcome, Failure> {
    let compare = &compare;
    thread::scope(|scope| {
        let runs: Vec<_> = pairs()
            .map(|(backend, family)| {
                scope.spawn(move || {
                    let mut real = Real::new(backend, family)?;
                    let outcome = compare(&mut real)?;
                    Ok::<_, Failure>(Outcome { contexts: vec![real.context], ..outcome })
                })
            })
            .collect();
        let mut all = Outcome::default();
        for run in runs {
            all.add(run.join().map_err(|_| "a comparison panicked".to_owned())??);
        }
        Ok(all)
    })
}

/// `cargo xtask oracle [FOLDER…]`: the cases of the catalogue and our own folders, or the given folders.
///
/// # Errors
/// What differs, or why nothing could be compared.
pub fn run(folders: &[PathBuf]) -> Result<String, Failure> {
    if let Err(error) = Scratch::new() {
        return Err(format!("no namespace to compare in: {error}"));
    }
    let mut reports = Vec::new();
    let mut failed = false;
    let mut settle = |name: String, outcome: Result<Outcome, Failure>, known: Divergences| {
        let settled = outcome.and_then(|it| it.settle(known));
        failed |= settled.is_err();
        let (Ok(report) | Err(report)) = settled;
        reports.push(format!("{name}: {report}"));
    };
    if folders.is_empty() {
        settle("cases".into(), everywhere(cases::compare), Divergences::load("cases"));
    }
    let own: Vec<PathBuf> = ["testdata/rulesets", "testdata/regress"].map(|it| root().join(it)).to_vec();
    let folders = if folders.is_empty() { own.as_slice() } else { folders };
    let there: Vec<&PathBuf> = folders.iter().filter(|it| it.is_dir()).collect();
    let missing = folders.iter().filter(|it| !it.is_dir() && !own.contains(it));
    for folder in missing {
        settle(folder.display().to_string(), Err("no such folder".into()), Divergences::none());
    }
    for folder in there {
        let name = folder.strip_prefix(root()).unwrap_or(folder).display().to_string();
        let files = files::read(folder)?;
        settle(
            name,
            everywhere(|real| files::compare(real, &files)),
            Divergences::load_only("files", &files),
        );
    }
    let report = reports.join("\n");
    if failed { Err(report) } else { Ok(report) }
}
