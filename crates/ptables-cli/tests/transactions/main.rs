//! `ptables apply` and what belongs to it, against the kernel, in namespaces of their own.
#![expect(clippy::unwrap_used, reason = "tests")]

mod machine;
mod writers;

use machine::{FOREIGN, Machine};
use ptables::dialect::{Backend, Family};

#[test]
fn what_nobody_confirms_goes_back_and_what_is_confirmed_stays() {
    for backend in Backend::ALL {
        let Some(machine) = Machine::new(backend) else { return };
        let old = machine.state();
        let applied = machine.apply("two", &["--confirm", "2s"]);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let new = machine.state();
        assert_ne!(new, old);
        // Others write meanwhile.
        let text = b"*filter\n-A FORWARD -s 192.0.2.1 -j DROP\nCOMMIT\n";
        let how = ptables_kernel::RestoreOptions::new().noflush(true);
        machine.scratch.kernel().restore(Family::V4, backend, text, how).unwrap();
        let second = machine.apply("one", &[]);
        assert_eq!(second.status.code(), Some(2), "a second one is refused while one waits");
        machine.settle();
        let now = machine.state();
        assert!(now.iter().any(|it| it.contains("192.0.2.1")), "{now:?}");
        assert_eq!(
            now.into_iter().filter(|it| !it.contains("192.0.2.1")).collect::<Vec<_>>(),
            old,
            "{backend}"
        );
        assert!(machine.apply("two", &["--confirm", "60s"]).status.success());
        assert!(machine.say(&["status"]).stdout.windows(8).any(|it| it == b"pending:"));
        let confirmed = machine.run("", &["confirm"]);
        assert!(confirmed.status.success(), "{}", String::from_utf8_lossy(&confirmed.stderr));
        machine.settle();
        let there: Vec<String> = machine.state().into_iter().filter(|it| !it.contains("192.0.2.1")).collect();
        assert_eq!(there, new, "{backend}");
        let back = machine.say(&["rollback"]);
        assert!(back.status.success(), "{}", String::from_utf8_lossy(&back.stderr));
        let bare = |it: Vec<String>| {
            it.iter()
                .filter(|it| !it.contains("192.0.2.1"))
                .map(|it| it.split_once("] ").map_or(it.clone(), |it| it.1.to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(bare(machine.state()), bare(old), "{backend}");
        let history = String::from_utf8(machine.run("", &["history"]).stdout).unwrap();
        let words = ["applied", "rolled back", "confirmed", "applied"];
        assert!(history.lines().zip(words).all(|(line, word)| line.contains(word)), "{history}");
        assert!(machine.say(&["status"]).status.success());
        assert!(machine.say(&["release"]).status.success());
        assert!(!machine.state().iter().any(|it| it.contains("--dport") || it.contains("ptables.")));
    }
}

#[test]
fn a_plan_says_what_comes_and_goes_and_who_asks() {
    let Some(machine) = Machine::new(Backend::Nft) else { return };
    let file = machine.file("two.v4");
    let plan = machine.say(&["plan", file.to_str().unwrap()]);
    let text = String::from_utf8(plan.stdout).unwrap();
    assert_eq!(plan.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&plan.stderr));
    assert!(text.contains("~ policy DROP") && text.contains("+ -p tcp -m tcp --dport 80 -j new"), "{text}");
    assert!(text.contains("two.v4:4") && text.contains("not ours, kept: filter INPUT: 1 rule"), "{text}");
    let json = machine.say(&["plan", file.to_str().unwrap(), "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["family"], &json["changes"]), (&"ipv4".into(), &true.into()));
    let one = machine.file("one.v4");
    assert_eq!(machine.say(&["plan", one.to_str().unwrap()]).status.code(), Some(0));
    let dump = ["plan", file.to_str().unwrap(), "--against", one.to_str().unwrap(), "-4"];
    let against = machine.run("", &dump);
    assert_eq!(against.status.code(), Some(1), "{}", String::from_utf8_lossy(&against.stderr));
}

#[test]
fn what_would_cut_off_a_session_is_refused_with_its_rule() {
    for backend in Backend::ALL {
        let Some(machine) = Machine::new(backend) else { return };
        let before = machine.state();
        // As sshd starts a shell, and sudo what it starts: the session is told by a parent.
        let file = machine.file("two.v4");
        let (name, state) = (backend.to_string(), machine.file("state"));
        let run = |more: &str| {
            let (binary, lock) = (env!("CARGO_BIN_EXE_ptables"), machine.file("xtables.lock"));
            let inner = format!(
                "env -u SSH_CONNECTION XTABLES_LOCKFILE={} {binary} apply {} --backend {name} --no-preflight --state {} {more}; exit $?",
                lock.display(),
                file.display(),
                state.display()
            );
            let arguments = ["SSH_CONNECTION=127.0.0.9 40000 127.0.0.1 2222", "sh", "-c", &inner];
            machine.scratch.run("env", &arguments, b"").unwrap()
        };
        let refused = run("");
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{text}");
        assert!(text.contains("apply/locks-out") && text.contains("-P INPUT DROP"), "{text}");
        assert_eq!(machine.state(), before);
        let allowed = run("--allow-lockout");
        let text = String::from_utf8_lossy(&allowed.stderr).into_owned();
        // Over ssh it waits to be confirmed.
        assert!(allowed.status.success() && text.contains("ptables confirm"), "{text}");
        assert!(machine.say(&["rollback"]).status.success());
        machine.settle();
        let packet = "tcp 192.0.2.7:40000 -> 192.0.2.1:443 in eth0 new";
        let protect = machine.apply("two", &["--protect", packet]);
        assert_eq!(protect.status.code(), Some(1), "{}", String::from_utf8_lossy(&protect.stderr));
        assert_eq!(machine.state(), before);
    }
}

#[test]
fn what_is_kept_is_loaded_at_the_start_and_a_broken_copy_gives_way_to_the_one_before() {
    for backend in Backend::ALL {
        let Some(machine) = Machine::new(backend) else { return };
        let unit = machine.file("ptables.service");
        let persist = || {
            let done = machine.say(&["persist", "--unit", unit.to_str().unwrap()]);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        let one = machine.state();
        persist();
        assert!(std::fs::read_to_string(&unit).unwrap().contains("ExecStart=/"));
        assert!(machine.apply("two", &[]).status.success());
        let two = machine.state();
        persist();
        // As after a start: others have laid their rules again, ours are gone.
        let start = || {
            for family in Family::ALL {
                let text = format!("{FOREIGN}*mangle\nCOMMIT\n");
                let how = ptables_kernel::RestoreOptions::new();
                machine.scratch.kernel().restore(family, backend, text.as_bytes(), how).unwrap();
            }
        };
        let bare = |it: Vec<String>| {
            it.iter()
                .map(|it| it.split_once("] ").map_or(it.clone(), |it| it.1.to_owned()))
                .collect::<Vec<_>>()
        };
        start();
        let loaded = machine.say(&["load"]);
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        assert_eq!(bare(machine.state()), bare(two), "{backend}");
        start();
        std::fs::write(machine.file("state/boot.v4"), "broken").unwrap();
        assert_eq!(machine.say(&["load"]).status.code(), Some(1));
        assert_eq!(bare(machine.state()), bare(one), "{backend}");
    }
}

#[test]
fn a_preflight_finds_what_only_the_kernel_refuses_and_changes_nothing() {
    for backend in Backend::ALL {
        let Some(machine) = Machine::new(backend) else { return };
        let before = machine.state();
        let bad = machine.file("bad.v4");
        std::fs::write(&bad, "*filter\n-A INPUT -m set --match-set none src -j DROP\nCOMMIT\n").unwrap();
        let name = backend.to_string();
        let run = |file: &std::path::Path| {
            let arguments = ["check", "--preflight", "--backend", &name, file.to_str().unwrap()];
            machine.scratch.run(env!("CARGO_BIN_EXE_ptables"), &arguments, b"").unwrap()
        };
        let refused = run(&bad);
        let text = String::from_utf8(refused.stdout).unwrap();
        assert!(refused.status.code() == Some(1) && text.contains("bad.v4:2"), "{backend}: {text}");
        assert_eq!(run(&machine.file("two.v4")).status.code(), Some(0));
        let applied = machine.run("", &["apply", bad.to_str().unwrap(), "--backend", &name]);
        assert_eq!(applied.status.code(), Some(1), "{}", String::from_utf8_lossy(&applied.stderr));
        assert_eq!(machine.state(), before);
    }
}

#[test]
fn a_plan_tells_sets_and_what_changes_for_packets() {
    let Some(machine) = Machine::with(Backend::Nft, "first") else { return };
    let file = machine.file("second.star");
    let plan = |more: &[&str]| machine.say(&[&["plan", file.to_str().unwrap(), "-4"], more].concat());
    let text = String::from_utf8(plan(&[]).stdout).unwrap();
    for line in [
        "+ entry bad 203.0.113.0/24",
        "- entry bad 198.51.100.0/24",
        "newly allowed",
        "newly dropped",
        "second.star:7",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // Docker's policy was not asked for.
    assert!(!text.contains("FORWARD\n  ~ policy"), "{text}");
    let json = String::from_utf8(plan(&["--format", "json"]).stdout).unwrap();
    let objects: Vec<serde_json::Value> = json.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(objects[0]["difference"]["same"], false);
    assert_eq!(objects[1]["sets"]["first"][0], "add bad 203.0.113.0/24");
    let silent = String::from_utf8(plan(&["--analysis", "no"]).stdout).unwrap();
    assert!(!silent.contains("newly") && silent.contains("+ entry"), "{silent}");
    let small = String::from_utf8(plan(&["--nodes", "3"]).stdout).unwrap();
    assert!(small.contains("for packets: cannot tell"), "{small}");
}

#[test]
fn entries_of_others_in_a_set_count_for_who_is_cut_off() {
    for backend in Backend::ALL {
        let Some(machine) = Machine::with(backend, "first") else { return };
        let (before, packet) = (machine.state(), "tcp 203.0.113.7:40000 -> 192.0.2.1:22 in eth0 new");
        let file = machine.file("third.star");
        let rules = "tables = default_tables()\nbad = tables.append(IPSet('bad', 'hash:net', entries=['192.0.2.0/24']))\ntables['filter']['INPUT'].append(Drop(proto='tcp', args=[bad.as_input()]))\n";
        std::fs::write(&file, rules).unwrap();
        let name = backend.to_string();
        let apply = || {
            let all =
                ["apply", file.to_str().unwrap(), "--backend", &name, "--no-preflight", "--protect", packet];
            machine.run("", &all)
        };
        let set = |command| machine.scratch.run("ipset", &[command, "bad", "203.0.113.0/24"], b"").unwrap();
        // Somebody adds an entry while no rule asks for it: the rule that comes would cut it off.
        assert!(machine.say(&["release"]).status.success());
        let made = machine.scratch.run("ipset", &["create", "bad", "hash:net"], b"").unwrap();
        assert!(made.status.success() && set("add").status.success());
        let refused = apply();
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && text.contains("apply/locks-out"), "{backend}: {text}");
        assert!(set("del").status.success());
        let applied = apply();
        assert!(applied.status.success(), "{backend}: {}", String::from_utf8_lossy(&applied.stderr));
        assert_ne!(machine.state(), before);
    }
}

#[cfg(feature = "fail-points")]
#[test]
fn a_death_at_any_point_leaves_all_old_or_all_new() {
    use std::io::Write;
    use std::os::unix::process::ExitStatusExt;
    for backend in Backend::ALL {
        let (mut old_ones, mut new_ones, mut unreached) = (0, 0, Vec::new());
        for point in ptables_kernel::apply::FAIL_POINTS {
            let Some(machine) = Machine::with(backend, "first") else { return };
            let old = machine.state();
            assert!(machine.apply("second", &[]).status.success());
            let new = machine.state();
            // The same machine again, with the rules of others and ours counted as before.
            let Some(machine) = Machine::with(backend, "first") else { return };
            let ended = machine.apply_at(point, "second", &[]);
            if ended.status.signal() != Some(9) {
                unreached.push(*point);
                continue;
            }
            machine.settle();
            // Without a guard nothing was begun; what it leaves is ended by whoever comes next.
            let state = machine.state();
            assert!(state == old || state == new, "{backend} {point}: {state:#?}");
            if state == old {
                old_ones += 1
            } else {
                new_ones += 1
            }
            let again = machine.apply("second", &[]);
            assert!(again.status.success(), "{backend} {point}: {}", String::from_utf8_lossy(&again.stderr));
            assert_eq!(machine.state(), new, "{backend} {point}");
            assert!(machine.apply("first", &[]).status.success());
            let bare = |it: Vec<String>| {
                it.iter()
                    .map(|it| it.split_once("] ").map_or(it.clone(), |it| it.1.to_owned()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(bare(machine.state()), bare(old), "{backend} {point}");
        }
        writeln!(std::io::stderr(), "{backend}: {old_ones} old, {new_ones} new, not reached: {unreached:?}")
            .unwrap();
        assert!(old_ones + new_ones >= 20 && unreached.is_empty(), "{backend}: {unreached:?}");
    }
}
