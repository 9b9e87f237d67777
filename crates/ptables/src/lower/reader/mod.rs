//! Reads the words of one rule into a typed rule: the one parser of options, whoever wrote them.

mod extension_options;
mod rule_options;

use super::names;
use super::options::{self, Found, Main};
use crate::diag::codes;
use crate::ext::{Arg, CATALOGUE, Context, End, Fault, Kind, Match, Opt, Spec, Takes};
use crate::model::{Counters, Jump, Typed};
use crate::source::Text;
use crate::text::lex::Word;
use crate::value::Names;
use crate::value::addr::Net;

/// What a rule was read as, besides what is in the rule itself.
#[derive(Default)]
pub(super) struct Outcome {
    /// More sources and destinations of a comma list; the rule holds the first of each.
    pub(super) sources: Vec<Net>,
    pub(super) destinations: Vec<Net>,
    pub(super) counters: Option<Counters>,
    /// `-4` in an IPv6 ruleset or the other way round: iptables leaves the rule out.
    pub(super) skipped: bool,
    /// The name of a match or target that the catalogue does not have: the rule must be kept word for word.
    pub(super) raw: Option<usize>,
}

/// A finding about a word of the rule (or about all of it).
pub(super) struct Finding {
    pub(super) fault: Fault,
    pub(super) word: Option<usize>,
    pub(super) warning: bool,
    /// What the word should be.
    pub(super) fix: Option<String>,
}

/// A `-m` or `-j` extension of the rule while its options are read.
struct Extension {
    place: Place,
    spec: &'static Spec,
    /// Bits of the options seen.
    seen: u64,
    /// The word that loaded it.
    at: usize,
}

/// Where the rule holds an extension.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// This one of its matches.
    Match(usize),
    /// Its jump.
    Target,
}

/// What a reader must know besides the words.
pub(super) struct Scope<'a> {
    pub(super) context: Context,
    pub(super) names: &'a dyn Names,
    /// The chain that the rule stands in.
    pub(super) chain: &'a [u8],
    /// Whether the table has a chain of this name.
    pub(super) is_chain: &'a dyn Fn(&[u8]) -> bool,
    /// Whether it is built in: rules cannot jump there.
    pub(super) is_builtin: &'a dyn Fn(&[u8]) -> bool,
    /// The kernel may have chains that the program does not name.
    pub(super) noflush: bool,
    /// Counters in brackets count.
    pub(super) counters: bool,
}

/// Reads rules one after another; keeps its buffers between them.
#[derive(Default)]
pub(super) struct Reader {
    extensions: Vec<Extension>,
    pub(super) findings: Vec<Finding>,
    warnings: Vec<Fault>,
}

/// The rule so far.
struct State<'a, 'w> {
    scope: &'a Scope<'a>,
    words: &'a [Word<'w>],
    /// The text of a word, kept with its place.
    text: &'a dyn Fn(usize) -> Text,
    rule: &'a mut Typed,
    out: Outcome,
    has_source: bool,
    has_destination: bool,
    has_proto: bool,
    /// The match that belongs to the protocol as it was written.
    proto_match: Option<&'static str>,
    /// The protocol's match was loaded because an option asked for it.
    proto_loaded: bool,
    /// A match or target that nobody knows was named: options that nobody knows may be its own.
    unknown_extension: bool,
}

