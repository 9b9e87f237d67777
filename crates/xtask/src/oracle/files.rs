//! Whole files on the real tools.

use std::fs;
use std::path::Path;

use ptables::dialect::Family;
use ptables::source::Source;
use ptables::text::{self, FamilyHint};

use super::{Difference, Failure, Ours, Outcome, Real, Verdict};
use crate::saved;

/// A file of rules.
pub struct File {
    /// Its name, without folders.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Reads the files of a folder, in order of name. Folders in it, and files `*.md`, are left out.
///
/// # Errors
/// What could not be read.
pub fn read(folder: &Path) -> Result<Vec<File>, Failure> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && !name.ends_with(".md") {
            files.push(File { name, bytes: fs::read(&path).map_err(failed)? });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

impl File {
    /// The families that it may be for: told by its name (`.v4`, `.v6`, `ip6tables`) or its text, or else both.
    pub fn families(&self) -> Vec<Family> {
        if self.name.ends_with(".v6") || self.name.contains("ip6tables") {
            return vec![Family::V6];
        }
        if self.name.ends_with(".v4") {
            return vec![Family::V4];
        }
        match Source::new(&self.name, self.bytes.clone()).map(|source| text::family(&source)) {
            Ok(FamilyHint::One(family)) => vec![family],
            _ => Family::ALL.to_vec(),
        }
    }
}

/// Compares files for the tools given; those of the other family are left out.
///
/// # Errors
/// Why they could not be compared.
pub fn compare(real: &mut Real, files: &[File]) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let family = real.family();
    for file in files.iter().filter(|it| it.families().contains(&family)) {
        real.renew()?;
        let verdict = real.load(&file.bytes)?;
        let ours = Ours::read_named(real.context, &file.name, file.bytes.clone())?;
        outcome.tried += 1;
        outcome.accepted += usize::from(matches!(verdict, Verdict::Accepted(_)));
        if let Some((real_said, ours_said)) = difference(real, &ours, &verdict)? {
            outcome.differences.push(Difference {
                name: file.name.clone(),
                file: String::new(),
                place: "file".into(),
                context: real.context,
                real: real_said,
                ours: ours_said,
            });
        }
    }
    Ok(outcome)
}

/// What the tools and we say of a text, if it is not the same.
///
/// # Errors
/// Why that could not be told.
pub fn difference(
    real: &mut Real,
    ours: &Ours,
    verdict: &Verdict,
) -> Result<Option<(String, String)>, Failure> {
    let errors = ours.errors();
    match verdict {
        Verdict::Refused { message, .. } if errors.is_empty() && !ours.has_raw() => {
            Ok(Some((format!("refuse: {message}"), "accept".into())))
        }
        Verdict::Refused { .. } => Ok(None),
        Verdict::Accepted(_) if !errors.is_empty() => {
            let mut kinds: Vec<String> = errors.clone();
            kinds.sort();
            kinds.dedup();
            kinds.truncate(8);
            Ok(Some(("accept".into(), format!("refuse, {} errors:\n{}", errors.len(), kinds.join("\n")))))
        }
        // We warn that what the tools save is not the rule: there is nothing else to compare.
        Verdict::Accepted(_) if ours.is_unreloadable() => Ok(None),
        Verdict::Accepted(saved) => {
            let printed = ours.fresh();
            if !ours.has_raw() && saved::normal(&printed) != saved::normal(saved) {
                let (real, ours) = apart(&saved::normal(saved), &saved::normal(&printed));
                return Ok(Some((format!("save\n{real}"), format!("print\n{ours}"))));
            }
            real.renew()?;
            Ok(match real.load(&ours.printed())? {
                Verdict::Accepted(again) if again == *saved => None,
                Verdict::Accepted(again) => {
                    let (first, second) = apart(saved, &again);
                    Some((
                        format!("save of the file\n{first}"),
                        format!("what is saved of our print\n{second}"),
                    ))
                }
                Verdict::Refused { message, .. } => {
                    Some(("accept the file".into(), format!("our print is refused: {message}")))
                }
            })
        }
    }
}

/// The first lines in which two texts differ: at most five of each.
pub fn apart(left: &str, right: &str) -> (String, String) {
    let (mut lefts, mut rights) = (left.lines(), right.lines());
    let pairs = std::iter::from_fn(|| match (lefts.next(), rights.next()) {
        (None, None) => None,
        (left, right) => Some((left.unwrap_or("(end)"), right.unwrap_or("(end)"))),
    });
    let (lefts, rights): (Vec<&str>, Vec<&str>) = pairs.filter(|(a, b)| a != b).take(5).unzip();
    (lefts.join("\n"), rights.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_for_the_family_of_its_name_or_text() {
        let families = |name: &str, text: &str| File { name: name.into(), bytes: text.into() }.families();
        assert_eq!(families("a.v4", "-s ::1"), [Family::V4]);
        assert_eq!(families("x.ip6tables-save", ""), [Family::V6]);
        assert_eq!(families("x", "-A INPUT -s 2001:db8::1"), [Family::V6]);
        assert_eq!(families("x", "-A INPUT -j ACCEPT"), Family::ALL);
    }

    #[test]
    fn texts_are_told_apart_by_their_lines() {
        assert_eq!(apart("a\nb\nc", "a\nx"), ("b\nc".into(), "x\n(end)".into()));
    }
}
