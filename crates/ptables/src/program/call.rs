//! Rules made by calls in PyPTables's words: `proto="tcp"`, `dport__not="22"`, `match="set"`. Scripts share this.

use std::borrow::Cow;
use std::fmt;

use super::args::{Arg, Args, Rank, Words};
use crate::ext::{CATALOGUE, Kind, Spec};

/// An option of rules that has a place of its own.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its letter, without the dash.
    pub short: &'static str,
    /// Its other name in calls.
    pub long: &'static str,
    /// Whether `__not` may stand behind its name.
    pub invertable: bool,
    rank: Rank,
}

/// The options that have a place of their own, in the order in which they print.
pub static KNOWN: [Known; 8] = [
    known("i", "in_interface", true, Rank::InIface),
    known("o", "out_interface", true, Rank::OutIface),
    known("p", "proto", true, Rank::Proto),
    known("s", "source", true, Rank::Source),
    known("d", "destination", true, Rank::Destination),
    known("f", "fragment", false, Rank::Fragment),
    known("j", "jump", false, Rank::Jump),
    known("g", "goto", false, Rank::Goto),
];

const fn known(short: &'static str, long: &'static str, invertable: bool, rank: Rank) -> Known {
    Known { short, long, invertable, rank }
}

impl Known {
    /// The option of this name, short or long, without `__not`.
    pub fn find(name: &str) -> Option<&'static Known> {
        KNOWN.iter().find(|it| it.short == name || it.long == name)
    }

    /// Its place among those that are known, from 1.
    pub(super) fn number(&self) -> u8 {
        self.rank as u8
    }
}

/// The name of an argument, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword<'a> {
    /// The name, without `__not`.
    pub name: &'a str,
    /// Whether `__not` stood behind it.
    pub inverted: bool,
}

/// Why a name is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeywordError {
    /// More than one `__`.
    Parts,
    /// What follows `__` is not `not`.
    Suffix,
    /// `__not` behind an option that cannot be inverted.
    NotInvertable,
}

impl fmt::Display for KeywordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeywordError::Parts => "the name of an option has one `__` at most",
            KeywordError::Suffix => "only `not` may follow `__` in the name of an option",
            KeywordError::NotInvertable => "this option cannot be inverted",
        })
    }
}

impl std::error::Error for KeywordError {}

impl<'a> Keyword<'a> {
    /// Takes a name apart.
    ///
    /// # Errors
    /// [`KeywordError::Parts`] and [`KeywordError::Suffix`].
    pub fn parse(text: &'a str) -> Result<Keyword<'a>, KeywordError> {
        // Most names have no such place; a search for text would take longer to begin than to end.
        let Some(at) = text.as_bytes().windows(2).position(|it| it == b"__") else {
            return Ok(Keyword { name: text, inverted: false });
        };
        match text.split_at(at) {
            (_, suffix) if suffix.trim_start_matches('_').contains("__") => Err(KeywordError::Parts),
            (name, "__not") => Ok(Keyword { name, inverted: true }),
            _ => Err(KeywordError::Suffix),
        }
    }

    /// The known option that it means, if any.
    ///
    /// # Errors
    /// [`KeywordError::NotInvertable`].
    pub fn known(self) -> Result<Option<&'static Known>, KeywordError> {
        match Known::find(self.name) {
            Some(known) if self.inverted && !known.invertable => Err(KeywordError::NotInvertable),
            known => Ok(known),
        }
    }
}

