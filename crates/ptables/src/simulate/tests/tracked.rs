//! Which rules make the kernel track connections, and with that put fragments together before any rule sees them.

use super::*;

#[test]
fn rules_about_connections_and_sockets_keep_fragments_back() {
    let fragment = "udp 10.0.0.1:1 -> 10.0.0.2:2 in a out b mf";
    for line in include_str!("tracked.txt").lines().filter(|it| !it.starts_with('#')) {
        let (tracks, text) = line.split_once(' ').unwrap();
        let (table, rule) = text.split_once(' ').unwrap();
        let rules =
            ruleset(&format!("*{table}\n:{} ACCEPT\n{rule}\nCOMMIT\n", rule.split(' ').nth(1).unwrap()));
        let unknown = verdict(&rules, fragment) == Verdict::Unknown;
        assert_eq!(unknown, tracks == "yes", "{line}");
        assert_ne!(
            verdict(&rules, "icmp 10.0.0.1 -> 10.0.0.2 in a out b socket=no"),
            Verdict::Unknown,
            "{line}"
        );
    }
}
