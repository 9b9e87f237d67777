//! The example gateway: the same in Rust and in Starlark (and in Python, whose tests read the same files), and real connections
//! through it pass and fail as its statements say, and as the simulator says.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod town;

use ptables::compile::{CompiledFamilies, compile_families};
use ptables::diag::Severity;
use ptables::dialect::{Backend, Dialect, Family};
use ptables::expect::{self, Wanted};
use ptables::lower::Options;
use ptables::program::{Families, Tables};
use ptables::simulate::{self, Simulator};
use ptables::source::Source;
use ptables::value::BuiltinNames;
use ptables_kernel::{Kernel, RestoreOptions};
use xtask::generate::root;

use town::{Answer, Town};

#[expect(dead_code, reason = "an example; its main is not run here")]
#[path = "../../../ptables/examples/gateway.rs"]
mod gateway;

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join("examples").join(name)).unwrap()
}

fn scripted() -> Tables {
    let script = read("gateway.star");
    let made = ptables_starlark::evaluate("gateway.star", &script, &ptables_starlark::Options::default());
    assert!(made.diagnostics.is_empty(), "{:#?}", made.diagnostics);
    made.tables.unwrap()
}

fn compiled(tables: &Tables) -> CompiledFamilies {
    let compiled = compile_families(tables, Families::Both, Options::new(Dialect::default(), &BuiltinNames));
    let wrong: Vec<_> = compiled.diagnostics.iter().filter(|it| it.severity != Severity::Note).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    compiled
}

#[test]
fn rust_and_starlark_make_the_rules_of_the_files() {
    for tables in [gateway::gateway().tables().unwrap(), scripted()] {
        for (part, file) in compiled(&tables).parts.iter().zip(["gateway.rules.v4", "gateway.rules.v6"]) {
            let mut text = Vec::new();
            part.ruleset.print(&mut text, false);
            assert_eq!(String::from_utf8(text).unwrap(), read(file), "{file}");
        }
    }
}

#[test]
fn the_script_is_as_short_as_it_looks() {
    let statements = |name: &str| {
        let text = read(name);
        text.lines().filter(|it| !it.trim().is_empty() && !it.starts_with('#')).count()
    };
    assert!(statements("gateway.star") <= 18, "{}", statements("gateway.star"));
    // Python's file is the same, and prints what it made.
    assert!(read("gateway.py").starts_with(&read("gateway.star")));
}

#[test]
fn connections_and_the_simulator_agree_with_the_file_of_expectations() {
    let tables = scripted();
    let compiled = compiled(&tables);
    let source = Source::new("gateway.test", read("gateway.test")).unwrap();
    let (expectations, faults) = expect::parse(&source);
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(expectations.len() > 40);
    let mut simulated = Vec::new();
    for family in Family::ALL {
        let part = &compiled.parts[usize::from(family == Family::V6)];
        let simulator = Simulator::new(&part.ruleset, simulate::Options::new(None));
        let own = expectations.iter().filter(|it| it.packet.family() == family).cloned().collect();
        simulated.extend(expect::run(&simulator, own).outcomes);
    }
    for outcome in &simulated {
        assert!(outcome.holds(), "{}: {:?}", outcome.expectation.at.to_lossy(), outcome.trace.verdict);
    }
    for backend in Backend::ALL {
        let Some(town) = Town::or_skip() else { return };
        let program = tables.clone();
        let lock = town.lock_file();
        town.gateway.run(move || {
            // The namespace is that of this thread.
            let kernel = Kernel::new().lock_file(lock);
            let options = RestoreOptions::new();
            let done = kernel.restore_families(&program, Vec::new(), Families::Both, backend, options);
            done.unwrap_or_else(|error| panic!("{backend}: {error}: {:#?}", error.diagnostics()));
        });
        let mut wrong = Vec::new();
        for outcome in &simulated {
            let line = outcome.expectation.at.to_lossy();
            let answer = town.ask(&line);
            let fits = match outcome.expectation.wanted {
                Wanted::Accept => answer == Answer::Passed,
                Wanted::Drop => answer == Answer::Nothing,
                _ => answer == Answer::Refused,
            };
            if !fits {
                wrong.push(format!("{backend}: {line}: {answer:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // Hidden behind the public address: the Internet has no way back to a network inside.
        assert_eq!(town.seen_by_the_internet(), "203.0.113.5", "{backend}");
    }
}
