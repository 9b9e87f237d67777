//! Every rule of every `.cases` file on the real tools. That we read it as the file says is a test of its own.

use std::collections::BTreeMap;

use ptables::ext::cases;
use ptables::ext::{CATALOGUE, Kind};

use super::{Difference, Failure, Ours, Outcome, Real, Verdict};

/// How many rules one restore tries. More makes the nft tools slow: they take time in the square of it.
const BATCH: usize = 100;

/// One rule to try.
#[derive(Clone)]
struct Trial {
    label: String,
    table: String,
    chain: String,
    rule: String,
}

impl Trial {
    /// The rule alone.
    fn text(&self) -> String {
        format!("*{}\n-A {} {}\nCOMMIT\n", self.table, self.chain, self.rule)
    }

    /// A rule that stands before it in a batch, to find it again.
    fn mark(&self, number: usize) -> String {
        format!("-A {} -m comment --comment trial-{number}", self.chain)
    }
}

/// What the tools made of a rule: what they saved of it, or what they said.
type Judged = Result<Vec<String>, String>;

/// Compares all cases for the tools given.
///
/// # Errors
/// Why they could not be compared.
pub fn compare(real: &mut Real) -> Result<Outcome, Failure> {
    let mut trials: Vec<Trial> = Vec::new();
    let mut done: Vec<&str> = Vec::new();
    for entry in CATALOGUE {
        for (families, command) in cases::setups(entry.cases) {
            if families.contains(&real.family()) && !done.contains(&command) {
                real.set_up(command)?;
                done.push(command);
            }
        }
        let folder = if entry.spec.kind == Kind::Match { "matches" } else { "targets" };
        for case in cases::parse(entry.spec, entry.cases)? {
            let here = case.families.contains(&real.family()) && case.backends.contains(&real.backend());
            let trial = Trial {
                label: format!("{folder}/{}.cases:{}", entry.spec.name.to_lowercase(), case.line),
                table: case.place.0.into(),
                chain: case.place.1.into(),
                rule: case.rule.into(),
            };
            if here && !trials.iter().any(|it| it.text() == trial.text()) {
                trials.push(trial);
            }
        }
    }
    let mut ours = Vec::new();
    let mut batches: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut judged: Vec<Option<Judged>> = vec![None; trials.len()];
    for (index, trial) in trials.iter().enumerate() {
        let read = Ours::read(real.context, trial.text())?;
        if read.errors().is_empty() {
            batches.entry(trial.table.clone()).or_default().push(index);
        }
        ours.push(read);
    }
    for batch in batches.values().flat_map(|it| it.chunks(BATCH)) {
        judge(real, &trials, batch, &mut judged)?;
    }
    let mut outcome = Outcome { tried: trials.len(), ..Outcome::default() };
    for (index, (trial, ours)) in trials.iter().zip(&ours).enumerate() {
        let known = judged.get_mut(index).and_then(Option::take);
        let verdict = match known {
            Some(verdict) => verdict,
            None => alone(real, &trials, index)?,
        };
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
        place: format!("{} ({} {})", trial.label, trial.table, trial.chain),
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
    trials: &[Trial],
    batch: &[usize],
    judged: &mut [Option<Judged>],
) -> Result<(), Failure> {
    let mut text = String::new();
    for (index, trial) in batch.iter().filter_map(|index| Some((index, trials.get(*index)?))) {
        if text.is_empty() {
            text = format!("*{}\n", trial.table);
        }
        text += &format!("{}\n-A {} {}\n", trial.mark(*index), trial.chain, trial.rule);
    }
    text += "COMMIT\n";
    match real.load(text.as_bytes())? {
        Verdict::Accepted(saved) => {
            for (index, trial) in batch.iter().filter_map(|index| Some((*index, trials.get(*index)?))) {
                if let Some(place) = judged.get_mut(index) {
                    *place = Some(Ok(after_mark(&saved, trial, index)));
                }
            }
        }
        Verdict::Refused { message, .. } => match batch {
            [index] => {
                if let Some(place) = judged.get_mut(*index) {
                    *place = Some(Err(message));
                }
            }
            _ => {
                let (left, right) = batch.split_at(batch.len() / 2);
                judge(real, trials, left, judged)?;
                judge(real, trials, right, judged)?;
            }
        },
    }
    if batch.len() > 1 { Ok(()) } else { flush(real, trials, batch) }
}

/// Tries one rule.
fn alone(real: &Real, trials: &[Trial], index: usize) -> Result<Judged, Failure> {
    let mut judged = vec![None; trials.len()];
    judge(real, trials, &[index], &mut judged)?;
    judged.into_iter().flatten().next().ok_or_else(|| "a rule was not judged".into())
}

/// Empties the table, so that what a rule holds in the kernel (a list, a limit) is free again.
fn flush(real: &Real, trials: &[Trial], batch: &[usize]) -> Result<(), Failure> {
    for trial in batch.iter().filter_map(|index| trials.get(*index)) {
        real.load(format!("*{}\nCOMMIT\n", trial.table).as_bytes())?;
    }
    Ok(())
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
