//! A change of one rule in 50,000: `ptables apply` beside the stock ways, in CPU time: `cargo xtask bench-peers changes`.
//!
//! The commit is what `Applier` does between the step that it calls so and the next one, in this process and in those that it starts: on
//! nft that is the search of the handles too.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use ptables_kernel::RestoreOptions;
use ptables_kernel::apply::{Applier, Wanted};
use ptables_kernel::netns::Scratch;

use ptables::compile::{RestoreText, compile_families};
use ptables::dialect::{Backend, Dialect, Family};
use ptables::ext::Families;
use ptables::lower::Options;
use ptables::plan::{Owner, Plan, State, Step};
use ptables::source::Source;
use ptables::text;
use ptables::value::BuiltinNames;

use crate::peers::{RULES, TICKS, children, release, rules, spent_by_all};

/// Of the stock ways and of the commit; the whole command runs once each way.
const RUNS: u32 = 4;

/// Times both back ends; gives a table.
///
/// # Errors
/// If the release build fails, there is no namespace, or a command does not run.
pub fn bench() -> Result<String, Box<dyn Error>> {
    let ptables = release()?;
    let mut table = format!("one rule of {RULES} changes there and back, CPU milliseconds a change\n");
    for backend in Backend::ALL {
        let scratch = Scratch::new()?;
        let write = |name: &str, text: &str| -> Result<String, Box<dyn Error>> {
            let path = scratch.directory().join(name);
            fs::write(&path, text)?;
            Ok(path.display().to_string())
        };
        let (one, middle) = (rules(), RULES / 2);
        let two = one.replace(&format!("\"rule {middle}\""), "\"changed\"");
        let (plan, back) = (commit(&one, &two, backend)?, commit(&two, &one, backend)?);
        let line = |text: &str, word: &str| {
            let line = text.lines().find(|it| it.contains(word)).unwrap_or_default();
            format!(
                "*filter\n{}\nCOMMIT\n",
                line.replacen("-A INPUT", &format!("-R INPUT {}", middle + 1), 1)
            )
        };
        let (replace, replace_back) = (line(&two, "\"changed\""), line(&one, &format!("\"rule {middle}\"")));
        let (first, second) = (write("one.v4", &one)?, write("two.v4", &two)?);
        let state = scratch.directory().join("state").display().to_string();
        let name = backend.to_string();
        let restore = format!("iptables-{backend}-restore");
        scratch.kernel().restore(Family::V4, backend, one.as_bytes(), RestoreOptions::new())?;
        let run = |program: &str, arguments: &[&str], input: &str| -> Result<u64, Box<dyn Error>> {
            let before = children()?;
            let output = scratch.run(program, arguments, input.as_bytes())?;
            match output.status.success() {
                true => Ok(children()? - before),
                false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)).into()),
            }
        };
        let common = ["--backend", &name, "--state", &state];
        run(&ptables, &[&["adopt", &first], &common[..]].concat(), "")?;
        let mut ticks = [0_u64; 6];
        let [noflush, own, full, committed, plain, whole] = &mut ticks;
        for _ in 0..RUNS {
            *noflush +=
                run(&restore, &["--noflush"], &replace)? + run(&restore, &["--noflush"], &replace_back)?;
            *own += run(&restore, &["--noflush"], &plan)? + run(&restore, &["--noflush"], &back)?;
            *full += run(&restore, &[], &two)? + run(&restore, &[], &one)?;
        }
        // What `full` took out is put in again.
        run(&ptables, &[&["apply", &first, "--no-preflight"], &common[..]].concat(), "")?;
        for (skip, spent) in [(&["--no-preflight"][..], plain), (&[], whole)] {
            for file in [&second, &first] {
                *spent +=
                    run(&ptables, &[&["apply", file, "--analysis", "no"], &common[..], skip].concat(), "")?;
            }
        }
        for _ in 0..RUNS {
            *committed += commit_of(&scratch, backend, &two)? + commit_of(&scratch, backend, &one)?;
        }
        let names = [
            ("--noflush -R of one rule", RUNS),
            ("--noflush, -D and -I of one rule", RUNS),
            ("a full restore", RUNS),
            ("our commit", RUNS),
            ("ptables apply --no-preflight, all of it", 1),
            ("ptables apply, all of it", 1),
        ];
        let per_run = |spent: u64, runs: u32| spent as f64 * 1000.0 / TICKS / f64::from(2 * runs);
        let peer = per_run(ticks[0], RUNS);
        for ((name, runs), spent) in names.into_iter().zip(ticks) {
            let each = per_run(spent, runs);
            writeln!(table, "{backend:6} {name:42} {each:8.1}   {:.2} of -R", each / peer)?;
        }
    }
    Ok(table)
}

/// CPU ticks of the commit of an application.
fn commit_of(scratch: &Scratch, backend: Backend, to: &str) -> Result<u64, Box<dyn Error>> {
    let options = Options::new(Dialect::new(backend, Dialect::default().version), &BuiltinNames);
    let program = text::parse(&Source::new("rules", to)?).tables;
    let compiled = compile_families(&program, Families::V4, options);
    let wanted = Wanted::new(&compiled, "bench").map_err(|it| format!("{it:?}"))?;
    let spent = Arc::new(Mutex::new((None, 0)));
    let watched = spent.clone();
    let state = scratch.directory().join("state");
    let applier = Applier::new(scratch.kernel().clone(), backend, Owner::default(), &state)?
        .preflight(false)
        .watched_by(move |step: &Step| {
            let now = spent_by_all().unwrap_or_default();
            if let Ok(mut spent) = watched.lock() {
                spent.1 += spent.0.take().map_or(0, |before| now - before);
                spent.0 = matches!(step, Step::Commit { .. }).then_some(now);
            }
            ControlFlow::Continue(())
        });
    applier.apply(&wanted)?;
    let spent = spent.lock().map_err(|it| it.to_string())?.1;
    Ok(spent)
}

/// The text that a plan gives the tool.
fn commit(from: &str, to: &str, backend: Backend) -> Result<String, Box<dyn Error>> {
    let state = |text: &str| -> Result<State, Box<dyn Error>> {
        let options = Options::new(Dialect::new(backend, Dialect::default().version), &BuiltinNames);
        let program = text::parse(&Source::new("rules", text)?).tables;
        let compiled = compile_families(&program, Families::V4, options);
        compiled.parts.first().map(|it| State::wanted(&it.ruleset)).ok_or_else(|| "no rules".into())
    };
    let texts: Vec<(String, RestoreText)> =
        Plan::new(state(from)?, state(to)?, &ptables::plan::Options::default()).texts();
    let bytes: Vec<u8> = texts.into_iter().flat_map(|it| it.1.bytes).collect();
    Ok(String::from_utf8(bytes)?)
}
