//! Plans carried out by the real tools, in namespaces.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod foreign;
mod long;
mod pairs;
mod programs;
mod writers;

use common::{everywhere, rules};
use ptables::compile::compile_families;
use ptables::dialect::{Backend, Dialect, Family};
use ptables::ext::Families;
use ptables::lower::Options;
use ptables::plan::{Claim, Owner, Plan};
use ptables::source::Source;
use ptables::text;
use ptables_kernel::apply::{Applier, ApplyError, Wanted};
use ptables_kernel::netns::{self, Scratch};
use ptables_kernel::{RestoreOptions, SystemNames};

/// As Docker lays them, with what it has counted.
const DOCKER: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n:DOCKER-USER - [0:0]\n\
    [11:1100] -A INPUT -p udp -m udp --dport 53 -j ACCEPT\n\
    [7:700] -A FORWARD -j DOCKER-USER\n[8:800] -A FORWARD -o docker0 -j DOCKER\n[3:300] -A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n\
    [5:500] -A DOCKER ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT\n[9:900] -A DOCKER-USER -j RETURN\nCOMMIT\n";

fn applier(scratch: &Scratch, backend: Backend) -> Applier {
    Applier::new(scratch.kernel().clone(), backend, Owner::default(), &scratch.directory().join("state"))
        .unwrap()
}

fn wanted(parts: &[(Family, &str)], backend: Backend) -> Wanted {
    let names = SystemNames::new();
    let mut all = Wanted::default();
    for (family, rules) in parts {
        let source = Source::new(&format!("rules.{family}"), *rules).unwrap();
        let options = Options::new(Dialect::new(backend, Dialect::default().version), &names);
        let compiled = compile_families(&text::parse(&source).tables, Families::one(*family), options);
        let mut wanted = Wanted::new(&compiled, "test").unwrap();
        all.states.append(&mut wanted.states);
        all.sets.append(&mut wanted.sets);
    }
    all
}

fn saved(scratch: &Scratch, family: Family, backend: Backend) -> String {
    common::without_comments(&scratch.kernel().save(family, backend, true).unwrap().text)
}

fn docker(scratch: &Scratch, family: Family, backend: Backend) {
    scratch
        .kernel()
        .restore(family, backend, DOCKER.as_bytes(), RestoreOptions::new().counters(true))
        .unwrap();
}

/// Whether the tools take the counters that a text gives: ip6tables-nft 1.8.9 does not.
fn counts(family: Family, backend: Backend) -> bool {
    (family, backend) != (Family::V6, Backend::Nft)
}

/// Without chains that say whose rules they are, and without counters of policies.
fn plain(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|it| !it.starts_with(":ptables."));
    lines.map(|it| if it.starts_with(':') { it.split(" [").next().unwrap() } else { it }.to_owned()).collect()
}

#[test]
fn foreign_rules_stay_and_ours_come_and_go() {
    everywhere(|scratch, family, backend| {
        docker(scratch, family, backend);
        let before = saved(scratch, family, backend);
        assert!(
            !counts(family, backend) || before.contains("[8:800] -A FORWARD -o docker0 -j DOCKER\n"),
            "{before}"
        );
        let applier = applier(scratch, backend).places(["DOCKER-USER".into()]);
        let text = "*filter\n:own - [0:0]\n:DOCKER-USER - [0:0]\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j own\n\
            -A own -j ACCEPT\n-A DOCKER-USER -i eth9 -j DROP\nCOMMIT\n*mangle\n-A PREROUTING -j MARK --set-mark 1\nCOMMIT\n";
        let (plans, pending) = applier.apply(&wanted(&[(family, text)], backend)).unwrap();
        assert!(pending.is_none() && !plans[0].is_empty());
        let now = saved(scratch, family, backend);
        for line in before.lines().filter(|it| it.starts_with('[')) {
            assert!(now.lines().any(|it| it == line), "{backend} {family}: {line} is lost\n{now}");
        }
        let first = "-A DOCKER-USER -i eth9 -j DROP\n";
        let behind = now.split_once(first).unwrap().1.lines().next().unwrap();
        assert!(behind.ends_with("-A DOCKER-USER -j RETURN"), "{now}");
        assert!(
            now.contains(":INPUT DROP") && now.contains(":FORWARD DROP") && now.contains(":ptables.main -"),
            "{now}"
        );
        // Once more does nothing, also if the ports are told by name.
        let again = wanted(&[(family, &text.replace("--dport 22", "--dport ssh"))], backend);
        let (plans, _) = applier.apply(&again).unwrap();
        assert!(plans.iter().all(Plan::is_empty), "{}", plans[0].human(false));
        assert_eq!(saved(scratch, family, backend), now);
        applier.apply(&Wanted::nothing(&[family])).unwrap();
        let after = saved(scratch, family, backend);
        let filter = |it: &str| {
            plain(it)
                .into_iter()
                .skip_while(|it| it != "*filter")
                .take_while(|it| it != "COMMIT")
                .collect::<Vec<_>>()
        };
        assert_eq!(filter(&after), filter(&before), "{backend} {family}");
        assert_eq!(applier.history().unwrap().len(), 2);
    });
}

