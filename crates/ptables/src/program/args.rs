//! The options of a rule that was made by calls, in the order in which they print.

use std::borrow::Cow;

use crate::text::lex::{self, Word};
use crate::value::quote;

/// Options of a rule: known ones in PyPTables's order, then the others as they came, the comment last.
///
/// One buffer of bytes, that holds them as they print: first the rank of the last argument, then each argument as a header
/// (its rank and its length) and its words, quoted where they must be, each after a blank. So printing is copying, building needs one
/// allocation, and what comes in order finds its place at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    buffer: Vec<u8>,
}

/// One argument: an option with `!` before it and its values after it, or a match with all its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    head: Head,
    text: &'a [u8],
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

/// Ranks by their numbers, from 1.
const RANKS: [Rank; 10] = [
    Rank::InIface,
    Rank::OutIface,
    Rank::Proto,
    Rank::Source,
    Rank::Destination,
    Rank::Fragment,
    Rank::Jump,
    Rank::Goto,
    Rank::Other,
    Rank::Comment,
];

/// Rank (bits 0 to 3), whether a word holds a line feed (bit 4), and the bytes of the text (from bit 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head(u32);

const HEAD: usize = 4;
/// The longest value in bytes; more is cut. No tool reads words of more than 1,023 bytes, and longer ones are refused.
const MAX_VALUE: usize = 1 << 20;
/// The most bytes of one argument, so that its length fits.
const MAX_ARG: usize = (1 << 27) - 1;
/// Before each comment's value.
const COMMENT: &[u8] = b" -m comment --comment ";

impl Head {
    fn rank(self) -> u8 {
        (self.0 & 15) as u8
    }

    fn breaks(self) -> bool {
        self.0 & 16 != 0
    }

    fn length(self) -> usize {
        (self.0 >> 5) as usize
    }
}

impl Args {
    /// No arguments.
    pub fn new() -> Args {
        Args::default()
    }

