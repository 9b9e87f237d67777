//! Chunk types of SCTP with their flags.

use super::{Bad, Parsed};

/// Which chunks a packet holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunks {
    /// How the list is meant.
    pub scope: ChunkScope,
    /// A bit for each type, 0 to 255.
    pub types: [u128; 2],
    /// At most four, in the order of types: a type, flags to look at, and those of them that must be set.
    pub flags: Vec<(u8, u8, u8)>,
}

/// How a list of chunk types is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkScope {
    /// All of these are in the packet.
    All,
    /// One of these is.
    Any,
    /// No others are.
    Only,
}

/// Number, name, and the letters of the flags from the highest bit to the lowest.
const TYPES: [(u8, &str, &str); 22] = [
    (0, "DATA", "----IUBE"),
    (1, "INIT", "--------"),
    (2, "INIT_ACK", "--------"),
    (3, "SACK", "--------"),
    (4, "HEARTBEAT", "--------"),
    (5, "HEARTBEAT_ACK", "--------"),
    (6, "ABORT", "-------T"),
    (7, "SHUTDOWN", "--------"),
    (8, "SHUTDOWN_ACK", "--------"),
    (9, "ERROR", "--------"),
    (10, "COOKIE_ECHO", "--------"),
    (11, "COOKIE_ACK", "--------"),
    (12, "ECN_ECNE", "--------"),
    (13, "ECN_CWR", "--------"),
    (14, "SHUTDOWN_COMPLETE", "-------T"),
    (64, "I_DATA", "----IUBE"),
    (128, "ASCONF_ACK", "--------"),
    (130, "RE_CONFIG", "--------"),
    (132, "PAD", "--------"),
    (192, "FORWARD_TSN", "--------"),
    (193, "ASCONF", "--------"),
    (194, "I_FORWARD_TSN", "--------"),
];

const SCOPES: [(&str, ChunkScope); 3] =
    [("all", ChunkScope::All), ("any", ChunkScope::Any), ("only", ChunkScope::Only)];

/// The kernel's list of flags is so long.
const MAX_FLAGS: usize = 4;

impl Chunks {
    /// Reads `all`, `any` or `only`, in any case.
    ///
    /// # Errors
    /// `Form` for other words.
    pub fn scope(text: &[u8]) -> Parsed<ChunkScope> {
        let known = SCOPES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes()));
        known.map(|(_, scope)| *scope).ok_or_else(|| Bad::form("`all`, `any` or `only`"))
    }

    /// Reads `ALL`, `NONE`, or a list of types with flags: a capital letter is a flag that is set, a small one a flag that is
    /// not. Empty parts are skipped. Also says whether flags were lost: the tools give those of types above 14 to another
    /// type, which is not in the list.
    ///
    /// # Errors
    /// `Form` for an unknown type or flag; `Range` for flags of more than four types.
    pub fn parse(scope: ChunkScope, text: &[u8]) -> Parsed<(Chunks, bool)> {
        let mut chunks = Chunks { scope, types: [0, 0], flags: Vec::new() };
        let mut lost = false;
        if text.eq_ignore_ascii_case(b"ALL") {
            chunks.types = [u128::MAX, u128::MAX];
            return Ok((chunks, lost));
        }
        if text.eq_ignore_ascii_case(b"NONE") {
            return Ok((chunks, lost));
        }
        for part in text.split(|byte| *byte == b',').filter(|part| !part.is_empty()) {
            let at = memchr::memchr(b':', part).unwrap_or(part.len());
            let (name, flags) = part.split_at_checked(at).unwrap_or((part, &[]));
            let known = TYPES.iter().find(|(_, known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
            let (number, _, letters) =
                known.ok_or_else(|| Bad::form("chunk types such as `DATA,INIT,ABORT:T`"))?;
            chunks.set(*number);
            for letter in flags.get(1..).unwrap_or_default() {
                let bit = letters.bytes().position(|known| known == letter.to_ascii_uppercase());
                let bit = 0x80 >> bit.ok_or_else(|| Bad::form("flags that this chunk type has"))?;
                let set = if letter.is_ascii_uppercase() { bit } else { 0 };
                match *number {
                    ..=14 => chunks.flag(*number, bit, set)?,
                    _ => lost = true,
                }
            }
        }
        chunks.flags.sort_unstable();
        Ok((chunks, lost))
    }

    /// Whether a type is in the list.
    pub fn has(&self, number: u8) -> bool {
        self.types.get(usize::from(number / 128)).is_some_and(|half| half & (1 << (number % 128)) != 0)
    }

    /// Appends `all DATA:BE,INIT`.
    pub fn push(&self, out: &mut Vec<u8>) {
        let scope = SCOPES.iter().find(|(_, scope)| *scope == self.scope);
        out.extend_from_slice(scope.map_or("", |(name, _)| name).as_bytes());
        out.push(b' ');
        match self.types {
            [u128::MAX, u128::MAX] => return out.extend_from_slice(b"ALL"),
            [0, 0] => return out.extend_from_slice(b"NONE"),
            _ => {}
        }
        let mut first = true;
        for (number, name, letters) in TYPES.iter().filter(|(number, _, _)| self.has(*number)) {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(name.as_bytes());
            if let Some((_, mask, set)) = self.flags.iter().find(|(of, _, _)| of == number) {
                out.push(b':');
                for (index, letter) in
                    letters.bytes().enumerate().filter(|(index, _)| mask & (0x80 >> index) != 0)
                {
                    out.push(if set & (0x80 >> index) != 0 { letter } else { letter.to_ascii_lowercase() });
                }
            }
        }
    }

    fn set(&mut self, number: u8) {
        if let Some(half) = self.types.get_mut(usize::from(number / 128)) {
            *half |= 1 << (number % 128);
        }
    }

    fn flag(&mut self, number: u8, bit: u8, set: u8) -> Parsed<()> {
        if let Some((_, mask, bits)) = self.flags.iter_mut().find(|(of, _, _)| *of == number) {
            *mask |= bit;
            *bits |= set;
        } else if self.flags.len() == MAX_FLAGS {
            return Err(Bad::range("flags of four chunk types at most"));
        } else {
            self.flags.push((number, bit, set));
        }
        Ok(())
    }
}
