use ptables::{compile::compile, dialect::*, lower::Options, source::Source, text, value::BuiltinNames};
fn main() {
    let b = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let s = Source::new("x", b).unwrap();
    let p = text::parse(&s);
    let c = compile(&p.tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
    println!(
        "{} {} {} {} {}",
        c.diagnostics.len(),
        size_of::<ptables::model::Rule>(),
        size_of::<ptables::model::Typed>(),
        size_of::<ptables::program::Rule>(),
        size_of::<ptables::ext::Match>()
    );
    std::process::exit(0);
}
