use super::*;
use crate::dialect::{Dialect, Family};
use crate::lower::{self, lower};
use crate::plan::Owner;
use crate::plan::testing::FakeKernel;
use crate::source::Source;
use crate::value::BuiltinNames;

const OTHERS: &str =
    "*filter\n:FORWARD DROP [0:0]\n[7:700] -A FORWARD -j LOG\n[9:900] -A INPUT -p udp -j ACCEPT\nCOMMIT\n";
const OLD: &str = "*filter\n:own - [0:0]\n-A INPUT -p tcp -j own\n-A own -j ACCEPT\nCOMMIT\n*nat\n-A PREROUTING -p tcp -j ACCEPT\nCOMMIT\n";
const NEW: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p icmp -j ACCEPT\nCOMMIT\n*nat\n-A PREROUTING -p udp -j ACCEPT\nCOMMIT\n*mangle\n-A PREROUTING -j ACCEPT\nCOMMIT\n";

fn state(text: &[u8], ours: bool) -> State {
    let program = crate::text::parse(&Source::new("rules", text).unwrap()).tables;
    let lowered = lower(&program, Family::V4, lower::Options::new(Dialect::default(), &BuiltinNames));
    if ours { State::wanted(&lowered.ruleset) } else { State::live(&lowered.ruleset) }
}

/// Runs a transaction on a kernel in memory. `odd` is asked before each step, by its number: `Some` is the answer instead.
fn drive(
    kernel: &mut FakeKernel,
    transaction: &mut Transaction,
    mut odd: impl FnMut(usize, &Step, &mut FakeKernel, &mut Transaction) -> Option<Answer>,
) -> (Ended, usize) {
    for number in 0..1_000 {
        let step = transaction.step();
        if let Step::End(ended) = step {
            return (ended, number);
        }
        let answer = odd(number, &step, kernel, transaction);
        if !matches!((&step, transaction.step()), (a, b) if a.to_string() == b.to_string()) {
            // It was cancelled.
            continue;
        }
        let answer = answer.unwrap_or_else(|| match &step {
            Step::Read(_) => Answer::Live(state(&kernel.save(), false)),
            Step::ReadSets => Answer::Sets(Vec::new()),
            Step::Generation => {
                let sum = |sum: u32, byte: &u8| sum.wrapping_mul(31).wrapping_add(u32::from(*byte));
                Answer::Generation(Some(kernel.save().iter().fold(0, sum)))
            }
            Step::Commit { text, .. } => match kernel.restore(&text.bytes, true) {
                Ok(()) => Answer::Done,
                Err(_) => Answer::NotThere,
            },
            _ => Answer::Done,
        });
        transaction.answer(answer);
    }
    panic!("it does not end");
}

fn options() -> Options {
    Options { owner: Some(Owner::default()), ..Options::default() }
}

/// A kernel with rules of others and the old ones of ours, and their record.
fn applied() -> (FakeKernel, State) {
    let mut kernel = FakeKernel::new();
    kernel.restore(OTHERS.as_bytes(), false).unwrap();
    kernel.restore(b"*nat\nCOMMIT\n*mangle\nCOMMIT\n", true).unwrap();
    let mut first = Transaction::new(vec![state(OLD.as_bytes(), true)], Vec::new(), options());
    assert_eq!(drive(&mut kernel, &mut first, |_, _, _, _| None).0, Ended::Applied);
    let record = first.changes()[0].after.clone();
    (kernel, record)
}

fn to_new(record: &State) -> Transaction {
    Transaction::new(vec![state(NEW.as_bytes(), true)], vec![record.clone()], options()).trial(true)
}

#[test]
fn all_steps_come_in_their_order_and_twice_is_once() {
    let (mut kernel, record) = applied();
    let (mut steps, mut transaction) = (Vec::new(), to_new(&record));
    let (ended, _) = drive(&mut kernel, &mut transaction, |_, step, _, _| {
        steps.push(step.to_string());
        None
    });
    assert_eq!(ended, Ended::Applied);
    let order = [
        "looking",
        "reading",
        "trying",
        "waiting for the lock",
        "looking",
        "keeping",
        "starting",
        "looking",
        "changing",
    ];
    for (step, start) in steps.iter().zip(order) {
        assert!(step.starts_with(start), "{steps:?}");
    }
    assert_eq!(steps.iter().filter(|it| it.starts_with("changing IPv4")).count(), 3, "{steps:?}");
    let mut again = to_new(&transaction.changes()[0].after);
    assert_eq!(drive(&mut kernel, &mut again, |_, _, _, _| None).0, Ended::Unchanged);
}

