//! Chores of the workspace; `cargo xtask` lists them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

use std::path::PathBuf;
use std::process::ExitCode;

use xtask::{analyses, changes, generate, kernel_diff, mutants, oracle, peers, python, scripts};

const USAGE: &str = "usage: cargo xtask COMMAND

  gen              write what is generated from the sources
  gen --check      say what of it is stale
  oracle           compare every case of the catalogue, testdata/rulesets and testdata/regress with the iptables
                   programs of this machine (legacy and nft, IPv4 and IPv6, each in its own network namespace)
  bench-peers      time whole commands side by side with their peers, in CPU time
  bench-peers analysis  time the exact analysis of large rule sets only
  bench-peers changes  time a change of one rule in 50,000 beside the stock ways only
  bench-peers python   time the Python package beside PyPTables only
  bench-peers scripts  time scripts in Starlark beside PyPTables only
  hostile N SEED   run N scripts that nobody should write, and see that each ends in rules or in an error
  python-tests     build and install the Python package in an environment of its own, and run its tests beside PyPTables
  kernel-diff …    compare the simulator with the real kernel; `kernel-diff --help` says how
  mutants N SEED[,SEED]…   put N faults for each seed into the simulator, and see whether kernel-diff finds them (0: all)
  mutants N SEED SHARE   the same with so many hundredths of what CI compares
  mutants N SEED shortcuts [SHARE]   faults in what only saves time
  mutants N SEED SHARE WORD…   only faults with such a word in their file or change, or those of a report (a file)
  oracle FOLDER…   compare the rule texts of these folders
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["gen"] => generate::run(generate::Mode::Write),
        ["gen", "--check"] => generate::run(generate::Mode::Check),
        ["bench-peers"] => peers::run().and_then(|table| {
            let more = [changes::bench()?, python::bench()?, scripts::bench()?, analyses::bench()?];
            Ok(format!("{table}\n{}", more.join("\n")))
        }),
        ["bench-peers", "analysis"] => analyses::bench(),
        ["bench-peers", "changes"] => changes::bench(),
        ["bench-peers", "python"] => python::bench(),
        ["bench-peers", "scripts"] => scripts::bench(),
        #[cfg(feature = "scripts")]
        ["hostile", count, seed] => match (count.parse(), seed.parse()) {
            (Ok(count), Ok(seed)) => {
                peers::release().and_then(|it| xtask::hostile::run(it.as_ref(), count, seed))
            }
            _ => Err(USAGE.into()),
        },
        ["python-tests"] => python::tests(),
        ["kernel-diff", words @ ..] => kernel_diff::command::command(words).map_err(Into::into),
        ["mutants", count, seeds, rest @ ..] => {
            let seeds: Result<Vec<u64>, _> = seeds.split(',').map(str::parse).collect();
            let (kind, share) = match rest {
                ["shortcuts", share @ ..] => (mutants::Kind::Shortcuts, share),
                share => (mutants::Kind::Answers, share),
            };
            let (share, words) = share.split_first().unwrap_or((&"100", &[]));
            match (count.parse(), seeds, share.parse()) {
                (Ok(count), Ok(seeds), Ok(share)) => {
                    mutants::run(count, &seeds, share, (kind, words)).map_err(Into::into)
                }
                _ => Err(USAGE.into()),
            }
        }
        // What the copy with the faults is called with.
        ["mutants-judge", count, share] => match (count.parse(), share.parse()) {
            (Ok(count), Ok(share)) => {
                let line = |(at, met)| format!("{at} {}\n", if met { "met" } else { "unmet" });
                mutants::judge(count, share).map(|it| it.into_iter().map(line).collect()).map_err(Into::into)
            }
            _ => Err(USAGE.into()),
        },
        ["oracle", folders @ ..] if folders.iter().all(|it| !it.starts_with('-')) => {
            oracle::run(&folders.iter().map(PathBuf::from).collect::<Vec<_>>()).map_err(Into::into)
        }
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
