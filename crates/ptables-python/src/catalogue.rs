//! The catalogue of extensions, for the name spaces `matches` and `targets`.

use ptables::ext::{CATALOGUE, Kind, Takes};
use pyo3::prelude::*;

/// Name, what it takes (`flag`, `value`, `two`, `maybe`), whether it can be inverted, what it is.
type Option_ = (&'static str, &'static str, bool, &'static str);

/// All matches, or all targets: `(name, documentation, options)` each.
#[pyfunction]
pub fn catalogue(kind: &str) -> Vec<(&'static str, &'static str, Vec<Option_>)> {
    let kind = if kind == "target" { Kind::Target } else { Kind::Match };
    let mut found: Vec<(&str, &str, Vec<Option_>)> = Vec::new();
    for entry in CATALOGUE.iter().filter(|it| it.spec.kind == kind) {
        if found.last().is_none_or(|it| it.0 != entry.spec.name) {
            found.push((entry.spec.name, entry.docs, Vec::new()));
        }
        // Extensions of one name, one for each family, stand together.
        let Some((_, _, options)) = found.last_mut() else { continue };
        for it in entry.spec.options {
            let takes = match it.takes {
                Takes::Nothing => "flag",
                Takes::Value => "value",
                Takes::TwoValues => "two",
                Takes::Maybe => "maybe",
            };
            if options.iter().all(|(name, ..)| *name != it.name) {
                options.push((it.name, takes, it.negatable, it.doc));
            }
        }
    }
    found
}
