//! Nothing that a caller passes can add, remove or change another rule: whatever a string holds, and wherever it stands.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use ptables::compile::{RestoreText, compile};
use ptables::dialect::{Dialect, Family};
use ptables::lower::Options;
use ptables::origin::{Frame, Origin};
use ptables::prelude::*;
use ptables::source::Source;
use ptables::text;
use ptables::value::BuiltinNames;

const HOSTILE: [&str; 16] = [
    "x\n-A INPUT -j ACCEPT",
    "x\r\n-A INPUT -j ACCEPT",
    "x\0-j\0ACCEPT",
    "x\" -j ACCEPT",
    "x\\",
    "x\\\" -j ACCEPT \\\"",
    "' -j ACCEPT '",
    "x\nCOMMIT\n*nat",
    "\n",
    "# x",
    "-j ACCEPT",
    "! -j ACCEPT",
    "x\u{2028}-A INPUT -j ACCEPT",
    "x)\n-A INPUT -j ACCEPT\n# (y:1",
    "\x1b[2J\u{202e}",
    "",
];

/// A program with the string in every place that takes one; `place` chooses.
fn program(place: usize, text: &str) -> Tables {
    let mut tables = default_tables();
    let filter = &mut tables["filter"];
    if place == 0 {
        filter.push(Chain::user(text));
    }
    let mut chain = Chain::user("mine");
    if place == 1 {
        chain.comment = Some(text.into());
    }
    filter.push(chain);
    let input = &mut filter["INPUT"];
    input.push(accept().source("192.0.2.1"));
    let rule = accept().proto(Tcp);
    let rule = match place {
        2 => rule.comment(text),
        3 => rule.jump("LOG").option("--log-prefix", text),
        4 => rule.in_iface(text),
        5 => rule.source(text),
        6 => rule.proto(text),
        7 => rule.dport(text),
        8 => rule.jump(text),
        9 => rule.goto(text),
        10 => rule.option(text, "value"),
        11 => rule.flag(text),
        12 => rule.origin(Frame::new(text, 7, Some("f")).into()),
        13 => rule.origin(Origin::from(Frame::new("web.py", 7, Some(text)))),
        _ => rule,
    };
    input.push(rule);
    if place == 14 {
        input.push(Rule::custom(text));
    }
    if place == 15 {
        input.push(Rule::composite(Some(text.into()), vec![accept().source("192.0.2.9").into()]));
    }
    if place == 16 {
        input.set_policy(text);
    }
    input.push(accept().source("192.0.2.2"));
    tables
}

const PLACES: usize = 17;

/// The lines that a restore tool obeys.
fn obeyed(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty() && line[0] != b'#')
        .map(<[u8]>::to_vec)
        .collect()
}

fn check(place: usize, hostile: &str) {
    let harmless = program(place, if place == 16 { "DROP" } else { "harmless" });
    let tables = program(place, hostile);
    // Written down as it is: refused, or exactly as many lines as with a harmless string, each of its kind.
    if let Ok(text) = tables.to_iptables() {
        let expected = harmless.to_iptables().unwrap();
        let (lines, expected) = (obeyed(text.as_bytes()), obeyed(expected.as_bytes()));
        assert_eq!(lines.len(), expected.len(), "place {place}, {hostile:?}:\n{text}");
        for (line, expected) in lines.iter().zip(&expected) {
            let kind = if line[0] == b':' { 1 } else { 2 };
            assert_eq!(line[..kind.min(line.len())], expected[..kind], "place {place}, {hostile:?}:\n{text}");
        }
        assert!(
            !text.contains('\x1b') || lines.iter().any(|line| line.contains(&0x1b)),
            "a remark steers the terminal"
        );
        // Read back, the rules around it are the same.
        let parsed = text::parse(&Source::new("again", text.as_bytes()).unwrap());
        let input = &parsed.tables["filter"]["INPUT"];
        assert_eq!(input.len(), tables["filter"]["INPUT"].len(), "place {place}, {hostile:?}");
    }
    // Lowered: the other rules are what they were, and what the kernel would get holds one line for each rule.
    let compiled = compile(&tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
    let restored = RestoreText::of_ruleset(&compiled.ruleset).bytes;
    let rules =
        obeyed(&restored).into_iter().filter(|line| line.starts_with(b"-A INPUT")).collect::<Vec<_>>();
    if place != 10 && place != 11 {
        assert!(rules.len() <= tables["filter"]["INPUT"].len(), "place {place}, {hostile:?}: {rules:?}");
    }
    assert_eq!(rules.first().unwrap(), b"-A INPUT -s 192.0.2.1/32 -j ACCEPT");
    assert_eq!(rules.last().unwrap(), b"-A INPUT -s 192.0.2.2/32 -j ACCEPT");
}

#[test]
fn no_string_leaves_its_place() {
    for place in 0..PLACES {
        for hostile in HOSTILE {
            check(place, hostile);
        }
    }
}

#[test]
fn a_line_break_in_a_comment_is_an_error_with_a_code() {
    for place in [2, 3, 14] {
        let tables = program(place, HOSTILE[0]);
        let error = tables.to_iptables().unwrap_err();
        assert_eq!(error.diagnostics()[0].code.as_str(), "program/line-break");
        assert!(error.to_string().contains("no_way_out.rs:"), "{error}");
        let compiled = compile(&tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
        assert!(compiled.diagnostics.iter().any(|it| it.code.as_str() == "program/line-break"));
        assert!(!compiled.is_restorable());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_random_string_leaves_its_place(place in 0..PLACES, text in "[ -~\n\r\t\0\"\\\\!#-]{0,24}") {
        check(place, &text);
    }
}

#[test]
fn what_the_tools_have_no_room_for_is_refused_in_built_rules_too() {
    let names = BuiltinNames;
    let codes = |rule: ptables::build::RuleBuilder| -> Vec<String> {
        let mut tables = default_tables();
        tables["filter"]["INPUT"].push(rule);
        let compiled = compile(&tables, Family::V4, Options::new(Dialect::default(), &names));
        assert_eq!(compiled.is_restorable(), compiled.diagnostics.is_empty());
        compiled.diagnostics.iter().map(|it| it.code.to_string()).collect()
    };
    let prefix = |bytes: usize| accept().in_iface("a".repeat(bytes).as_str());
    assert!(!codes(prefix(1023)).contains(&"parse/word-too-long".to_owned()));
    assert_eq!(codes(prefix(1024)), ["parse/word-too-long"]);
    let mut many = accept();
    for at in 0..250 {
        many = many.flag(&format!("--option-{at}"));
    }
    assert_eq!(codes(many), ["parse/line-too-long"]);
}
