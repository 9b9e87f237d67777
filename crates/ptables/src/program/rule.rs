//! Rules as they were written.

use std::borrow::Cow;

use super::args::Args;
use crate::model::Counters;
use crate::origin::Origin;
use crate::source::Text;

/// A rule, or another command on a chain, as it was written.
///
/// Equal only by what it says; who wrote it does not count.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rule {
    /// Who wrote it.
    pub origin: Origin,
    /// What is done with it; [`Verb::Append`] unless text says otherwise.
    pub verb: Verb,
    /// Packets and bytes that text gives in brackets.
    pub counters: Option<Box<Counters>>,
    /// What it says.
    pub body: Body,
}

/// What a rule says, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Options set by calls.
    Args(Args),
    /// One line of text, after `-A CHAIN`.
    Line(Text),
    /// Several rules under one heading.
    Composite(Box<Composite>),
}

/// Rules that were written as one, with a comment of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Composite {
    /// The heading.
    pub comment: Option<Text>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// What is done with a rule: the command that stands before it in text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `-A`: at the end.
    #[default]
    Append,
    /// `-I`: at this place, from 1.
    Insert(u32),
    /// `-R`: instead of the rule at this place, from 1.
    Replace(u32),
    /// `-D` with a place, from 1; the rule itself is empty.
    DeleteAt(u32),
    /// `-D` with a rule.
    Delete,
    /// `-C`: nothing changes.
    Check,
    /// `-F`: all rules of the chain go; the rule itself is empty.
    Flush,
    /// `-Z`: counters become 0; the rule itself is empty.
    Zero,
}

impl Rule {
    /// A rule with these options.
    pub fn from_args(origin: Origin, args: Args) -> Rule {
        Rule { origin, verb: Verb::Append, counters: None, body: Body::Args(args) }
    }

    /// A rule kept as text: what stands after `-A CHAIN`. One line; nothing in it is read until it is lowered.
    #[track_caller]
    pub fn custom(text: impl Into<Text>) -> Rule {
        Rule { origin: Origin::caller(), verb: Verb::Append, counters: None, body: Body::Line(text.into()) }
    }

    /// Several rules under one heading.
    #[track_caller]
    pub fn composite(comment: Option<Text>, rules: Vec<Rule>) -> Rule {
        let body = Body::Composite(Box::new(Composite { comment, rules }));
        Rule { origin: Origin::caller(), verb: Verb::Append, counters: None, body }
    }

    /// The remark that stands above it: its `--comment`, or the heading of a composite.
    pub fn comment(&self) -> Option<Cow<'_, [u8]>> {
        match &self.body {
            Body::Args(args) => args.comment(),
            Body::Line(text) => comment_of(text),
            Body::Composite(composite) => {
                composite.comment.as_ref().map(|text| Cow::Borrowed(text.as_bytes()))
            }
        }
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.verb == other.verb && self.counters == other.counters && self.body == other.body
    }
}

impl Eq for Rule {}

/// The value of `--comment` in a line of text.
fn comment_of(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    memchr::memmem::find(line, b"--comment")?;
    let mut words = Vec::new();
    crate::text::lex::words(line, &mut words);
    let at = words.iter().position(|word| &*word.bytes == b"--comment")?;
    words.get(at + 1).map(|word| word.bytes.clone())
}
