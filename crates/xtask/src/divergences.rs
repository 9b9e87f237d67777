//! `testdata/divergences.toml`: known differences between the real tools and us, each with its reason.

use std::collections::HashSet;

use serde::Deserialize;

use crate::generate::root;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    divergence: Vec<Entry>,
}

/// One known difference.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Which comparison: `probes-1.8.9`, `cases`, `rulesets` …
    oracle: String,
    /// What it covers: names of that comparison.
    cases: Vec<String>,
    /// Where: `legacy`, `nft`; both if absent.
    backend: Option<String>,
    /// Why we differ.
    reason: String,
}

/// The differences known of one comparison.
pub struct Divergences {
    entries: Vec<Entry>,
    used: HashSet<(usize, String)>,
}

impl Divergences {
    /// Reads those of an oracle.
    ///
    /// # Panics
    /// If the file cannot be read, or a reason is empty.
    pub fn load(oracle: &str) -> Divergences {
        let path = root().join("testdata/divergences.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let parsed: Result<File, _> = toml::from_str(&text);
        let entries = match parsed {
            Ok(file) => file.divergence,
            Err(error) => fail(&format!("{}: {error}", path.display())),
        };
        let entries: Vec<Entry> = entries.into_iter().filter(|it| it.oracle == oracle).collect();
        assert!(entries.iter().all(|it| it.reason.len() > 10), "{}: a reason is missing", path.display());
        Divergences { entries, used: HashSet::new() }
    }

    /// Whether a difference is known; marks it as used.
    pub fn covers(&mut self, case: &str, backend: &str) -> bool {
        let mut covered = false;
        for (index, entry) in self.entries.iter().enumerate() {
            let here = entry.backend.as_deref().is_none_or(|it| it == backend);
            if here && entry.cases.iter().any(|it| it == case) {
                self.used.insert((index, case.to_owned()));
                covered = true;
            }
        }
        covered
    }

    /// Fails if an entry covers something that does not differ any more.
    ///
    /// # Panics
    /// If there is such an entry.
    pub fn assert_all_used(&self) {
        for (index, entry) in self.entries.iter().enumerate() {
            for case in &entry.cases {
                assert!(
                    self.used.contains(&(index, case.clone())),
                    "testdata/divergences.toml: `{case}` of {} does not differ any more ({})",
                    entry.oracle,
                    entry.reason
                );
            }
        }
    }
}

#[expect(clippy::panic, reason = "a broken list must stop the comparison")]
fn fail(message: &str) -> ! {
    panic!("{message}")
}
