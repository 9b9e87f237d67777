//! `testdata/divergences.toml`: known differences between the real tools and us, each with its reason.

use std::collections::HashSet;

use ptables::ext::Context;
use serde::Deserialize;

use crate::generate::root;
use crate::oracle::files;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    divergence: Vec<Entry>,
}

/// One known difference.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Which comparison: `probes-1.8.9`, `cases`, `files`, `rulesets` …
    oracle: String,
    /// What it covers: names of that comparison, such as rules or files; of the comparison `cases` also a file
    /// (`targets/led.cases`), which stands for all its rules.
    cases: Vec<String>,
    /// Where: `legacy` or `nft`; both if absent.
    backend: Option<String>,
    /// Where: `v4` or `v6`; both if absent.
    family: Option<String>,
    /// Version of the tools, such as `1.8.9`; any if absent. With other tools the entry need not be used.
    version: Option<String>,
    /// It comes from what this kernel or machine has, so it may be unused elsewhere.
    #[serde(default)]
    machine: bool,
    /// Why we differ.
    reason: String,
}

/// The differences known of one comparison.
pub struct Divergences {
    entries: Vec<Entry>,
    used: HashSet<(usize, String)>,
    versions: HashSet<String>,
}

impl Divergences {
    /// Reads those of an oracle.
    ///
    /// # Panics
    /// If the file cannot be read, or a reason is empty.
    pub fn load(oracle: &str) -> Divergences {
        let path = root().join("testdata/divergences.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let read = text.and_then(|text| Divergences::read(oracle, &text));
        read.unwrap_or_else(|error| fail(&format!("{}: {error}", path.display())))
    }

    fn read(oracle: &str, text: &str) -> Result<Divergences, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        if let Some(entry) = file.divergence.iter().find(|it| it.reason.trim().len() < 10) {
            return Err(format!("no reason for {:?} of {}", entry.cases, entry.oracle));
        }
        let entries = file.divergence.into_iter().filter(|it| it.oracle == oracle).collect();
        Ok(Divergences { entries, ..Divergences::none() })
    }

    /// Reads those of an oracle that are about these files.
    ///
    /// # Panics
    /// As [`Divergences::load`].
    pub fn load_only(oracle: &str, files: &[files::File]) -> Divergences {
        let mut all = Divergences::load(oracle);
        for entry in &mut all.entries {
            entry.cases.retain(|name| files.iter().any(|file| file.name == *name));
        }
        all
    }

    /// Nothing is known to differ.
    pub fn none() -> Divergences {
        Divergences { entries: Vec::new(), used: HashSet::new(), versions: HashSet::new() }
    }

    /// Whether an entry of this kind (of the machine, or not) names a rule of this case file; nothing is marked.
    pub fn lists(&self, rule: &str, file: &str, machine: bool) -> bool {
        let named = |entry: &Entry| entry.cases.iter().any(|it| it == rule || it == file);
        self.entries.iter().any(|entry| entry.machine == machine && named(entry))
    }

    /// Whether a difference is known by one of its names; marks it as used.
    pub fn covers(&mut self, names: &[&str], context: Context) -> bool {
        let backend = context.dialect.backend.to_string();
        let family = if context.family == ptables::dialect::Family::V4 { "v4" } else { "v6" };
        let version = context.dialect.version.to_string();
        let mut covered = false;
        for (index, entry) in self.entries.iter().enumerate() {
            let says = |field: &Option<String>, here: &str| field.as_deref().is_none_or(|it| it == here);
            let here = says(&entry.backend, &backend)
                && says(&entry.family, family)
                && says(&entry.version, &version);
            for case in entry.cases.iter().filter(|it| here && names.contains(&it.as_str())) {
                self.used.insert((index, case.clone()));
                covered = true;
            }
        }
        self.versions.insert(version);
        covered
    }

    /// Says that the tools compared with are of this version, so that entries about others need not be used.
    pub fn tools_are(&mut self, context: Context) {
        self.versions.insert(context.dialect.version.to_string());
    }

    /// A line for each entry that covers nothing that differs.
    pub fn unused(&self) -> Vec<String> {
        let mut unused = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let elsewhere = entry.version.as_ref().is_some_and(|it| !self.versions.contains(it));
            if elsewhere || entry.machine {
                continue;
            }
            for case in entry.cases.iter().filter(|it| !self.used.contains(&(index, (*it).clone()))) {
                let (oracle, reason) = (&entry.oracle, &entry.reason);
                unused.push(format!(
                    "testdata/divergences.toml: `{case}` of {oracle} does not differ any more ({reason})"
                ));
            }
        }
        unused
    }

    /// Fails if an entry covers something that does not differ any more.
    ///
    /// # Panics
    /// If there is such an entry.
    pub fn assert_all_used(&self) {
        let unused = self.unused();
        assert!(unused.is_empty(), "{}", unused.join("\n"));
    }
}

#[expect(clippy::panic, reason = "a broken list must stop the comparison")]
fn fail(message: &str) -> ! {
    panic!("{message}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ptables::dialect::{Backend, Dialect, Family, Version};

    const TEXT: &str = "
        [[divergence]]\noracle = 'cases'\ncases = ['a', 'b']\nbackend = 'nft'\nreason = 'long enough'
        [[divergence]]\noracle = 'cases'\ncases = ['c']\nversion = '1.8.11'\nreason = 'long enough'
        [[divergence]]\noracle = 'cases'\ncases = ['d']\nmachine = true\nreason = 'long enough'
        [[divergence]]\noracle = 'files'\ncases = ['e']\nreason = 'long enough'";

    #[test]
    fn an_entry_covers_where_it_says_and_must_be_used() {
        let on = |backend, version| Context::new(Family::V4, Dialect::new(backend, version));
        let mut known = Divergences::read("cases", TEXT).unwrap();
        assert!(known.covers(&["x", "a"], on(Backend::Nft, Version::V1_8_9)));
        assert!(!known.covers(&["b"], on(Backend::Legacy, Version::V1_8_9)));
        assert!(!known.covers(&["c"], on(Backend::Nft, Version::V1_8_9)));
        assert!(!known.covers(&["e"], on(Backend::Nft, Version::V1_8_9)));
        // `c` is about other tools, `d` about other machines.
        let unused = known.unused();
        assert!(
            unused.len() == 1 && unused[0].contains("`b` of cases does not differ any more"),
            "{unused:?}"
        );
        assert!(known.covers(&["c"], on(Backend::Legacy, Version::V1_8_11)));
    }

    #[test]
    fn a_difference_without_a_reason_is_none() {
        let text = "[[divergence]]\noracle = 'cases'\ncases = ['a']\nreason = ''";
        assert!(Divergences::read("files", text).is_err());
    }
}
