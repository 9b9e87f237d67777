//! What the kernel tests share. Every test works in a namespace of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::explicit_write,
    dead_code,
    reason = "test helpers; no test file uses all of them"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ptables::dialect::{Backend, Family};
use ptables_kernel::{RestoreError, RestoreOptions, netns};

/// Runs a test body for both back ends and families, each in a fresh namespace.
pub fn everywhere(body: impl Fn(&netns::Scratch, Family, Backend)) {
    for backend in Backend::ALL {
        for family in Family::ALL {
            let Some(scratch) = netns::scratch_or_skip() else { return };
            body(&scratch, family, backend);
        }
    }
}

/// The rules as text without the comments, which have the time in them.
pub fn rules(scratch: &netns::Scratch, family: Family, backend: Backend) -> String {
    let saved = scratch.kernel().save(family, backend, false).unwrap();
    without_comments(&saved.text)
}

pub fn without_comments(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The error of a restore that must fail.
pub fn refusal(
    scratch: &netns::Scratch,
    family: Family,
    backend: Backend,
    text: &str,
    options: RestoreOptions,
) -> RestoreError {
    match scratch.kernel().restore(family, backend, text.as_bytes(), options) {
        Ok(_) => panic!("{backend} {family} accepted {text}"),
        Err(error) => error,
    }
}

/// A directory for programs that stand in for the tools.
pub fn fake_tools(scratch: &netns::Scratch, tools: &[(&str, &str)]) -> PathBuf {
    let directory = scratch.directory().join("tools");
    fs::create_dir(&directory).unwrap();
    mode(&directory, 0o755);
    for (name, script) in tools {
        // Written by a child: a file that is open for writing here may be so in what another thread starts just
        // now, and the kernel would refuse to run it.
        let (path, script) = (directory.join(name), format!("#!/bin/sh\n{script}\n"));
        let arguments = ["-m", "755", "/dev/stdin", path.to_str().unwrap()];
        assert!(scratch.run("install", &arguments, script.as_bytes()).unwrap().status.success());
    }
    directory
}

pub fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Whether this is the root of the machine and not of a user namespace.
pub fn is_root() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    rustix::process::geteuid().is_root() && map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// The same, with a message if not.
pub fn root_or_skip() -> bool {
    if !is_root() {
        skipped("needs the root of the machine");
    }
    is_root()
}

/// Says so past the test harness, which keeps what `eprintln` prints to itself.
pub fn skipped(why: &str) {
    writeln!(std::io::stderr(), "SKIPPED, {why}").unwrap();
}

/// Runs one test of this file again, in a process that `change` may alter. The program is a copy in a directory that
/// every user may enter.
pub fn again(scratch: &netns::Scratch, test: &str, change: impl FnOnce(Command) -> Command) -> Output {
    let copy = scratch.directory().join("again");
    let original = std::env::current_exe().unwrap();
    let arguments = ["-m", "755", original.to_str().unwrap(), copy.to_str().unwrap()];
    assert!(scratch.run("install", &arguments, b"").unwrap().status.success());
    mode(scratch.directory(), 0o755);
    let mut command = change(Command::new(copy));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env("PTABLES_TEST_AGAIN", "1");
    command.output().unwrap()
}

/// Whether this process was started by [`again`].
pub fn is_again() -> bool {
    std::env::var_os("PTABLES_TEST_AGAIN").is_some()
}
