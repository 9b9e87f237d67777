//! The sets of an application: entries that come before the rules change, and that go after.

use std::collections::BTreeMap;

use ptables::diag::{Diagnostic, codes};
use ptables::ipset::{self, Set, print_entry, print_set};
use ptables::source::Source;

use super::ApplyError;
use super::fail;
use crate::error::Error;
use crate::kernel::Kernel;
use crate::names::SystemNames;

/// Sets by name: how each is made (`create …`), and what is in it (`add …` without the options of entries).
type Known = BTreeMap<String, (String, Vec<String>)>;

/// What changes in sets, as lines for `ipset restore`, to be run with `-exist`. Only entries that are wanted or were ours are touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SetChange {
    /// Sets and entries that come.
    first: Vec<String>,
    /// Entries and sets of ours that go.
    last: Vec<String>,
    /// What the record will have.
    record: String,
}

impl SetChange {
    /// From what is live and was ours to what is wanted.
    pub(crate) fn new(kernel: &Kernel, record: &str, wanted: &[Set]) -> Result<SetChange, ApplyError> {
        let mine = known_lines(record);
        if wanted.is_empty() && mine.is_empty() {
            return Ok(SetChange::default());
        }
        let source =
            Source::new("live", kernel.save_sets()?).map_err(|it| ApplyError::State(it.to_string()))?;
        let (live, _) = ipset::parse(&source, &SystemNames::new());
        let live_sets: BTreeMap<String, &Set> = live.iter().map(|it| (it.name.to_lossy(), it)).collect();
        let live = known(live.iter())?;
        let wanted_known = known(wanted)?;
        let mut change = SetChange::default();
        for set in wanted {
            let name = set.name.to_lossy();
            let Some((create, entries)) = wanted_known.get(&name) else { continue };
            match live_sets.get(&name) {
                None => change.first.push(create.clone()),
                Some(there) if there.kind == set.kind && there.family() == set.family() => {}
                Some(_) => {
                    let message = format!("the kernel has a set `{name}` of another type or family");
                    let error = Diagnostic::error(codes::KERNEL_REFUSED, message).at(set.origin.clone(), "");
                    return Err(ApplyError::Refused(vec![error.help("give it another name")]));
                }
            }
            let there = live.get(&name).map(|it| &it.1);
            let missing = entries.iter().filter(|it| there.is_none_or(|there| !there.contains(it)));
            change.first.extend(missing.cloned());
        }
        for (name, (_, entries)) in mine.iter().filter(|it| live.contains_key(it.0)) {
            let wanted = wanted_known.get(name);
            let there = live.get(name).map(|it| &it.1);
            for entry in entries {
                if wanted.is_none_or(|it| !it.1.contains(entry)) && there.is_some_and(|it| it.contains(entry))
                {
                    change.last.push(entry.replacen("add ", "del ", 1));
                }
            }
            if wanted.is_none() {
                change.last.push(format!("destroy {name}"));
            }
        }
        change.record = wanted_known
            .values()
            .flat_map(|(create, all)| std::iter::once(create).chain(all))
            .fold(String::new(), |text, line| text + line + "\n");
        Ok(change)
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.last.is_empty()
    }

    /// The record of it.
    pub(crate) fn record(&self) -> &str {
        &self.record
    }

    /// The way back. What is known of sets that were ours tells how to make them again.
    pub(crate) fn inverse(&self, record: &str) -> SetChange {
        let mine = known_lines(record);
        let back = |line: &String| match line.split_once(' ') {
            Some(("create", rest)) => format!("destroy {}", rest.split(' ').next().unwrap_or_default()),
            Some(("add", rest)) => format!("del {rest}"),
            Some(("del", rest)) => format!("add {rest}"),
            Some(("destroy", name)) => mine.get(name).map(|it| it.0.clone()).unwrap_or_default(),
            _ => String::new(),
        };
        SetChange {
            first: self.last.iter().rev().map(back).filter(|it| !it.is_empty()).collect(),
            last: self.first.iter().rev().map(back).filter(|it| !it.is_empty()).collect(),
            record: record.to_owned(),
        }
    }

    /// What comes.
    pub(crate) fn come(&self, kernel: &Kernel) -> Result<(), ApplyError> {
        run(kernel, &self.first)
    }

    /// What goes. A set that others use stays, without entries of ours.
    pub(crate) fn go(&self, kernel: &Kernel) -> Result<(), ApplyError> {
        let (destroy, entries): (Vec<String>, Vec<String>) =
            self.last.iter().cloned().partition(|it| it.starts_with("destroy "));
        let ended = run(kernel, &entries);
        for name in destroy.iter().filter_map(|it| it.strip_prefix("destroy ")) {
            kernel.run_program("ipset", &["destroy", name], b"")?;
        }
        ended
    }

    /// As text, to be kept.
    pub(crate) fn to_text(&self) -> String {
        let lines =
            |sign: char, all: &[String]| all.iter().map(|it| format!("{sign}{it}\n")).collect::<String>();
        let record: Vec<String> = self.record.lines().map(str::to_owned).collect();
        lines('+', &self.first) + &lines('-', &self.last) + &lines('=', &record)
    }

    /// Reads it again.
    pub(crate) fn from_text(text: &str) -> SetChange {
        let lines = |sign: char| text.lines().filter_map(move |it| it.strip_prefix(sign)).map(str::to_owned);
        let record = lines('=').fold(String::new(), |text, line| text + &line + "\n");
        SetChange { first: lines('+').collect(), last: lines('-').collect(), record }
    }
}

fn run(kernel: &Kernel, lines: &[String]) -> Result<(), ApplyError> {
    if lines.is_empty() {
        return Ok(());
    }
    let text = lines.join("\n") + "\n";
    let output = kernel.run_program("ipset", &["-exist", "restore"], text.as_bytes())?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Failed { tool: "ipset".into(), code: output.status.code(), message }.into())
}

fn known<'a>(sets: impl IntoIterator<Item = &'a Set>) -> Result<Known, ApplyError> {
    let mut known = Known::new();
    for set in sets {
        let refused = |error: Box<Diagnostic>| ApplyError::Refused(vec![*error]);
        let line = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
        let mut create = Vec::new();
        print_set(&mut create, set, b"create").map_err(refused)?;
        let mut entries = Vec::new();
        for entry in &set.entries {
            let mut out = Vec::new();
            let mut entry = entry.clone();
            (entry.packets, entry.bytes) = (None, None);
            print_entry(&mut out, set, &entry, b"del").map_err(refused)?;
            entries.push(line(out).replacen("del ", "add ", 1));
        }
        known.insert(set.name.to_lossy(), (line(create), entries));
    }
    Ok(known)
}

/// The sets of a record.
fn known_lines(text: &str) -> Known {
    let mut known = Known::new();
    for line in text.lines() {
        let name = line.split(' ').nth(1).unwrap_or_default().to_owned();
        match line.starts_with("create ") {
            true => drop(known.insert(name, (line.to_owned(), Vec::new()))),
            false => known.entry(name).or_default().1.push(line.to_owned()),
        }
    }
    known
}

/// Makes what comes, at its fail points.
pub(crate) fn come(change: &SetChange, kernel: &Kernel) -> Result<(), ApplyError> {
    fail::point("sets-before");
    change.come(kernel)?;
    fail::point("sets-after");
    Ok(())
}
