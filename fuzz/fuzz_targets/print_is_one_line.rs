//! A rule prints in one line, whatever it holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptables::{compile::compile, dialect::{Dialect, Family}, lower::Options, source::Source, text, value::BuiltinNames};

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = Source::new("fuzz", bytes) else { return };
    let parsed = text::parse(&source);
    for family in Family::ALL {
        let compiled = compile(&parsed.tables, family, Options::new(Dialect::default(), &BuiltinNames));
        for (_, _, rule) in compiled.ruleset.rules() {
            let mut out = Vec::new();
            rule.print(&mut out, compiled.ruleset.context);
            assert!(!out.contains(&b'\n') && !out.contains(&0));
        }
    }
});
