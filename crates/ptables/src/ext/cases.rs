//! The `.cases` beside each extension: what is accepted and how it prints, what is refused.
//!
//! A line is `[TAG …] RULE => CANONICAL`, `RULE =` (prints as it is written), or `RULE => FAIL CODE`. The rule is what stands after
//! `-A CHAIN`. Tags narrow where the line holds: `v4`, `v6`, `legacy`, `nft`, `1.8.11`; and where the rule stands:
//! `nat/PREROUTING`. Lines that begin with `#`, and empty ones, are remarks.
//!
//! `# setup: ipset create hosts hash:ip` is a remark that the comparison with the real tools carries out in its namespace before
//! it tries the cases; `# setup v4:` and `# setup v6:` do so for one family.

use super::{Context, Spec, TableName};
use crate::dialect::{Backend, Dialect, Family, Version};

/// One line of a `.cases` file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Case<'a> {
    /// Line in its file, from 1.
    pub line: usize,
    /// Families that it holds for.
    pub families: &'static [Family],
    /// Back ends that it holds for.
    pub backends: &'static [Backend],
    /// Version of the tools that it holds for.
    pub version: Version,
    /// Table and chain that the rule stands in.
    pub place: (&'a str, &'a str),
    /// The rule, after `-A CHAIN`.
    pub rule: &'a str,
    /// What becomes of it.
    pub expected: Expected<'a>,
}

/// What becomes of a case's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// It prints like this.
    Canonical(&'a str),
    /// It is refused with a diagnostic of this code.
    Fail(&'a str),
}

impl Case<'_> {
    /// Everything that it holds for.
    pub fn contexts(&self) -> impl Iterator<Item = Context> {
        let dialects = self.backends.iter().map(|backend| Dialect::new(*backend, self.version));
        dialects.flat_map(|dialect| self.families.iter().map(move |family| Context::new(*family, dialect)))
    }
}

/// What the cases need in the kernel: commands that make sets and the like, with the families that they are for.
pub fn setups(text: &str) -> impl Iterator<Item = (&'static [Family], &str)> {
    text.lines().filter_map(|line| {
        let (families, command) = line.strip_prefix("# setup")?.split_once(": ")?;
        let families: &[Family] = match families {
            "" => &Family::ALL,
            " v4" => &[Family::V4],
            " v6" => &[Family::V6],
            _ => return None,
        };
        Some((families, command))
    })
}

/// Reads the cases of an extension.
///
/// # Errors
/// A message with the line that is not of the form.
pub fn parse<'a>(spec: &Spec, text: &'a str) -> Result<Vec<Case<'a>>, String> {
    let mut cases = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        cases.push(
            case(spec, index + 1, line)
                .ok_or_else(|| format!("{}.cases:{}: `{line}`", spec.name, index + 1))?,
        );
    }
    Ok(cases)
}

fn case<'a>(spec: &Spec, number: usize, line: &'a str) -> Option<Case<'a>> {
    let (tags, rest) = match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?,
        None => ("", line),
    };
    let (rule, expected) = match rest.split_once(" => ") {
        Some((rule, outcome)) => match outcome.strip_prefix("FAIL ") {
            Some(code) => (rule, Expected::Fail(code)),
            None => (rule, Expected::Canonical(outcome)),
        },
        None => {
            let rule = rest.strip_suffix(" =")?;
            (rule, Expected::Canonical(rule))
        }
    };
    let families: &[Family] = match spec.families {
        super::Families::Both => &Family::ALL,
        super::Families::V4 => &[Family::V4],
        super::Families::V6 => &[Family::V6],
    };
    let mut case = Case {
        line: number,
        families,
        backends: &Backend::ALL,
        version: Version::V1_8_9,
        place: default_place(spec),
        rule,
        expected,
    };
    for tag in tags.split_whitespace() {
        match tag {
            "v4" => case.families = &[Family::V4],
            "v6" => case.families = &[Family::V6],
            "legacy" => case.backends = &[Backend::Legacy],
            "nft" => case.backends = &[Backend::Nft],
            "1.8.11" => case.version = Version::V1_8_11,
            _ => case.place = tag.split_once('/')?,
        }
    }
    Some(case)
}

/// The first table and hook that take the extension; filter INPUT if it can be.
fn default_place(spec: &Spec) -> (&'static str, &'static str) {
    let fits = |table: TableName| {
        let hook = table.hooks().iter().find(|hook| spec.places.hooks.has(**hook))?;
        spec.places.tables.has(table).then_some((table.as_str(), hook.as_str()))
    };
    TableName::ALL.into_iter().find_map(fits).unwrap_or(("filter", "INPUT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setups_are_remarks_of_one_form() {
        let text = "# setup: ipset create a hash:ip\n# setup v6: ip link add d type dummy\n# setup\n-j ACCEPT =\n# set up: no\n";
        let found: Vec<_> = setups(text).collect();
        assert_eq!(
            found,
            [(&Family::ALL[..], "ipset create a hash:ip"), (&[Family::V6][..], "ip link add d type dummy")]
        );
    }
}
