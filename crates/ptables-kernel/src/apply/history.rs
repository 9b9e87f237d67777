//! What was applied when, by whom, and from what.

use super::ApplyError;
use super::journal::now;
use super::store::Store;

/// This many applications are kept.
const KEPT: usize = 50;

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Its number, from 1.
    pub number: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// The user who logged in (`/proc/self/loginuid`); `None` if nobody did, as at boot.
    pub login: Option<u32>,
    /// `applied`, `confirmed`, `rolled back`, `undone` or `adopted`.
    pub what: String,
    /// Where the rules are from.
    pub from: String,
    /// Their digest.
    pub digest: String,
}

pub(crate) fn read(store: &Store) -> Result<Vec<Event>, ApplyError> {
    let text = store.read("history")?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let event = |line: &str| {
        let words: Vec<&str> = line.split('\t').collect();
        let [number, time, login, what, from, digest] = words.as_slice() else { return None };
        Some(Event {
            number: number.parse().ok()?,
            time: time.parse().ok()?,
            login: login.parse().ok(),
            what: (*what).to_owned(),
            from: (*from).to_owned(),
            digest: (*digest).to_owned(),
        })
    };
    Ok(text.lines().filter_map(event).collect())
}

/// Adds an event, and returns its number and those whose states are no longer kept.
pub(crate) fn add(
    store: &Store,
    what: &str,
    from: &str,
    digest: &str,
) -> Result<(u64, Vec<u64>), ApplyError> {
    let mut events = read(store)?;
    let number = events.last().map_or(1, |it| it.number + 1);
    let login = std::fs::read_to_string("/proc/self/loginuid").ok();
    let login = login.and_then(|it| it.trim().parse().ok()).filter(|it| *it != u32::MAX);
    let (what, from, digest) = (what.to_owned(), from.escape_debug().to_string(), digest.to_owned());
    events.push(Event { number, time: now(), login, what, from, digest });
    let old: Vec<u64> = events.drain(..events.len().saturating_sub(KEPT)).map(|it| it.number).collect();
    let line = |it: &Event| {
        let login = it.login.map_or("-".to_owned(), |it| it.to_string());
        format!("{}\t{}\t{login}\t{}\t{}\t{}\n", it.number, it.time, it.what, it.from, it.digest)
    };
    store.write("history", events.iter().map(line).collect::<String>().as_bytes())?;
    Ok((number, old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netns::Scratch;

    #[test]
    fn no_name_of_a_file_makes_a_line_or_a_field() {
        let Ok(scratch) = Scratch::new() else { return };
        let store = Store::open(&scratch.directory().join("state")).unwrap();
        let name = "a\tb\n9\t0\t-\tapplied\tc\u{1b}[2J\u{202e}.v4";
        add(&store, "applied", name, "d1").unwrap();
        add(&store, "confirmed", "rules.v4", "d2").unwrap();
        let events = read(&store).unwrap();
        let fields: Vec<(u64, &str, &str)> =
            events.iter().map(|it| (it.number, &*it.what, &*it.digest)).collect();
        assert_eq!(fields, [(1, "applied", "d1"), (2, "confirmed", "d2")]);
        assert!(events[0].from.chars().all(|it| it.is_ascii_graphic()), "{}", events[0].from);
    }
}
