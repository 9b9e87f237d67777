//! What a tool sees of this process, how it is found, and how it is ended.

#![expect(clippy::unwrap_used, reason = "a helper of the tests has no caller to tell")]

mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{again, fake_tools, is_again, mode};
use ptables::dialect::{Backend, Family};
use ptables_kernel::{Cause, Distrust, Error, Kernel, RestoreOptions, netns};

const TEXT: &[u8] = b"*filter\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";

#[test]
fn the_environment_of_the_caller_does_not_reach_the_tools() {
    const NAME: &str = "the_environment_of_the_caller_does_not_reach_the_tools";
    let Some(scratch) = netns::scratch_or_skip() else { return };
    if !is_again() {
        let output = again(&scratch, NAME, |mut test| {
            test.env("XTABLES_LIBDIR", "/nonexistent")
                .env("LD_PRELOAD_TEST", "x")
                .env("IPTABLES_LIB_DIR", "/x");
            test
        });
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    assert_eq!(std::env::var("XTABLES_LIBDIR").unwrap(), "/nonexistent");
    for backend in Backend::ALL {
        // Would not find the match `tcp` in the directory of the environment.
        scratch.kernel().restore(Family::V4, backend, TEXT, RestoreOptions::new()).unwrap();
    }
    let seen = scratch.directory().join("seen");
    let script = format!("env > {}", seen.display());
    let directory = fake_tools(&scratch, &[("iptables-nft-restore", &script)]);
    let kernel = scratch.kernel().clone().tool_directories([directory]);
    kernel.restore(Family::V4, Backend::Nft, TEXT, RestoreOptions::new()).unwrap();
    let seen = fs::read_to_string(seen).unwrap();
    // The shell that runs the script adds PWD.
    let mut names: Vec<_> = seen.lines().filter_map(|line| line.split('=').next()).collect();
    names.retain(|name| !matches!(*name, "PWD" | "OLDPWD" | "SHLVL" | "_"));
    names.sort_unstable();
    assert_eq!(names, ["LC_ALL", "PATH", "XTABLES_LOCKFILE"], "{seen}");
}

#[test]
fn a_tool_that_hangs_is_killed_with_what_it_started_and_nothing_else() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let pids = scratch.directory().join("pids");
    // Both hold the pipes open. The second ignores everything but a kill.
    let script = format!("trap '' TERM INT HUP; sleep 1000 & echo $! $$ > {}; sleep 1000", pids.display());
    let directory = fake_tools(&scratch, &[("iptables-nft-restore", &script)]);
    let kernel = scratch.kernel().clone().tool_directories([directory]).deadline(Duration::from_millis(700));
    let mut bystander = std::process::Command::new("sleep").arg("1000").spawn().unwrap();

    let start = Instant::now();
    let error = kernel.restore(Family::V4, Backend::Nft, TEXT, RestoreOptions::new()).unwrap_err();
    assert!(matches!(error.cause(), Cause::NotRun(Error::Deadline { .. })), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(bystander.try_wait().unwrap().is_none(), "the kill reached another process");
    bystander.kill().unwrap();
    bystander.wait().unwrap();

    let pids = fs::read_to_string(pids).unwrap();
    for pid in pids.split_whitespace() {
        // What is orphaned is reaped by the machine's first process, in its own time.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        assert!(matches!(state, None | Some('Z' | 'X')), "{pid} lives: {stat}");
    }
}

#[test]
fn a_child_that_leaves_its_group_does_not_hold_the_caller_up() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let script = "setsid sleep 5 & echo warning >&2; exit 0";
    let directory = fake_tools(&scratch, &[("iptables-nft-restore", script)]);
    let kernel = scratch.kernel().clone().tool_directories([directory]);
    let start = Instant::now();
    let options = RestoreOptions::new().test_only(true);
    let restored = kernel.restore(Family::V4, Backend::Nft, TEXT, options).unwrap();
    assert_eq!(restored.warnings, "warning\n");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn a_tool_that_does_not_read_its_input_is_not_waited_for() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let directory = fake_tools(
        &scratch,
        &[("iptables-nft-restore", "echo 'iptables-restore: line 1 failed' >&2; exit 1")],
    );
    let kernel = scratch.kernel().clone().tool_directories([directory]);
    let text = "x\n".repeat(1 << 20);
    let error = kernel.restore(Family::V4, Backend::Nft, text.as_bytes(), RestoreOptions::new()).unwrap_err();
    assert_eq!(error.line(), Some(1), "{error:?}");
}

