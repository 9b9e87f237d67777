//! `fix`, and what `check` says of all packets.
#![expect(clippy::unwrap_used, reason = "tests")]
mod common;

use common::ptables;

/// A file of its own name, in an empty folder of the test.
fn file(test: &str, name: &str, text: &str) -> String {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("analysis-{test}"));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const HEAD: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n";
const DEAD: &str = "-A INPUT -s 192.0.2.0/24 -j ACCEPT\n-A INPUT -s 192.0.2.7 -j LOG\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp --dport 80 -j ACCEPT\nCOMMIT\n";

#[test]
fn fix_prints_a_patch_or_writes_the_file() {
    let name = file("write", "rules.v4", &format!("{HEAD}{DEAD}"));
    let ran = ptables(&["fix", &name], b"");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with(&format!("--- {name}\n+++ {name}\n@@ -3,7 +3,5 @@\n")), "{}", ran.stdout);
    assert!(ran.stdout.contains("\n--A INPUT -s 192.0.2.7 -j LOG\n"), "{}", ran.stdout);
    let summary = "1 rule removed, 2 rules joined to 1; proved: every packet gets the same verdict";
    assert!(ran.stderr.contains(summary), "{}", ran.stderr);
    let json = ptables(&["fix", &name, "--format", "json", "--no-join"], b"");
    let object: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(object["changes"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&object["changes"][0]["action"], &object["changes"][0]["rules"][0]["line"]),
        (&"remove".into(), &6.into())
    );
    let written = ptables(&["fix", &name, "--write"], b"");
    assert_eq!((written.code, written.stdout.as_str()), (0, ""), "{}", written.stderr);
    let text = std::fs::read_to_string(&name).unwrap();
    let wanted =
        "-A INPUT -s 192.0.2.0/24 -j ACCEPT\n-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT\nCOMMIT\n";
    assert_eq!(text, format!("{HEAD}{wanted}"));
    let again = ptables(&["fix", &name], b"");
    assert!(again.stdout.is_empty() && again.stderr.contains("nothing to change"), "{}", again.stderr);
}

#[test]
fn fix_advises_on_scripts() {
    let script = "tables = default_tables()\nchain = tables['filter']['INPUT']\nchain.append(Accept(source='192.0.2.0/24'))\nfor n in [7, 8]:\n    chain.append(Drop(source='192.0.2.%d' % n))\n";
    let name = file("advice", "web.star", script);
    let ran = ptables(&["fix", &name], b"");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("web.star:5 (one of 2 rules made there): remove filter: -A INPUT -s 192.0.2.7/32 -j DROP\n    its packets are taken before, at "), "{}", ran.stdout);
    let refused = ptables(&["fix", &name, "--write"], b"");
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let wrong = ptables(&["fix", "-4", "-"], b"*filter\n-A INPUT --dprot 1\nCOMMIT\n");
    assert_eq!((wrong.code, wrong.stdout.as_str()), (1, ""), "{}", wrong.stderr);
}

#[test]
fn check_compares_the_families() {
    let four = file("families", "rules.v4", &format!("{HEAD}-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n"));
    let six =
        file("families", "rules.v6", &format!("{HEAD}-A INPUT -p tcp --dport 22:23 -j ACCEPT\nCOMMIT\n"));
    let ran = ptables(&["check", &four, &six], b"");
    let told = "warning[check/families-unlike]: IPv6 lets through what IPv4 does not: in eth0, tcp 23";
    assert!(ran.stdout.contains(told) && ran.stdout.contains("rules.v6:5"), "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("families-unlike").count(), 1, "{}", ran.stdout);
    let meant = format!(
        "{HEAD}# ptables: ignore check/families-unlike: six only\n-A INPUT -p tcp --dport 22:23 -j ACCEPT\nCOMMIT\n"
    );
    let six = file("families", "silent.v6", &meant);
    let ran = ptables(&["check", &six, &four], b"");
    assert!(!ran.stdout.contains("families-unlike"), "{}", ran.stdout);
    // Addresses are each family's own; a path that is closed for IPv6 is closed.
    let four = file(
        "families",
        "own.v4",
        &format!(
            "{HEAD}-A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT\n-A FORWARD -p udp -j ACCEPT\nCOMMIT\n"
        ),
    );
    let six = file(
        "families",
        "own.v6",
        &format!(
            "{HEAD}-A INPUT -s fd00::/8 -p tcp --dport 22 -j ACCEPT\n-A INPUT -p icmpv6 -j ACCEPT\nCOMMIT\n"
        ),
    );
    let ran = ptables(&["check", &four, &six], b"");
    assert!(!ran.stdout.contains("families-unlike"), "{}", ran.stdout);
}

#[test]
fn check_prints_sarif() {
    let name = file("sarif", "rules.v4", &format!("{HEAD}{DEAD}"));
    let ran = ptables(&["check", &name, "--format", "sarif"], b"");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let log: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "check/late-log");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 6);
    assert_eq!(result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"], 5);
}

#[test]
fn sets_are_looked_into_and_made() {
    let rules: String = (0..9).map(|it| format!("-A INPUT -d 192.0.2.{} -j ACCEPT\n", it * 3)).collect();
    let plain = file("sets", "plain.v4", &format!("{HEAD}{rules}COMMIT\n"));
    let sets = std::path::Path::new(&plain).with_file_name("sets").display().to_string();
    let ran = ptables(&["fix", &plain, "--sets", &sets], b"");
    assert!(
        ran.stdout.contains("\n+-A INPUT -m set --match-set set-INPUT-1 dst -j ACCEPT\n"),
        "{}",
        ran.stdout
    );
    let made = std::fs::read_to_string(&sets).unwrap();
    assert!(made.starts_with("create set-INPUT-1 hash:ip\nadd set-INPUT-1 192.0.2.0\n"), "{made}");
    let asked = format!("{HEAD}-A INPUT -m set --match-set set-INPUT-1 dst -j ACCEPT\nCOMMIT\n");
    let asked = file("sets", "asked.v4", &asked);
    let ran = ptables(&["diff", &plain, &asked, "--ipset", &sets], b"");
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "IPv4: the same: every packet gets the same verdict\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(ptables(&["diff", &plain, &asked], b"").code, 1);
    let ran = ptables(&["diff", &plain, &asked, "--nodes", "9"], b"");
    assert!(ran.code == 2 && ran.stderr.contains("`--nodes` allows more"), "{}", ran.stderr);
}