    /// Sets a known option; an earlier value of it is replaced.
    #[inline]
    pub(crate) fn set(&mut self, rank: Rank, write: impl FnOnce(&mut Words<'_>)) {
        let mut at = self.start(rank);
        while let Some((head, next)) = self.head_at(at) {
            if head.rank() >= rank as u8 {
                if head.rank() == rank as u8 {
                    self.buffer.drain(at..next);
                }
                break;
            }
            at = next;
        }
        self.splice(at, rank, write);
    }

    /// Adds an argument after those of its rank.
    #[inline]
    pub(crate) fn add(&mut self, rank: Rank, write: impl FnOnce(&mut Words<'_>)) {
        let mut at = self.start(rank);
        while let Some((_, next)) = self.head_at(at).filter(|(head, _)| head.rank() <= rank as u8) {
            at = next;
        }
        self.splice(at, rank, write);
    }

    /// Sets an option by its name (`--dport`); an earlier value of it is replaced where it stands.
    #[inline]
    pub(crate) fn set_named(&mut self, name: &[u8], write: impl FnOnce(&mut Words<'_>)) {
        let mut at = self.start(Rank::Other);
        while let Some((head, next)) = self.head_at(at).filter(|(head, _)| head.rank() <= Rank::Other as u8) {
            if head.rank() == Rank::Other as u8 && self.arg(at).is_some_and(|arg| *arg.name() == *name) {
                self.buffer.drain(at..next);
                break;
            }
            at = next;
        }
        self.splice(at, Rank::Other, write);
    }

    /// The arguments, in the order in which they print.
    pub fn iter(&self) -> impl Iterator<Item = Arg<'_>> {
        let mut at = 1;
        std::iter::from_fn(move || {
            let arg = self.arg(at)?;
            at += HEAD + arg.text.len();
            Some(arg)
        })
    }

    /// Appends them as they print. Says whether a word holds a line feed.
    pub(crate) fn push(&self, out: &mut Vec<u8>) -> bool {
        let mut breaks = false;
        let mut rest = self.buffer.get(1..).unwrap_or_default();
        while let Some((head, after)) = rest.split_first_chunk::<HEAD>() {
            let head = Head(u32::from_le_bytes(*head));
            let Some((text, next)) = after.split_at_checked(head.length()) else { break };
            out.extend_from_slice(text);
            breaks |= head.breaks();
            rest = next;
        }
        breaks
    }

    /// The comment, without quotes and escapes.
    pub(crate) fn comment(&self) -> Option<Cow<'_, [u8]>> {
        // Nothing stands after it.
        if self.buffer.first().is_none_or(|last| *last != Rank::Comment as u8) {
            return None;
        }
        self.iter().find_map(Arg::comment)
    }

    /// Adds an argument of another list at the end, with the name `new` if it has the name `old`.
    pub(super) fn copy(&mut self, arg: Arg<'_>, old: &[u8], new: &[u8]) {
        let rank = usize::from(arg.head.rank()).checked_sub(1).and_then(|at| RANKS.get(at).copied());
        let Some(rank) = rank else { return };
        self.splice(self.buffer.len(), rank, |to| {
            to.breaks = arg.head.breaks();
            match arg.text.strip_prefix(b" ").and_then(|text| text.strip_prefix(old)) {
                Some(rest) if *arg.name() == *old => {
                    to.out.push(b' ');
                    to.out.extend_from_slice(new);
                    to.out.extend_from_slice(rest);
                }
                _ => to.out.extend_from_slice(arg.text),
            }
        });
    }

    /// Adds an argument of another list at the end.
    pub(crate) fn kept(&mut self, arg: Arg<'_>) {
        self.copy(arg, b"", b"");
    }

    /// Adds these words at the end, in the place of an argument of another list; nothing, if there are none.
    pub(crate) fn replaced<'w>(&mut self, arg: Arg<'_>, words: impl IntoIterator<Item = &'w [u8]>) {
        let rank = usize::from(arg.head.rank()).checked_sub(1).and_then(|at| RANKS.get(at).copied());
        let mut words = words.into_iter().peekable();
        let (Some(rank), Some(_)) = (rank, words.peek()) else { return };
        self.splice(self.buffer.len(), rank, |to| {
            for word in words {
                to.word(word);
            }
        });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Bytes of memory that hold it, about what it prints as.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Where to begin to look for the place of a rank.
    #[inline]
    fn start(&self, rank: Rank) -> usize {
        if self.buffer.first().is_some_and(|last| *last < rank as u8) { self.buffer.len() } else { 1 }
    }

    #[inline]
    fn head_at(&self, at: usize) -> Option<(Head, usize)> {
        let head = Head(u32::from_le_bytes(*self.buffer.get(at..)?.first_chunk::<HEAD>()?));
        Some((head, at + HEAD + head.length()))
    }

    #[inline]
    fn arg(&self, at: usize) -> Option<Arg<'_>> {
        let (head, next) = self.head_at(at)?;
        Some(Arg { head, text: self.buffer.get(at + HEAD..next)? })
    }

    /// Writes an argument at the end and turns it into its place: most arguments come in order.
    #[inline]
    fn splice(&mut self, at: usize, rank: Rank, write: impl FnOnce(&mut Words<'_>)) {
        if self.buffer.is_empty() {
            self.buffer.reserve(112);
            self.buffer.push(0);
        }
        let (at, end) = (at.max(1), self.buffer.len());
        self.buffer.extend_from_slice(&[0; HEAD]);
        let mut words = Words { out: &mut self.buffer, breaks: false };
        write(&mut words);
        let breaks = words.breaks;
        self.buffer.truncate(end + HEAD + MAX_ARG);
        let length = self.buffer.len() - end - HEAD;
        // INVARIANT: cut above, so that it fits.
        let head = (rank as u32) | u32::from(breaks) << 4 | (length as u32) << 5;
        if let Some(place) = self.buffer.get_mut(end..end + HEAD) {
            place.copy_from_slice(&head.to_le_bytes());
        }
        if at == end {
            if let Some(last) = self.buffer.first_mut() {
                *last = rank as u8;
            }
        } else if let Some(moved) = self.buffer.get_mut(at..) {
            moved.rotate_right(length + HEAD);
        }
    }
}

impl<'a> Arg<'a> {
    /// As it prints: its words, perhaps `!`, the option, its values, each after a blank and quoted where it must be.
    pub fn text(self) -> &'a [u8] {
        self.text
    }

    /// Appends its words, as iptables-restore reads them.
    pub(crate) fn words(self, words: &mut Vec<Word<'a>>) {
        lex::words(self.text, words);
    }

