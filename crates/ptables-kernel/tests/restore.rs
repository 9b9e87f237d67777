//! Restore and save, with the real tools.

mod common;

use std::fmt::Write;
use std::time::Instant;

use common::{everywhere, refusal, rules};
use ptables::dialect::{Backend, Family, Version};
use ptables_kernel::{Cause, RestoreOptions, Stage, netns};

const FORWARD: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:web - [0:0]\n\
    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
    -A FORWARD -p tcp -m tcp --dport 80 -j web\n\
    -A web -m comment --comment \"a \\\"b\\\" c\" -j ACCEPT\nCOMMIT\n";

#[test]
fn what_was_restored_is_saved() {
    everywhere(|scratch, family, backend| {
        let restored =
            scratch.kernel().restore(family, backend, FORWARD.as_bytes(), RestoreOptions::new()).unwrap();
        assert_eq!(restored.warnings, "");
        assert_eq!(rules(scratch, family, backend), FORWARD);
        for other in Family::ALL.into_iter().filter(|other| *other != family) {
            assert_eq!(rules(scratch, other, backend), "", "{backend} {family}");
        }
    });
}

#[test]
fn a_test_changes_nothing() {
    everywhere(|scratch, family, backend| {
        let options = RestoreOptions::new().test_only(true);
        scratch.kernel().restore(family, backend, FORWARD.as_bytes(), options).unwrap();
        let saved = rules(scratch, family, backend);
        assert!(!saved.contains("-A ") && !saved.contains(":web") && !saved.contains("DROP"), "{saved}");
    });
}

#[test]
fn noflush_adds_and_the_default_replaces() {
    everywhere(|scratch, family, backend| {
        let kernel = scratch.kernel();
        let more = b"*filter\n-A INPUT -p udp -j DROP\nCOMMIT\n";
        kernel.restore(family, backend, FORWARD.as_bytes(), RestoreOptions::new()).unwrap();
        kernel.restore(family, backend, more, RestoreOptions::new().noflush(true)).unwrap();
        let saved = rules(scratch, family, backend);
        assert!(saved.contains("-A INPUT -p udp -j DROP\n-A FORWARD -m conntrack"), "{saved}");
        kernel.restore(family, backend, more, RestoreOptions::new()).unwrap();
        let saved = rules(scratch, family, backend);
        assert!(saved.contains("-A INPUT -p udp -j DROP\n") && !saved.contains("FORWARD -m"), "{saved}");
    });
}

#[test]
fn counters_are_kept_only_when_asked_for() {
    everywhere(|scratch, family, backend| {
        let kernel = scratch.kernel();
        let text = b"*filter\n:INPUT ACCEPT [7:70]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n[5:50] -A INPUT -j DROP\nCOMMIT\n";
        kernel.restore(family, backend, text, RestoreOptions::new().counters(true)).unwrap();
        let saved = kernel.save(family, backend, true).unwrap();
        let saved = String::from_utf8(saved.text).unwrap();
        // ip6tables-nft 1.8.9 keeps the counters of policies and drops those of rules.
        let lost = (family, backend) == (Family::V6, Backend::Nft)
            && kernel.version(backend).unwrap() <= Version::V1_8_9;
        let rule = if lost { "[0:0] -A INPUT -j DROP\n" } else { "[5:50] -A INPUT -j DROP\n" };
        assert!(saved.contains(rule) && saved.contains(":INPUT ACCEPT [7:70]"), "{saved}");
        kernel.restore(family, backend, text, RestoreOptions::new()).unwrap();
        let saved = kernel.save(family, backend, true).unwrap();
        let saved = String::from_utf8(saved.text).unwrap();
        assert!(saved.contains("[0:0] -A INPUT -j DROP\n"), "{saved}");
    });
}

