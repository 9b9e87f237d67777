//! Reads `ipset save` and `ipset restore` text.

use super::{Entry, Set, SetType, Sets, check_name, options};
use crate::diag::{Diagnostic, codes};
use crate::origin::Origin;
use crate::source::{Source, Text};
use crate::value::Names;

/// Reads all sets of a text, and goes on after an error. A set that is wrong, and an entry that is, are left out.
///
/// Commands are `create`, `add`, `del`, `flush`, `destroy`, `rename` and `swap`, with their short forms (`-N` …) and `-exist`.
pub fn parse(source: &Source, names: &dyn Names) -> (Sets, Vec<Diagnostic>) {
    let mut reader = Reader { sets: Sets::new(), names, errors: Vec::new() };
    let bytes = source.bytes();
    let mut start = 0;
    while start < bytes.len() {
        let end = memchr::memchr(b'\n', bytes.get(start..).unwrap_or_default());
        let end = end.map_or(bytes.len(), |it| start + it);
        let line = source.text(start as u32, end as u32);
        if let Err(error) = reader.line(&line) {
            reader.errors.push(*error);
        }
        start = end + 1;
    }
    (reader.sets, reader.errors)
}

struct Reader<'a> {
    sets: Sets,
    names: &'a dyn Names,
    errors: Vec<Diagnostic>,
}

type Done = Result<(), Box<Diagnostic>>;

fn error(at: &Text, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(codes::IPSET_BAD_LINE, message).at(Origin::Text(at.clone()), ""))
}

impl Reader<'_> {
    fn line(&mut self, line: &Text) -> Done {
        let trimmed = line.trim_ascii();
        if trimmed.is_empty() || trimmed.first() == Some(&b'#') || trimmed == b"COMMIT" {
            return Ok(());
        }
        let mut words = words(line)?;
        let exist = |word: &Text| matches!(word.as_bytes(), b"-exist" | b"-!" | b"--exist");
        let may_exist = words.iter().any(exist);
        words.retain(|word| !exist(word));
        let Some((command, rest)) = words.split_first() else { return Ok(()) };
        let name = rest.first().ok_or_else(|| error(command, "the name of a set is missing"));
        match command.as_bytes() {
            b"create" | b"-N" | b"--create" | b"n" | b"new" => self.create(line, rest, may_exist),
            b"add" | b"-A" | b"--add" => self.add(line, name?, rest, may_exist),
            b"del" | b"-D" | b"--del" => self.delete(name?, rest, may_exist),
            b"flush" | b"-F" | b"--flush" => {
                if let Some(name) = rest.first() {
                    self.known(name)?.entries.clear();
                } else {
                    let names: Vec<Text> = self.sets.iter().map(|it| it.name.clone()).collect();
                    for name in names {
                        self.known(&name)?.entries.clear();
                    }
                }
                Ok(())
            }
            b"destroy" | b"-X" | b"--destroy" => {
                match rest.first() {
                    Some(name) if self.sets.remove(name).is_none() && !may_exist => {
                        return Err(missing(name));
                    }
                    Some(_) => {}
                    None => self.sets = Sets::new(),
                }
                Ok(())
            }
            b"rename" | b"-E" | b"--rename" | b"swap" | b"-W" | b"--swap" => {
                let other = rest.get(1).ok_or_else(|| error(command, "the second name is missing"))?;
                self.exchange(name?, other, matches!(command.as_bytes(), b"swap" | b"-W" | b"--swap"))
            }
            _ => Err(error(command, format!("`{}` is no command for sets", command.to_lossy()))),
        }
    }

    fn known(&mut self, name: &Text) -> Result<&mut Set, Box<Diagnostic>> {
        self.sets.get_mut(name).ok_or_else(|| missing(name))
    }

    fn create(&mut self, line: &Text, words: &[Text], may_exist: bool) -> Done {
        let [name, kind, words @ ..] = words else {
            return Err(error(line, "name and type of the set are missing"));
        };
        check_name(name)?;
        let bad = |at: &Text, message: String| {
            Box::new(Diagnostic::error(codes::IPSET_BAD_SET, message).at(Origin::Text(at.clone()), ""))
        };
        let known = SetType::find(kind);
        let kind = known.ok_or_else(|| bad(kind, format!("`{}` is no type of a set", kind.to_lossy())))?;
        let mut set = Set::new(name.clone(), kind);
        set.origin = Origin::Text(line.clone());
        // What a number means depends on the family, wherever that stands.
        let mut given: Vec<(Text, Option<&Text>)> = Vec::new();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let name = if word.starts_with(b"--") { word.slice(2, word.len()) } else { word.clone() };
            let value = if options::has_value(&name) { rest.next() } else { None };
            given.push((name, value));
        }
        given.sort_by_key(|(name, _)| name.as_bytes() != b"family");
        for (name, value) in given {
            set.set_option(&name, value)?;
        }
        options::check(&set)?;
        match self.sets.get(name) {
            None => {
                self.sets.insert(set);
                Ok(())
            }
            // The tools compare the options too; entries stay.
            Some(known) if may_exist && known.kind == set.kind => Ok(()),
            Some(known) => {
                let error = bad(name, format!("there is a set `{}` already", name.to_lossy()));
                Err(Box::new(error.see(known.origin.clone(), "here")))
            }
        }
    }

    fn entry(&self, name: &Text, words: &[Text]) -> Result<Entry, Box<Diagnostic>> {
        let set = self.sets.get(name).ok_or_else(|| missing(name))?;
        set.read_entry(words.get(1..).unwrap_or_default(), self.names)
    }

    fn add(&mut self, line: &Text, name: &Text, words: &[Text], exist: bool) -> Done {
        let mut entry = self.entry(name, words)?;
        entry.exist = exist;
        entry.origin = Origin::Text(line.clone());
        self.known(name)?.entries.push(entry);
        Ok(())
    }

    fn delete(&mut self, name: &Text, words: &[Text], may_miss: bool) -> Done {
        let entry = self.entry(name, words)?;
        let set = self.known(name)?;
        let before = set.entries.len();
        set.entries.retain(|it| it.parts != entry.parts);
        if set.entries.len() == before && !may_miss {
            return Err(error(words.get(1).unwrap_or(name), "no line above adds this entry in these words"));
        }
        Ok(())
    }

    /// `rename` and `swap`.
    fn exchange(&mut self, one: &Text, other: &Text, swap: bool) -> Done {
        check_name(other)?;
        if swap {
            let kinds = (self.known(one)?.kind, self.known(other)?.kind);
            if kinds.0 != kinds.1 {
                return Err(error(other, "sets of different types cannot be swapped"));
            }
            for set in &mut self.sets.sets {
                match set.name.as_bytes() {
                    it if it == one.as_bytes() => set.name = other.clone(),
                    it if it == other.as_bytes() => set.name = one.clone(),
                    _ => {}
                }
            }
            return Ok(());
        }
        if self.sets.get(other).is_some() {
            return Err(error(other, format!("there is a set `{}` already", other.to_lossy())));
        }
        self.known(one)?.name = other.clone();
        Ok(())
    }
}

