//! Others who write rules meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use ptables::dialect::{Backend, Family};
use ptables_kernel::RestoreOptions;

use crate::machine::Machine;

/// Adds rules and takes them out again, in both families, until it is told to stop. Gives those that it has left, and how many it made.
fn write(machine: &Machine, family: Family, done: &AtomicBool) -> (u32, Vec<String>) {
    let (mut number, mut there) = (0, Vec::new());
    let run = |text: &str| {
        let how = RestoreOptions::new().noflush(true);
        machine.scratch.kernel().restore(family, machine.backend, text.as_bytes(), how).unwrap();
    };
    while !done.load(Ordering::Relaxed) {
        number += 1;
        let chain = if number % 3 == 0 { "INPUT" } else { "FORWARD" };
        let place = if number % 2 == 0 { format!("-A {chain}") } else { format!("-I {chain} 1") };
        let rule = format!("-i eth{} -m comment --comment n{number} -j DROP", number % 9);
        run(&format!("*filter\n{place} {rule}\nCOMMIT\n"));
        there.push(format!("{chain} {rule}"));
        if there.len() > 5 {
            run(&format!("*filter\n-D {}\nCOMMIT\n", there.remove(0)));
        }
    }
    (number, there)
}

#[test]
fn a_second_writer_loses_nothing_while_others_apply_confirm_and_roll_back() {
    for backend in Backend::ALL {
        let Some(machine) = Machine::new(backend) else { return };
        let (machine, done) = (&machine, &AtomicBool::new(false));
        let old = foreign(machine);
        let written = std::thread::scope(|scope| {
            let writers = Family::ALL.map(|family| scope.spawn(move || write(machine, family, done)));
            // Stops the writers also if this fails.
            let (mut applied, mut wrong) = (0, Vec::new());
            for round in 0..12 {
                // What is rolled back is applied again, until it is confirmed.
                let (name, waits) = (["two", "one"][usize::from(round % 4 > 0)], round % 4 > 0);
                let ended = machine.apply(name, if waits { &["--confirm", "60s"] } else { &[] });
                match ended.status.code() {
                    Some(0) => applied += 1,
                    // Others were in the way all the time: then nothing of ours has changed.
                    Some(2) => continue,
                    _ => wrong.push(String::from_utf8_lossy(&ended.stderr).into_owned()),
                }
                let end = match round % 4 {
                    _ if !String::from_utf8_lossy(&ended.stderr).contains("goes back in") => continue,
                    3 => machine.run("", &["confirm"]),
                    _ => machine.say(&["rollback"]),
                };
                if !end.status.success() {
                    wrong.push(String::from_utf8_lossy(&end.stderr).into_owned());
                }
            }
            done.store(true, Ordering::Relaxed);
            let written = writers.map(|it| it.join().unwrap());
            assert_eq!(wrong, Vec::<String>::new(), "{backend}");
            assert!(applied > 6, "{backend}: {applied} of 12, beside {} rules", written[0].0);
            written
        });
        machine.settle();
        let now = foreign(machine);
        let count = |it: &[String]| it.iter().filter(|it| it.contains("--comment n")).count();
        assert_eq!(count(&now), written.iter().map(|it| it.1.len()).sum::<usize>(), "{backend}: {now:#?}");
        for rule in written.iter().flat_map(|it| &it.1) {
            assert!(
                now.iter().any(|it| it.ends_with(&format!("-A {rule}"))),
                "{backend}: {rule} is lost\n{now:#?}"
            );
        }
        // Those that stood there all the time still do, in their order and with their counters.
        let still: Vec<String> = now.into_iter().filter(|it| !it.contains("--comment n")).collect();
        assert_eq!(still, old, "{backend}");
    }
}

/// Rules that are not ours.
fn foreign(machine: &Machine) -> Vec<String> {
    let foreign =
        |it: &String| ["--comment n", "-j DOCKER-USER", "-p udp"].iter().any(|word| it.contains(word));
    machine.state().into_iter().filter(|it| it.starts_with('[') && foreign(it)).collect()
}
