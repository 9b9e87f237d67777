//! Every line of every `.cases` file, on our own reading. The oracle of xtask runs the same lines on the real tools.
#![expect(clippy::unwrap_used, reason = "tests")]

use ptables::ext::cases::{self, Expected};
use ptables::ext::{CATALOGUE, Context};
use ptables::lower::{self, Options};
use ptables::source::Source;
use ptables::text;
use ptables::value::BuiltinNames;

/// Lowers one rule: its canonical text, and the codes of all errors.
fn lower(context: Context, place: (&str, &str), rule: &str) -> (String, Vec<String>) {
    let text = format!("*{}\n-A {} {rule}\nCOMMIT\n", place.0, place.1);
    let parsed = text::parse(&Source::new("case", text).unwrap());
    let lowered = lower::lower(&parsed.tables, context.family, Options::new(context.dialect, &BuiltinNames));
    let errors = parsed.diagnostics.iter().chain(&lowered.diagnostics);
    let errors = errors
        .filter(|it| it.severity == ptables::diag::Severity::Error)
        .map(|it| it.code.to_string())
        .collect();
    let mut out = Vec::new();
    for (_, _, rule) in lowered.ruleset.rules() {
        rule.print(&mut out, context);
    }
    (String::from_utf8_lossy(&out).trim_start().to_owned(), errors)
}

#[test]
fn every_case_is_read_and_printed_as_it_says() {
    let mut wrong = Vec::new();
    for entry in CATALOGUE {
        for case in cases::parse(entry.spec, entry.cases).unwrap() {
            for context in case.contexts() {
                let (printed, errors) = lower(context, case.place, case.rule);
                let right = match case.expected {
                    Expected::Canonical(canonical) => errors.is_empty() && printed == canonical,
                    Expected::Fail(code) => errors.iter().any(|error| error == code),
                };
                if !right {
                    let (name, line, rule) = (entry.spec.name, case.line, case.rule);
                    wrong.push(format!("{name}.cases:{line} {context:?}\n  rule     {rule}\n  expected {:?}\n  printed  {printed}\n  errors   {errors:?}", case.expected));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_extension_has_an_accepted_and_a_refused_case_and_every_option_is_in_one() {
    for entry in CATALOGUE {
        let cases = cases::parse(entry.spec, entry.cases).unwrap();
        let name = entry.spec.name;
        assert!(
            cases.iter().any(|case| matches!(case.expected, Expected::Canonical(_))),
            "{name}: no accepted case"
        );
        assert!(
            cases.iter().any(|case| matches!(case.expected, Expected::Fail(_))),
            "{name}: no refused case"
        );
        for option in entry.spec.options {
            let used = cases.iter().any(|case| {
                option.names().any(|it| case.rule.split_whitespace().any(|word| word == format!("--{it}")))
            });
            assert!(used, "{name}: no case has --{}", option.name);
        }
        for case in &cases {
            if let Expected::Fail(code) = case.expected
                && ptables::diag::Code::find(code).is_none()
            {
                panic!("{name}.cases:{}: there is no code {code}", case.line);
            }
        }
    }
}
