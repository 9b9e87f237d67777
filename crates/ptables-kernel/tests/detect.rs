//! Which back end holds the rules.

#![expect(clippy::unwrap_used, reason = "a helper of the tests has no caller to tell")]

mod common;

use std::fs;

use ptables::dialect::{Backend, Family, Version};
use ptables_kernel::{DetectionWarning, Reason, RestoreOptions, netns};

const RULE: &[u8] = b"*mangle\n-A INPUT -j ACCEPT\nCOMMIT\n";

fn loaded_legacy_tables(scratch: &netns::Scratch) -> String {
    let names =
        scratch.run("cat", &["/proc/self/net/ip_tables_names", "/proc/self/net/ip6_tables_names"], b"");
    String::from_utf8(names.unwrap().stdout).unwrap()
}

#[test]
fn an_empty_namespace_gets_the_default_and_stays_empty() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let detection = scratch.kernel().detect().unwrap();
    assert_eq!((detection.reason(), detection.warning()), (Reason::DefaultTool, None));
    let version = scratch.run("iptables", &["--version"], b"").unwrap();
    let expected = match String::from_utf8(version.stdout).unwrap().contains("nf_tables") {
        true => Backend::Nft,
        false => Backend::Legacy,
    };
    assert_eq!(detection.backend(), expected);
    for backend in Backend::ALL {
        for family in Family::ALL {
            assert!(!detection.holds(backend, family));
            assert!(scratch.kernel().save(family, backend, false).unwrap().text.is_empty());
        }
    }
    assert_eq!(loaded_legacy_tables(&scratch), "");
    assert_eq!(scratch.run("nft", &["list", "ruleset"], b"").unwrap().stdout, b"");
}

#[test]
fn the_back_end_with_the_rules_is_found_whichever_family_has_them() {
    common::everywhere(|scratch, family, backend| {
        scratch.kernel().restore(family, backend, RULE, RestoreOptions::new()).unwrap();
        let detection = scratch.kernel().detect().unwrap();
        assert_eq!((detection.backend(), detection.reason()), (backend, Reason::HoldsTheRules));
        assert!(detection.holds(backend, family));
        assert_eq!(detection.warning(), None);
    });
}

#[test]
fn a_legacy_table_without_rules_does_not_count() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    scratch
        .kernel()
        .restore(Family::V4, Backend::Legacy, b"*filter\nCOMMIT\n", RestoreOptions::new())
        .unwrap();
    assert_eq!(loaded_legacy_tables(&scratch), "filter\n");
    assert_eq!(scratch.kernel().detect().unwrap().reason(), Reason::DefaultTool);
    assert_eq!(loaded_legacy_tables(&scratch), "filter\n");
}

#[test]
fn rules_in_both_are_warned_about() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    scratch.kernel().restore(Family::V4, Backend::Legacy, RULE, RestoreOptions::new()).unwrap();
    scratch.kernel().restore(Family::V6, Backend::Nft, RULE, RestoreOptions::new()).unwrap();
    let detection = scratch.kernel().detect().unwrap();
    assert_eq!(detection.warning(), Some(DetectionWarning::RulesInBoth));
    assert_eq!(detection.reason(), Reason::DefaultTool);
}

#[test]
fn without_a_default_the_installed_back_end_is_taken() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    for (name, backend) in [("xtables-legacy-multi", Backend::Legacy), ("xtables-nft-multi", Backend::Nft)] {
        let directory = scratch.directory().join(name);
        fs::create_dir(&directory).unwrap();
        common::mode(&directory, 0o755);
        std::os::unix::fs::symlink(format!("/usr/sbin/{name}"), directory.join(name)).unwrap();
        let kernel = scratch.kernel().clone().tool_directories([directory]);
        let detection = kernel.detect().unwrap();
        assert_eq!((detection.backend(), detection.reason()), (backend, Reason::OnlyTool));
    }
}

#[test]
fn both_back_ends_tell_their_version() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    for backend in Backend::ALL {
        let version = scratch.kernel().version(backend).unwrap();
        assert!(version >= Version { major: 1, minor: 8, patch: 0 }, "{version}");
    }
}