impl Args {
    /// Adds an argument of a call. A known option takes its place, unless one of that place is there already; all others stand
    /// behind, as they come. No values, or one that is empty: a bare flag.
    ///
    /// # Errors
    /// [`KeywordError`]: nothing was added.
    pub fn keyword<'v>(
        &mut self,
        keyword: Keyword<'_>,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) -> Result<(), KeywordError> {
        self.named(keyword.known()?, keyword.name, keyword.inverted, values);
        Ok(())
    }

    /// The same for an option that is known to be one.
    pub(super) fn named<'v>(
        &mut self,
        known: Option<&Known>,
        name: &str,
        inverted: bool,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) {
        match known {
            Some(known) if !self.has(known.rank) => self.add(known.rank, |to| {
                option(to, inverted, known.short, values);
            }),
            _ => self.add(Rank::Other, |to| option(to, inverted, name, values)),
        }
    }

    /// Adds an option behind those that are there, whatever it is.
    pub fn option<'v>(&mut self, name: &str, inverted: bool, values: impl IntoIterator<Item = &'v [u8]>) {
        self.add(Rank::Other, |to| option(to, inverted, name, values));
    }

    /// Adds words that are taken as one argument, behind those that are there.
    pub fn words<'v>(&mut self, words: impl IntoIterator<Item = &'v [u8]>) {
        self.add(Rank::Other, |to| {
            for word in words {
                to.word(word);
            }
        });
    }

    /// Sets the comment, which stands at the end; an empty one is none.
    pub fn set_comment(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.set(Rank::Comment, |to| {
                to.comment(|out| out.extend_from_slice(text));
            });
        }
    }

    /// Mends what a call says in another order, or another word, than iptables takes it: options of a match move behind their
    /// `-m`, and `prefix` of a LOG rule is its `--log-prefix`.
    pub fn settle(&mut self) {
        let late = self.others().skip(1).any(|it| is_match(&it.name()));
        let prefix = self.others().any(|it| *it.name() == *b"--prefix");
        if !late && !prefix {
            return;
        }
        let target = self.value_of([b"-j", b"--jump"]);
        let proto = self.value_of([b"-p", b"--proto"]);
        let log = target.as_deref() == Some(b"LOG");
        let mut loaded: Vec<&Spec> = [(Kind::Target, &target), (Kind::Match, &proto)]
            .into_iter()
            .filter_map(|(kind, name)| spec(kind, name.as_deref()?))
            .collect();
        let mut order: Vec<Arg<'_>> = self.others().collect();
        for at in 0..order.len() {
            let Some(arg) = order.get(at).copied().filter(|it| is_match(&it.name())) else { continue };
            let Some(found) = arg.value().and_then(|name| spec(Kind::Match, &name)) else { continue };
            let own =
                |it: &Arg<'_>| has(found, &it.name()) && !loaded.iter().any(|other| has(other, &it.name()));
            if let Some(place) = order.get(..at).unwrap_or_default().iter().position(own) {
                order.get_mut(place..=at).unwrap_or_default().rotate_right(1);
            }
            loaded.push(found);
        }
        let mut settled = Args::new();
        let mut order = order.into_iter();
        let (old, new): (&[u8], &[u8]) = if log { (b"--prefix", b"--log-prefix") } else { (b"", b"") };
        for arg in self.iter() {
            // As many others as there were: they only change places.
            let arg = if arg.is(Rank::Other) { order.next().unwrap_or(arg) } else { arg };
            settled.copy(arg, old, new);
        }
        *self = settled;
    }

    fn others(&self) -> impl Iterator<Item = Arg<'_>> {
        self.iter().filter(|it| it.is(Rank::Other))
    }

    fn has(&self, rank: Rank) -> bool {
        self.iter().any(|it| it.is(rank))
    }

    /// The last word of the first option of these names, unless it is inverted. It may stand anywhere: lists of arguments that
    /// a script made print where they are.
    fn value_of(&self, names: [&[u8]; 2]) -> Option<Cow<'_, [u8]>> {
        self.iter().find(|it| names.contains(&&*it.name()))?.value()
    }
}

