//! How often options of matches were true and false, as the kernel counted them.

use std::collections::BTreeMap;
use std::fmt::Write;

/// How often each option was true and false, by the names of match and option.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<(String, String), (u64, u64)>);

/// Options that can be but one, in these namespaces, with the reason. Ports of bridges and waiting sockets have a test of their own
/// (`bridges`).
const ONE_SIDED: [(&str, &str, &str); 7] = [
    ("comment", "--comment", "a remark is always true"),
    ("physdev", "", "there is no bridge"),
    ("socket", "", "no socket waits"),
    ("policy", "", "nothing is encrypted"),
    ("realm", "", "every route has realm 0"),
    ("owner", "!--socket-exists", "whatever is sent from here has a socket"),
    ("owner", "--socket-exists", "whatever is sent from here has a socket"),
];

impl Coverage {
    /// Adds to one option.
    pub fn add_one(&mut self, name: (String, String), held: u64, failed: u64) {
        let count = self.0.entry(name).or_default();
        count.0 += held;
        count.1 += failed;
    }

    /// Adds another's.
    pub fn add(&mut self, other: Coverage) {
        for (name, (held, failed)) in other.0 {
            self.add_one(name, held, failed);
        }
    }

    /// Options that were never true, or never false, although they could.
    pub fn missing(&self) -> Vec<String> {
        let known = |name: &str, option: &str| {
            ONE_SIDED.iter().any(|it| it.0 == name && (it.1.is_empty() || it.1 == option))
        };
        let missing = self
            .0
            .iter()
            .filter(|((name, option), count)| (count.0 == 0 || count.1 == 0) && !known(name, option));
        missing.map(|((name, option), count)| format!("{name} {option} {}/{}", count.0, count.1)).collect()
    }

    /// One line for each match, with its options and how often each was true and false.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut before = "";
        for ((name, option), (held, failed)) in &self.0 {
            if name != before {
                let end = if before.is_empty() { "" } else { "\n" };
                // Writing to a string does not fail.
                let _ = write!(text, "{end}{name}:");
                before = name;
            }
            let _ = write!(text, " {option} {held}/{failed}");
        }
        text
    }
}
