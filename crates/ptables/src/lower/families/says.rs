//! What the words of a rule say of families.

use super::address::{self, In};
use crate::dialect::Family;
use crate::ext::targets::reject::RejectWith;
use crate::ext::{CATALOGUE, Families, Kind, Spec, Takes};
use crate::lower::options::{self, Found, Main};
use crate::text::lex::Word;
use crate::value::{Names, proto};

/// What one word says.
#[derive(Clone, Debug)]
pub(super) struct Say {
    /// Which word.
    pub(super) at: usize,
    /// What the value is there, without an option before it in the same word.
    pub(super) value: String,
    /// The option, if it stands in the same word.
    before: Vec<u8>,
    pub(super) what: What,
}

impl Say {
    /// The word with another value.
    pub(super) fn with(&self, value: &str) -> Vec<u8> {
        [&self.before, value.as_bytes()].concat()
    }
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// The rule belongs to these families: an address, `icmp`.
    Belongs(In),
    /// It is said of these families that something is not so.
    Not(In),
    /// A list, as each family gets it.
    List { parts: [Option<Vec<u8>>; 2], inverted: bool },
    /// `-4` or `-6`.
    Flag(Family),
    /// A match, a target or an option that other families lack.
    Lacks(In, &'static str),
    /// The value of `--reject-with`, as each family calls it; `None` where it has no such answer.
    Reject([Option<&'static str>; 2]),
    /// The name of a set, whose entries decide.
    Set { inverted: bool },
}

/// Where a value stands, and whether `!` stands before its option.
struct Value<'w> {
    at: usize,
    /// How the word begins, if the value is attached to its option.
    before: &'w [u8],
    text: &'w [u8],
    inverted: bool,
}

/// Reads the options of a rule. `chain` says what `-j` may name besides targets, and which families have it.
pub(super) fn of(words: &[Word<'_>], names: &dyn Names, chain: &dyn Fn(&[u8]) -> Option<In>) -> Vec<Say> {
    let mut scan = Scan { words, names, chain, specs: Vec::new(), implied: None, says: Vec::new() };
    scan.run();
    scan.says
}

struct Scan<'a, 'w> {
    words: &'a [Word<'w>],
    names: &'a dyn Names,
    chain: &'a dyn Fn(&[u8]) -> Option<In>,
    specs: Vec<&'static Spec>,
    /// The match of the protocol.
    implied: Option<&'static str>,
    says: Vec<Say>,
}

impl<'a> Scan<'a, '_> {
    fn run(&mut self) {
        let words = self.words;
        let mut inverted = false;
        let mut at = 0;
        while let Some(word) = words.get(at) {
            match &*word.bytes {
                b"!" => {
                    inverted = true;
                    at += 1;
                    continue;
                }
                b"--" => return,
                [b'-', b'-', long @ ..] => at = self.long(at, long, inverted),
                [b'-', letter, attached @ ..] => match Main::short(*letter) {
                    Some(main) => at = self.main(at, main, 2, attached, inverted),
                    None => at += 1,
                },
                _ => at += 1,
            }
            inverted = false;
        }
    }

    fn long(&mut self, at: usize, long: &[u8], inverted: bool) -> usize {
        let equals = long.iter().position(|it| *it == b'=');
        let name = long.get(..equals.unwrap_or(long.len())).unwrap_or_default();
        let attached = equals.and_then(|it| long.get(it + 1..)).unwrap_or_default();
        let start = 2 + equals.map_or(long.len(), |it| it + 1);
        match self.find(name) {
            Found::Main(main) => self.main(at, main, start, attached, inverted),
            Found::Extension(index, option) => {
                let Some(spec) = self.specs.get(index).copied() else { return at + 1 };
                let Some(option) = spec.options.get(option) else { return at + 1 };
                self.option(at, spec, option, start, equals.is_some(), inverted)
            }
            Found::Ambiguous(_) | Found::Unknown => at + 1,
        }
    }

    fn find(&mut self, name: &[u8]) -> Found {
        let found = options::exact(name, self.specs.iter().copied().enumerate());
        if !matches!(found, Found::Unknown) {
            return found;
        }
        if let Some(implied) = self.implied.take() {
            let known = self.specs.iter().any(|it| options::has_beginning_with(it, name));
            if !known {
                self.specs.extend(named(Kind::Match, implied.as_bytes()));
            }
        }
        match options::exact(name, self.specs.iter().copied().enumerate()) {
            Found::Unknown => options::abbreviated(name, self.specs.iter().copied().enumerate()),
            found => found,
        }
    }

    /// An option of the rule itself. `start` is where an attached value begins in its word.
    fn main(&mut self, at: usize, main: Main, start: usize, attached: &[u8], inverted: bool) -> usize {
        let length = match main.takes() {
            Takes::Nothing => 0,
            Takes::Value | Takes::Maybe => 1,
            Takes::TwoValues => 2,
        };
        let (value_at, next) = match (length, attached) {
            (0, _) => (at, at + 1),
            (_, []) => (at + 1, at + 1 + length),
            _ => (at, at + length),
        };
        let start = if value_at == at { start } else { 0 };
        let Some(value) = self.value(value_at, start, inverted) else { return next };
        match main {
            Main::Source | Main::Destination => {
                let parts = address::list(value.text, self.names);
                self.say(&value, What::List { parts, inverted });
            }
            Main::Proto => {
                let number = proto::parse(value.text, self.names).unwrap_or(proto::ALL);
                self.implied = if inverted { None } else { proto::match_name(number, value.text) };
                let family = match number {
                    proto::ICMP => Family::V4,
                    proto::ICMPV6 => Family::V6,
                    _ => return next,
                };
                self.belongs(&value, In::one(family));
            }
            Main::Match => self.load(Kind::Match, &value),
            Main::Jump | Main::Goto => match (self.chain)(value.text) {
                Some(families) if families != In::BOTH => self.belongs(&value, families),
                None if main == Main::Jump => self.load(Kind::Target, &value),
                _ => {}
            },
            Main::Ipv4 => self.say(&value, What::Flag(Family::V4)),
            Main::Ipv6 => self.say(&value, What::Flag(Family::V6)),
            Main::Fragment => self.say(&value, What::Lacks(In::one(Family::V4), "option")),
            _ => {}
        }
        next
    }

    fn load(&mut self, kind: Kind, value: &Value<'_>) {
        let found: Vec<&'static Spec> = named(kind, value.text).collect();
        let families = found.iter().fold(In::NONE, |sum, it| sum.or(families(it)));
        if let (Some(_), Some(spec)) = (families.only(), found.first()) {
            // These two are halves of one thing; other matches of one family have no counterpart.
            let half = matches!(spec.name, "icmp" | "icmp6");
            let what = if kind == Kind::Match { "match" } else { "target" };
            let what = if half { What::Belongs(families) } else { What::Lacks(families, what) };
            self.say(value, what);
        }
        self.specs.extend(found);
    }

    fn option(
        &mut self,
        at: usize,
        spec: &Spec,
        option: &crate::ext::Opt,
        start: usize,
        attached: bool,
        inverted: bool,
    ) -> usize {
        let is_option =
            |at: usize| self.words.get(at).is_none_or(|it| matches!(it.bytes.first(), Some(b'-' | b'!')));
        let length = match option.takes {
            Takes::Nothing => return at + 1,
            Takes::Maybe if !attached && is_option(at + 1) => return at + 1,
            Takes::Value | Takes::Maybe => 1,
            Takes::TwoValues => 2,
        };
        let (value_at, start, next) =
            if attached { (at, start, at + length) } else { (at + 1, 0, at + 1 + length) };
        let Some(value) = self.value(value_at, start, inverted) else { return next };
        match (spec.name, option.name) {
            ("REJECT", _) => self.say(&value, What::Reject(answers(value.text))),
            ("set" | "SET", "match-set" | "add-set" | "del-set" | "map-set") => {
                self.say(&value, What::Set { inverted });
            }
            ("SNAT" | "DNAT", "to-source" | "to-destination") => {
                self.belongs(&value, address::of_nat(value.text));
            }
            _ if is_address(option.metavar) => {
                let mut families = In::NONE;
                for item in value.text.split(|it| *it == b',') {
                    families = families.or(address::of(item, self.names));
                }
                self.belongs(&value, families);
            }
            _ => {}
        }
        next
    }

    fn value(&self, at: usize, start: usize, inverted: bool) -> Option<Value<'a>> {
        let words: &'a [Word<'_>] = self.words;
        let bytes: &'a [u8] = &words.get(at)?.bytes;
        let (before, text) = bytes.split_at_checked(start).unwrap_or((&[], bytes));
        Some(Value { at, before, text, inverted })
    }

    fn belongs(&mut self, value: &Value<'_>, families: In) {
        if families != In::BOTH {
            self.say(value, if value.inverted { What::Not(families) } else { What::Belongs(families) });
        }
    }

    fn say(&mut self, value: &Value<'_>, what: What) {
        let what = match what {
            What::List { parts, inverted } => {
                What::List { parts: parts.map(|it| it.map(|it| [value.before, &it].concat())), inverted }
            }
            other => other,
        };
        let said = String::from_utf8_lossy(value.text).into_owned();
        self.says.push(Say { at: value.at, value: said, before: value.before.to_vec(), what });
    }
}