impl Reader {
    /// Reads a rule into `rule`, which is empty. Findings are left in [`Reader::findings`].
    pub(super) fn read(
        &mut self,
        scope: &Scope<'_>,
        words: &[Word<'_>],
        text: &dyn Fn(usize) -> Text,
        rule: &mut Typed,
    ) -> Outcome {
        self.extensions.clear();
        self.findings.clear();
        let mut state = State {
            scope,
            words,
            text,
            rule,
            out: Outcome::default(),
            has_source: false,
            has_destination: false,
            has_proto: false,
            proto_match: None,
            proto_loaded: false,
            unknown_extension: false,
        };
        self.words(&mut state);
        if !state.out.skipped && state.out.raw.is_none() {
            self.finish(&mut state);
        }
        state.out
    }

    fn words(&mut self, state: &mut State<'_, '_>) {
        let mut at = 0;
        let mut inverted = None;
        while let Some(word) = state.words.get(at) {
            let bytes: &[u8] = &word.bytes;
            match bytes {
                b"!" => {
                    if inverted.is_some() {
                        self.fault(at, Fault::new(codes::PARSE_UNEXPECTED_WORD, "two `!` in a row"));
                    }
                    inverted = Some(at);
                    at += 1;
                    continue;
                }
                b"--" => {
                    if state.words.len() > at + 1 {
                        self.unexpected(state, at + 1);
                    }
                    return;
                }
                [b'-', b'-', long @ ..] => at = self.long(state, at, long, inverted),
                [b'-', letter, attached @ ..] => at = self.short(state, at, *letter, attached, inverted),
                _ => {
                    self.unexpected(state, at);
                    at += 1;
                }
            }
            inverted = None;
            if state.out.skipped || state.out.raw.is_some() {
                return;
            }
        }
        if let Some(at) = inverted {
            let fault =
                Fault::new(codes::PARSE_UNEXPECTED_WORD, "`!` at the end of the rule inverts nothing");
            self.fault(at, fault);
        }
    }

    fn unexpected(&mut self, state: &State<'_, '_>, at: usize) {
        let message = format!("unexpected word `{}`", state.lossy(at));
        let fault = Fault::new(codes::PARSE_UNEXPECTED_WORD, message);
        self.fault(at, fault.help("options begin with `-`; put a value with blanks in double quotes"));
    }

    fn long(&mut self, state: &mut State<'_, '_>, at: usize, long: &[u8], inverted: Option<usize>) -> usize {
        let equals = long.iter().position(|byte| *byte == b'=');
        let name = equals.and_then(|end| long.get(..end)).unwrap_or(long);
        match self.find(state, name) {
            Found::Main(main) => {
                // 1.8.9 takes the whole word for the value of `--protocol=tcp`; every value of that form is wrong, save names.
                let attached = equals.map(|end| {
                    if state.new_tools() { long.get(end + 1..).unwrap_or_default() } else { state.bytes(at) }
                });
                self.main(state, at, main, attached, inverted)
            }
            Found::Extension(index, option) => {
                let attached = equals.map(|end| long.get(end + 1..).unwrap_or_default());
                self.option(state, at, index, option, attached, inverted)
            }
            Found::Ambiguous(mut names) => {
                names.sort_unstable();
                names.dedup();
                let list = names.iter().map(|name| format!("`--{name}`")).collect::<Vec<_>>().join(", ");
                let message = format!("`{}` could be any of {list}", state.lossy(at));
                self.fault(
                    at,
                    Fault::new(codes::PARSE_AMBIGUOUS_OPTION, message).help("write the option in full"),
                );
                state.next_option(at)
            }
            Found::Unknown => self.unknown_option(state, at, name),
        }
    }

    /// The option of a name; loads the protocol's match if no other extension knows it.
    fn find(&mut self, state: &mut State<'_, '_>, name: &[u8]) -> Found {
        let found = options::exact(name, self.specs());
        if !matches!(found, Found::Unknown) {
            return found;
        }
        let load = state.proto_match.filter(|_| !state.proto_loaded);
        let loaded = load.and_then(|load| Match::load(load.as_bytes(), state.scope.context));
        let index = self.extensions.len();
        if let Some(loaded) = &loaded {
            // `-m multiport --dport` is multiport's `--dports`; a rule's own options need no look, since none begins with
            // the whole name of such an option.
            let shorter = self.specs().any(|(_, spec)| options::has_beginning_with(spec, name));
            if let Some(option) = options::option_of(loaded.spec(), name).filter(|_| !shorter) {
                self.load_for_proto(state, loaded.clone());
                return Found::Extension(index, option);
            }
        }
        let found = options::abbreviated(name, self.specs());
        if !matches!(found, Found::Unknown) {
            return found;
        }
        let Some(loaded) = loaded else { return found };
        let found = options::abbreviated(name, std::iter::once((index, loaded.spec())));
        // Loaded only if it knows the option; otherwise the option is reported, and nothing is gained by it.
        if matches!(found, Found::Extension(..)) {
            self.load_for_proto(state, loaded);
        }
        found
    }

    fn load_for_proto(&mut self, state: &mut State<'_, '_>, loaded: Match) {
        self.load(state, loaded, usize::MAX);
        state.proto_loaded = true;
    }

    fn load(&mut self, state: &mut State<'_, '_>, it: Match, at: usize) {
        let place = Place::Match(state.rule.matches.len());
        self.extensions.push(Extension { place, spec: it.spec(), seen: 0, at });
        state.rule.matches.push(it);
    }

    fn specs(&self) -> impl DoubleEndedIterator<Item = (usize, &'static Spec)> + Clone + '_ {
        self.extensions.iter().map(|it| it.spec).enumerate()
    }

    fn unknown_option(&mut self, state: &State<'_, '_>, at: usize, name: &[u8]) -> usize {
        let written = state.lossy(at);
        let implied = state
            .proto_match
            .and_then(|load| Match::load(load.as_bytes(), state.scope.context))
            .map(|it| it.spec());
        let candidates = options::candidates(self.specs().map(|(_, spec)| spec).chain(implied));
        let mut fault = Fault::new(codes::PARSE_UNKNOWN_OPTION, format!("unknown option `{written}`"));
        let name = String::from_utf8_lossy(name);
        let owner = CATALOGUE.iter().find(|entry| {
            entry.spec.families.has(state.scope.context.family)
                && entry.spec.options.iter().any(|it| it.names().any(|it| it == name))
        });
        let mut fix = None;
        if let Some(close) = crate::diag::suggest::closest(&name, candidates.iter().copied()) {
            fault = fault.help(format!("did you mean `--{close}`?"));
            fix = Some(format!("--{close}"));
        } else if let Some(owner) = owner {
            let flag = if owner.spec.kind == Kind::Match { "-m" } else { "-j" };
            let kind = options::kind_name(owner.spec.kind);
            fault = fault
                .help(format!("it belongs to {kind} `{0}`: write `{flag} {0}` before it", owner.spec.name));
        }
        if !state.unknown_extension {
            self.findings.push(Finding { fault, word: Some(at), warning: false, fix });
        }
        state.next_option(at)
    }

    fn short(
        &mut self,
        state: &mut State<'_, '_>,
        at: usize,
        letter: u8,
        attached: &[u8],
        inverted: Option<usize>,
    ) -> usize {
        let Some(main) = Main::short(letter) else {
            return self.unknown_option(state, at, &[letter]);
        };
        let attached = match (attached, main.takes()) {
            ([], _) => None,
            (_, Takes::Nothing) => {
                // A cluster of flags: `-vf`.
                self.main(state, at, main, None, inverted);
                return match attached {
                    [next, rest @ ..] => self.short(state, at, *next, rest, None),
                    [] => at + 1,
                };
            }
            // 1.8.9 takes the whole word `-ptcp` for the value, but not `-mtcp`.
            _ if state.new_tools() || main == Main::Match => Some(attached),
            _ => Some(state.bytes(at)),
        };
        self.main(state, at, main, attached, inverted)
    }

    fn fault(&mut self, at: usize, fault: Fault) {
        self.findings.push(Finding { fault, word: Some(at), warning: false, fix: None });
    }

    fn warn(&mut self, at: usize, fault: Fault) {
        self.findings.push(Finding { fault, word: Some(at), warning: true, fix: None });
    }
}

/// Whether an option, by its first name, was seen.
fn has(spec: &Spec, seen: u64, name: &str) -> bool {
    let index = spec.options.iter().position(|option: &Opt| option.name == name);
    index.is_some_and(|index| seen & (1 << index) != 0)
}

fn catalogue_names(kind: Kind) -> impl Iterator<Item = &'static str> {
    CATALOGUE.iter().filter(move |entry| entry.spec.kind == kind).map(|entry| entry.spec.name)
}

impl Extension {
    fn option(&self, rule: &mut Typed, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match (self.place, &mut rule.jump) {
            (Place::Match(index), _) => rule.matches.get_mut(index).map_or(Ok(()), |it| it.option(name, arg)),
            (Place::Target, Jump::Target(it)) => it.option(name, arg),
            (Place::Target, _) => Ok(()),
        }
    }