#[test]
fn a_tool_that_others_can_replace_is_not_run() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let ran = scratch.directory().join("ran");
    let script = format!("echo ran > {}", ran.display());
    let directory = fake_tools(&scratch, &[("iptables-nft-restore", &script)]);
    let kernel = scratch.kernel().clone().tool_directories([&directory]);
    let restore = || kernel.restore(Family::V4, Backend::Nft, TEXT, RestoreOptions::new());
    for path in [directory.join("iptables-nft-restore"), directory.clone()] {
        mode(&path, 0o775);
        let error = restore().unwrap_err();
        let Cause::NotRun(Error::ToolUnsafe { at, why, .. }) = error.cause() else {
            unreachable!("{error:?}")
        };
        assert_eq!((at, *why == Distrust::TooManyLinks), (&path, false), "{error}");
        assert!(!ran.exists());
        mode(&path, 0o755);
    }
    restore().unwrap();
    assert!(ran.exists());
}

#[test]
fn tools_are_found_under_each_of_their_names() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let default = scratch.kernel().detect().unwrap().backend();
    let multi = ["xtables-nft-multi", "xtables-legacy-multi"];
    let kernel = with_links(&scratch, "multi", &multi);
    for backend in Backend::ALL {
        restores_and_saves(&kernel, backend);
        assert_eq!(kernel.version(backend).unwrap(), scratch.kernel().version(backend).unwrap());
    }
    let plain = ["iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save"];
    let kernel = with_links(&scratch, "plain", &plain);
    for backend in Backend::ALL {
        // The plain name is no answer to a question for the other back end.
        match backend == default {
            true => restores_and_saves(&kernel, backend),
            false => assert!(matches!(kernel.version(backend), Err(Error::ToolMissing { .. }))),
        }
    }
}

/// A handle that finds only these tools of the machine.
fn with_links(scratch: &netns::Scratch, name: &str, tools: &[&str]) -> Kernel {
    let directory = scratch.directory().join(name);
    fs::create_dir(&directory).unwrap();
    mode(&directory, 0o755);
    for tool in tools {
        std::os::unix::fs::symlink(Path::new("/usr/sbin").join(tool), directory.join(tool)).unwrap();
    }
    scratch.kernel().clone().tool_directories([&directory])
}

fn restores_and_saves(kernel: &Kernel, backend: Backend) {
    for family in Family::ALL {
        kernel.restore(family, backend, TEXT, RestoreOptions::new()).unwrap();
        let saved = kernel.save(family, backend, false).unwrap();
        assert!(common::without_comments(&saved.text).contains("--dport 22"));
    }
}

#[test]
fn a_missing_tool_is_named_with_where_it_was_looked_for() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let directory = fake_tools(&scratch, &[]);
    let kernel = scratch.kernel().clone().tool_directories([&directory]);
    let error = kernel.restore(Family::V6, Backend::Legacy, TEXT, RestoreOptions::new()).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error.cause(), Cause::NotRun(Error::ToolMissing { .. })), "{error:?}");
    assert!(message.contains("no ip6tables-legacy-restore, xtables-legacy-multi"), "{message}");
    assert!(message.contains(directory.to_str().unwrap()), "{message}");
    assert!(matches!(kernel.detect(), Err(Error::ToolMissing { .. })));
}
