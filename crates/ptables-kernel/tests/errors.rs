//! What the real tools complain about, and where the error says it is.

mod common;

use common::{again, everywhere, is_again, refusal};
use ptables::dialect::{Backend, Family};
use ptables_kernel::{Cause, RestoreError, RestoreOptions, Stage, netns};

/// What an error must say.
#[derive(Debug, PartialEq, Eq)]
enum Says {
    /// A line, and a part of the reason.
    Line(Stage, u32, &'static str),
    /// The `COMMIT` of a table, and a part of the reason.
    Commit(u32, &'static str, &'static str),
    /// That the table is not there, at a line.
    NoTable(u32),
    /// Nothing: the tool accepts the text.
    Accepted,
}

use Says::{Accepted, Commit, Line, NoTable};
use Stage::{Commit as Applied, Test};

struct Case {
    name: &'static str,
    text: &'static str,
    legacy: Says,
    nft: Says,
}

fn cases() -> Vec<Case> {
    let case = |name, text, legacy, nft| Case { name, text, legacy, nft };
    let both =
        |name, text, line, reason| case(name, text, Line(Test, line, reason), Line(Test, line, reason));
    vec![
        both(
            "bad option",
            "*filter\n-A INPUT --bogus 1 -j ACCEPT\nCOMMIT\n",
            2,
            "unknown option \"--bogus\"",
        ),
        both(
            "unknown match",
            "# c\n\n*filter\n-A INPUT -m foo\nCOMMIT\n",
            4,
            "Couldn't load match `foo':No such file",
        ),
        both(
            "bad value",
            "*filter\n-A INPUT -p tcp --dport 70000\nCOMMIT\n",
            2,
            "invalid port/service `70000'",
        ),
        both("word left over", "*filter\n-A INPUT x\nCOMMIT\n", 2, "Bad argument `x'"),
        both("table in a table", "*filter\n-A INPUT\n*nat\nCOMMIT\n", 3, "Bad argument `*nat'"),
        both("text before a table", "hello\n*filter\nCOMMIT\n", 1, ""),
        both("no commit", "*filter\n-A INPUT\n", 2, "COMMIT expected"),
        both("chain without name", "*filter\n:\nCOMMIT\n", 2, "chain name invalid"),
        both("chain without policy", "*filter\n:INPUT\nCOMMIT\n", 2, "policy invalid"),
        both(
            "chain name too long",
            "*filter\n:a2345678901234567890123456789 -\nCOMMIT\n",
            2,
            "a2345678901234567890123456789'",
        ),
        both("unclosed counters", "*filter\n[1:2 -A INPUT\nCOMMIT\n", 2, "need ]"),
        both("wait in a rule", "*filter\n-A INPUT -w 5\nCOMMIT\n", 2, "You cannot use `-w'"),
        both("nat drop", "*nat\n-P OUTPUT DROP\nCOMMIT\n", 2, "is not intended for filtering"),
        both(
            "set missing",
            "*filter\n-A INPUT -m set --match-set nosuch src\nCOMMIT\n",
            2,
            "Set nosuch doesn't exist",
        ),
        both(
            "word ends in a line break",
            "*filter\n-A INPUT -j \"a b\nCOMMIT\n",
            2,
            "Invalid target name `a b",
        ),
        both("carriage returns", "*filter\n-A INPUT -j ACCEPT\r\nCOMMIT\n", 2, ""),
        case("unknown table", "*foo\nCOMMIT\n", NoTable(1), NoTable(1)),
        case(
            "protocol missing",
            "*filter\n-A INPUT -p udp -m tcp --dport 5\nCOMMIT\n",
            Commit(3, "filter", ""),
            Line(Test, 2, "TCP match requires '-p tcp'"),
        ),
        case(
            "policy of a user chain",
            "*filter\n:a DROP [0:0]\nCOMMIT\n",
            Line(Test, 2, "Can't set policy `DROP' on `a' line 2: Bad built-in chain name"),
            Accepted,
        ),
        case(
            "policy unknown",
            "*filter\n:INPUT drop [0:0]\nCOMMIT\n",
            Line(Test, 2, "Bad policy name"),
            Line(Applied, 2, "Bad policy name"),
        ),
        case(
            "unknown target",
            "*filter\n-A INPUT -j FOO\nCOMMIT\n",
            Line(Test, 2, "Couldn't load target `FOO'"),
            Commit(3, "filter", "Chain 'FOO' does not exist"),
        ),
        case(
            "goto a missing chain",
            "*filter\n-A INPUT -g nochain\nCOMMIT\n",
            Line(Test, 2, "goto 'nochain' is not a chain"),
            Commit(3, "filter", "Chain 'nochain' does not exist"),
        ),
        case(
            "rule of a missing chain",
            "*filter\n-A nochain -j ACCEPT\nCOMMIT\n",
            Line(Test, 2, ""),
            Line(Applied, 2, "No chain/target/match by that name"),
        ),
        case(
            "chain exists",
            "*filter\n-N a\n-N a\nCOMMIT\n",
            Line(Test, 3, ""),
            Line(Applied, 3, "Chain already exists"),
        ),
        case(
            "chain declared twice",
            "*filter\n:a -\n:a -\nCOMMIT\n",
            Line(Test, 3, "error creating chain 'a'"),
            Accepted,
        ),
        case(
            "delete a missing rule",
            "*filter\n-D INPUT -j ACCEPT\nCOMMIT\n",
            Line(Test, 2, ""),
            Line(Applied, 2, "Bad rule (does a matching rule exist in that chain?)"),
        ),
        case(
            "delete by number",
            "*filter\n-A INPUT\n-D INPUT 5\nCOMMIT\n",
            Line(Test, 3, ""),
            Line(Applied, 3, "Index of deletion too big"),
        ),
        case(
            "insert too far",
            "*filter\n-I INPUT 5 -j DROP\nCOMMIT\n",
            Line(Test, 2, ""),
            Line(Applied, 2, "Index of insertion too big"),
        ),
        case(
            "delete a chain in use",
            "*filter\n:a -\n-A INPUT -j a\n-X a\nCOMMIT\n",
            Line(Test, 4, ""),
            Line(Applied, 4, "CHAIN_DEL failed (Device or resource busy): chain a"),
        ),
        case(
            "loop",
            "*filter\n:a -\n:b -\n-A INPUT -j a\n-A a -j b\n-A b -j a\nCOMMIT\n",
            Commit(7, "filter", ""),
            Line(Applied, 6, "RULE_APPEND failed (Too many links): rule in chain b"),
        ),
        case(
            "target of another table",
            "*filter\n-A INPUT -p tcp -j DNAT --to-destination :1\nCOMMIT\n",
            Commit(3, "filter", ""),
            Line(Applied, 2, "RULE_APPEND failed (Invalid argument): rule in chain INPUT"),
        ),
        case(
            "target of another hook",
            "*nat\n-A PREROUTING -j REJECT\nCOMMIT\n",
            Commit(3, "nat", ""),
            Line(Applied, 2, "RULE_APPEND failed (Invalid argument): rule in chain PREROUTING"),
        ),
        case(
            "helper missing",
            "*raw\n-A PREROUTING -p tcp -j CT --helper nosuch\nCOMMIT\n",
            Commit(3, "raw", ""),
            Line(Applied, 2, "RULE_APPEND failed (No such file or directory)"),
        ),
        case(
            "last line unfinished",
            "*filter\n-A INPUT\nCOMMIT",
            Line(Test, 3, "Bad argument `COMMIT'"),
            Accepted,
        ),
    ]
}

fn says(error: &RestoreError, expected: &Says) -> bool {
    match expected {
        Line(stage, line, reason) => {
            let cause = match (stage, error.exit_code()) {
                (Applied, Some(4)) => matches!(error.cause(), Cause::KernelRefused),
                _ => matches!(error.cause(), Cause::Refused),
            };
            cause
                && (error.stage(), error.line(), error.table()) == (*stage, Some(*line), None)
                && error.reason().contains(reason)
        }
        Commit(line, table, reason) => {
            let cause = match reason.is_empty() {
                true => matches!(error.cause(), Cause::KernelRefused) && error.reason().is_empty(),
                false => matches!(error.cause(), Cause::Refused) && error.reason().contains(reason),
            };
            cause && (error.stage(), error.line(), error.table()) == (Applied, Some(*line), Some(*table))
        }
        NoTable(line) => matches!(error.cause(), Cause::TableUnavailable) && error.line() == Some(*line),
        Accepted => false,
    }
}

#[test]
fn every_complaint_leads_to_its_line() {
    let cases = cases();
    let mut wrong = Vec::new();
    for backend in Backend::ALL {
        for family in Family::ALL {
            for case in &cases {
                let Some(scratch) = netns::scratch_or_skip() else { return };
                let expected = match backend {
                    Backend::Legacy => &case.legacy,
                    Backend::Nft => &case.nft,
                };
                let text = case.text.as_bytes();
                match scratch.kernel().restore(family, backend, text, RestoreOptions::new()) {
                    Ok(_) if *expected == Accepted => {}
                    Err(error) if says(&error, expected) => {}
                    other => {
                        wrong.push(format!("{} {backend} {family}: {other:?}, not {expected:?}", case.name))
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_message_is_the_tools_own_and_the_error_is_one_line() {
    everywhere(|scratch, family, backend| {
        let text = "*filter\n-A INPUT -m foo\x1b[2J -j ACCEPT\nCOMMIT\n";
        let error = refusal(scratch, family, backend, text, RestoreOptions::new());
        assert!(error.message().contains("v1.") && error.message().contains("foo\x1b[2J"), "{error:?}");
        assert!(error.message().contains("\nError occurred at line: 2\n"), "{error:?}");
        assert_eq!(error.exit_code(), Some(2));
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(
            error.to_string().starts_with(&format!(
                "restore of {family} rules ({backend}): a line is refused (line 2): Couldn't load match"
            )),
            "{error}"
        );
    });
}

#[test]
fn nft_names_every_rule_that_the_kernel_refuses_and_the_first_is_the_line() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let text = "*filter\n-A INPUT -p tcp -j DNAT --to-destination :1\n-A INPUT\n-A FORWARD -p tcp -j DNAT --to-destination :1\nCOMMIT\n";
    let error = refusal(&scratch, Family::V4, Backend::Nft, text, RestoreOptions::new());
    assert_eq!((error.line(), error.lines()), (Some(2), [2, 4].as_slice()));
    assert_eq!(error.reason(), "RULE_APPEND failed (Invalid argument): rule in chain INPUT");
}

#[test]
fn a_line_longer_than_the_tools_buffer_does_not_shift_the_others() {
    let option = format!("-A INPUT -m comment --comment {}\n", "x ".repeat(6_000));
    let text = format!("*filter\n{option}COMMIT\n");
    everywhere(|scratch, family, backend| {
        let error = refusal(scratch, family, backend, &text, RestoreOptions::new());
        assert_eq!(error.line(), Some(2), "{error}");
    });
}

#[test]
fn without_permission_the_error_says_so_and_names_no_line() {
    const NAME: &str = "without_permission_the_error_says_so_and_names_no_line";
    if is_again() {
        let kernel = ptables_kernel::Kernel::new().lock_file(std::env::var_os("LOCK").unwrap());
        for backend in Backend::ALL {
            for family in Family::ALL {
                let text = b"*filter\n-A INPUT -j ACCEPT\nCOMMIT\n";
                let error = kernel.restore(family, backend, text, RestoreOptions::new()).unwrap_err();
                assert!(matches!(error.cause(), Cause::PermissionDenied), "{error:?}");
                assert_eq!((error.stage(), error.line()), (Stage::Test, None));
                let error = kernel.save(family, backend, false).unwrap_err();
                assert!(matches!(error, ptables_kernel::Error::PermissionDenied { .. }), "{error}");
            }
        }
        assert!(matches!(kernel.detect(), Err(ptables_kernel::Error::PermissionDenied { .. })));
        return;
    }
    let Some(scratch) = netns::scratch_or_skip().filter(|_| common::root_or_skip()) else { return };
    let lock = scratch.directory().join("anybody");
    std::fs::write(&lock, "").unwrap();
    common::mode(&lock, 0o666);
    // Not root, and in a namespace with nothing in it, should the permission be there after all.
    let output = again(&scratch, NAME, |test| {
        let mut command = std::process::Command::new("unshare");
        command.args(["--net", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command.arg(test.get_program()).env("LOCK", lock);
        command
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_lock_file_that_can_not_be_opened_is_told_from_a_lock_that_is_held() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let kernel = scratch.kernel().clone().lock_file(scratch.directory().join("no/such/lock"));
    let error = kernel.restore(Family::V4, Backend::Legacy, b"*filter\nCOMMIT\n", RestoreOptions::new());
    assert!(matches!(error.unwrap_err().cause(), Cause::LockFile));
    kernel.restore(Family::V4, Backend::Nft, b"*filter\nCOMMIT\n", RestoreOptions::new()).unwrap();
}

#[test]
fn a_crash_of_the_tool_is_an_error_of_its_own() {
    let Some(scratch) = netns::scratch_or_skip() else { return };
    let directory = common::fake_tools(&scratch, &[("iptables-nft-restore", "kill -SEGV $$")]);
    let kernel = scratch.kernel().clone().tool_directories([directory]);
    let error = kernel.restore(Family::V4, Backend::Nft, b"*filter\nCOMMIT\n", RestoreOptions::new());
    assert!(matches!(error.unwrap_err().cause(), Cause::Crashed { signal: 11, .. }));
}
