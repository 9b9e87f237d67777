//! `ptables test` without a kernel.
#![expect(clippy::unwrap_used, reason = "tests")]
mod common;

use common::ptables;

const RULES: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -s 192.0.2.0/24 -p tcp --dport 22 -j ACCEPT\n-A INPUT -p icmp -m limit --limit 1/hour --limit-burst 1 -j ACCEPT\n-A INPUT -p udp -j REJECT\n-A FORWARD -j ACCEPT\nCOMMIT\n";
const TESTS: &str = "# the office\nACCEPT tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new\nBLOCK udp 1.1.1.1:1 -> 198.51.100.2:161 in eth0  # nobody\n\nsequence\nACCEPT icmp 1.1.1.1 -> 2.2.2.2 in eth0\nDROP icmp 1.1.1.1 -> 2.2.2.2 in eth0\nend\n";

fn run(tests: &str, arguments: &[&str]) -> common::Ran {
    let folder = std::env::temp_dir().join(format!(
        "ptables-expect-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("web.v4"), RULES).unwrap();
    let file = folder.join("web.v4.test");
    std::fs::write(&file, tests).unwrap();
    let file = file.display().to_string();
    let all: Vec<&str> = ["test", &file].into_iter().chain(arguments.iter().copied()).collect();
    let output = ptables(&all, b"");
    std::fs::remove_dir_all(&folder).unwrap();
    output
}

#[test]
fn expectations_that_hold_leave_the_rules_that_none_met() {
    let it = run(TESTS, &[]);
    assert_eq!(it.code, 0, "{}{}", it.stdout, it.stderr);
    assert!(it.stdout.ends_with("4 expectations, 0 failed\n"), "{}", it.stdout);
    assert!(
        it.stdout.contains("3 of 4 rules were met")
            && it.stdout.contains("never met: filter: -A FORWARD -j ACCEPT"),
        "{}",
        it.stdout
    );
}

#[test]
fn one_that_fails_is_shown_with_its_way_in_each_format() {
    let tests = TESTS.replace("BLOCK", "ACCEPT");
    let human = run(&tests, &[]);
    assert_eq!(human.code, 1);
    assert!(
        human.stdout.contains("web.v4.test:3: FAILED: ACCEPT udp 1.1.1.1:1")
            && human.stdout.contains("    REJECT (ICMP 3/3)\n"),
        "{}",
        human.stdout
    );
    let tap = run(&tests, &["--format", "tap"]).stdout;
    assert!(
        tap.starts_with("TAP version 13\n1..4\nok 1 - ACCEPT tcp") && tap.contains("\nnot ok 2 - "),
        "{tap}"
    );
    let junit = run(&tests, &["--format", "junit"]).stdout;
    assert!(
        junit.contains("tests=\"4\" failures=\"1\"")
            && junit.contains("expected ACCEPT, is REJECT (ICMP 3/3)")
            && junit.contains("-&gt; 198.51.100.2:22"),
        "{junit}"
    );
}

#[test]
fn a_line_that_cannot_be_read_fails() {
    let it = run("PASS tcp 1.1.1.1 -> 2.2.2.2 in eth0\nDROP tcp 1.1.1.1 > 2.2.2.2 in eth0\n", &["-4"]);
    assert_eq!(it.code, 1);
    assert!(
        it.stderr.contains("error[packet/expectation]") && it.stderr.contains("error[packet/syntax]"),
        "{}",
        it.stderr
    );
}

#[test]
fn a_script_expects_beside_its_rules() {
    let folder = std::env::temp_dir().join(format!("ptables-expect-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("web.star");
    let script = "tables = default_tables(family='both')\nchain = tables['filter']['INPUT']\nchain.policy = Rule.DROP\n\
        chain.append(Accept(in_interface='lo'))\nchain.append(Accept(proto='tcp', dport='22'))\n\
        expect('tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new', ACCEPT)\n\
        expect('tcp [2001:db8::1]:40000 -> [2001:db8::2]:22 in eth0 new', Rule.ACCEPT)\n";
    std::fs::write(
        &file,
        format!("{script}expect('tcp 192.0.2.7:40000 -> 198.51.100.2:23 in eth0 new', DROP)\n"),
    )
    .unwrap();
    let name = file.display().to_string();
    let it = ptables(&["test", &name], b"");
    assert_eq!(it.code, 0, "{}{}", it.stdout, it.stderr);
    assert!(
        it.stdout.contains("3 expectations, 0 failed") && it.stdout.contains("never met"),
        "{}",
        it.stdout
    );
    std::fs::write(
        &file,
        format!("{script}expect('tcp 192.0.2.7:40000 -> 198.51.100.2:23 in eth0 new', ACCEPT)\n"),
    )
    .unwrap();
    let it = ptables(&["test", &name], b"");
    assert_eq!(it.code, 1);
    assert!(it.stdout.contains("web.star:8: FAILED: ACCEPT tcp 192.0.2.7:40000"), "{}", it.stdout);
    std::fs::write(&file, format!("{script}expect('tcp 192.0.2.7 -> in eth0', ACCEPT)\n")).unwrap();
    let it = ptables(&["test", &name], b"");
    assert!(
        it.code == 1 && it.stderr.contains("packet/syntax") && it.stderr.contains("web.star:8"),
        "{}",
        it.stderr
    );
    std::fs::remove_dir_all(&folder).unwrap();
}
