//! Where extensions may stand, against what the real tools did in all tables and chains and with all protocols (measured
//! beforehand, kept outside this repository).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]

use ptables::compile::compile;
use ptables::diag::Severity;
use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::ext::{Context, TableName};
use ptables::lower::Options;
use ptables::source::Source;
use ptables::text;
use serde_json::Value;
use xtask::{divergences::Divergences, names::DebianNames, shared};

fn accepts(context: Context, table: &str, chain: &str, rule: &str) -> bool {
    let text = format!("*{table}\n-A {chain} {rule}\nCOMMIT\n");
    let parsed = text::parse(&Source::new("row", text).unwrap());
    let compiled = compile(&parsed.tables, context.family, Options::new(context.dialect, &DebianNames));
    let refused =
        |it: &&ptables::diag::Diagnostic| matches!(it.severity, Severity::Error | Severity::Unsupported);
    !parsed.diagnostics.iter().chain(&compiled.diagnostics).any(|it| refused(&it))
}

fn run(backend: Backend) {
    let Some(text) = shared::read(&format!("facts/hooks-{backend}.jsonl")) else { return };
    let mut divergences = Divergences::load("hooks");
    let (mut compared, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let family = if row["family"] == "v6" { Family::V6 } else { Family::V4 };
        let context = Context::new(family, Dialect::new(backend, Version::V1_8_9));
        let (rule, name) = (row["rule"].as_str().unwrap(), row["name"].as_str().unwrap());
        let named = format!("{} {name}", row["kind"].as_str().unwrap());
        let mut check = |place: String, ours: bool, theirs: bool| {
            compared += 1;
            if ours != theirs && !divergences.covers(&[&named], context) {
                wrong.push(format!(
                    "{backend} {family} {named} {place}: {rule}: the tools {}",
                    if theirs { "accept" } else { "refuse" }
                ));
            }
        };
        for table in TableName::ALL {
            for hook in table.hooks() {
                let listed = row["ok"][table.as_str()].as_array();
                let theirs = listed.is_some_and(|it| it.iter().any(|it| it == hook.as_str()));
                check(
                    format!("{table}/{hook}"),
                    accepts(context, table.as_str(), hook.as_str(), rule),
                    theirs,
                );
            }
        }
        // With each protocol, in the first place that takes it at all. What a rule says of protocols itself stands in it already.
        let first = TableName::ALL.iter().find_map(|table| {
            let hooks = row["ok"][table.as_str()].as_array()?;
            Some((table.as_str(), hooks.first()?.as_str()?.to_owned()))
        });
        let Some((table, chain)) = first else { continue };
        let Some(protos) = row["proto_rc"].as_object() else { continue };
        if rule.contains("-p ") {
            continue;
        }
        for (proto, code) in protos {
            let text = if proto == "(none)" { rule.to_owned() } else { format!("{proto} {rule}") };
            check(proto.clone(), accepts(context, table, &chain, &text), code == 0);
        }
    }
    eprintln!("{backend}: {compared} compared, {} differ", wrong.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn places_on_legacy_agree() {
    run(Backend::Legacy);
}

#[test]
fn places_on_nft_agree() {
    run(Backend::Nft);
}