fn missing(name: &Text) -> Box<Diagnostic> {
    error(name, format!("no line above makes a set `{}`", name.to_lossy()))
}

/// The words of a line. A quote opens and closes anywhere and is no part of a word; nothing escapes it. Empty words vanish.
fn words(line: &Text) -> Result<Vec<Text>, Box<Diagnostic>> {
    let mut found = Vec::new();
    let mut start: Option<usize> = None;
    let mut quotes = Vec::new();
    let mut quoted = false;
    for (at, byte) in line.iter().enumerate() {
        let blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n') && !quoted;
        if *byte == b'"' {
            quoted = !quoted;
            quotes.push(at);
        }
        match (start, blank) {
            (None, false) => start = Some(at),
            (Some(first), true) => {
                found.extend(word(line, first, at, &quotes));
                start = None;
            }
            _ => {}
        }
    }
    if quoted {
        let at = quotes.last().copied().unwrap_or(0);
        return Err(error(&line.slice(at, line.len()), "a quote is not closed"));
    }
    if let Some(first) = start {
        found.extend(word(line, first, line.len(), &quotes));
    }
    Ok(found)
}

/// The word from `start` to `end` without its quotes: a part of the line where they enclose it.
fn word(line: &Text, start: usize, end: usize, quotes: &[usize]) -> Option<Text> {
    let within: Vec<usize> = quotes.iter().copied().filter(|it| (start..end).contains(it)).collect();
    let text = match within[..] {
        [] => line.slice(start, end),
        [first, last] if first == start && last + 1 == end => line.slice(start + 1, last),
        _ => {
            let bytes = line.get(start..end).unwrap_or_default();
            Text::new(bytes.iter().copied().filter(|it| *it != b'"').collect::<Vec<u8>>())
        }
    };
    Some(text).filter(|it| !it.is_empty())
}
