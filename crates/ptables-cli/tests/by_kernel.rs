//! `ptables test --kernel`: the real kernel in a scratch namespace, both families and back ends; and `--routes`.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod common;

use std::path::PathBuf;

use common::ptables;
use ptables_kernel::netns::scratch_or_skip;
use ptables_kernel::wire::sys::is_root;

/// Whether packets can be sent here: that needs the root of the machine, not only of a namespace.
fn may_send() -> bool {
    let may = scratch_or_skip().is_some() && is_root();
    if !may {
        eprintln!("SKIPPED, packets cannot be sent");
    }
    may
}

/// An empty folder of this test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It is there from an earlier run, or not.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

const V4: &str = "*nat
:PREROUTING ACCEPT
:POSTROUTING ACCEPT
-A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 198.51.100.2:80
COMMIT
*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp --dport 22 -m limit --limit 1/hour --limit-burst 2 -j ACCEPT
-A INPUT -p udp -j REJECT
-A FORWARD -p tcp --dport 80 -d 198.51.100.2 -m conntrack --ctstate DNAT -j ACCEPT
-A OUTPUT -m owner --uid-owner 1234 -j REJECT
-A OUTPUT -p icmp -j DROP
-A OUTPUT -p udp --dport 7 -j DROP
COMMIT
";

const V4_TESTS: &str = "ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 new
REJECT udp 192.0.2.7:40000 -> 198.51.100.9:161 in eth0
BLOCK tcp 192.0.2.7:40000 -> 198.51.100.9:23 in eth0
ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:23 in eth0 established
ACCEPT tcp 192.0.2.7:40000 -> 203.0.113.9:8080 in eth0 out eth1
DROP tcp 192.0.2.7:40000 -> 198.51.100.2:80 in eth0 out eth1
REJECT tcp 192.0.2.7:40000 -> 198.51.100.2:80 out eth1 uid=1234
DROP icmp 192.0.2.7 -> 198.51.100.2 out eth1 uid=0
sequence
ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 new
ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 new
DROP tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 new
end
";

const V6: &str = "*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
-A INPUT -p udp -j REJECT
-A INPUT -p tcp --dport 22 -j ACCEPT
-A INPUT -p tcp --dport 23 -j REJECT --reject-with tcp-reset
-A FORWARD -i eth0 -o eth1 -p udp -j ACCEPT
COMMIT
";

const V6_TESTS: &str = "ACCEPT tcp [2001:db8::7]:40000 -> [2001:db8:1::9]:22 in eth0
REJECT udp [2001:db8::7]:40000 -> [2001:db8:1::9]:22 in eth0
REJECT tcp [2001:db8::7]:40000 -> [2001:db8:1::9]:23 in eth0
DROP tcp [2001:db8::7]:40000 -> [2001:db8:1::9]:24 in eth0
ACCEPT udp [2001:db8::7]:40000 -> [2001:db8:1::9]:24 in eth0 out eth1
";

#[test]
fn the_kernel_says_what_becomes_of_packets() {
    if !may_send() {
        return;
    }
    let folder = folder("by-kernel");
    for (name, rules, tests) in [("web.v4", V4, V4_TESTS), ("six.v6", V6, V6_TESTS)] {
        let (rules_path, tests_path) = (folder.join(name), folder.join(format!("{name}.test")));
        std::fs::write(rules_path, rules).unwrap();
        std::fs::write(&tests_path, tests).unwrap();
        let path = tests_path.display().to_string();
        for backend in ["legacy", "nft"] {
            let it = ptables(&["test", "--kernel", "--backend", backend, &path], b"");
            assert_eq!(it.code, 0, "{backend} {name}\n{}{}", it.stdout, it.stderr);
            let all = tests.lines().filter(|it| !matches!(*it, "sequence" | "end")).count();
            assert!(it.stdout.contains(&format!("{all} expectations, 0 failed")), "{}", it.stdout);
        }
    }
    let met = ptables(&["test", "--kernel", &folder.join("web.v4.test").display().to_string()], b"");
    assert!(met.stdout.contains("7 of 8 rules were met"), "{}", met.stdout);
    assert!(met.stdout.contains("never met: filter: -A OUTPUT -p udp -m udp --dport 7"), "{}", met.stdout);
}

