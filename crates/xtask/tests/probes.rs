//! Our reading against what the real tools did with thousands of texts (measured beforehand, kept outside this repository).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;

use ptables::check;
use ptables::diag::{Severity, codes};
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
    let mut options = Options::new(dialect, &DebianNames);
    options.counters = flags.split_whitespace().any(|it| it == "-c");
    options.counters_asked = options.counters;
    let lowered = lower::lower(&parsed.tables, family, options);
    let checked = check::check(&lowered.ruleset);
    let all = parsed.diagnostics.iter().chain(&lowered.diagnostics).chain(&checked);
    let errors: Vec<String> = all
        .filter(|it| {
            it.severity == Severity::Error || (options.counters && it.code == codes::PARSE_BAD_COUNTERS)
        })
        .map(|it| format!("{}: {}", it.code, it.message))
        .collect();
    let mut out = Vec::new();
    let counted = probe["saveflags"].as_str() == Some("-c");
    lowered.ruleset.print(&mut out, counted);
    let mut printed = saved::normal(&escape(&out));
    if counted {
        // iptables-save prints counters that are zero too.
        printed = printed
            .lines()
            .map(|line| match line.strip_prefix("-A") {
                Some(rest) => format!("[0:0] -A{rest}\n"),
                None => format!("{line}\n"),
            })
            .collect();
    }
    (errors.is_empty(), printed, errors)
}

/// Bytes that are not UTF-8 stand in the file as lone surrogates (U+DC80 to U+DCFF), which `lone_surrogates` makes private
/// characters (U+E080 to U+E0FF): these stand for one byte each.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for letter in text.chars() {
        match letter as u32 {
            code @ 0xe080..=0xe0ff => bytes.push((code & 0xff) as u8),
            _ => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(0xe000 | u32::from(*byte))));
    }
    text
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
            // `-t` and `-T TABLE` leave the kernel, or all but one table, as it was: only the verdict says something.
            let flags = probe["flags"].as_str().unwrap_or("").to_lowercase();
            let applied = !flags.split_whitespace().any(|it| it == "-t");
            let right = ok == accepted && (!accepted || !applied || printed == expected);
            let class = probe["cls"].as_str().unwrap().to_owned();
            let id = probe["id"].as_u64().unwrap();
            let context = Context::new(family, Dialect::new(backend, version));
            let excused = !right && divergences.covers(&[&id.to_string()], context);
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
