//! The options of a rule that was made by calls, in the order in which they print.

/// Options of a rule: known ones in PyPTables's order, then the others as they came, the comment last.
///
/// One buffer of bytes. Each argument is its rank, the length of its words, and its words, each ended by NUL (which no
/// word can hold). So building and printing are linear and need one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    buffer: Vec<u8>,
}

/// One argument: an option with `!` before it and its values after it, or a match with all its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    rank: u8,
    words: &'a [u8],
}

/// Where an argument stands: PyPTables prints `-i -o -p -s -d -f -j -g`, then the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Rank {
    InIface = 1,
    OutIface,
    Proto,
    Source,
    Destination,
    Fragment,
    Jump,
    Goto,
    /// A `-m` with its options, or an option by itself.
    Other,
    Comment,
}

const HEADER: usize = 3;

impl Args {
    /// No arguments.
    pub fn new() -> Args {
        Args::default()
    }

    /// Sets a known option; an earlier value of it is replaced.
    pub(crate) fn set(&mut self, rank: Rank, write: impl FnOnce(&mut Words<'_>)) {
        let (mut at, mut old) = (0, None);
        while let Some((arg, next)) = self.arg_at(at) {
            if arg.rank >= rank as u8 {
                old = (arg.rank == rank as u8).then_some(next);
                break;
            }
            at = next;
        }
        if let Some(end) = old {
            self.buffer.drain(at..end);
        }
        self.splice(at, rank as u8, write);
    }

    /// Adds an argument after those of its rank.
    pub(crate) fn add(&mut self, rank: Rank, write: impl FnOnce(&mut Words<'_>)) {
        let at = self.position(rank as u8);
        self.splice(at, rank as u8, write);
    }

    /// Sets an option by its name (`--dport`); an earlier value of it is replaced where it stands.
    pub(crate) fn set_named(&mut self, name: &[u8], write: impl FnOnce(&mut Words<'_>)) {
        let mut at = 0;
        while let Some((arg, next)) = self.arg_at(at) {
            if arg.rank == Rank::Other as u8 && arg.name() == name {
                self.buffer.drain(at..next);
                return self.splice(at, Rank::Other as u8, write);
            }
            at = next;
        }
        self.add(Rank::Other, write);
    }

    /// The arguments, in the order in which they print.
    pub fn iter(&self) -> impl Iterator<Item = Arg<'_>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (arg, next) = self.arg_at(at)?;
            at = next;
            Some(arg)
        })
    }

    /// Whether a word holds a line feed (which NUL becomes too), looking at all bytes at once. The bytes between words may be
    /// line feeds by chance, so this may be wrong, but only in that direction.
    pub(crate) fn may_break(&self) -> bool {
        memchr::memchr(b'\n', &self.buffer).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    fn arg_at(&self, at: usize) -> Option<(Arg<'_>, usize)> {
        let header = self.buffer.get(at..at + HEADER)?;
        let [rank, low, high] = *header else { return None };
        let start = at + HEADER;
        let end = start + usize::from(u16::from_le_bytes([low, high]));
        Some((Arg { rank, words: self.buffer.get(start..end)? }, end))
    }

    /// The offset after the last argument of this rank or a lower one.
    fn position(&self, rank: u8) -> usize {
        let mut at = 0;
        while let Some((arg, next)) = self.arg_at(at) {
            if arg.rank > rank {
                break;
            }
            at = next;
        }
        at
    }

    /// Writes an argument at the end and turns it into its place: most arguments come in order.
    fn splice(&mut self, at: usize, rank: u8, write: impl FnOnce(&mut Words<'_>)) {
        if self.buffer.capacity() == 0 {
            self.buffer.reserve(112);
        }
        let end = self.buffer.len();
        self.buffer.extend_from_slice(&[rank, 0, 0]);
        let start = end + HEADER;
        write(&mut Words { out: &mut self.buffer });
        // Values of 64 KiB are beyond what any rule can hold (a word has 1,023 bytes at most).
        self.buffer.truncate(start + usize::from(u16::MAX));
        let length = u16::try_from(self.buffer.len() - start).unwrap_or(u16::MAX).to_le_bytes();
        if let Some(place) = self.buffer.get_mut(start - 2..start) {
            place.copy_from_slice(&length);
        }
        if at < end {
            let added = self.buffer.len() - end;
            if let Some(moved) = self.buffer.get_mut(at..) {
                moved.rotate_right(added);
            }
        }
    }
}

impl<'a> Arg<'a> {
    /// Its words: perhaps `!`, the option, its values.
    pub fn words(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.words;
        std::iter::from_fn(move || {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let (word, after) = rest.split_at_checked(end)?;
            rest = after.get(1..).unwrap_or_default();
            Some(word)
        })
    }

    /// The option itself: the first word that is not `!`.
    pub fn name(self) -> &'a [u8] {
        self.words().find(|word| *word != b"!").unwrap_or_default()
    }

    /// Whether it is the rule's comment.
    pub fn is_comment(self) -> bool {
        self.rank == Rank::Comment as u8
    }
}

/// Takes the words of one argument.
pub(crate) struct Words<'a> {
    out: &'a mut Vec<u8>,
}

impl Words<'_> {
    /// A word. NUL, which would end it early, becomes a line feed: both are refused when the rule is lowered.
    pub(crate) fn word(&mut self, word: &[u8]) -> &mut Self {
        if memchr::memchr(0, word).is_none() {
            self.out.extend_from_slice(word);
        } else {
            self.out.extend(word.iter().map(|byte| denul(*byte)));
        }
        self.out.push(0);
        self
    }

    /// `!` if inverted.
    pub(crate) fn not(&mut self, inverted: bool) -> &mut Self {
        if inverted {
            self.out.extend_from_slice(b"!\0");
        }
        self
    }

    /// A word that the closure appends.
    pub(crate) fn with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let start = self.out.len();
        write(self.out);
        if let Some(word) = self.out.get_mut(start..)
            && memchr::memchr(0, word).is_some()
        {
            word.iter_mut().for_each(|byte| *byte = denul(*byte));
        }
        self.out.push(0);
        self
    }

    /// Words that are known to hold no NUL, each with its end.
    pub(crate) fn fixed(&mut self, words: &'static [u8]) -> &mut Self {
        self.out.extend_from_slice(words);
        self
    }
}

fn denul(byte: u8) -> u8 {
    if byte == 0 { b'\n' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(args: &Args) -> String {
        let words: Vec<&[u8]> = args.iter().flat_map(Arg::words).collect();
        String::from_utf8(words.join(&b' ')).unwrap()
    }

    #[test]
    fn known_options_stand_in_their_order_and_a_new_value_replaces_the_old() {
        let mut args = Args::new();
        args.set(Rank::Comment, |to| {
            to.word(b"-m").word(b"comment").word(b"--comment").word(b"a b");
        });
        args.set_named(b"--dport", |to| {
            to.word(b"--dport").word(b"22");
        });
        args.set(Rank::Jump, |to| {
            to.word(b"-j").word(b"ACCEPT");
        });
        args.set(Rank::Proto, |to| {
            to.word(b"-p").word(b"tcp");
        });
        args.set(Rank::Jump, |to| {
            to.word(b"-j").word(b"REJECT");
        });
        args.set_named(b"--dport", |to| {
            to.not(true).word(b"--dport").word(b"23");
        });
        assert_eq!(text(&args), "-p tcp -j REJECT ! --dport 23 -m comment --comment a b");
    }
}
