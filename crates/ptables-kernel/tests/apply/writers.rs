//! Others who write rules meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn text(number: u32) -> String {
    let mut text = String::from("*filter\n:own - [0:0]\n-A INPUT -j own\n");
    for rule in 0..(number % 5) {
        text.push_str(&format!("-A FORWARD -p tcp -m tcp --dport {} -j ACCEPT\n", 1_000 + rule + number % 7));
        text.push_str(&format!("-A own -s 10.0.{}.0/24 -j ACCEPT\n", rule * (number % 3 + 1)));
    }
    text + "COMMIT\n"
}

#[test]
fn a_second_writer_loses_nothing() {
    for backend in Backend::ALL {
        let Some(scratch) = netns::scratch_or_skip() else { return };
        docker(&scratch, Family::V4, backend);
        let done = AtomicBool::new(false);
        let written = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                // What it has added and not taken out again must be there.
                let (mut number, mut there) = (0, Vec::new());
                let run = |text: &str| {
                    let how = RestoreOptions::new().noflush(true);
                    scratch.kernel().restore(Family::V4, backend, text.as_bytes(), how).map(drop)
                };
                while !done.load(Ordering::Relaxed) {
                    number += 1;
                    let rule =
                        format!("-s 203.0.113.{}/32 -m comment --comment n{number} -j DROP", number % 250);
                    let place = if number % 2 == 0 { "-A FORWARD" } else { "-I FORWARD 1" };
                    run(&format!("*filter\n{place} {rule}\nCOMMIT\n")).unwrap();
                    there.push(rule);
                    if there.len() > 5 {
                        let rule = there.remove(0);
                        run(&format!("*filter\n-D FORWARD {rule}\nCOMMIT\n")).unwrap();
                    }
                }
                (number, there)
            });
            let mut applied = 0;
            for number in 0..40 {
                let applier = applier(&scratch, backend).preflight(false);
                match applier.apply(&wanted(&[(Family::V4, &text(number))], backend)) {
                    Ok(_) => applied += 1,
                    // Nothing of ours has changed then.
                    Err(ApplyError::Changing | ApplyError::LockHeld) => {}
                    Err(error) => {
                        done.store(true, Ordering::Relaxed);
                        panic!("{backend} {number}: {error:?}");
                    }
                }
            }
            done.store(true, Ordering::Relaxed);
            let (number, there) = writer.join().unwrap();
            println!("{backend}: {applied} of 40 applications beside {number} rules of another");
            assert!(applied > 20, "{backend}: {applied}");
            there
        });
        let now = saved(&scratch, Family::V4, backend);
        for rule in &written {
            assert!(now.contains(&format!("-A FORWARD {rule}\n")), "{backend}: {rule} is lost\n{now}");
        }
        let others = now.lines().filter(|it| it.contains("--comment n")).count();
        assert_eq!(others, written.len(), "{backend}");
        applier(&scratch, backend).apply(&Wanted::nothing(&[Family::V4])).unwrap();
        for line in DOCKER.lines().filter(|it| it.starts_with('[')) {
            assert!(saved(&scratch, Family::V4, backend).contains(line), "{backend}: {line}");
        }
    }
}
