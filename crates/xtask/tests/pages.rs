//! The example on the page of a code leads to that code.
#![expect(clippy::panic, reason = "tests")]

use ptables::analysis::Limits;
use ptables::check::{EXACT_CHECKS, analyse};
use ptables::diag::{Code, codes};
use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::ext::Context;
use xtask::oracle::Ours;

/// Codes of an example in every dialect and family; of a code that comes of looking at all packets, only such.
fn found(code: Code, example: &str) -> Vec<(Context, Vec<String>)> {
    let exact = EXACT_CHECKS.iter().any(|it| it.codes.contains(&code));
    let dialects = [Version::V1_8_9, Version::V1_8_11]
        .into_iter()
        .flat_map(|version| Backend::ALL.map(|backend| Dialect::new(backend, version)));
    dialects
        .flat_map(|dialect| Family::ALL.map(|family| Context::new(family, dialect)))
        .map(|context| {
            let ours = Ours::read(context, example).unwrap_or_else(|error| panic!("{error}"));
            let found = if exact { analyse(&ours.ruleset, Limits::default()) } else { ours.diagnostics };
            (context, found.iter().map(|it| it.code.to_string()).collect())
        })
        .collect()
}

#[test]
fn every_example_leads_to_its_code_and_to_no_other() {
    let mut wrong = Vec::new();
    for code in codes::ALL {
        let page = code.page();
        match page.example() {
            None => {
                if !page.text.contains("\nExample: made by ") {
                    wrong.push(format!("{code}: neither a ```rules example nor `Example: made by …`"));
                }
            }
            Some(example) => {
                let found = found(*code, example);
                let hits = found.iter().filter(|(_, codes)| codes.iter().any(|it| it == code.as_str()));
                let others: Vec<&str> = found
                    .iter()
                    .filter(|(context, _)| context.family == Family::V4)
                    .flat_map(|(_, codes)| codes)
                    .map(String::as_str)
                    .filter(|it| *it != code.as_str())
                    .collect();
                let hits = hits.count();
                if hits == 0 || !others.is_empty() {
                    wrong.push(format!(
                        "{code}: {hits} of {} contexts lead to it; besides it {others:?}",
                        found.len()
                    ));
                } else {
                    println!("{code}: {hits} of {}", found.len());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
