//! Scratch namespaces and handles on others.

#![expect(clippy::unwrap_used, reason = "a helper of the tests has no caller to tell")]

mod common;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use common::{again, is_again, rules};
use ptables::dialect::{Backend, Family};
use ptables_kernel::{DetectionWarning, Error, Kernel, Reason, RestoreOptions, netns};

const TEXT: &[u8] = b"*filter\n-A INPUT -j ACCEPT\nCOMMIT\n";

/// The namespace of this thread.
fn own() -> PathBuf {
    fs::read_link("/proc/thread-self/ns/net").unwrap()
}

#[test]
fn the_callers_thread_stays_where_it_is() {
    let before = own();
    let Some(scratch) = netns::scratch_or_skip() else { return };
    scratch.kernel().restore(Family::V4, Backend::Nft, TEXT, RestoreOptions::new()).unwrap();
    scratch.kernel().detect().unwrap();
    let inside = scratch.run("readlink", &["/proc/self/ns/net"], b"").unwrap().stdout;
    assert_eq!(own(), before);
    assert_ne!(String::from_utf8(inside).unwrap().trim_end(), before.to_str().unwrap());
}

#[test]
fn scratch_namespaces_have_loopback_up_and_nothing_in_common() {
    let (Some(first), Some(second)) = (netns::scratch_or_skip(), netns::scratch_or_skip()) else { return };
    let link = first.run("ip", &["-o", "link", "show", "up"], b"").unwrap();
    let link = String::from_utf8(link.stdout).unwrap();
    assert!(link.contains("lo: <LOOPBACK,UP"), "{link}");
    assert_eq!(link.lines().count(), 1, "{link}");
    first.kernel().restore(Family::V4, Backend::Legacy, TEXT, RestoreOptions::new()).unwrap();
    assert_eq!(rules(&second, Family::V4, Backend::Legacy), "");
    assert_ne!(first.directory(), second.directory());
}

#[test]
fn a_namespace_can_be_named_by_the_file_of_a_process() {
    let Some(scratch) = netns::scratch_or_skip().filter(|_| common::root_or_skip()) else { return };
    // `/proc/PID/ns/net` of a process that is in a namespace of its own until its input is closed.
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", "echo ready; read -r _"]).process_group(0);
    let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let path = format!("/proc/{}/ns/net", holder.id());
    let lock = scratch.directory().join("other.lock");
    let kernel = Kernel::new().lock_file(lock).in_namespace(&path).unwrap();
    drop(holder.stdin.take());
    holder.wait().unwrap();
    // The handle keeps the namespace alive though its last process is gone.
    for backend in Backend::ALL {
        kernel.restore(Family::V4, backend, TEXT, RestoreOptions::new()).unwrap();
        let saved = kernel.save(Family::V4, backend, false).unwrap();
        assert!(common::without_comments(&saved.text).contains("-A INPUT -j ACCEPT\n"));
    }
}

#[test]
fn what_is_not_a_network_namespace_is_refused() {
    if netns::scratch_or_skip().is_none() {
        return;
    }
    for path in ["/run/netns/no-such-namespace", "/proc/self/ns/uts", "/etc/passwd"] {
        let error = Kernel::new().in_namespace(path).unwrap_err();
        assert!(matches!(&error, Error::Namespace { .. }), "{error}");
        assert!(error.to_string().contains(path), "{error}");
    }
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let Some(first) = netns::scratch_or_skip() else { return };
    let parent = first.directory().parent().unwrap().to_owned();
    let panicked = std::thread::spawn(|| {
        let scratch = netns::scratch_or_skip().unwrap();
        std::panic::panic_any(scratch.directory().to_owned());
    });
    let directory = panicked.join().unwrap_err().downcast::<PathBuf>().unwrap();
    assert_eq!(directory.parent(), Some(parent.as_path()));
    assert!(!directory.exists());
}

#[test]
fn a_skipped_test_says_so_and_fails_where_it_must_run() {
    const NAME: &str = "a_skipped_test_says_so_and_fails_where_it_must_run";
    if is_again() {
        assert!(netns::scratch_or_skip().is_none());
        return;
    }
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let without_a_directory = |variable: &str| {
        again(&scratch, NAME, |mut test| {
            test.env_remove("CI")
                .env_remove("PTABLES_REQUIRE_KERNEL")
                .env("TMPDIR", "/no/such")
                .env(variable, "1");
            test
        })
    };
    let skipped = without_a_directory("PTABLES_TEST_NOTHING");
    let message = String::from_utf8(skipped.stderr).unwrap();
    assert!(
        skipped.status.success() && message.contains("SKIPPED, no scratch namespace: /no/such/"),
        "{message}"
    );
    assert!(!without_a_directory("CI").status.success());
    assert!(!without_a_directory("PTABLES_REQUIRE_KERNEL").status.success());
}

#[test]
fn without_root_a_user_namespace_does() {
    const NAME: &str = "without_root_a_user_namespace_does";
    if is_again() {
        assert_ne!(rustix::process::geteuid().as_raw(), 0);
        common::everywhere(|scratch, family, backend| {
            scratch.kernel().restore(family, backend, TEXT, RestoreOptions::new()).unwrap();
            assert!(rules(scratch, family, backend).contains("-A INPUT -j ACCEPT\n"));
            let detection = scratch.kernel().detect().unwrap();
            assert_eq!(detection.backend(), backend);
            let bad = b"*filter\n-A INPUT\n-A INPUT -p tcp -j DNAT --to-destination :1\nCOMMIT\n";
            let error = scratch.kernel().restore(family, backend, bad, RestoreOptions::new()).unwrap_err();
            let found = scratch.kernel().locate_commit_failure(bad, &error, RestoreOptions::new()).unwrap();
            assert!(matches!(found, ptables_kernel::Located::Line { line: 3, .. }), "{found:?}");
        });
        return;
    }
    let Some(output) = again_as_nobody(NAME, &[]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn where_legacy_rules_are_hidden_detection_goes_on_and_says_so() {
    const NAME: &str = "where_legacy_rules_are_hidden_detection_goes_on_and_says_so";
    if is_again() {
        let kernel = Kernel::new();
        kernel.restore(Family::V4, Backend::Nft, TEXT, RestoreOptions::new()).unwrap();
        let detection = kernel.detect().unwrap();
        assert_eq!((detection.backend(), detection.reason()), (Backend::Nft, Reason::HoldsTheRules));
        assert_eq!(detection.warning(), Some(DetectionWarning::LegacyHidden));
        let error = kernel.save(Family::V4, Backend::Legacy, false).unwrap_err();
        assert!(matches!(error, Error::PermissionDenied { .. }), "{error}");
        return;
    }
    // Network and user namespace in one step: the network then belongs to a user namespace without a root.
    let Some(output) = again_as_nobody(NAME, &["unshare", "--user", "--map-root-user", "--net"]) else {
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a test again as another user, below another command, if this system lets users make namespaces.
fn again_as_nobody(test: &str, below: &[&str]) -> Option<Output> {
    const NOBODY: [&str; 4] = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    let scratch = netns::scratch_or_skip().filter(|_| common::root_or_skip())?;
    let make = ["unshare", "--user", "--map-root-user", "unshare", "--net", "true"];
    if !Command::new("setpriv").args(NOBODY).args(make).status().is_ok_and(|status| status.success()) {
        common::skipped("this system lets only root make user namespaces");
        return None;
    }
    Some(again(&scratch, test, |program| {
        let mut command = Command::new("setpriv");
        command.args(NOBODY).args(below).arg(program.get_program()).env("CI", "1");
        command
    }))
}