/// Everything in the catalogue that has this name: `ah` is another match in each family.
fn named(kind: Kind, name: &[u8]) -> impl Iterator<Item = &'static Spec> {
    let fits = move |spec: &Spec| {
        spec.kind == kind && std::iter::once(&spec.name).chain(spec.aliases).any(|it| it.as_bytes() == name)
    };
    CATALOGUE.iter().map(|it| it.spec).filter(move |it| fits(it))
}

fn families(spec: &Spec) -> In {
    match spec.families {
        Families::Both => In::BOTH,
        Families::V4 => In::one(Family::V4),
        Families::V6 => In::one(Family::V6),
    }
}

fn is_address(metavar: &str) -> bool {
    let metavar = metavar.trim_start_matches('[');
    metavar.starts_with("ADDRESS") || metavar.starts_with("PREFIX")
}

/// What each family calls an answer of REJECT; as it is where both read it.
fn answers(text: &[u8]) -> [Option<&'static str>; 2] {
    let read = Family::ALL.map(|family| RejectWith::parse(family, text).ok());
    let Some(with) = read.into_iter().flatten().next() else { return [Some(""); 2] };
    if read.iter().all(Option::is_some) {
        return [Some(""); 2];
    }
    Family::ALL.map(|family| with.counterpart(family).map(|it| it.name(family)))
}