#[test]
fn a_failure_in_the_second_table_leaves_the_first_replaced_and_says_so() {
    let text = "*filter\n-A INPUT -p udp -j DROP\nCOMMIT\n*mangle\n-A INPUT -p tcp -j DNAT --to-destination :1\nCOMMIT\n*raw\nCOMMIT\n";
    everywhere(|scratch, family, backend| {
        let error = refusal(scratch, family, backend, text, RestoreOptions::new());
        assert_eq!(error.stage(), Stage::Commit);
        assert!(matches!(error.cause(), Cause::KernelRefused), "{error}");
        assert_eq!(error.committed().unwrap(), ["filter".into()]);
        assert!(rules(scratch, family, backend).contains("-A INPUT -p udp -j DROP\n"));
    });
}

#[test]
fn a_failure_in_the_test_of_the_second_table_changes_nothing() {
    let text = "*filter\n-A INPUT -p udp -j DROP\nCOMMIT\n*mangle\n-A INPUT -m nosuch -j DROP\nCOMMIT\n";
    everywhere(|scratch, family, backend| {
        let error = refusal(scratch, family, backend, text, RestoreOptions::new());
        assert_eq!((error.stage(), error.line(), error.table()), (Stage::Test, Some(5), None));
        assert!(error.committed().unwrap().is_empty());
        assert!(!rules(scratch, family, backend).contains("-A "));
    });
}

#[test]
fn a_warning_of_the_tool_is_handed_on() {
    everywhere(|scratch, family, backend| {
        let text = b"*filter\n-A INPUT -i \"eth 0\" -j ACCEPT\nCOMMIT\n";
        let restored = scratch.kernel().restore(family, backend, text, RestoreOptions::new()).unwrap();
        assert!(restored.warnings.contains("weird character in interface"), "{}", restored.warnings);
    });
}

#[test]
fn fifty_thousand_rules_pass_without_a_deadlock() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let mut text =
        String::from("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
    for rule in 0..50_000 {
        let (high, low) = (rule / 256, rule % 256);
        writeln!(text, "-A INPUT -s 10.0.{high}.{low}/32 -p tcp -m tcp --dport 22 -j ACCEPT").unwrap();
    }
    text.push_str("COMMIT\n");
    for backend in Backend::ALL {
        let start = Instant::now();
        match scratch.kernel().restore(Family::V4, backend, text.as_bytes(), RestoreOptions::new()) {
            Err(error) if !common::is_root() && backend == Backend::Nft => {
                assert!(matches!(error.cause(), Cause::TooLarge), "{error:?}");
                assert_eq!((error.line(), error.committed()), (None, Some([].as_slice())));
                continue;
            }
            restored => restored.unwrap(),
        };
        println!("{backend}: restored 50,000 rules in {:.1} s", start.elapsed().as_secs_f64());
        assert!(rules(&scratch, Family::V4, backend) == text, "{backend} saved something else");
    }
}

#[test]
fn fifty_thousand_warnings_pass_without_a_deadlock() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let text = format!("*filter\n{}COMMIT\n", "-A INPUT -i \"eth 0\" -j ACCEPT\n".repeat(50_000));
    let options = RestoreOptions::new().test_only(true);
    let restored = scratch.kernel().restore(Family::V4, Backend::Legacy, text.as_bytes(), options).unwrap();
    assert_eq!(restored.warnings.lines().count(), 50_000);
}

#[test]
fn a_table_of_another_nft_program_is_reported_not_lost() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let native = b"table ip filter {\nchain INPUT {\ntype filter hook input priority 0\n\
        meta mark set jhash ip saddr mod 2\n}\n}\n";
    assert!(scratch.run("nft", &["-f", "-"], native).unwrap().status.success());
    let saved = scratch.kernel().save(Family::V4, Backend::Nft, false).unwrap();
    assert_eq!(saved.left_out.len(), 1, "{saved:?}");
    assert!(saved.left_out[0].contains("`filter' is incompatible"), "{saved:?}");
}
