//! The sets of an application: entries that come before the rules change, and that go after.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use crate::diag::{Diagnostic, codes, escape};
use crate::ipset::{Entry, Set, print_entry, print_set};
use crate::origin::Origin;

use super::show::paint;

/// Sets by name: how each is made (`create …`), and what is in it (`add …`, without what counts down or up).
type Known = BTreeMap<String, (String, Vec<String>)>;

/// What changes in sets, as lines for `ipset -exist restore`. Only entries that are wanted or were ours are touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetChange {
    /// Sets and entries that come: before the rules change.
    pub first: Vec<String>,
    /// Entries and sets of ours that go: after the rules have changed.
    pub last: Vec<String>,
    /// Entries that come with other options, such as `nomatch`, than they have: as they are now.
    pub replaced: Vec<String>,
    /// The next record: all that is ours then.
    pub record: String,
}

impl SetChange {
    /// From what is live and was ours (the record of the change before, empty at first) to what is wanted.
    ///
    /// # Errors
    /// `kernel/refused`: a set of that name is there with another type or family; `ipset/…`: one cannot be printed.
    pub fn new(live: &[Set], record: &str, wanted: &[Set]) -> Result<SetChange, Box<Diagnostic>> {
        let mine = known_lines(record);
        let live_known = known(live)?;
        let wanted_known = known(wanted)?;
        let mut change = SetChange::default();
        for set in wanted {
            let name = set.name.to_lossy();
            let Some((create, entries)) = wanted_known.get(&name) else { continue };
            match live.iter().find(|it| it.name == set.name) {
                None => change.first.push(create.clone()),
                Some(there) if there.kind == set.kind && there.family() == set.family() => {}
                Some(_) => {
                    let message = format!("the kernel has a set `{name}` of another type or family");
                    let error = Diagnostic::error(codes::KERNEL_REFUSED, message).at(set.origin.clone(), "");
                    return Err(Box::new(error.help("give it another name")));
                }
            }
            let there = live_known.get(&name).map_or(&[][..], |it| &it.1);
            let there: HashMap<&str, &String> = there.iter().map(|it| (element(it), it)).collect();
            for (line, entry) in entries.iter().zip(&set.entries) {
                match there.get(element(line)) {
                    Some(old) if *old == line => continue,
                    Some(old) => change.replaced.push((*old).clone()),
                    None => {}
                }
                change.first.push(printed(set, entry)?);
            }
        }
        for (name, (_, entries)) in mine.iter().filter(|it| live_known.contains_key(it.0)) {
            let elements = |of: &Known| -> HashSet<String> {
                of.get(name).map_or(&[][..], |it| &it.1).iter().map(|it| element(it).to_owned()).collect()
            };
            let (wanted, there) = (elements(&wanted_known), elements(&live_known));
            let goes = |it: &&str| there.contains(*it) && !wanted.contains(*it);
            change
                .last
                .extend(entries.iter().map(|it| element(it)).filter(goes).map(|it| format!("del {it}")));
            if !wanted_known.contains_key(name) {
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
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.last.is_empty()
    }

    /// The way back. The record of the change before tells how to make sets of ours again.
    pub fn inverse(&self, record: &str) -> SetChange {
        let mine = known_lines(record);
        let entries = mine.values().flat_map(|it| &it.1);
        let was: HashMap<&str, &String> = entries.chain(&self.replaced).map(|it| (element(it), it)).collect();
        let replaced: HashSet<&str> = self.replaced.iter().map(|it| element(it)).collect();
        let again = |element: &str| was.get(element).map_or(format!("add {element}"), |it| (*it).clone());
        let back = |line: &String| match line.split_once(' ') {
            Some(("create", rest)) => format!("destroy {}", rest.split(' ').next().unwrap_or_default()),
            Some(("add", _)) if replaced.contains(element(line)) => again(element(line)),
            Some(("add", _)) => format!("del {}", element(line)),
            Some(("del", rest)) => again(rest),
            Some(("destroy", name)) => mine.get(name).map(|it| it.0.clone()).unwrap_or_default(),
            _ => String::new(),
        };
        SetChange {
            first: self.last.iter().rev().map(back).filter(|it| !it.is_empty()).collect(),
            last: self.first.iter().rev().map(back).filter(|it| !it.is_empty()).collect(),
            replaced: Vec::new(),
            record: record.to_owned(),
        }
    }

    /// Who wrote what a line of [`first`](SetChange::first) says.
    pub fn origin(line: &str, wanted: &[Set]) -> Origin {
        let name = element(line).split(' ').next().unwrap_or_default().as_bytes();
        let Some(set) = wanted.iter().find(|it| it.name.as_bytes() == name) else { return Origin::Unknown };
        let is = |it: &&Entry| printed(set, it).is_ok_and(|it| element(&it) == element(line));
        let entry = set.entries.iter().find(is).filter(|_| line.starts_with("add "));
        let origin = entry.map_or(&set.origin, |it| &it.origin);
        if origin.place().is_some() { origin.clone() } else { set.origin.clone() }
    }

    /// What will be in the sets: what is live, entries of others too, with what this changes.
    ///
    /// # Errors
    /// `ipset/…`: an entry cannot be printed.
    pub fn after(&self, live: &[Set], wanted: &[Set]) -> Result<Vec<Set>, Box<Diagnostic>> {
        let elements =
            |all: &'_ [String]| -> HashSet<String> { all.iter().map(|it| element(it).to_owned()).collect() };
        let (first, last, replaced) = (elements(&self.first), elements(&self.last), elements(&self.replaced));
        let stays = |set: &Set, entry: &Entry| {
            let line = entry_line(set, entry)?;
            Ok::<_, Box<Diagnostic>>(!last.contains(element(&line)))
        };
        let mut all = Vec::new();
        for set in live {
            let mut set = set.clone();
            let mut entries = Vec::new();
            for entry in std::mem::take(&mut set.entries) {
                if stays(&set, &entry)? && !replaced.contains(element(&entry_line(&set, &entry)?)) {
                    entries.push(entry);
                }
            }
            set.entries = entries;
            all.push(set);
        }
        for set in wanted {
            let Some(there) = all.iter_mut().find(|it| it.name == set.name) else {
                all.push(set.clone());
                continue;
            };
            for entry in &set.entries {
                if first.contains(element(&entry_line(set, entry)?)) {
                    there.entries.push(entry.clone());
                }
            }
        }
        Ok(all)
    }

    /// For people: sets and entries that come and go. Empty if there is nothing to do.
    pub fn human(&self, color: bool) -> String {
        let mut out = String::new();
        for (sign, style, lines) in [("+", "32", &self.first), ("-", "31", &self.last)] {
            for line in lines {
                let (command, words) = line.split_once(' ').unwrap_or(("", line));
                let kind = if matches!(command, "add" | "del") { "entry" } else { "set" };
                let text = escape::line(&format!("{sign} {kind} {words}")).into_owned();
                let _ = writeln!(out, "{}", paint(color, style, &text));
            }
        }
        out
    }

    /// As JSON: an object `sets` with the lines for `ipset -exist restore`, `first` before the rules change, `last` after.
    #[cfg(feature = "json")]
    pub fn json(&self) -> String {
        serde_json::json!({ "sets": { "first": self.first, "last": self.last } }).to_string()
    }

    /// As text, to be kept.
    pub fn to_text(&self) -> String {
        let lines =
            |sign: char, all: &[String]| all.iter().map(|it| format!("{sign}{it}\n")).collect::<String>();
        let record: Vec<String> = self.record.lines().map(str::to_owned).collect();
        lines('+', &self.first) + &lines('-', &self.last) + &lines('~', &self.replaced) + &lines('=', &record)
    }

    /// Reads it again.
    pub fn from_text(text: &str) -> SetChange {
        let lines = |sign: char| text.lines().filter_map(move |it| it.strip_prefix(sign)).map(str::to_owned);
        let record = lines('=').fold(String::new(), |text, line| text + &line + "\n");
        let (first, last) = (lines('+').collect(), lines('-').collect());
        SetChange { first, last, replaced: lines('~').collect(), record }
    }
}

fn known(sets: &[Set]) -> Result<Known, Box<Diagnostic>> {
    let mut known = Known::new();
    for set in sets {
        let mut create = Vec::new();
        print_set(&mut create, set, b"create")?;
        let entries: Result<_, _> = set.entries.iter().map(|it| entry_line(set, it)).collect();
        let create = String::from_utf8_lossy(&create).trim_end().to_owned();
        known.insert(set.name.to_lossy(), (create, entries?));
    }
    Ok(known)
}

/// `add NAME ELEMENT` with the options that stay as they are.
fn entry_line(set: &Set, entry: &Entry) -> Result<String, Box<Diagnostic>> {
    let (timeout, beside) = (None, None);
    printed(set, &Entry { timeout, beside, ..entry.clone() })
}

/// `add NAME ELEMENT …` with all that is told, but what it has counted.
fn printed(set: &Set, entry: &Entry) -> Result<String, Box<Diagnostic>> {
    let mut out = Vec::new();
    print_entry(&mut out, set, &Entry { packets: None, bytes: None, ..entry.clone() }, b"add")?;
    Ok(String::from_utf8_lossy(&out).trim_end().to_owned())
}

/// `NAME ELEMENT` of a line: what entries of sets are known by.
fn element(line: &str) -> &str {
    let line = line.split_once(' ').map_or(line, |it| it.1);
    let end = line.match_indices(' ').nth(1).map_or(line.len(), |it| it.0);
    line.get(..end).unwrap_or(line)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipset::parse;
    use crate::source::Source;
    use crate::value::BuiltinNames;

    fn sets(text: &str) -> Vec<Set> {
        let (sets, wrong) = parse(&Source::new("sets", text).unwrap(), &BuiltinNames);
        assert!(wrong.is_empty(), "{wrong:?}");
        sets.iter().cloned().collect()
    }

    const CREATE: &str = "create bad hash:net comment\n";

    #[test]
    fn entries_keep_their_options_and_others_keep_their_entries() {
        let wanted =
            sets(&format!("{CREATE}add bad 10.0.0.0/8\nadd bad 10.1.0.0/16 nomatch\nadd bad 192.0.2.0/24\n"));
        let first = SetChange::new(&[], "", &wanted).unwrap();
        assert_eq!(first.first[2], "add bad 10.1.0.0/16 nomatch");
        // Live now, with an entry of somebody else, and one of ours as an exception.
        let live = sets(&format!(
            "{CREATE}add bad 10.0.0.0/8\nadd bad 10.1.0.0/16 nomatch\nadd bad 192.0.2.0/24\nadd bad 203.0.113.0/24 comment \"theirs\"\n"
        ));
        assert!(SetChange::new(&live, &first.record, &wanted).unwrap().is_empty());
        let next = sets(&format!("{CREATE}add bad 10.0.0.0/8\nadd bad 10.1.0.0/16\n"));
        let change = SetChange::new(&live, &first.record, &next).unwrap();
        assert_eq!(change.first, ["add bad 10.1.0.0/16"]);
        assert_eq!(change.last, ["del bad 192.0.2.0/24"]);
        assert_eq!(SetChange::from_text(&change.to_text()), change);
        let back = change.inverse(&first.record);
        assert_eq!(back.first, ["add bad 192.0.2.0/24"]);
        assert_eq!(back.last, ["add bad 10.1.0.0/16 nomatch"]);
        let after = change.after(&live, &next).unwrap();
        let lines: Vec<String> = after[0].entries.iter().map(|it| printed(&after[0], it).unwrap()).collect();
        assert_eq!(
            lines,
            ["add bad 10.0.0.0/8", "add bad 203.0.113.0/24 comment \"theirs\"", "add bad 10.1.0.0/16"]
        );
        // Released, theirs stays; the set goes if nobody uses it.
        let gone = SetChange::new(&live, &first.record, &[]).unwrap();
        assert_eq!(gone.last.len(), 4);
        assert!(!gone.last.iter().any(|it| it.contains("203.0.113")));
        assert_eq!(SetChange::origin("add bad 10.1.0.0/16", &next).place().unwrap().line, 3);
    }
}
