//! No text makes the reader, lowering, the checks or the printers panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptables::{compile::compile, dialect::{Dialect, Family}, lower::Options, source::Source, text, value::BuiltinNames};

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = Source::new("fuzz", bytes) else { return };
    let parsed = text::parse(&source);
    for family in Family::ALL {
        let compiled = compile(&parsed.tables, family, Options::new(Dialect::default(), &BuiltinNames));
        compiled.ruleset.print(&mut Vec::new(), true);
    }
    let _ = text::annotated(&parsed.tables, &mut Vec::new());
});
