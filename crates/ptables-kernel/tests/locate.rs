//! The rule behind a refused `COMMIT`.

#![expect(clippy::unwrap_used, reason = "a helper of the tests has no caller to tell")]

mod common;

use std::fmt::Write;
use std::fs;
use std::time::Instant;

use common::{everywhere, refusal, rules};
use ptables::dialect::{Backend, Family};
use ptables_kernel::{Located, RestoreOptions, netns};

const NAT_IN_FILTER: &str = "-A INPUT -p tcp -j DNAT --to-destination :1\n";

/// The line that is found for a text that must fail, in a namespace that must stay as it is.
fn located(scratch: &netns::Scratch, family: Family, backend: Backend, text: &str) -> Located {
    located_with(scratch, family, backend, text, RestoreOptions::new())
}

fn located_with(
    scratch: &netns::Scratch,
    family: Family,
    backend: Backend,
    text: &str,
    options: RestoreOptions,
) -> Located {
    let error = refusal(scratch, family, backend, text, options);
    let before = rules(scratch, family, backend);
    let located = scratch.kernel().locate_commit_failure(text.as_bytes(), &error, options).unwrap();
    assert_eq!(rules(scratch, family, backend), before);
    located
}

fn line(found: Located) -> Option<u32> {
    match found {
        Located::Line { line, .. } => Some(line),
        _ => None,
    }
}

#[test]
fn the_first_refused_rule_of_a_later_table_is_found() {
    let text = format!(
        "*mangle\n-A INPUT -j ACCEPT\nCOMMIT\n# c\n*filter\n:a -\n-A INPUT -j a\n\n-A a -j ACCEPT\n{NAT_IN_FILTER}-A a -j DROP\n{NAT_IN_FILTER}COMMIT\n"
    );
    everywhere(|scratch, family, backend| {
        assert_eq!(line(located(scratch, family, backend, &text)), Some(10), "{backend} {family}");
    });
}

#[test]
fn of_a_loop_the_rule_that_closes_it_is_found() {
    let text = "*filter\n:a -\n:b -\n-A a -j b\n-A INPUT -j a\n-A b -j a\n-A b -j ACCEPT\nCOMMIT\n";
    let Some(scratch) = netns::scratch_or_skip() else { return };
    assert_eq!(line(located(&scratch, Family::V4, Backend::Legacy, text)), Some(6));
}

#[test]
fn a_jump_to_a_missing_chain_is_found_on_nft() {
    let text = "*filter\n:a -\n-A INPUT -j a\n-A INPUT -j nochain\n-A INPUT -j a\nCOMMIT\n";
    let Some(scratch) = netns::scratch_or_skip() else { return };
    assert_eq!(line(located(&scratch, Family::V4, Backend::Nft, text)), Some(4));
}

#[test]
fn rules_that_rest_on_sets_and_on_live_chains_are_tried_with_them() {
    let text = format!(
        "*filter\n-A own -m set --match-set good src -j ACCEPT\n{NAT_IN_FILTER}-A own -j DROP\nCOMMIT\n"
    );
    let Some(scratch) = netns::scratch_or_skip() else { return };
    assert!(scratch.run("ipset", &["create", "good", "hash:ip"], b"").unwrap().status.success());
    let live = b"*filter\n:own - [0:0]\n-A INPUT -j own\nCOMMIT\n";
    scratch.kernel().restore(Family::V4, Backend::Legacy, live, RestoreOptions::new()).unwrap();
    let options = RestoreOptions::new().noflush(true);
    assert_eq!(line(located_with(&scratch, Family::V4, Backend::Legacy, &text, options)), Some(3));
}

#[test]
fn a_cause_outside_of_the_text_is_not_blamed_on_a_rule() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    // The real error comes with a text whose rule is then repaired.
    let text = format!("*filter\n{NAT_IN_FILTER}COMMIT\n");
    let error = refusal(&scratch, Family::V4, Backend::Legacy, &text, RestoreOptions::new());
    let repaired = b"*filter\n-A INPUT -j ACCEPT\nCOMMIT\n";
    let found = scratch.kernel().locate_commit_failure(repaired, &error, RestoreOptions::new()).unwrap();
    assert!(matches!(found, Located::NotReproduced { .. }), "{found:?}");
}

#[test]
fn the_search_in_many_rules_takes_few_runs() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let mut text = String::from("*filter\n");
    for rule in 0..5_000 {
        writeln!(text, "-A INPUT -s 10.0.{}.{} -j ACCEPT", rule / 256, rule % 256).unwrap();
        if rule == 3_210 {
            text.push_str(NAT_IN_FILTER);
        }
    }
    text.push_str("COMMIT\n");
    let error = refusal(&scratch, Family::V4, Backend::Legacy, &text, RestoreOptions::new());

    // The real tool behind one that counts.
    let runs = scratch.directory().join("runs");
    let script = format!("echo run >> {}; exec /usr/sbin/iptables-legacy-restore \"$@\"", runs.display());
    let directory = common::fake_tools(&scratch, &[("iptables-legacy-restore", &script)]);
    let kernel = scratch.kernel().clone().tool_directories([directory]);
    let start = Instant::now();
    let found = kernel.locate_commit_failure(text.as_bytes(), &error, RestoreOptions::new()).unwrap();
    println!("found among 5,000 rules in {:.2} s", start.elapsed().as_secs_f64());
    assert_eq!(line(found), Some(3_213));
    let runs = fs::read_to_string(runs).unwrap().lines().count();
    assert!((10..=16).contains(&runs), "{runs} runs");
}
