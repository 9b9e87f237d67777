//! Our reading against what the real tools did with thousands of texts (measured beforehand, kept outside this repository).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;

use ptables::check;
use ptables::diag::Severity;
use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::ext::Context;
use ptables::lower::{self, Options};
use ptables::source::Source;
use ptables::text;
use serde_json::Value;
use xtask::{divergences::Divergences, names::DebianNames, saved, shared};

/// What we say of a text: accepted or not, and what iptables-save would print, without remarks.
fn ours(family: Family, dialect: Dialect, probe: &Value) -> (bool, String, Vec<String>) {
    let flags = probe["flags"].as_str().unwrap_or("");
    let noflush = flags.split_whitespace().any(|it| it == "-n");
    let input = probe["input"].as_str().unwrap();
    let bytes = unescape(input);
    let bytes = match probe["pre"].as_str().filter(|_| noflush) {
        // What was there before, then the text itself, as one table.
        Some(pre) => [
            pre.strip_suffix("COMMIT\n").unwrap().as_bytes(),
            bytes.strip_prefix(b"*filter\n").unwrap_or(&bytes),
        ]
        .concat(),
        None => bytes,
    };
    let parsed = text::parse(&Source::new("probe", bytes).unwrap());
    let lowered = lower::lower(&parsed.tables, family, Options::new(dialect, &DebianNames));
    let checked = check::check(&lowered.ruleset);
    let all = parsed.diagnostics.iter().chain(&lowered.diagnostics).chain(&checked);
    let errors: Vec<String> = all
        .filter(|it| it.severity == Severity::Error)
        .map(|it| format!("{}: {}", it.code, it.message))
        .collect();
    let mut out = Vec::new();
    lowered.ruleset.print(&mut out, probe["saveflags"].as_str() == Some("-c"));
    (errors.is_empty(), saved::normal(&String::from_utf8_lossy(&out)), errors)
}

/// Bytes that are not UTF-8 stand in the file as lone surrogates, which JSON text cannot hold: they come as U+FFFD there.
fn unescape(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn run(file: &str, version: Version) {
    let Some(text) = shared::read(&format!("facts/{file}")) else { return };
    let mut divergences = Divergences::load(&format!("probes-{version}"));
    divergences.tools_are(Context::new(Family::V4, Dialect::new(Backend::Nft, version)));
    let mut totals: BTreeMap<(String, bool), (usize, usize)> = BTreeMap::new();
    let mut shown = 0;
    for line in text.lines() {
        // A lone surrogate is no Unicode: such a probe is read with the byte that it stands for.
        let Ok(probe) = serde_json::from_str::<Value>(&lone_surrogates(line)) else { continue };
        let family = if probe["family"] == "v6" { Family::V6 } else { Family::V4 };
        for backend in Backend::ALL {
            let tool = backend.to_string();
            let accepted = probe[format!("{tool}_ok")].as_bool().unwrap();
            let expected = saved::normal(probe[format!("{tool}_save")].as_str().unwrap());
            let (ok, printed, errors) = ours(family, Dialect::new(backend, version), &probe);
            let right = ok == accepted && (!accepted || printed == expected);
            let class = probe["cls"].as_str().unwrap().to_owned();
            let id = probe["id"].as_u64().unwrap();
            let context = Context::new(family, Dialect::new(backend, version));
            let excused = !right && divergences.covers(&format!("{id}"), context);
            let total = totals.entry((class, accepted)).or_default();
            total.0 += 1;
            total.1 += usize::from(right);
            if !right && !excused {
                shown += 1;
                if std::env::var_os("PTABLES_SHOW").is_some() || shown <= 40 {
                    eprintln!(
                        "--- {id} {tool} {family} {}\n{}real: {accepted} {expected}\nours: {ok} {printed}{errors:?}",
                        probe["flags"],
                        probe["input"].as_str().unwrap()
                    );
                }
            }
        }
    }
    let (all, right) = totals.values().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    for ((class, accepted), (all, right)) in &totals {
        eprintln!("{class:16} {} {right}/{all}", if *accepted { "accepted" } else { "refused " });
    }
    eprintln!("{file}: {right} of {all} agree");
    assert_eq!(shown, 0, "{shown} probes differ that testdata/divergences.toml does not list");
    divergences.assert_all_used();
}

/// `\udcXX` stands for byte XX; as JSON it would be refused, so it becomes a private character that `ours` does not tell apart.
fn lone_surrogates(line: &str) -> String {
    line.replace("\\udc", "\\ue0")
}

#[test]
fn probes_of_1_8_9_agree() {
    run("probes.jsonl", Version::V1_8_9);
}

#[test]
fn probes_of_1_8_11_agree() {
    run("probes-1.8.11-differences.jsonl", Version::V1_8_11);
}
