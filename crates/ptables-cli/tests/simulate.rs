//! `ptables simulate` and `ptables why` without a kernel.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::ptables;

const RULES: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m limit --limit 1/sec -j LOG\n-A INPUT -s 192.0.2.0/24 -p tcp --dport ssh -j ACCEPT\nCOMMIT\n";
const SSH: &str = "tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new";

#[test]
fn the_way_names_rules_with_their_lines() {
    let human = ptables(&["simulate", "-", SSH], RULES.as_bytes());
    assert_eq!(human.code, 0);
    assert!(!human.stderr.contains("error"), "{}", human.stderr);
    for part in [
        "ACCEPT\n  INPUT in filter\n",
        "  ? -A INPUT -m limit --limit 1/sec -j LOG  (<stdin>:3)",
        "  + -A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT  (<stdin>:4)\n",
        "destination port is 22, asked is 22",
    ] {
        assert!(human.stdout.contains(part), "no {part} in\n{}", human.stdout);
    }
    let json = ptables(
        &["simulate", "-", SSH, "--format", "json", "--misses"],
        RULES.replace("ssh", "80").as_bytes(),
    );
    let it: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(it["verdict"], "drop");
    assert_eq!(it["path"][1]["kind"], "miss");
    assert_eq!(it["path"][1]["why"][0], "destination port is 22, asked is 80");
    assert_eq!(it["path"][1]["line"], 4);
    assert_eq!(it["path"][2]["kind"], "policy");
}

#[test]
fn a_packet_that_cannot_be_read_is_pointed_at() {
    let it = ptables(&["simulate", "-", "tcp 1.1.1.1 -> 2.2.2.2 in eth0 flagz=SYN"], RULES.as_bytes());
    assert_eq!(it.code, 1);
    assert!(
        it.stderr.contains("error[packet/syntax]") && it.stderr.contains("<packet 1>:1:32"),
        "{}",
        it.stderr
    );
}

#[test]
fn sequences_and_ways_decide_limits() {
    let rules =
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -m limit --limit 1/hour --limit-burst 1 -j ACCEPT\nCOMMIT\n";
    let verdicts = |arguments: &[&str]| {
        let all: Vec<&str> =
            ["simulate", "-", "--format", "json", SSH].into_iter().chain(arguments.iter().copied()).collect();
        let out = ptables(&all, rules.as_bytes()).stdout;
        let lines = out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|it| it["verdict"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&[]), ["unknown"]);
    assert_eq!(verdicts(&[SSH, "--sequence"]), ["accept", "drop"]);
    assert_eq!(verdicts(&["--ways"]), ["drop", "accept"]);
    assert_eq!(verdicts(&[SSH, "--sequence", "--ways"]), ["accept", "drop"]);
    assert_eq!(verdicts(&[SSH, "--ways"]), ["drop", "accept", "drop", "accept"]);
    assert_eq!(verdicts(&["--ways", "--misses"]), ["drop", "accept"]);
}

#[test]
fn a_log_line_leads_to_its_rule() {
    let rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j LOG --log-prefix \"denied: \"\n-A INPUT -p udp -j LOG --log-prefix \"denied: \"\n-A INPUT -j LOG --log-prefix other\nCOMMIT\n";
    let line = "[1.5] denied: IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.2 LEN=60 TTL=63 ID=7 PROTO=UDP SPT=40000 DPT=53";
    let it = ptables(&["why", "--rules", "-", line], rules.as_bytes());
    assert_eq!((it.code, it.stderr.as_str()), (0, ""));
    assert_eq!(it.stdout, "filter, rule 2: -A INPUT -p udp -j LOG --log-prefix \"denied: \"  (<stdin>:4)\n");
    let trace =
        "TRACE: filter:INPUT:rule:3 IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.2 LEN=60 PROTO=TCP SPT=1 DPT=2";
    let it = ptables(&["why", "--rules", "-", trace], rules.as_bytes());
    assert!(
        it.stdout.starts_with("filter, rule 3: ") && it.stdout.ends_with("(<stdin>:5)\n"),
        "{}",
        it.stdout
    );
    assert_eq!(ptables(&["why", "--rules", "-", "nothing"], rules.as_bytes()).code, 2);
    assert_eq!(
        ptables(&["why", "--rules", "-", &line.replace("denied", "allowed")], rules.as_bytes()).code,
        1
    );
}

#[test]
fn sets_are_told_in_a_file_and_scripts_are_simulated() {
    let folder = tempfile("sets");
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::write(
        folder.join("sets"),
        "create office hash:net\nadd office 192.0.2.0/24\nadd office 192.0.2.9 nomatch\n",
    )
    .unwrap();
    let script = "t = default_tables()\nt['filter']['INPUT'].policy = Rule.DROP\nt['filter']['INPUT'].append(CustomRule('-m set --match-set office src -j ACCEPT'))\n";
    std::fs::write(folder.join("web.star"), script).unwrap();
    let verdict = |packet: &str, more: &[&str]| {
        let (rules, sets) = (path("web.star"), path("sets"));
        let mut all = vec!["simulate", rules.as_str(), packet, "--format", "json"];
        all.extend(more.iter().map(|it| if *it == "SETS" { sets.as_str() } else { it }));
        let it = ptables(&all, b"");
        assert_eq!(it.code, 0, "{}", it.stderr);
        serde_json::from_str::<serde_json::Value>(&it.stdout).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict(SSH, &[]), "unknown");
    assert_eq!(verdict(SSH, &["--ipset", "SETS"]), "accept");
    assert_eq!(verdict(&SSH.replace(".7", ".9"), &["--ipset", "SETS"]), "drop");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A folder of this test.
fn tempfile(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("ptables-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
