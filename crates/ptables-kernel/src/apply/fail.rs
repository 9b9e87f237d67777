//! Points at which a test may end this process, as a crash would: before and after each effect that others can see.

/// All points, in the order in which an application passes them.
pub const POINTS: &[&str] = &[
    "read",
    "planned",
    "preflight",
    "locked",
    "journal-states",
    "journal-before",
    "journal-after",
    "guard-started",
    "guard-armed",
    "sets-before",
    "sets-after",
    "commit-first-before",
    "commit-first-after",
    "commit-next-before",
    "commit-next-after",
    "commits-done",
    "read-back",
    "sets-last-before",
    "sets-last-after",
    "committed-before",
    "committed-after",
    "record-before",
    "record-one",
    "record-after",
    "history-after",
    "journal-removed",
];

/// Ends this process if the environment asks for this point. Only with the feature `fail-points`, which nothing published has.
#[cfg(feature = "fail-points")]
pub(crate) fn point(name: &str) {
    debug_assert!(POINTS.contains(&name), "{name}");
    if std::env::var("PTABLES_FAIL_POINT").is_ok_and(|it| it == name) {
        // Cannot fail: it is this process.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

#[cfg(not(feature = "fail-points"))]
pub(crate) fn point(_: &str) {}
