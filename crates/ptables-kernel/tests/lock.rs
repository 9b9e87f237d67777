//! The lock of the legacy tools.

#![expect(clippy::unwrap_used, reason = "a helper of the tests has no caller to tell")]

mod common;

use std::fs::File;
use std::time::{Duration, Instant};

use common::rules;
use ptables::dialect::{Backend, Family};
use ptables_kernel::{Cause, RestoreOptions, Stage, netns};
use rustix::fs::{FlockOperation, flock};

const TEXT: &[u8] = b"*filter\n-A INPUT -j ACCEPT\nCOMMIT\n";

/// Holds the lock as another program would.
fn held(scratch: &netns::Scratch) -> File {
    let file = File::create(scratch.directory().join("xtables.lock")).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    file
}

#[test]
fn a_lock_that_stays_held_is_an_error_after_the_wait() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let lock = held(&scratch);
    for family in Family::ALL {
        let start = Instant::now();
        let error = scratch.kernel().restore(family, Backend::Legacy, TEXT, RestoreOptions::new().wait(1));
        let error = error.unwrap_err();
        let waited = Duration::from_secs(1);
        assert!(
            matches!(error.cause(), Cause::LockHeld { waited: told, .. } if *told == waited),
            "{error:?}"
        );
        assert_eq!((error.stage(), error.line(), error.exit_code()), (Stage::Test, None, Some(4)));
        assert!((waited..5 * waited).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert!(!rules(&scratch, family, Backend::Legacy).contains("-A"));
    }
    drop(lock);
    scratch.kernel().restore(Family::V4, Backend::Legacy, TEXT, RestoreOptions::new().wait(1)).unwrap();
}

#[test]
fn a_wait_of_zero_does_not_last_forever() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let _lock = held(&scratch);
    let kernel = scratch.kernel().clone().lock_wait(0);
    let error = kernel.restore(Family::V4, Backend::Legacy, TEXT, RestoreOptions::new()).unwrap_err();
    assert!(matches!(error.cause(), Cause::LockHeld { .. }), "{error:?}");
}

#[test]
fn a_lock_that_is_released_in_time_is_waited_for_even_beyond_the_deadline() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let lock = held(&scratch);
    let kernel = scratch.kernel().clone().deadline(Duration::from_secs(1)).lock_wait(20);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(1_500));
            drop(lock);
        });
        kernel.restore(Family::V4, Backend::Legacy, TEXT, RestoreOptions::new()).unwrap();
    });
    assert!(rules(&scratch, Family::V4, Backend::Legacy).contains("-A INPUT -j ACCEPT\n"));
}

#[test]
fn nft_has_no_lock() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let _lock = held(&scratch);
    for family in Family::ALL {
        scratch.kernel().restore(family, Backend::Nft, TEXT, RestoreOptions::new()).unwrap();
    }
}
