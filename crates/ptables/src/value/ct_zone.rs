//! Zones and events of connection tracking, as `-j CT` names them.

use super::number::{base0, push};
use super::{Bad, Parsed};

/// A zone of connection tracking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zone {
    /// Its number; 0 is the default zone.
    pub id: u16,
    /// The packet mark is the number.
    pub from_mark: bool,
    /// `--zone-orig`: in the original direction. Neither or both: in both directions.
    pub original: bool,
    /// `--zone-reply`: in the reply direction.
    pub reply: bool,
}

/// For which direction a zone is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZoneDirection {
    /// `--zone-orig`.
    Original,
    /// `--zone-reply`.
    Reply,
    /// `--zone`.
    Both,
}

impl Zone {
    /// A zone in both directions.
    pub const fn new(id: u16) -> Zone {
        Zone { id, from_mark: false, original: false, reply: false }
    }

    /// Whether it is the default zone.
    pub const fn is_none(self) -> bool {
        self.id == 0 && !self.from_mark
    }

    /// Reads `mark` in any case, or a number in base 0, on top of what was read before: there is one number, but
    /// directions and `mark` stay.
    ///
    /// # Errors
    /// `Form` or `Range` for anything else.
    pub fn read(mut self, text: &[u8], direction: ZoneDirection) -> Parsed<Zone> {
        if text.eq_ignore_ascii_case(b"mark") {
            self.from_mark = true;
        } else {
            let id = base0(text, 0, 65535);
            self.id =
                id.map_err(|bad| Bad { expected: "a zone from 0 to 65535, or `mark`".into(), ..bad })? as u16;
        }
        self.original |= direction == ZoneDirection::Original;
        self.reply |= direction == ZoneDirection::Reply;
        Ok(self)
    }

    /// Appends `--zone ID`, `--zone-orig ID` or `--zone-reply ID`; nothing for the default zone.
    pub fn push(self, out: &mut Vec<u8>) {
        if self.is_none() {
            return;
        }
        out.extend_from_slice(match (self.original, self.reply) {
            (true, false) => b"--zone-orig ",
            (false, true) => b"--zone-reply ",
            _ => b"--zone ",
        });
        if self.from_mark {
            out.extend_from_slice(b"mark");
        } else {
            push(out, u64::from(self.id));
        }
    }
}

/// A set of connection events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Events(pub u16);

/// In the order in which they are printed; the place is the bit.
const NAMES: [(&str, Events); 10] = [
    ("new", Events::NEW),
    ("related", Events::RELATED),
    ("destroy", Events::DESTROY),
    ("reply", Events::REPLY),
    ("assured", Events::ASSURED),
    ("protoinfo", Events::PROTOINFO),
    ("helper", Events::HELPER),
    ("mark", Events::MARK),
    ("natseqinfo", Events::NATSEQINFO),
    ("secmark", Events::SECMARK),
];

impl Events {
    /// No event.
    pub const NONE: Events = Events(0);
    /// A connection begins.
    pub const NEW: Events = Events(1);
    /// An expected connection begins.
    pub const RELATED: Events = Events(2);
    /// A connection is forgotten.
    pub const DESTROY: Events = Events(4);
    /// The first reply is seen.
    pub const REPLY: Events = Events(8);
    /// The connection will not be forgotten early.
    pub const ASSURED: Events = Events(16);
    /// The state of the protocol changes.
    pub const PROTOINFO: Events = Events(32);
    /// A helper is set.
    pub const HELPER: Events = Events(64);
    /// The mark changes.
    pub const MARK: Events = Events(128);
    /// Sequence numbers are adjusted.
    pub const NATSEQINFO: Events = Events(256);
    /// The security mark changes.
    pub const SECMARK: Events = Events(512);

    /// Reads a comma list of names in lower case.
    ///
    /// # Errors
    /// `Form` for an unknown name or an empty part.
    pub fn parse(text: &[u8]) -> Parsed<Events> {
        let one = |part: &[u8]| NAMES.iter().find(|(name, _)| name.as_bytes() == part);
        text.split(|byte| *byte == b',').try_fold(Events::NONE, |all, part| match one(part) {
            Some((_, event)) => Ok(all | *event),
            None => {
                let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                Err(Bad::form(format!("a list of {}", names.join(", "))))
            }
        })
    }

    /// Reads a list of events of expectations: there is only `new`.
    ///
    /// # Errors
    /// `Form` for any other.
    pub fn parse_expected(text: &[u8]) -> Parsed<()> {
        match text.split(|byte| *byte == b',').all(|part| part == b"new") {
            true => Ok(()),
            false => Err(Bad::form("`new`")),
        }
    }

    /// Appends the names, separated by commas.
    pub fn push(self, out: &mut Vec<u8>) {
        let mut names = NAMES.iter().filter(|(_, event)| self.0 & event.0 != 0);
        if let Some((first, _)) = names.next() {
            out.extend_from_slice(first.as_bytes());
        }
        for (name, _) in names {
            out.push(b',');
            out.extend_from_slice(name.as_bytes());
        }
    }
}

impl std::ops::BitOr for Events {
    type Output = Events;
    fn bitor(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_gathers_directions_and_the_last_number() {
        let read = |words: &[(&str, ZoneDirection)]| {
            let zone = words.iter().fold(Zone::default(), |zone, (text, direction)| {
                zone.read(text.as_bytes(), *direction).unwrap()
            });
            let mut out = Vec::new();
            zone.push(&mut out);
            String::from_utf8(out).unwrap()
        };
        use ZoneDirection::{Both, Original, Reply};
        assert_eq!(read(&[("0x10", Both)]), "--zone 16");
        assert_eq!(read(&[("5", Both), ("6", Original)]), "--zone-orig 6");
        assert_eq!(read(&[("5", Reply), ("6", Original)]), "--zone 6");
        assert_eq!(read(&[("MARK", Both), ("5", Reply)]), "--zone-reply mark");
        assert_eq!(read(&[("0", Original)]), "");
        assert!(Zone::default().read(b"65536", Both).is_err());
    }

    #[test]
    fn events_are_sorted() {
        let mut out = Vec::new();
        Events::parse(b"mark,new,mark").unwrap().push(&mut out);
        assert_eq!(out, b"new,mark");
        for text in ["", "new,", "NEW", "all", "new, mark"] {
            assert!(Events::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Events::parse_expected(b"new,new").is_ok() && Events::parse_expected(b"").is_err());
    }
}