fn option<'v>(to: &mut Words<'_>, inverted: bool, name: &str, values: impl IntoIterator<Item = &'v [u8]>) {
    to.not(inverted).with(|out| {
        out.extend_from_slice(if name.chars().nth(1).is_some() { b"--" } else { b"-" });
        out.extend(name.bytes().map(|byte| if byte == b'_' { b'-' } else { byte }));
        if name.is_empty() {
            out.push(b'-');
        }
    });
    for value in values {
        if !value.is_empty() {
            to.word(value);
        }
    }
}

fn is_match(option: &[u8]) -> bool {
    option == b"-m" || option == b"--match"
}

fn spec(kind: Kind, name: &[u8]) -> Option<&'static Spec> {
    let named = |it: &Spec| std::iter::once(&it.name).chain(it.aliases).any(|it| it.as_bytes() == name);
    CATALOGUE.iter().map(|it| it.spec).find(|it| it.kind == kind && named(it))
}

fn has(spec: &Spec, option: &[u8]) -> bool {
    let Some(name) = option.strip_prefix(b"--") else { return false };
    spec.options.iter().flat_map(|it| it.names()).any(|it| it.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(call: &[(&str, &[&str])]) -> String {
        let mut args = Args::new();
        for (name, values) in call {
            let name = Keyword::parse(name).unwrap();
            args.keyword(name, values.iter().map(|it| it.as_bytes())).unwrap();
        }
        args.settle();
        let text: Vec<u8> = args.iter().flat_map(Arg::text).copied().collect();
        String::from_utf8(text).unwrap().trim_start().to_owned()
    }

    #[test]
    fn known_options_take_their_place_and_others_follow_as_they_come() {
        let call: [(&str, &[&str]); 5] = [
            ("dport", &["22"]),
            ("j", &["ACCEPT"]),
            ("syn", &[]),
            ("source__not", &["a"]),
            ("a_b", &["c", "d"]),
        ];
        assert_eq!(text(&call), "! -s a -j ACCEPT --dport 22 --syn --a-b c d");
        assert_eq!(text(&[("f", &[""]), ("x", &["1"])]), "-f -x 1");
        assert_eq!(text(&[("source", &["b"]), ("s", &["a"])]), "-s b -s a");
        assert_eq!(text(&[("s", &["a"]), ("source", &["b"])]), "-s a --source b");
    }

    #[test]
    fn options_stand_behind_their_match() {
        assert_eq!(
            text(&[("ctstate", &["NEW"]), ("match", &["conntrack"])]),
            "--match conntrack --ctstate NEW"
        );
        // What the protocol or an earlier match brings stays where it is.
        let call: [(&str, &[&str]); 4] =
            [("p", &["tcp"]), ("dport", &["22"]), ("match", &["conntrack"]), ("ctstate", &["NEW"])];
        assert_eq!(text(&call), "-p tcp --dport 22 --match conntrack --ctstate NEW");
        let call: [(&str, &[&str]); 3] = [("p", &["tcp"]), ("dport", &["22"]), ("match", &["tcp"])];
        assert_eq!(text(&call), "-p tcp --dport 22 --match tcp");
        assert_eq!(text(&[("a", &["1"]), ("match", &["unheard-of"])]), "-a 1 --match unheard-of");
    }

    #[test]
    fn the_prefix_of_a_log_rule_is_its_log_prefix() {
        assert_eq!(text(&[("j", &["LOG"]), ("prefix", &["x"])]), "-j LOG --log-prefix x");
        assert_eq!(text(&[("j", &["NFLOG"]), ("prefix", &["x"])]), "-j NFLOG --prefix x");
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let mut args = Args::new();
        assert_eq!(Keyword::parse("a__b"), Err(KeywordError::Suffix));
        assert_eq!(Keyword::parse("a__"), Err(KeywordError::Suffix));
        assert_eq!(Keyword::parse("a__not__b"), Err(KeywordError::Parts));
        assert_eq!(args.keyword(Keyword::parse("jump__not").unwrap(), []), Err(KeywordError::NotInvertable));
        assert!(args.is_empty());
    }
}
