//! Beside rules as others lay them: Docker, Kubernetes, and rulesets of real machines.

use std::path::{Path, PathBuf};

use super::*;

/// As Docker and as kube-proxy lay them, with what they have counted. Addresses are put in by family.
const WRITTEN: [(&str, &str); 2] = [
    ("Docker", include_str!("foreign/docker.rules")),
    ("Kubernetes", include_str!("foreign/kubernetes.rules")),
];

/// Real ones, in the folder `shared` beside the repository: IPv4.
const FOUND: [&str; 2] = [
    "iptsem--containern__iptables-save.topos4.1",
    "netnetwork--configs_corny_docker__iptables-save.topos4.1.established",
];

/// What the rules of ours carry, and nobody else's.
const OURS: &str = "--comment ours";

fn with_addresses(text: &str, family: Family) -> String {
    let addresses = match family {
        Family::V4 => {
            ["172.17.0.0/16", "172.17.0.2/32", "172.17.0.3/32", "10.96.0.10/32", "172.17.0.2", "172.17.0.3"]
        }
        Family::V6 => [
            "fd00:17::/64",
            "fd00:17::2/128",
            "fd00:17::3/128",
            "fd00:96::10/128",
            "[fd00:17::2]",
            "[fd00:17::3]",
        ],
    };
    let names = ["NET1", "HOST1", "HOST2", "HOST3", "TO1", "TO2"];
    names.iter().zip(addresses).fold(text.to_owned(), |text, (name, address)| text.replace(name, address))
}

/// A changing configuration in the tables and chains that others use too.
fn configuration(number: u32) -> String {
    let rule = |chain: &str, what: u32, target: &str| {
        format!("-A {chain} -p tcp -m tcp --dport {} -m comment {OURS} -j {target}\n", 1_000 + what)
    };
    let mut text = String::from("*filter\n:own - [0:0]\n");
    if number % 4 == 1 {
        text.push_str(":OUTPUT DROP [0:0]\n");
    }
    for at in 0..number % 6 {
        text += &rule("INPUT", at * (number % 3 + 1), "own");
        text += &rule("FORWARD", at + number % 7, "ACCEPT");
        text += &rule("own", (at + number) % 5, "RETURN");
    }
    text.push_str("COMMIT\n*nat\n:PREROUTING - [0:0]\n");
    for at in 0..number % 3 {
        text += &rule("PREROUTING", at + number % 4, "REDIRECT");
    }
    text.push_str("COMMIT\n*mangle\n");
    for at in 0..number % 2 {
        text += &rule("PREROUTING", at, "MARK --set-mark 7");
    }
    text + "COMMIT\n"
}

/// Everything but ours, in its order and with its counters; policies without theirs.
fn foreign(text: &str) -> Vec<String> {
    let ours = |it: &String| it.contains(OURS) || it.starts_with(":own ") || it.starts_with(":OUTPUT ");
    let mut tables: Vec<Vec<String>> = Vec::new();
    for line in plain(text).into_iter().filter(|it| !ours(it)) {
        match line.starts_with('*') {
            true => tables.push(vec![line]),
            false => tables.last_mut().unwrap().push(line),
        }
    }
    // The kernel tells tables in an order of its own; one of nobody's rules may have come by ours.
    tables.retain(|it| it.iter().any(|it| it.contains("-A ") || it.contains(" -")));
    tables.sort();
    tables.concat()
}

#[expect(clippy::panic, reason = "tests")]
fn a_hundred(scratch: &Scratch, family: Family, backend: Backend, name: &str, text: &str) {
    let how = RestoreOptions::new().counters(true);
    scratch
        .kernel()
        .restore(family, backend, text.as_bytes(), how)
        .unwrap_or_else(|it| panic!("{name}: {it}"));
    let before = foreign(&saved(scratch, family, backend));
    assert!(before.iter().filter(|it| it.contains("-A ")).count() > 10, "{name}: {before:#?}");
    for number in 0..100 {
        let applier = applier(scratch, backend).preflight(number % 25 == 0);
        applier
            .apply(&wanted(&[(family, &configuration(number))], backend))
            .unwrap_or_else(|it| panic!("{name} {backend} {family} {number}: {it:?}"));
        assert_eq!(foreign(&saved(scratch, family, backend)), before, "{name} {backend} {family} {number}");
    }
    let ours = saved(scratch, family, backend).matches(OURS).count();
    assert_eq!(ours, configuration(99).matches(OURS).count(), "{name} {backend} {family}");
    applier(scratch, backend).apply(&Wanted::nothing(&[family])).unwrap();
    assert_eq!(foreign(&saved(scratch, family, backend)), before, "{name} {backend} {family} released");
}

#[test]
fn a_hundred_applications_beside_docker_and_kubernetes_leave_them_as_they_are() {
    for (name, text) in WRITTEN {
        everywhere(|scratch, family, backend| {
            a_hundred(scratch, family, backend, name, &with_addresses(text, family));
        });
    }
}

#[test]
fn a_hundred_applications_beside_rules_of_real_machines_leave_them_as_they_are() {
    let Some(folder) = shared() else {
        return common::skipped("there is no folder `shared` beside the repository");
    };
    for name in FOUND {
        let text = std::fs::read_to_string(folder.join("rulesets").join(name)).unwrap();
        // So that each rule has counted something of its own.
        let mut number = 0;
        let counted = text.lines().map(|line| {
            number += 1;
            if line.starts_with("-A ") {
                format!("[{number}:{}] {line}\n", 60 * number)
            } else {
                format!("{line}\n")
            }
        });
        let text: String = counted.collect();
        for backend in Backend::ALL {
            let Some(scratch) = netns::scratch_or_skip() else { return };
            a_hundred(&scratch, Family::V4, backend, name, &text);
        }
    }
}

/// `$PTABLES_SHARED`, or `shared` beside the repository; in CI it must be there.
fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).unwrap().join("shared");
    let folder = std::env::var_os("PTABLES_SHARED").map_or(beside, PathBuf::from);
    assert!(folder.is_dir() || std::env::var_os("CI").is_none(), "the folder `shared` must be there in CI");
    folder.is_dir().then_some(folder)
}
