//! Single rules on the real tools, many at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Difference, Failure, Ours, Outcome, Real, Verdict};

/// How many rules one restore tries. More makes the nft tools slow: they take time in the square of it.
const BATCH: usize = 100;

/// How often a rule is tried again that shares something with other namespaces.
const RETRIES: usize = 10;

/// Whether a rule holds something in the kernel that does not belong to its namespace.
pub fn shares(trial: &Trial) -> bool {
    trial.rule.contains("IDLETIMER")
}

/// One rule to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The file that it comes from.
    pub file: String,
    /// Its line there, from 1; 0 if it has none.
    pub line: usize,
    /// The table that it stands in.
    pub table: String,
    /// The built-in chain that it stands in.
    pub chain: String,
    /// What stands after `-A CHAIN`.
    pub rule: String,
}

impl Trial {
    /// The rule alone.
    pub fn text(&self) -> String {
        format!("*{}\n-A {} {}\nCOMMIT\n", self.table, self.chain, self.rule)
    }

    /// A rule that stands before it in a batch, to find it again.
    fn mark(&self, number: usize) -> String {
        format!("-A {} -m comment --comment trial-{number}", self.chain)
    }
}

/// What the tools made of a rule: what they saved of it, or what they said.
pub type Judged = Result<Vec<String>, String>;

/// Compares rules for the tools given.
///
/// # Errors
/// Why they could not be compared.
pub fn compare(real: &Real, trials: &[Trial]) -> Result<Outcome, Failure> {
    let mut all = Vec::new();
    let mut batches: BTreeMap<&str, Vec<(usize, &Trial)>> = BTreeMap::new();
    let mut judged: BTreeMap<usize, Judged> = BTreeMap::new();
    for (index, trial) in trials.iter().enumerate() {
        let ours = Ours::read(real.context, trial.text())?;
        // Those that we refuse would make a batch fail.
        if ours.errors().is_empty() {
            batches.entry(&trial.table).or_default().push((index, trial));
        }
        all.push(ours);
    }
    for batch in batches.values().flat_map(|it| it.chunks(BATCH)) {
        judge(real, batch, &mut judged)?;
    }
    let mut outcome = Outcome { tried: trials.len(), ..Outcome::default() };
    for (index, (trial, ours)) in trials.iter().zip(&all).enumerate() {
        if !judged.contains_key(&index) {
            judge(real, &[(index, trial)], &mut judged)?;
        }
        // Labels of IDLETIMER are those of the whole machine, not of a namespace: another run may have it for a moment.
        for _ in 0..RETRIES {
            if ours.errors().is_empty() && matches!(judged.get(&index), Some(Err(_))) && shares(trial) {
                std::thread::sleep(Duration::from_millis(100));
                judge(real, &[(index, trial)], &mut judged)?;
            }
        }
        let verdict = judged.remove(&index).ok_or("a rule was not judged")?;
        outcome.accepted += usize::from(verdict.is_ok());
        outcome.differences.extend(difference(real, trial, ours, &verdict));
    }
    Ok(outcome)
}

fn difference(real: &Real, trial: &Trial, ours: &Ours, verdict: &Judged) -> Option<Difference> {
    let errors = ours.errors();
    let rules = ours.rules();
    let same = match verdict {
        Ok(saved) => errors.is_empty() && rules == *saved,
        Err(_) => !errors.is_empty(),
    };
    if same {
        return None;
    }
    Some(Difference {
        name: trial.rule.clone(),
        file: trial.file.clone(),
        place: format!(":{} ({} {})", trial.line, trial.table, trial.chain),
        context: real.context,
        real: match verdict {
            Ok(saved) => format!("accept and save\n{}", saved.join("\n")),
            Err(message) => format!("refuse: {message}"),
        },
        ours: match errors.is_empty() {
            true => format!("accept and print\n{}", rules.join("\n")),
            false => format!("refuse: {}", errors.join(" / ")),
        },
    })
}

/// Tries rules of one table in one restore; if it fails, each half for itself.
fn judge(
    real: &Real,
    batch: &[(usize, &Trial)],
    judged: &mut BTreeMap<usize, Judged>,
) -> Result<(), Failure> {
    let Some((first, trial)) = batch.first() else { return Ok(()) };
    let rules = batch
        .iter()
        .map(|(index, trial)| format!("{}\n-A {} {}\n", trial.mark(*index), trial.chain, trial.rule));
    let text = format!("*{}\n{}COMMIT\n", trial.table, rules.collect::<String>());
    match real.load(text.as_bytes())? {
        Verdict::Accepted(saved) => {
            judged.extend(batch.iter().map(|(index, trial)| (*index, Ok(after_mark(&saved, trial, *index)))));
            // What a rule holds in the kernel (a list, a limit) must be free again for the next.
            real.clear(&trial.table)
        }
        Verdict::Refused { message, .. } if batch.len() == 1 => {
            judged.insert(*first, Err(message));
            Ok(())
        }
        Verdict::Refused { .. } => {
            let (left, right) = batch.split_at(batch.len() / 2);
            judge(real, left, judged)?;
            judge(real, right, judged)
        }
    }
}

/// The saved rules between the mark of a rule and the next, without `-A CHAIN`.
fn after_mark(saved: &str, trial: &Trial, number: usize) -> Vec<String> {
    let mark = trial.mark(number);
    let head = format!("-A {}", trial.chain);
    let next = format!("{head} -m comment --comment trial-");
    saved
        .lines()
        .skip_while(|line| *line != mark)
        .skip(1)
        .take_while(|line| line.starts_with(&head) && !line.starts_with(&next))
        .map(|line| line.strip_prefix(&head).unwrap_or(line).trim_start().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_a_trial_are_those_after_its_mark() {
        let trial = |chain: &str| Trial {
            file: String::new(),
            line: 0,
            table: "filter".into(),
            chain: chain.into(),
            rule: String::new(),
        };
        let (input, output) = (trial("INPUT"), trial("OUTPUT"));
        let saved = [
            "*filter".into(),
            input.mark(0),
            "-A INPUT -s 192.0.2.1/32".into(),
            "-A INPUT -s 192.0.2.2/32".into(),
            input.mark(1),
            "-A INPUT".into(),
            output.mark(10),
            "-A OUTPUT -j DROP".into(),
            "COMMIT".into(),
        ];
        let saved = saved.join("\n");
        assert_eq!(after_mark(&saved, &input, 0), ["-s 192.0.2.1/32", "-s 192.0.2.2/32"]);
        assert_eq!(after_mark(&saved, &input, 1), [""]);
        assert_eq!(after_mark(&saved, &output, 10), ["-j DROP"]);
    }
}
