//! What programs need that apply rules themselves.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ptables::plan::Step;

use super::*;

const OLD: &str = "*filter\n-A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"my ssh\" -j ACCEPT\nCOMMIT\n*mangle\n-A PREROUTING -j MARK --set-mark 1\nCOMMIT\n";
const NEW: &str = "*filter\n:own - [0:0]\n-A INPUT -j own\n-A own -m set --match-set good src -j ACCEPT\nCOMMIT\n*mangle\n-A PREROUTING -j MARK --set-mark 2\nCOMMIT\n";

fn with_set(parts: &[(Family, &str)], backend: Backend, addresses: &[&str]) -> Wanted {
    let mut wanted = wanted(parts, backend);
    let mut set = ptables::ipset::Set::new("good", ptables::ipset::SetType::find(b"hash:ip").unwrap());
    addresses.iter().for_each(|it| set.add(*it, &SystemNames::new()).unwrap());
    wanted.sets.push(set);
    wanted
}

/// Rules of a family without counters, and the sets without what is random.
fn state(scratch: &Scratch, family: Family, backend: Backend) -> Vec<String> {
    let saved = plain(&saved(scratch, family, backend));
    let mut all: Vec<String> =
        saved.iter().map(|it| it.split_once("] ").map_or(&**it, |it| it.1).to_owned()).collect();
    let sets = String::from_utf8(scratch.run("ipset", &["save"], b"").unwrap().stdout).unwrap();
    let mut sets: Vec<String> =
        sets.lines().map(|it| it.split(" initval").next().unwrap().to_owned()).collect();
    sets.sort();
    all.extend(sets);
    all
}

#[test]
fn whoever_cancels_at_any_step_finds_what_was() {
    for backend in Backend::ALL {
        let Some(scratch) = netns::scratch_or_skip() else { return };
        docker(&scratch, Family::V4, backend);
        applier(&scratch, backend).apply(&with_set(&[(Family::V4, OLD)], backend, &["192.0.2.1"])).unwrap();
        let before = state(&scratch, Family::V4, backend);
        let new = with_set(&[(Family::V4, NEW)], backend, &["192.0.2.2"]);
        let (mut stopped, mut kinds) = (0, Vec::new());
        for stop in 0.. {
            let (number, seen) =
                (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Mutex::new(String::new())));
            let (counted, last) = (number.clone(), seen.clone());
            let ended = applier(&scratch, backend)
                .preflight(false)
                .watched_by(move |step: &Step| {
                    *last.lock().unwrap() = step.to_string();
                    match counted.fetch_add(1, Ordering::Relaxed) == stop {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                })
                .apply(&new);
            match ended {
                Err(ApplyError::Cancelled) => stopped += 1,
                // All was done before it was asked to stop.
                ended => {
                    ended.unwrap();
                    break;
                }
            }
            kinds.push(seen.lock().unwrap().clone());
            assert_eq!(
                state(&scratch, Family::V4, backend),
                before,
                "{backend} {stop} {}",
                seen.lock().unwrap()
            );
        }
        assert!(stopped > 10, "{backend}: {kinds:?}");
        assert!(state(&scratch, Family::V4, backend).iter().any(|it| it == "-A INPUT -j own"));
    }
}

#[test]
fn rules_go_with_the_value_that_holds_them() {
    everywhere(|scratch, family, backend| {
        docker(scratch, family, backend);
        let filter = |it: Vec<String>| it.into_iter().filter(|it| it.contains("-A ")).collect::<Vec<_>>();
        let before = filter(plain(&saved(scratch, family, backend)));
        let applier = applier(scratch, backend);
        let want = wanted(&[(family, OLD)], backend);
        let held = applier.hold(&want).unwrap();
        assert!(!held.plans()[0].is_empty() && rules(scratch, family, backend).contains("my ssh"));
        drop(held);
        assert_eq!(filter(plain(&saved(scratch, family, backend))), before, "{backend} {family}");
        applier.hold(&want).unwrap().keep();
        assert!(rules(scratch, family, backend).contains("my ssh"));
        let tags: Vec<Option<String>> = applier.counters().unwrap().into_iter().map(|it| it.tag).collect();
        assert_eq!(tags.iter().flatten().collect::<Vec<_>>(), ["my ssh"]);
        assert!(applier.counters().unwrap().iter().any(|it| it.place == Some(format!("rules.{family}:2"))));
        applier.remove().unwrap();
        assert!(applier.remove().unwrap().iter().all(Plan::is_empty), "twice is once");
        assert_eq!(filter(plain(&saved(scratch, family, backend))), before, "{backend} {family}");
    });
}

#[test]
fn what_a_program_left_that_died_is_ended_by_the_next() {
    for backend in Backend::ALL {
        let Some(scratch) = netns::scratch_or_skip() else { return };
        docker(&scratch, Family::V4, backend);
        applier(&scratch, backend).apply(&with_set(&[(Family::V4, OLD)], backend, &["192.0.2.1"])).unwrap();
        let before = state(&scratch, Family::V4, backend);
        let new = with_set(&[(Family::V4, NEW)], backend, &["192.0.2.2"]);
        let dies = applier(&scratch, backend).preflight(false).watched_by({
            let commits = AtomicUsize::new(0);
            move |step: &Step| {
                let second =
                    matches!(step, Step::Commit { .. }) && commits.fetch_add(1, Ordering::Relaxed) == 1;
                assert!(!second, "as a program that ends here");
                ControlFlow::Continue(())
            }
        });
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dies.apply(&new).map(drop)));
        assert!(died.is_err() && state(&scratch, Family::V4, backend) != before, "{backend}");
        applier(&scratch, backend).reclaim().unwrap();
        assert_eq!(state(&scratch, Family::V4, backend), before, "{backend}");
        applier(&scratch, backend).reclaim().unwrap();
        let history = applier(&scratch, backend).history().unwrap();
        assert_eq!(history.iter().map(|it| &*it.what).collect::<Vec<_>>(), ["applied", "rolled back"]);
    }
}
