//! What was printed without an error or a warning reads back as the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptables::{compile::compile, dialect::{Dialect, Family}, lower::Options, source::Source, text, value::BuiltinNames};

fn print(bytes: &[u8], family: Family) -> Option<(Vec<u8>, bool)> {
    let parsed = text::parse(&Source::new("fuzz", bytes).ok()?);
    let compiled = compile(&parsed.tables, family, Options::new(Dialect::default(), &BuiltinNames));
    let mut out = Vec::new();
    compiled.ruleset.print(&mut out, true);
    Some((out, parsed.diagnostics.is_empty() && compiled.diagnostics.is_empty()))
}

fuzz_target!(|bytes: &[u8]| {
    for family in Family::ALL {
        if let Some((printed, true)) = print(bytes, family) {
            let again = print(&printed, family).map(|(again, _)| again);
            assert_eq!(Some(&printed), again.as_ref());
        }
    }
});
