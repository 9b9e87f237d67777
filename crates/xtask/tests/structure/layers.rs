//! A module of the library uses only modules of lower layers: `//! Layer N.` at its top is its layer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::sources;

/// Modules of one layer that use each other, each with the reason.
const SIDEWAYS: [(&str, &str, &str); 7] = [
    ("origin", "source", "an origin may be a span of text"),
    ("diag", "origin", "a diagnostic points at who wrote it"),
    ("diag", "source", "an excerpt shows the line"),
    ("program", "text", "a rule finds its comment with the tokeniser"),
    ("text", "program", "text is read into a program and printed from one"),
    ("build", "program", "the builder makes rules of a program"),
    ("build", "text", "built tables print themselves in the annotated style"),
];

/// A path in the sources: from which file, to which module of the crate.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    file: String,
    from: String,
    to: String,
}

/// The top-level module that a file belongs to.
fn module(path: &Path) -> String {
    let first = path.iter().next().unwrap().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The text without remarks and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The modules of the crate that a file names: `crate::x`, `crate::{x, y}`, and `super::x` where that is the crate.
fn used(path: &Path, text: &str) -> BTreeSet<String> {
    // How many `super` lead to the root of the crate.
    let depth = path.iter().count() - usize::from(path.ends_with("mod.rs"));
    let root = format!("{}::", vec!["super"; depth].join("::"));
    let mut names = BTreeSet::new();
    for start in ["crate::", &root] {
        for (at, _) in text.match_indices(start) {
            let before = text.get(..at).unwrap_or_default();
            let whole = !before.ends_with(|it: char| it.is_alphanumeric() || it == '_' || it == ':');
            let after = text.get(at + start.len()..).unwrap_or_default();
            if !whole {
                continue;
            }
            let group = after.strip_prefix('{').and_then(|it| it.split_once("};")).map(|it| it.0);
            match group {
                Some(group) => names.extend(outermost(group)),
                None => names.extend(name(after)),
            }
        }
    }
    names
}

fn name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
    Some(name).filter(|it| !it.is_empty())
}

/// The first names of the items of a group of paths.
fn outermost(group: &str) -> Vec<String> {
    let mut depth = 0;
    let items = group.split(|it: char| {
        depth += i32::from(it == '{') - i32::from(it == '}');
        it == ',' && depth == 0
    });
    items.filter_map(|item| name(item.trim())).collect()
}

#[test]
fn a_module_uses_only_lower_layers() {
    let sources = sources("crates/ptables/src");
    let mut layers: BTreeMap<String, u32> = BTreeMap::new();
    for (path, text) in &sources {
        let top = path.iter().count() == 1 || (path.iter().count() == 2 && path.ends_with("mod.rs"));
        if top && path != Path::new("lib.rs") {
            let layer =
                text.strip_prefix("//! Layer ").and_then(|it| it.split_once('.')).map(|it| it.0.parse());
            let Some(Ok(layer)) = layer else { panic!("{}: no `//! Layer N.` at its top", path.display()) };
            layers.insert(module(path), layer);
        }
    }
    let mut uses = BTreeSet::new();
    for (path, text) in
        sources.iter().filter(|(path, _)| path != Path::new("lib.rs") && !path.ends_with("tests.rs"))
    {
        let from = module(path);
        for to in used(path, &code(text)).into_iter().filter(|to| *to != from && layers.contains_key(to)) {
            uses.insert(Use { file: path.display().to_string(), from: from.clone(), to });
        }
    }
    assert!(uses.len() > 100, "the uses were not found: {}", uses.len());
    let wrong: Vec<&Use> = uses
        .iter()
        .filter(|it| {
            let (from, to) = (layers[&it.from], layers[&it.to]);
            let listed = SIDEWAYS.iter().any(|(a, b, _)| *a == it.from && *b == it.to);
            to > from || (to == from && !listed)
        })
        .collect();
    assert!(wrong.is_empty(), "uses of a layer that is not lower: {wrong:#?}");
    for (from, to, _) in SIDEWAYS {
        assert!(
            uses.iter().any(|it| it.from == from && it.to == to),
            "{from} does not use {to} any more: take it out"
        );
        assert_eq!(layers[from], layers[to], "{from} and {to} are in different layers: take it out");
    }
}

#[test]
fn paths_are_found_however_they_are_written() {
    let text = "use crate::{diag::{codes, Code}, value};\nuse crate::ext::Spec;\nfn a() { crate::model::print(); mycrate::no(); }\nuse super::super::origin;\n";
    let found = used(Path::new("text/parse.rs"), &code(text));
    assert_eq!(found, ["diag", "ext", "model", "origin", "value"].map(String::from).into());
    assert_eq!(used(Path::new("compile.rs"), "use super::check;"), BTreeSet::from(["check".to_owned()]));
    assert_eq!(used(Path::new("text/mod.rs"), "use super::check;"), BTreeSet::from(["check".to_owned()]));
    assert_eq!(code("a\n// b\n#[cfg(test)]\nmod tests { crate::x }"), "a\n");
}
