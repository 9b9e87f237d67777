//! A state as text, to be kept: what was applied.
//!
//! ```text
//! ptables-state 1 ipv4
//! table filter
//! chain INPUT builtin DROP ACCEPT        name, whose, policy, policy before
//! + 5:300 rules.v4:7␉ -p tcp -j ACCEPT   ours: counters, who wrote it, what it says
//! = - ␉ -j f2b-sshd                      foreign
//! ```
//!
//! Line ends, tabs and backslashes in names and rules are written as `\n`, `\t`, `\\`.

use std::fmt;

use super::state::{ChainState, Item, State, TableState};
use crate::dialect::Family;
use crate::model::{Counters, Policy};
use crate::origin::{Frame, Origin};
use crate::source::Text;

/// A kept state that cannot be read: the line (from 1) at which it breaks off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadRecord {
    /// The line.
    pub line: usize,
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} is no line of a kept state", self.line)
    }
}

impl std::error::Error for BadRecord {}

impl State {
    /// The state as text.
    pub fn to_record(&self) -> Vec<u8> {
        let mut out = b"ptables-state 1 ".to_vec();
        out.extend_from_slice(if self.family == Family::V4 { b"ipv4\n" } else { b"ipv6\n" });
        for table in &self.tables {
            out.extend_from_slice(b"table ");
            escape(&mut out, &table.name);
            out.push(b'\n');
            for chain in &table.chains {
                out.extend_from_slice(b"chain ");
                escape(&mut out, &chain.name);
                let whose: &[u8] = match (chain.builtin, chain.ours) {
                    (true, _) => b"builtin",
                    (false, true) => b"ours",
                    (false, false) => b"foreign",
                };
                let policy = |it: Option<Policy>| it.map_or("-", Policy::as_str).as_bytes();
                let words = [b" ", whose, b" ", policy(chain.policy), b" ", policy(chain.was), b"\n"];
                out.extend_from_slice(&words.concat());
                chain.items.iter().for_each(|it| item(&mut out, it));
            }
        }
        out
    }

    /// Reads what [`to_record`](State::to_record) wrote.
    ///
    /// # Errors
    /// [`BadRecord`]: nothing is guessed.
    pub fn from_record(text: &[u8]) -> Result<State, BadRecord> {
        let mut lines = text.strip_suffix(b"\n").unwrap_or(text).split(|it| *it == b'\n').enumerate();
        let bad = |at: usize| BadRecord { line: at + 1 };
        let family = match lines.next() {
            Some((_, b"ptables-state 1 ipv4")) => Family::V4,
            Some((_, b"ptables-state 1 ipv6")) => Family::V6,
            _ => return Err(bad(0)),
        };
        let mut state = State::new(family);
        for (at, line) in lines {
            read(&mut state, line).ok_or_else(|| bad(at))?;
        }
        Ok(state)
    }
}

fn item(out: &mut Vec<u8>, item: &Item) {
    out.extend_from_slice(if item.ours { b"+ " } else { b"= " });
    match item.counters {
        Some(it) => out.extend_from_slice(format!("{}:{} ", it.packets, it.bytes).as_bytes()),
        None => out.extend_from_slice(b"- "),
    }
    if let Some(place) = item.origin.place().filter(|_| item.ours) {
        escape(out, format!("{}:{}", place.file, place.line).as_bytes());
    }
    out.push(b'\t');
    escape(out, &item.text);
    out.push(b'\n');
}

fn read(state: &mut State, line: &[u8]) -> Option<()> {
    let (kind, rest) = line.split_at_checked(line.iter().position(|it| *it == b' ')?)?;
    let rest = rest.get(1..)?;
    match kind {
        b"table" => state.tables.push(TableState::new(unescape(rest)?)),
        b"chain" => {
            let words: Vec<&[u8]> = rest.split(|it| *it == b' ').collect();
            let [name, whose, policy, was] = words.as_slice() else { return None };
            let builtin = *whose == b"builtin";
            if !builtin && *whose != b"ours" && *whose != b"foreign" {
                return None;
            }
            let find = |it: &[u8]| if it == b"-" { Some(None) } else { Policy::find(it).map(Some) };
            let mut chain = ChainState::new(unescape(name)?, builtin);
            chain.ours = *whose == b"ours";
            (chain.policy, chain.was) = (find(policy)?, find(was)?);
            state.tables.last_mut()?.chains.push(chain);
        }
        b"+" | b"=" => {
            let tab = rest.iter().position(|it| *it == b'\t')?;
            let (head, text) = (rest.get(..tab)?, rest.get(tab + 1..)?);
            let blank = head.iter().position(|it| *it == b' ')?;
            let mut item = Item::new(unescape(text)?, kind == b"+");
            item.counters = counters(head.get(..blank)?)?;
            item.origin = place(&unescape(head.get(blank + 1..)?)?);
            state.tables.last_mut()?.chains.last_mut()?.items.push(item);
        }
        _ => return None,
    }
    Some(())
}

fn counters(text: &[u8]) -> Option<Option<Counters>> {
    if text == b"-" {
        return Some(None);
    }
    let (packets, bytes) = std::str::from_utf8(text).ok()?.split_once(':')?;
    Some(Some(Counters { packets: packets.parse().ok()?, bytes: bytes.parse().ok()? }))
}

fn place(text: &[u8]) -> Origin {
    let text = String::from_utf8_lossy(text);
    let place = text.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
    place.map_or(Origin::Unknown, |(file, line)| Frame::new(file, line, None).into())
}

fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            byte => out.push(*byte),
        }
    }
}

fn unescape(text: &[u8]) -> Option<Text> {
    let (mut out, mut bytes) = (Vec::with_capacity(text.len()), text.iter());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'\\' => b'\\',
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(Text::new(out))
}
