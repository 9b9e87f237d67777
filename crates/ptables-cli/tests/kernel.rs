//! `ptables restore` against the kernel, in namespaces of its own.
#![expect(clippy::unwrap_used, reason = "tests")]

use ptables::dialect::{Backend, Family};
use ptables_kernel::netns::{Scratch, scratch_or_skip};

#[expect(dead_code, reason = "an example; its main is not run here")]
#[path = "../../ptables/examples/forward.rs"]
mod forward;

/// The text of the example.
fn forward() -> Vec<u8> {
    forward::firewall().to_iptables().unwrap().into_bytes()
}

fn restore(scratch: &Scratch, backend: Backend, more: &[&str], text: &[u8]) -> ptables_kernel::Output {
    let backend = backend.to_string();
    let mut arguments = vec!["restore", "-", "--backend", &backend];
    arguments.extend(more);
    scratch.run(env!("CARGO_BIN_EXE_ptables"), &arguments, text).unwrap()
}

fn rules(scratch: &Scratch, family: Family, backend: Backend) -> Vec<String> {
    let saved = scratch.kernel().save(family, backend, false).unwrap();
    let text = String::from_utf8_lossy(&saved.text).into_owned();
    text.lines()
        .filter(|line| line.starts_with("-A") || line.starts_with(":FORWARD"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_forward_firewall_reaches_both_back_ends() {
    let text = forward();
    for backend in Backend::ALL {
        let Some(scratch) = scratch_or_skip() else { return };
        let output = restore(&scratch, backend, &[], &text);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rules = rules(&scratch, Family::V4, backend);
        let filter: Vec<&str> =
            rules.iter().map(String::as_str).filter(|line| *line != ":FORWARD ACCEPT [0:0]").collect();
        assert_eq!(
            filter,
            [
                ":FORWARD DROP [0:0]",
                "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
                "-A FORWARD -p tcp -m tcp --dport 53 -j ACCEPT",
                "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT",
                "-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT",
            ]
        );
    }
}

#[test]
fn a_wrong_rule_stops_everything_and_the_error_names_the_line_of_the_program() {
    let text = String::from_utf8(forward()).unwrap();
    // One that ptables finds, and one that only the kernel does.
    let wrong = [
        (text.replace("--dport 80\n", "--dprot 80\n"), "forward.rs:21", "parse/unknown-option"),
        (
            text.replace("--dport 80\n", "--dport 80 -m set --match-set no_such_set src\n"),
            "forward.rs:21",
            "kernel/refused",
        ),
    ];
    for backend in Backend::ALL {
        for (text, place, code) in &wrong {
            let Some(scratch) = scratch_or_skip() else { return };
            let output = restore(&scratch, backend, &[], text.as_bytes());
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{errors}");
            assert!(errors.contains(place) && errors.contains(code), "{backend}: {errors}");
            assert!(
                !rules(&scratch, Family::V4, backend).iter().any(|line| line.starts_with("-A")),
                "{backend}"
            );
        }
    }
}

#[test]
fn test_changes_nothing_and_noflush_adds() {
    let base = b"*filter\n:mine - [0:0]\n-A INPUT -s 192.0.2.1 -j ACCEPT\n-A mine -j RETURN\nCOMMIT\n";
    let more = b"*filter\n-I INPUT -s 192.0.2.2 -j mine\n-D INPUT -s 192.0.2.1 -j ACCEPT\nCOMMIT\n";
    for backend in Backend::ALL {
        let Some(scratch) = scratch_or_skip() else { return };
        assert!(restore(&scratch, backend, &["--test"], base).status.success());
        assert!(!rules(&scratch, Family::V4, backend).iter().any(|line| line.starts_with("-A")));
        assert!(restore(&scratch, backend, &[], base).status.success());
        let added = restore(&scratch, backend, &["--noflush"], more);
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let rules = rules(&scratch, Family::V4, backend);
        let rules: Vec<&str> =
            rules.iter().map(String::as_str).filter(|line| line.starts_with("-A")).collect();
        assert_eq!(rules, ["-A INPUT -s 192.0.2.2/32 -j mine", "-A mine -j RETURN"]);
    }
}

#[test]
fn ipv6_goes_to_ipv6() {
    let text = b"*filter\n-A INPUT -s 2001:db8::1 -p ipv6-icmp -j ACCEPT\nCOMMIT\n";
    for backend in Backend::ALL {
        let Some(scratch) = scratch_or_skip() else { return };
        assert!(restore(&scratch, backend, &[], text).status.success());
        let rules = rules(&scratch, Family::V6, backend);
        assert!(
            rules.contains(&"-A INPUT -s 2001:db8::1/128 -p ipv6-icmp -j ACCEPT".to_owned()),
            "{rules:?}"
        );
    }
}

#[test]
fn a_script_reaches_the_kernel_and_what_it_refuses_names_the_line_of_the_script() {
    let script = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("web.star");
    let text = "tables = default_tables()\nfor port in [80, 443]:\n    tables['filter']['INPUT'].append(Accept(proto='tcp', dport=port))\n";
    for (family, option) in [(Family::V4, "-4"), (Family::V6, "-6")] {
        for backend in Backend::ALL {
            let Some(scratch) = scratch_or_skip() else { return };
            let run = |text: &str| {
                std::fs::write(&script, text).unwrap();
                let name = backend.to_string();
                let arguments = ["restore", script.to_str().unwrap(), "--backend", &name, option];
                scratch.run(env!("CARGO_BIN_EXE_ptables"), &arguments, b"").unwrap()
            };
            let output = run(text);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let wanted = [
                "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT",
                "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT",
            ];
            let kept =
                |rules: Vec<String>| rules.into_iter().filter(|it| it.starts_with("-A")).collect::<Vec<_>>();
            assert_eq!(kept(rules(&scratch, family, backend)), wanted, "{backend}");
            let missing =
                "tables['filter']['INPUT'].append(CustomRule('-m set --match-set none src -j DROP'))\n";
            let output = run(&format!("{text}{missing}"));
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{errors}");
            assert!(
                errors.contains("web.star:4") && errors.contains("kernel/refused"),
                "{backend}: {errors}"
            );
            assert_eq!(kept(rules(&scratch, family, backend)), wanted, "{backend}: nothing changed");
        }
    }
}
