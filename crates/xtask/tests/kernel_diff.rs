//! The simulator against the kernel: a short run of each kind, and every difference that was found before.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write;

use ptables_judge::sys;
use xtask::kernel_diff::arena::Arena;
use xtask::kernel_diff::regress;
use xtask::kernel_diff::run::{Job, Mode, run};
use xtask::kernel_diff::trial::describe;

/// Whether the kernel can be asked; in CI it must.
fn kernel_or_skip() -> bool {
    let required = ["CI", "PTABLES_REQUIRE_KERNEL"].iter().any(|name| std::env::var_os(name).is_some());
    assert!(sys::is_root() || !required, "the comparison with the kernel needs the root of the machine");
    if !sys::is_root() {
        // Nobody is left to tell if this fails.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: the comparison with the kernel needs the root of the machine"
        );
    }
    sys::is_root()
}

fn agrees(mode: Mode, rulesets: u64, packets: u64) {
    if !kernel_or_skip() {
        return;
    }
    // The whole run, of other seeds and many more packets, is `cargo xtask kernel-diff`.
    let job = Job { mode, seed: 7, rulesets, packets, enough: 2, shrink: true, write: false, file: None };
    let report = run(&job).unwrap();
    assert!(report.packets >= packets, "{}", report.packets);
    assert!(report.steps > report.packets, "packets met no rules");
    assert!(report.differences.is_empty(), "{}", report.differences.join("\n"));
}

#[test]
fn counters_are_those_of_the_kernel() {
    agrees(Mode::Counters, 400, 80_000);
}

#[test]
fn ordered_paths_are_those_of_the_kernel() {
    agrees(Mode::Trace, 100, 10_000);
}

#[test]
fn paths_of_connections_are_those_of_the_kernel() {
    agrees(Mode::Connections, 100, 10_000);
}

#[test]
fn paths_of_iptables_nft_are_those_of_the_kernel() {
    agrees(Mode::Nft, 20, 2_000);
}

#[test]
fn rules_that_remember_do_as_in_the_kernel() {
    agrees(Mode::Sequence, 100, 5_000);
}

#[test]
fn differences_that_were_found_stay_away() {
    if !kernel_or_skip() {
        return;
    }
    let cases = regress::all().unwrap();
    assert!(!cases.is_empty());
    for (path, case) in cases {
        // A namespace stays that of its thread.
        let play = move || {
            let mut arena = Arena::new(case.watch(), case.tracked, &case.devices).unwrap();
            sys::pin(0).unwrap();
            let difference = case.play(&mut arena, 0).unwrap();
            assert!(difference.is_none(), "{}: {}", path.display(), describe(&case, &difference.unwrap()));
        };
        std::thread::spawn(play).join().unwrap();
    }
}

#[test]
fn a_case_is_read_as_it_was_written() {
    for (path, case) in regress::all().unwrap() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(regress::print(&case), text, "{}", path.display());
        assert_eq!(regress::print(&regress::read(&text).unwrap()), text);
    }
}