    fn finish(&self, rule: &mut Typed, end: &mut End<'_>) -> Result<(), Fault> {
        match (self.place, &mut rule.jump) {
            (Place::Match(index), _) => rule.matches.get_mut(index).map_or(Ok(()), |it| it.finish(end)),
            (Place::Target, Jump::Target(it)) => it.finish(end),
            (Place::Target, _) => Ok(()),
        }
    }
}

impl<'a> State<'a, '_> {
    fn bytes(&self, at: usize) -> &'a [u8] {
        self.words.get(at).map_or(&[], |word| &word.bytes)
    }

    /// The next word that looks like an option: the values of one that nobody knows would be reported as unexpected words.
    fn next_option(&self, at: usize) -> usize {
        let value = |index: usize| {
            self.words.get(index).is_some_and(|word| !matches!(word.bytes.first(), Some(b'-' | b'!')))
        };
        (at + 1..).find(|index| !value(*index)).unwrap_or(at + 1)
    }

    fn lossy(&self, at: usize) -> String {
        String::from_utf8_lossy(self.bytes(at)).into_owned()
    }

    /// The text of a value: the word at its place, unless the value was attached to its option.
    fn text_of(&self, at: usize, value: &[u8]) -> Text {
        if self.bytes(at) == value { (self.text)(at) } else { Text::from(value) }
    }

    fn new_tools(&self) -> bool {
        self.scope.context.dialect.since_1_8_11()
    }
}