#[test]
fn a_failure_or_a_cancellation_at_any_step_leaves_what_was() {
    let (kernel, record) = applied();
    let (_, steps) = drive(&mut kernel.clone(), &mut to_new(&record), |_, _, _, _| None);
    assert!(steps > 11, "{steps}");
    let mut applied = 0;
    for bad in 0..steps {
        for cancelled in [false, true] {
            let (mut there, mut transaction) = (kernel.clone(), to_new(&record));
            let (ended, _) = drive(&mut there, &mut transaction, |number, _, _, transaction| {
                if number != bad {
                    return None;
                }
                if cancelled {
                    transaction.cancel();
                    return None;
                }
                Some(Answer::Failed)
            });
            let bare = |kernel: &FakeKernel| {
                let text = String::from_utf8(kernel.save()).unwrap();
                text.lines()
                    .map(|it| it.split_once("] ").map_or(it, |it| it.1).to_owned())
                    .collect::<Vec<_>>()
            };
            match ended {
                Ended::Stopped { why, left } => {
                    assert_eq!(why, if cancelled { Why::Cancelled } else { Why::Failed });
                    assert_eq!((left, bare(&there)), (Vec::new(), bare(&kernel)), "{bad} {cancelled}");
                    assert!(there.save().windows(7).any(|it| it == b"[9:900]"));
                }
                // What was asked to stop at the last step had been done.
                Ended::Applied => applied += usize::from(cancelled),
                Ended::Unchanged => panic!("{bad}"),
            }
        }
    }
    assert_eq!(applied, 1);
}

#[test]
fn others_who_write_between_the_steps_lose_nothing() {
    let (kernel, record) = applied();
    let (_, steps) = drive(&mut kernel.clone(), &mut to_new(&record), |_, _, _, _| None);
    for at in 0..steps {
        let mut there = kernel.clone();
        let (ended, _) = drive(&mut there, &mut to_new(&record), |number, _, kernel, _| {
            if number == at {
                kernel.restore(b"*filter\n-I INPUT 1 -s 192.0.2.1/32 -j DROP\nCOMMIT\n", true).unwrap();
            }
            None
        });
        let text = String::from_utf8(there.save()).unwrap();
        assert_eq!(ended, Ended::Applied, "{at}");
        assert!(
            text.contains("-s 192.0.2.1/32") && text.contains("[7:700]") && text.contains("[9:900]"),
            "{at}\n{text}"
        );
        assert!(text.contains("-p icmp") && !text.contains("own"), "{at}\n{text}");
    }
}

#[test]
fn who_takes_our_rules_out_meanwhile_does_not_stop_it_and_who_never_rests_does() {
    let (kernel, record) = applied();
    let mut there = kernel.clone();
    let mut once = false;
    let (ended, _) = drive(&mut there, &mut to_new(&record), |_, step, kernel, _| {
        if matches!(step, Step::Commit { .. }) && !std::mem::replace(&mut once, true) {
            kernel.restore(b"*filter\n-D INPUT -p tcp -j own\nCOMMIT\n", true).unwrap();
        }
        None
    });
    assert_eq!(ended, Ended::Applied);
    let mut there = kernel.clone();
    let mut number = 0;
    let (ended, _) = drive(&mut there, &mut to_new(&record), |_, step, kernel, transaction| {
        if matches!(step, Step::Committed | Step::Read(_)) && !transaction.is_undoing() {
            number += 1;
            // Somebody takes a rule of ours out, again and again.
            let text =
                format!("*filter\n-D INPUT -p icmp -j ACCEPT\n-A FORWARD -s 10.0.0.{number}/32\nCOMMIT\n");
            let _ = kernel.restore(text.as_bytes(), true);
        }
        None
    });
    assert!(matches!(ended, Ended::Stopped { why: Why::Changing, .. }), "{ended:?}");
}

#[test]
fn an_obstacle_stops_before_anything_is_asked() {
    let (mut kernel, _) = applied();
    let mut lost = to_new(&State::new(Family::V4));
    let (ended, steps) = drive(&mut kernel, &mut lost, |_, _, _, _| None);
    assert!(matches!(ended, Ended::Stopped { why: Why::Obstacles(_), .. }), "{ended:?}");
    assert_eq!(steps, 2);
}
