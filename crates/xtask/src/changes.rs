//! A change of one rule in 50,000: `ptables apply` beside the stock ways, in CPU time: `cargo xtask bench-peers changes`.

use std::error::Error;
use std::fmt::Write;
use std::fs;

use ptables_kernel::RestoreOptions;
use ptables_kernel::netns::Scratch;

use ptables::compile::{RestoreText, compile_families};
use ptables::dialect::{Backend, Dialect, Family};
use ptables::ext::Families;
use ptables::lower::Options;
use ptables::plan::{Plan, State};
use ptables::source::Source;
use ptables::text;
use ptables::value::BuiltinNames;

use crate::peers::{RULES, TICKS, children, release, rules};

const RUNS: u32 = 5;

/// Times both back ends; gives a table.
///
/// # Errors
/// If the release build fails, there is no namespace, or a command does not run.
pub fn bench() -> Result<String, Box<dyn Error>> {
    let ptables = release()?;
    let mut table = format!("one rule of {RULES} changes, {RUNS} runs each, CPU milliseconds a run\n");
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
        let mut ticks = [0_u64; 5];
        for _ in 0..RUNS {
            let [noflush, own, full, plain, whole] = &mut ticks;
            *noflush +=
                run(&restore, &["--noflush"], &replace)? + run(&restore, &["--noflush"], &replace_back)?;
            *own += run(&restore, &["--noflush"], &plan)? + run(&restore, &["--noflush"], &back)?;
            *full += run(&restore, &[], &two)? + run(&restore, &[], &one)?;
            // What `full` took out is put in again before ours are compared.
            for (file, preflight) in [(&second, false), (&first, false), (&second, true), (&first, true)] {
                let skip: &[&str] = if preflight { &[] } else { &["--no-preflight"] };
                let spent = run(&ptables, &[&["apply", file], &common[..], skip].concat(), "")?;
                *(if preflight { &mut *whole } else { &mut *plain }) += spent;
            }
        }
        let names = [
            "--noflush -R of one rule",
            "our commit: --noflush, -D and -I",
            "a full restore",
            "ptables apply --no-preflight, all of it",
            "ptables apply, all of it",
        ];
        for (name, spent) in names.iter().zip(ticks) {
            let each = spent as f64 * 1000.0 / TICKS / f64::from(2 * RUNS);
            writeln!(
                table,
                "{backend:6} {name:42} {each:8.1}   {:.2} of -R",
                spent as f64 / ticks[0] as f64
            )?;
        }
    }
    Ok(table)
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