    pub(super) fn is(self, rank: Rank) -> bool {
        self.head.rank() == rank as u8
    }

    /// Its last word, unless it is inverted.
    pub(super) fn value(self) -> Option<Cow<'a, [u8]>> {
        let mut words = Vec::new();
        self.words(&mut words);
        if words.first().is_some_and(|it| *it.bytes == *b"!") {
            return None;
        }
        words.pop().map(|it| it.bytes)
    }

    /// The option itself: the first word that is not `!`.
    pub(super) fn name(self) -> Cow<'a, [u8]> {
        let plain = self.text.strip_prefix(b" ! ").or_else(|| self.text.strip_prefix(b" "));
        let plain = plain.unwrap_or_default();
        if plain.first() != Some(&b'"') {
            let end = plain.iter().position(|byte| *byte == b' ').unwrap_or(plain.len());
            return Cow::Borrowed(plain.get(..end).unwrap_or_default());
        }
        let mut words = Vec::new();
        self.words(&mut words);
        words.into_iter().map(|word| word.bytes).find(|word| **word != *b"!").unwrap_or_default()
    }

    /// The rule's comment, if this is it.
    fn comment(self) -> Option<Cow<'a, [u8]>> {
        if self.head.rank() != Rank::Comment as u8 {
            return None;
        }
        let value = self.text.strip_prefix(COMMENT)?;
        let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        if memchr::memchr(b'\\', inner).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        let mut words = Vec::new();
        self.words(&mut words);
        words.pop().map(|word| word.bytes)
    }

    /// Whether a word holds a line feed (which NUL became too).
    pub(crate) fn breaks(self) -> bool {
        self.head.breaks()
    }
}

/// Takes the words of one argument.
pub(crate) struct Words<'a> {
    out: &'a mut Vec<u8>,
    breaks: bool,
}

impl Words<'_> {
    /// A word. NUL, which no line holds, becomes a line feed: both are refused when the rule is printed or lowered.
    pub(crate) fn word(&mut self, word: &[u8]) -> &mut Self {
        self.with(|out| out.extend_from_slice(word))
    }

    /// `!` if inverted.
    pub(crate) fn not(&mut self, inverted: bool) -> &mut Self {
        if inverted {
            self.out.extend_from_slice(b" !");
        }
        self
    }

    /// A word that the closure appends.
    #[inline]
    pub(crate) fn with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.out.push(b' ');
        let start = self.out.len();
        write(self.out);
        if !self.out.get(start..).is_some_and(quote::is_bare) {
            self.quote(start);
        }
        self
    }

    /// A word that the closure appends, and that needs no quotes.
    #[inline]
    pub(crate) fn bare(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.out.push(b' ');
        write(self.out);
        self
    }

    /// Puts quotes around the last word.
    fn quote(&mut self, start: usize) {
        let word = self.out.get(start..).unwrap_or_default();
        if word.len() <= MAX_VALUE && quote::is_plain(word) {
            self.out.insert(start, b'"');
            self.out.push(b'"');
        } else {
            self.escape(start);
        }
    }

    #[cold]
    #[inline(never)]
    fn escape(&mut self, start: usize) {
        let mut word = self.out.split_off(start);
        word.truncate(MAX_VALUE);
        for byte in &mut word {
            if *byte == 0 {
                *byte = b'\n';
            }
        }
        self.breaks |= memchr::memchr(b'\n', &word).is_some();
        quote::push_kept(self.out, &word);
    }

    /// Words that are known to need no quotes, with the blank before each.
    #[inline]
    pub(crate) fn fixed(&mut self, words: &'static [u8]) -> &mut Self {
        self.out.extend_from_slice(words);
        self
    }

    /// The comment of a rule.
    #[inline]
    pub(crate) fn comment(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.extend_from_slice(COMMENT.get(..COMMENT.len() - 1).unwrap_or_default());
        self.with(write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(args: &Args) -> String {
        let text: Vec<u8> = args.iter().flat_map(Arg::text).copied().collect();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn known_options_stand_in_their_order_and_a_new_value_replaces_the_old() {
        let mut args = Args::new();
        args.set(Rank::Comment, |to| {
            to.comment(|out| out.extend_from_slice(b"a b"));
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
        assert_eq!(text(&args), " -p tcp -j REJECT ! --dport 23 -m comment --comment \"a b\"");
    }
}
