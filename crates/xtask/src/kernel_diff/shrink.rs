//! A difference is made smaller as long as it stays one.

use ptables::packet::Packet;

use super::arena::Arena;
use super::shot::{Entry, Shot};
use super::trial::{Case, Difference};

/// The smallest case found in which there still is a difference, and the difference.
pub fn shrink(
    mut case: Case,
    mut difference: Difference,
    arena: &mut Arena,
    cpu: usize,
) -> (Case, Difference) {
    case.shots.truncate(difference.at + 1);
    let mut again = true;
    while again {
        again = false;
        for smaller in smaller(&case) {
            if let Ok(Some(found)) = smaller.play(arena, cpu) {
                (case, difference) = (smaller, found);
                again = true;
                break;
            }
        }
    }
    (case, difference)
}

/// Cases with a little less in them.
fn smaller(case: &Case) -> Vec<Case> {
    let mut cases = Vec::new();
    let with_text = |text: String| Case { text, ..case.clone() };
    let lines: Vec<&str> = case.text.lines().collect();
    let is_rule = |line: &&str| line.starts_with("-A");
    let rules = lines.iter().filter(|it| is_rule(it)).count();
    // Many rules at once first, then single ones.
    let mut size = rules / 2;
    while size > 0 {
        for start in (0..rules).step_by(size) {
            let mut number = 0;
            let kept = lines.iter().filter(|line| {
                let at = number;
                number += usize::from(is_rule(line));
                !is_rule(line) || !(start..start + size).contains(&at)
            });
            cases.push(with_text(kept.map(|line| format!("{line}\n")).collect()));
        }
        size /= 2;
    }
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with(':') {
            // An unused chain, or a policy that need not be DROP.
            let new = line.replace(" DROP ", " ACCEPT ");
            let user = line.contains(" - ");
            if user || new != *line {
                let kept = lines.iter().enumerate().filter(|it| !(user && it.0 == at));
                let text = kept
                    .map(|(other, line)| if other == at { format!("{new}\n") } else { format!("{line}\n") });
                cases.push(with_text(text.collect()));
            }
        }
    }
    for at in 0..case.shots.len() {
        if case.shots.len() > 1 {
            let mut shots = case.shots.clone();
            shots.remove(at);
            cases.push(Case { shots, ..case.clone() });
        }
    }
    for (at, line) in lines.iter().enumerate().filter(|it| is_rule(it.1)) {
        for shorter in shorter_rules(line) {
            let text = lines.iter().enumerate().map(|(other, line)| {
                let line = if other == at { shorter.as_str() } else { line };
                format!("{line}\n")
            });
            cases.push(with_text(text.collect()));
        }
    }
    for at in 0..case.shots.len() {
        for simpler in simpler(&case.shots[at]) {
            let mut shots = case.shots.clone();
            shots[at] = simpler;
            cases.push(Case { shots, ..case.clone() });
        }
    }
    cases
}

/// The rule without one of its conditions: those begin with a dash of one letter.
fn shorter_rules(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut starts: Vec<usize> = Vec::new();
    for (at, word) in words.iter().enumerate().skip(2) {
        if ["-s", "-d", "-i", "-o", "-p", "-f", "-m", "-j", "-g"].contains(word) {
            let inverted = words.get(at - 1) == Some(&"!");
            starts.push(if inverted { at - 1 } else { at });
        }
    }
    let end = |number: usize| starts.get(number + 1).copied().unwrap_or(words.len());
    let without = |number: usize| {
        let kept = words.iter().enumerate().filter(|it| !(starts[number]..end(number)).contains(&it.0));
        kept.map(|it| *it.1).collect::<Vec<_>>().join(" ")
    };
    (0..starts.len()).map(without).collect()
}

/// The packet with something usual in place of something special.
fn simpler(shot: &Shot) -> Vec<Shot> {
    let mut shots = vec![
        Shot { mark: 0, ..shot.clone() },
        Shot { input: 0, ..shot.clone() },
        Shot { output: 0, ..shot.clone() },
        Shot { owner: 0, ..shot.clone() },
        Shot { mac: [0; 6], ..shot.clone() },
        Shot { entry: Entry::None, ..shot.clone() },
    ];
    if let Ok(packet) = Packet::from_bytes(&shot.bytes, shot.sim_path()) {
        let mut layout = packet.layout();
        let length = layout.payload.len();
        for shorter in [0, length / 2, length.saturating_sub(8)] {
            layout.payload.truncate(shorter);
            if let Ok(bytes) = layout.to_bytes(packet.family()) {
                shots.push(Shot { bytes, ..shot.clone() });
            }
            layout = packet.layout();
        }
        layout.extensions.clear();
        layout.tos = 0;
        layout.hop_limit = 64;
        if let Ok(bytes) = layout.to_bytes(packet.family()) {
            shots.push(Shot { bytes, ..shot.clone() });
        }
    }
    shots.retain(|it| it != shot);
    shots
}