#[test]
fn what_does_not_hold_fails_and_what_cannot_be_sent_is_not_run() {
    if !may_send() {
        return;
    }
    let folder = folder("not-run");
    std::fs::write(folder.join("web.v4"), V4).unwrap();
    let tests = folder.join("web.v4.test");
    let path = tests.display().to_string();
    let not_run = [
        "ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 now=2026-01-01",
        "ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in lo",
        "ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 mark=0x1000000",
        "ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 related",
        "ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 invalid",
        "ACCEPT udp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 out eth1 mf",
        "ACCEPT udp 127.0.0.1:40000 -> 198.51.100.9:22 in eth0",
        "ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 realm=7",
        "ACCEPT tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0 set:web=yes",
    ];
    std::fs::write(&tests, not_run.join("\n")).unwrap();
    let it = ptables(&["test", "--kernel", &path], b"");
    assert_eq!(it.code, 2, "{}{}", it.stdout, it.stderr);
    assert!(it.stdout.contains("9 expectations, 0 failed, 9 not run"), "{}", it.stdout);
    let tap = ptables(&["test", "--kernel", "--format", "tap", &path], b"");
    assert_eq!(tap.stdout.matches("not ok").count(), 9, "{}", tap.stdout);
    assert_eq!(tap.stdout.matches("# SKIP").count(), 9, "{}", tap.stdout);
    let junit = ptables(&["test", "--kernel", "--format", "junit", &path], b"");
    assert!(junit.stdout.contains("failures=\"0\" skipped=\"9\""), "{}", junit.stdout);
    std::fs::write(&tests, "DROP tcp 192.0.2.7:40000 -> 198.51.100.9:22 in eth0\n").unwrap();
    let it = ptables(&["test", "--kernel", &path], b"");
    assert_eq!(it.code, 1, "{}", it.stdout);
    assert!(
        it.stdout.contains("FAILED") && it.stdout.contains("ACCEPT\n      by the kernel"),
        "{}",
        it.stdout
    );
    // Marks that the namespace needs itself make all that follows doubtful.
    let marks =
        V4.replace("*nat", "*mangle\n:INPUT ACCEPT\n-A INPUT -j MARK --set-mark 0x1000000\nCOMMIT\n*nat");
    std::fs::write(folder.join("web.v4"), marks).unwrap();
    assert_eq!(ptables(&["test", "--kernel", &path], b"").code, 2);
}

#[test]
fn routes_lead_packets_that_do_not_say_where_they_go() {
    let folder = folder("routes");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let routes = file(
        "routes.txt",
        "default via 192.0.2.1 dev wan\n10.0.0.0/24 dev lan\n1: lan    inet 10.0.0.1/24 scope global lan\n\
         2: wan    inet 192.0.2.7/24 scope global wan\nnet.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.lan.rp_filter = 0\n",
    );
    let rules = file(
        "web.v4",
        "*filter\n:INPUT DROP\n:FORWARD DROP\n:OUTPUT DROP\n-A FORWARD -i lan -o wan -j ACCEPT\n-A OUTPUT -o lan -j ACCEPT\nCOMMIT\n",
    );
    let tests = file(
        "web.v4.test",
        "ACCEPT udp 10.0.0.5:1 -> 198.51.100.1:53 in lan\nDROP udp 10.0.0.5:1 -> 10.0.0.1:53 in lan\nACCEPT udp 10.0.0.1:1 -> 10.0.0.5:53\n",
    );
    let it = ptables(&["test", "--routes", &routes, &tests], b"");
    assert_eq!(it.code, 0, "{}{}", it.stdout, it.stderr);
    let packet = "udp 10.0.0.5:1 -> 198.51.100.1:53 in lan";
    let it = ptables(&["simulate", "--routes", &routes, &rules, packet], b"");
    assert!(it.stdout.starts_with("ACCEPT") && it.stdout.contains("in lan out wan"), "{}", it.stdout);
    let broken = file("broken.txt", "10.0.0.0/33 dev eth0\n");
    let it = ptables(&["simulate", "--routes", &broken, &rules, packet], b"");
    assert_eq!(it.code, 1, "{}", it.stderr);
    assert!(it.stderr.contains("error[packet/routes]"), "{}", it.stderr);
}