#[test]
fn what_a_later_table_or_family_refuses_changes_nothing_and_names_its_line() {
    for backend in Backend::ALL {
        let Some(scratch) = netns::scratch_or_skip() else { return };
        docker(&scratch, Family::V4, backend);
        docker(&scratch, Family::V6, backend);
        // A first application, so that there is something of ours to come back.
        let one = "*filter\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 23 -j ACCEPT\nCOMMIT\n";
        applier(&scratch, backend).apply(&wanted(&[(Family::V4, one), (Family::V6, one)], backend)).unwrap();
        let filter = |family| {
            let saved = plain(&saved(&scratch, family, backend));
            saved
                .into_iter()
                .skip_while(|it| it != "*filter")
                .take_while(|it| it != "COMMIT")
                .collect::<Vec<_>>()
        };
        let before = [filter(Family::V4), filter(Family::V6)];
        let good =
            "*filter\n:new - [0:0]\n-A INPUT -p tcp -m tcp --dport 23 -j ACCEPT\n-A INPUT -j new\nCOMMIT\n";
        let bad = format!(
            "{good}*mangle\n-A INPUT -j MARK --set-mark 1\n-A INPUT -m set --match-set none src\nCOMMIT\n"
        );
        for preflight in [true, false] {
            for (v4, v6, family) in [(bad.as_str(), good, "rules.IPv4"), (good, bad.as_str(), "rules.IPv6")] {
                let wanted = wanted(&[(Family::V4, v4), (Family::V6, v6)], backend);
                let error = applier(&scratch, backend).preflight(preflight).apply(&wanted).unwrap_err();
                let ApplyError::Refused(found) = &error else { panic!("{backend}: {error:?}") };
                let place = found[0].origin().place().unwrap().to_string();
                assert_eq!(place, format!("{family}:8"), "{backend} {}", found[0].message);
                let after = [filter(Family::V4), filter(Family::V6)];
                assert_eq!(after, before, "{backend} preflight {preflight}");
            }
        }
    }
}

#[test]
fn what_is_there_is_adopted_or_taken_over() {
    everywhere(|scratch, family, backend| {
        let hand = "*filter\n:web - [0:0]\n-A INPUT -j web\n-A web -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -j LOG\nCOMMIT\n";
        scratch.kernel().restore(family, backend, hand.as_bytes(), RestoreOptions::new()).unwrap();
        let text =
            "*filter\n:web - [0:0]\n-A INPUT -j web\n-A web -p tcp -m tcp --dport 80 -j ACCEPT\nCOMMIT\n";
        let wanted = wanted(&[(family, text)], backend);
        let error = applier(scratch, backend).apply(&wanted).unwrap_err();
        assert!(matches!(error, ApplyError::Obstacles(_)), "{error}");
        assert_eq!(applier(scratch, backend).adopt(&wanted).unwrap(), 0);
        let (plans, _) = applier(scratch, backend).apply(&wanted).unwrap();
        assert_eq!((plans[0].counts().added, plans[0].counts().removed), (0, 0), "{}", plans[0].human(false));
        assert!(rules(scratch, family, backend).contains("-A INPUT -j LOG\n"));
        applier(scratch, backend).claim(Claim::Replace).apply(&wanted).unwrap();
        assert!(!rules(scratch, family, backend).contains("LOG"));
        assert!(applier(scratch, backend).status().unwrap().drift.iter().all(Plan::is_empty));
        scratch
            .kernel()
            .restore(
                family,
                backend,
                b"*filter\n-D INPUT -j web\nCOMMIT\n",
                RestoreOptions::new().noflush(true),
            )
            .unwrap();
        let drift = applier(scratch, backend).status().unwrap().drift;
        assert!(drift.iter().any(|it| it.counts().added == 1));
    });
}

#[test]
fn sets_come_before_rules_and_go_after_them() {
    for backend in Backend::ALL {
        let Some(scratch) = netns::scratch_or_skip() else { return };
        let list = || String::from_utf8(scratch.run("ipset", &["save"], b"").unwrap().stdout).unwrap();
        let with = |addresses: &[&str]| {
            let text = "*filter\n-A INPUT -m set --match-set bad src -j DROP\nCOMMIT\n";
            let mut wanted = wanted(&[(Family::V4, text)], backend);
            let mut set = ptables::ipset::Set::new("bad", ptables::ipset::SetType::find(b"hash:ip").unwrap());
            addresses.iter().for_each(|it| set.add(*it, &SystemNames::new()).unwrap());
            wanted.sets.push(set);
            wanted
        };
        applier(&scratch, backend).apply(&with(&["192.0.2.1", "192.0.2.2"])).unwrap();
        assert!(scratch.run("ipset", &["add", "bad", "203.0.113.9"], b"").unwrap().status.success());
        applier(&scratch, backend).apply(&with(&["192.0.2.2", "192.0.2.3"])).unwrap();
        for (address, there) in
            [("192.0.2.1", false), ("192.0.2.2", true), ("192.0.2.3", true), ("203.0.113.9", true)]
        {
            assert_eq!(list().contains(address), there, "{backend} {address}\n{}", list());
        }
        // What fails leaves the set as it was.
        let mut bad = with(&["192.0.2.7"]);
        bad.states.extend(
            self::wanted(&[(Family::V6, "*filter\n-A INPUT -m set --match-set none src\nCOMMIT\n")], backend)
                .states,
        );
        let before = list();
        applier(&scratch, backend).preflight(false).apply(&bad).unwrap_err();
        let sorted = |it: &str| {
            let mut it: Vec<String> = it.lines().map(str::to_owned).collect();
            it.sort();
            it
        };
        assert_eq!(sorted(&list()), sorted(&before), "{backend}");
        applier(&scratch, backend).apply(&Wanted::nothing(&[Family::V4])).unwrap();
        assert_eq!(list(), "", "{backend}");
    }
}

#[test]
fn what_ipset_refuses_changes_nothing_and_names_its_line() {
    everywhere(|scratch, family, backend| {
        let text = "*filter\n-A INPUT -m set --match-set few src -j DROP\nCOMMIT\n";
        let with = |addresses: &str| {
            let mut wanted = wanted(&[(family, text)], backend);
            let kind = if family == Family::V4 { "" } else { " family inet6" };
            let text = format!("create few hash:ip{kind} maxelem 1\n{addresses}");
            let source = Source::new("sets.txt", text).unwrap();
            let (sets, wrong) = ptables::ipset::parse(&source, &SystemNames::new());
            assert!(wrong.is_empty(), "{wrong:?}");
            wanted.sets = sets.iter().cloned().collect();
            wanted
        };
        let address = |last: u8| {
            if family == Family::V4 { format!("192.0.2.{last}") } else { format!("2001:db8::{last}") }
        };
        let state = || {
            let sets = String::from_utf8(scratch.run("ipset", &["save"], b"").unwrap().stdout).unwrap();
            (
                rules(scratch, family, backend),
                sets.split(" initval").map(str::to_owned).next(),
                sets.lines().count(),
            )
        };
        let one = format!("add few {}\n", address(1));
        applier(scratch, backend).apply(&with(&one)).unwrap();
        let before = state();
        let two = format!("{one}add few {}\n", address(2));
        for preflight in [true, false] {
            let error = applier(scratch, backend).preflight(preflight).apply(&with(&two)).unwrap_err();
            let ApplyError::Refused(found) = &error else { panic!("{backend} {family}: {error:?}") };
            assert_eq!(found[0].origin().place().unwrap().to_string(), "sets.txt:3", "{}", found[0].message);
            assert_eq!(state(), before, "{backend} {family} {preflight}");
        }
    });
}

#[test]
fn a_rule_that_the_tool_does_not_find_again_is_named() {
    everywhere(|scratch, family, backend| {
        // Made by hand, iptables prints another rule than it holds, and does not find it by what it prints (IPv6 does).
        let hand = "*filter\n-A INPUT -m recent --set --name x\n-A INPUT -p udp -j DROP\nCOMMIT\n";
        scratch.kernel().restore(family, backend, hand.as_bytes(), RestoreOptions::new()).unwrap();
        let before = saved(scratch, family, backend);
        let printed = rules(scratch, family, backend);
        applier(scratch, backend).adopt(&wanted(&[(family, &printed)], backend)).unwrap();
        let other = wanted(&[(family, "*filter\n-A INPUT -p udp -j DROP\nCOMMIT\n")], backend);
        let ended = applier(scratch, backend).preflight(false).apply(&other);
        if family == Family::V6 {
            ended.unwrap();
            return assert!(!rules(scratch, family, backend).contains("recent"));
        }
        let ApplyError::Refused(found) = ended.unwrap_err() else { panic!("{backend}") };
        let notes = &found[0].notes;
        assert!(notes.iter().any(|it| it.contains("-D INPUT -m recent --set")), "{notes:?}");
        assert_eq!(saved(scratch, family, backend), before);
    });
}
