//! Reads the words of one rule into a typed rule: the one parser of options, whoever wrote them.

use super::names;
use super::native;
use super::options::{self, Found, Main};
use crate::diag::codes;
use crate::ext::{Arg, CATALOGUE, Context, End, Fault, Group, Kind, Match, Opt, Part, Spec, Takes, Target};
use crate::model::{Counters, Inverted, Jump, Typed};
use crate::source::Text;
use crate::text::lex::Word;
use crate::value::addr::{self, Net};
use crate::value::iface::Iface;
use crate::value::proto;
use crate::value::{Bad, BadKind, Names};

/// What a rule was read as.
pub(super) struct Outcome {
    pub(super) rule: Typed,
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

/// A `-m` or `-j` extension while its options are read.
enum Loaded {
    Match(Match),
    Target(Target),
}

struct Extension {
    loaded: Loaded,
    /// Bits of the options seen.
    seen: u64,
    /// The word that loaded it.
    at: usize,
}

/// What a reader must know besides the words.
pub(super) struct Scope<'a> {
    pub(super) context: Context,
    pub(super) names: &'a dyn Names,
    /// The chain that the rule stands in.
    pub(super) chain: &'a [u8],
    /// Whether the table has a chain of this name.
    pub(super) is_chain: &'a dyn Fn(&[u8]) -> bool,
    /// The kernel may have chains that the program does not name.
    pub(super) noflush: bool,
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
    out: Outcome,
    has_source: bool,
    has_destination: bool,
    has_proto: bool,
    /// The protocol's match was loaded because an option asked for it.
    proto_loaded: bool,
}

impl Reader {
    /// Reads a rule. Findings are left in [`Reader::findings`].
    pub(super) fn read(
        &mut self,
        scope: &Scope<'_>,
        words: &[Word<'_>],
        text: &dyn Fn(usize) -> Text,
    ) -> Outcome {
        self.extensions.clear();
        self.findings.clear();
        let out = Outcome {
            rule: Typed::default(),
            sources: Vec::new(),
            destinations: Vec::new(),
            counters: None,
            skipped: false,
            raw: None,
        };
        let mut state = State {
            scope,
            words,
            text,
            out,
            has_source: false,
            has_destination: false,
            has_proto: false,
            proto_loaded: false,
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
                at + 1
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
        let load = proto::match_name(state.out.rule.proto).filter(|_| state.has_proto && !state.proto_loaded);
        let loaded = load.and_then(|load| Match::load(load.as_bytes(), state.scope.context));
        let index = self.extensions.len();
        if let Some(loaded) = &loaded {
            // No option of a rule begins with the whole name of such an option, so the order of these does not matter.
            if let Some(option) = options::option_of(loaded.spec(), name) {
                self.load_for_proto(state, loaded.clone());
                return Found::Extension(index, option);
            }
        }
        let found = options::abbreviated(name, self.specs());
        if !matches!(found, Found::Unknown) {
            return found;
        }
        match (loaded, load) {
            (Some(loaded), _) => {
                let found = options::abbreviated(name, std::iter::once((index, loaded.spec())));
                // Loaded only if it knows the option; otherwise the option is reported, and nothing is gained by it.
                if matches!(found, Found::Extension(..)) {
                    self.load_for_proto(state, loaded);
                }
                found
            }
            (None, Some(load)) => {
                if names::is_match(load.as_bytes()) && state.scope.context.family_has_proto_match(load) {
                    state.out.raw = Some(0);
                }
                found
            }
            (None, None) => found,
        }
    }

    fn load_for_proto(&mut self, state: &mut State<'_, '_>, loaded: Match) {
        self.extensions.push(Extension { loaded: Loaded::Match(loaded), seen: 0, at: usize::MAX });
        state.proto_loaded = true;
    }

    fn specs(&self) -> impl DoubleEndedIterator<Item = (usize, &'static Spec)> + Clone + '_ {
        self.extensions.iter().map(Extension::spec).enumerate()
    }

    fn unknown_option(&mut self, state: &State<'_, '_>, at: usize, name: &[u8]) -> usize {
        let written = state.lossy(at);
        let candidates = options::candidates(self.specs().map(|(_, spec)| spec));
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
        self.findings.push(Finding { fault, word: Some(at), warning: false, fix });
        // Its values, if it has any, would be reported as unexpected words: skip what does not look like an option.
        let next = |index: usize| {
            state.words.get(index).is_some_and(|word| !matches!(word.bytes.first(), Some(b'-' | b'!')))
        };
        (at + 1..).find(|index| !next(*index)).unwrap_or(at + 1)
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
            // 1.8.9 takes the whole word `-ptcp` for the value.
            _ if state.new_tools() => Some(attached),
            _ => Some(state.bytes(at)),
        };
        self.main(state, at, main, attached, inverted)
    }

    /// Takes an option of the rule itself; gives the index of the next word.
    fn main(
        &mut self,
        state: &mut State<'_, '_>,
        at: usize,
        main: Main,
        attached: Option<&[u8]>,
        inverted: Option<usize>,
    ) -> usize {
        if inverted.is_some() && !main.negatable() {
            self.not_negatable(state, at);
        }
        let not = inverted.is_some();
        let (value_at, next) = match (main.takes(), attached) {
            (Takes::Nothing, _) => (at, at + 1),
            (_, Some(_)) => (at, at + 1),
            (Takes::TwoValues, None) => (at + 1, at + 3),
            _ => (at + 1, at + 2),
        };
        if next > state.words.len() {
            self.missing_value(state, at);
            return state.words.len();
        }
        let value = attached.unwrap_or_else(|| state.bytes(value_at));
        match main {
            Main::Source => self.net(state, at, value_at, value, not, true),
            Main::Destination => self.net(state, at, value_at, value, not, false),
            Main::Proto => self.proto(state, at, value_at, value, not),
            Main::InIface => self.iface(state, at, value_at, value, not, Inverted::IN_IFACE),
            Main::OutIface => self.iface(state, at, value_at, value, not, Inverted::OUT_IFACE),
            Main::Fragment => self.fragment(state, at, not),
            Main::Match => self.load_match(state, value_at, value),
            Main::Jump => self.jump(state, at, value_at, value),
            Main::Goto => self.goto(state, at, value_at, value),
            Main::Counters => self.counters(state, value_at),
            Main::Ipv4 => state.out.skipped |= state.scope.context.family != crate::dialect::Family::V4,
            Main::Ipv6 => state.out.skipped |= state.scope.context.family != crate::dialect::Family::V6,
            Main::Verbose | Main::Modprobe => {}
            Main::Refused => {
                let message = format!("`{}` cannot stand in a rule", state.lossy(at));
                self.fault(at, Fault::new(codes::PARSE_UNEXPECTED_WORD, message).help("remove it"));
            }
        }
        next
    }

    fn repeated(&mut self, state: &State<'_, '_>, at: usize) {
        let message = format!("`{}` is given twice", state.lossy(at));
        self.fault(at, Fault::new(codes::PARSE_REPEATED_OPTION, message).help("keep one of them"));
    }

    fn missing_value(&mut self, state: &State<'_, '_>, at: usize) {
        let message = format!("`{}` needs a value", state.lossy(at));
        self.fault(at, Fault::new(codes::PARSE_MISSING_VALUE, message));
    }

    fn not_negatable(&mut self, state: &State<'_, '_>, at: usize) {
        let message = format!("`{}` cannot be inverted", state.lossy(at));
        self.fault(at, Fault::new(codes::PARSE_NOT_NEGATABLE, message).help("remove the `!`"));
    }

    fn bad(&mut self, at: usize, value: &[u8], option: &str, bad: &Bad) {
        let message = format!(
            "bad value `{}` for `{option}`: expected {}",
            String::from_utf8_lossy(value),
            bad.expected
        );
        self.fault(at, Fault::new(crate::ext::code_of(bad), message));
    }

    fn net(
        &mut self,
        state: &mut State<'_, '_>,
        at: usize,
        value_at: usize,
        value: &[u8],
        not: bool,
        source: bool,
    ) {
        if std::mem::replace(if source { &mut state.has_source } else { &mut state.has_destination }, true) {
            return self.repeated(state, at);
        }
        let option = if source { "-s" } else { "-d" };
        let mut nets = Vec::new();
        let mut first = None;
        for part in value.split(|byte| *byte == b',') {
            let part = part.trim_ascii_start();
            match self.one_net(state, value_at, part, option) {
                Some(net) if first.is_none() => first = Some(net),
                Some(net) => nets.push(net),
                None => return,
            }
        }
        if not && !nets.is_empty() {
            let message = format!("`! {option}` cannot have several addresses");
            let fault = Fault::new(codes::PARSE_NOT_NEGATABLE, message);
            return self
                .fault(value_at, fault.help("write a chain that returns for each of them, or use an ipset"));
        }
        let net = first.unwrap_or_default();
        // `! -s 0/0` never matches: legacy takes it and prints it, nft refuses it.
        if not && net == Net::Any && state.scope.context.dialect.is_nft() {
            let fault =
                Fault::new(codes::PARSE_BAD_ADDRESS, format!("`! {option}` of any address never matches"));
            self.fault(value_at, fault.help("remove the rule"));
        }
        let rule = &mut state.out.rule;
        if source {
            rule.source = net;
            rule.inverted.set(Inverted::SOURCE, not);
            state.out.sources = nets;
        } else {
            rule.destination = net;
            rule.inverted.set(Inverted::DESTINATION, not);
            state.out.destinations = nets;
        }
    }

    fn one_net(&mut self, state: &State<'_, '_>, at: usize, part: &[u8], option: &str) -> Option<Net> {
        let family = state.scope.context.family;
        let slash = memchr::memchr(b'/', part);
        let host = slash.and_then(|at| part.get(..at)).unwrap_or(part);
        let mask = match slash {
            None => addr::prefix_mask(family, family.bits()),
            Some(at_slash) => match addr::mask(family, part.get(at_slash + 1..).unwrap_or_default()) {
                Ok(mask) => mask,
                Err(bad) => {
                    self.bad(at, part, option, &bad);
                    return None;
                }
            },
        };
        // With a mask of no bits the address is not looked at: `any/0`.
        if mask == 0 && !host.is_empty() {
            return Some(Net::Any);
        }
        if let Some(address) = addr::loose(family, host) {
            return Some(Net::new(family, address, mask));
        }
        let name = std::str::from_utf8(host).unwrap_or_default();
        let looks_like_name = host.iter().any(u8::is_ascii_alphabetic) && !host.contains(&b':');
        match state.scope.names.host(name, family).as_slice() {
            [first, ..] if !name.is_empty() => Some(Net::new(family, *first, mask)),
            _ if looks_like_name => {
                let bad = Bad::new(BadKind::Name, format!("an {family} address: names are not looked up"));
                self.bad(at, part, option, &bad);
                None
            }
            _ => {
                let bad = Bad::new(BadKind::Address, format!("an {family} address, perhaps with `/length`"));
                self.bad(at, part, option, &bad);
                None
            }
        }
    }

    fn proto(&mut self, state: &mut State<'_, '_>, at: usize, value_at: usize, value: &[u8], not: bool) {
        if std::mem::replace(&mut state.has_proto, true) {
            return self.repeated(state, at);
        }
        match proto::parse(value, state.scope.names) {
            Ok(proto::ALL) if not => {
                let fault = Fault::new(codes::PARSE_BAD_PROTOCOL, "`! -p all` never matches");
                self.fault(value_at, fault.help("name the protocol, or remove the rule"));
            }
            Ok(number) => {
                state.out.rule.proto = number;
                state.out.rule.inverted.set(Inverted::PROTO, not);
            }
            Err(bad) => self.bad(value_at, value, "-p", &bad),
        }
    }

    fn iface(
        &mut self,
        state: &mut State<'_, '_>,
        at: usize,
        value_at: usize,
        value: &[u8],
        not: bool,
        bit: Inverted,
    ) {
        let incoming = bit == Inverted::IN_IFACE;
        let rule = &state.out.rule;
        let set = if incoming { rule.in_iface } else { rule.out_iface };
        if !set.is_any() || rule.inverted.has(bit) {
            return self.repeated(state, at);
        }
        let refused: [&[u8]; 2] =
            if incoming { [b"OUTPUT", b"POSTROUTING"] } else { [b"INPUT", b"PREROUTING"] };
        if refused.contains(&state.scope.chain) {
            let option = if incoming { "-i" } else { "-o" };
            let chain = String::from_utf8_lossy(state.scope.chain);
            let fault =
                Fault::new(codes::CHECK_WRONG_HOOK, format!("`{option}` cannot be used in chain `{chain}`"));
            let help = if incoming {
                "packets have no incoming interface there"
            } else {
                "packets have no outgoing interface there yet"
            };
            return self.fault(at, fault.help(help));
        }
        match Iface::parse(value) {
            Ok(iface) => {
                // 1.8.9 legacy loses `! -i +`; nft keeps it.
                let kept = !iface.is_any() || state.scope.context.dialect.is_nft() || state.new_tools();
                if not && iface.is_any() {
                    let message = "an inverted `+` never matches; iptables-legacy saves the rule without it";
                    self.warn(value_at, Fault::new(codes::CHECK_CHANGED, message).help("remove the rule"));
                }
                let rule = &mut state.out.rule;
                *(if incoming { &mut rule.in_iface } else { &mut rule.out_iface }) = iface;
                rule.inverted.set(bit, not && kept);
                if iface.as_bytes().iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'"')) {
                    let message = "this interface name cannot be read back from what iptables-save prints";
                    self.warn(value_at, Fault::new(codes::CHECK_UNRELOADABLE, message));
                }
            }
            Err(bad) => self.bad(value_at, value, if incoming { "-i" } else { "-o" }, &bad),
        }
    }

    fn fragment(&mut self, state: &mut State<'_, '_>, at: usize, not: bool) {
        if state.scope.context.family == crate::dialect::Family::V6 {
            let fault = Fault::new(codes::PARSE_UNKNOWN_OPTION, "IPv6 rules have no `-f`");
            return self.fault(at, fault.help("use `-m frag`"));
        }
        if std::mem::replace(&mut state.out.rule.fragment, true) {
            return self.repeated(state, at);
        }
        state.out.rule.inverted.set(Inverted::FRAGMENT, not);
    }

    fn load_match(&mut self, state: &mut State<'_, '_>, at: usize, name: &[u8]) {
        if let Some(loaded) = Match::load(name, state.scope.context) {
            self.extensions.push(Extension { loaded: Loaded::Match(loaded), seen: 0, at });
        } else if names::is_match(name) {
            state.out.raw = Some(at);
        } else {
            let written = String::from_utf8_lossy(name);
            let known = catalogue_names(Kind::Match).chain(names::matches());
            let fault = Fault::new(codes::PARSE_UNKNOWN_MATCH, format!("unknown match `{written}`"));
            self.unknown(at, fault, &written, known);
        }
    }

    fn unknown<'n>(&mut self, at: usize, fault: Fault, written: &str, known: impl Iterator<Item = &'n str>) {
        let close = crate::diag::suggest::closest(written, known).map(str::to_owned);
        let fault = match &close {
            Some(close) => fault.help(format!("did you mean `{close}`?")),
            None => fault,
        };
        self.findings.push(Finding { fault, word: Some(at), warning: false, fix: close });
    }

    fn jump(&mut self, state: &mut State<'_, '_>, at: usize, value_at: usize, name: &[u8]) {
        if state.out.rule.jump != Jump::None
            || self.extensions.iter().any(|it| matches!(it.loaded, Loaded::Target(_)))
        {
            return self.repeated(state, at);
        }
        // A chain may be called like a target (`:LOG -`); the tools then take the chain. No chain is called ACCEPT.
        let verdict = matches!(name, b"ACCEPT" | b"DROP" | b"RETURN");
        if !verdict && (state.scope.is_chain)(name) {
            state.out.rule.jump = Jump::Chain(state.text_of(value_at, name));
        } else if let Some(target) = Target::load(name, state.scope.context) {
            self.extensions.push(Extension { loaded: Loaded::Target(target), seen: 0, at: value_at });
        } else if names::is_target(name) {
            state.out.raw = Some(value_at);
        } else {
            self.missing_chain(state, value_at, name);
            state.out.rule.jump = Jump::Chain(state.text_of(value_at, name));
        }
    }

    fn goto(&mut self, state: &mut State<'_, '_>, at: usize, value_at: usize, name: &[u8]) {
        if state.out.rule.jump != Jump::None
            || self.extensions.iter().any(|it| matches!(it.loaded, Loaded::Target(_)))
        {
            return self.repeated(state, at);
        }
        if !(state.scope.is_chain)(name) {
            self.missing_chain(state, value_at, name);
        }
        state.out.rule.jump = Jump::Goto(state.text_of(value_at, name));
    }

    fn missing_chain(&mut self, state: &State<'_, '_>, at: usize, name: &[u8]) {
        let written = String::from_utf8_lossy(name);
        let known = catalogue_names(Kind::Target).chain(names::targets());
        if name.is_empty() || name.len() > 28 {
            let message = format!("`{written}` is no chain name: 1 to 28 bytes");
            return self.fault(at, Fault::new(codes::CHECK_NAME_TOO_LONG, message).help("shorten the name"));
        }
        if state.scope.noflush {
            return;
        }
        let upper = !name.is_empty() && name.iter().all(u8::is_ascii_uppercase);
        let fault = if upper {
            Fault::new(
                codes::PARSE_UNKNOWN_TARGET,
                format!("no target and no chain of this table is called `{written}`"),
            )
        } else {
            Fault::new(codes::CHECK_MISSING_CHAIN, format!("this table has no chain `{written}`"))
        };
        self.unknown(at, fault, &written, known);
    }

    fn counters(&mut self, state: &mut State<'_, '_>, at: usize) {
        if state.out.counters.is_some() {
            return self.repeated(state, at - 1);
        }
        let read = |index| {
            crate::value::number::prefix_base0(state.bytes(index)).filter(|(_, rest)| rest.is_empty())
        };
        match (read(at), read(at + 1)) {
            (Some((packets, _)), Some((bytes, _))) => state.out.counters = Some(Counters { packets, bytes }),
            _ => self.fault(
                at,
                Fault::new(codes::PARSE_BAD_COUNTERS, "`-c` needs two numbers: packets and bytes"),
            ),
        }
    }

    /// Takes an option of an extension; gives the index of the next word.
    fn option(
        &mut self,
        state: &mut State<'_, '_>,
        at: usize,
        index: usize,
        option: usize,
        attached: Option<&[u8]>,
        inverted: Option<usize>,
    ) -> usize {
        let Some(spec) = self.extensions.get(index).map(Extension::spec) else { return at + 1 };
        let Some(known) = spec.options.get(option) else { return at + 1 };
        let optionlike = |index: usize| {
            state.words.get(index).is_none_or(|word| matches!(word.bytes.first(), Some(b'-' | b'!')))
        };
        let first = at + 1;
        let (count, next) = match known.takes {
            Takes::Nothing => (0, at + 1),
            Takes::Maybe if attached.is_some() => (1, at + 1),
            Takes::Maybe if optionlike(first) => (0, at + 1),
            Takes::Value if attached.is_some() => (1, at + 1),
            Takes::Maybe | Takes::Value => (1, at + 2),
            // The second value must not look like an option, whatever the first is.
            Takes::TwoValues if optionlike(first + usize::from(attached.is_none())) => (2, usize::MAX),
            Takes::TwoValues => (2, at + 2 + usize::from(attached.is_none())),
        };
        if next > state.words.len() {
            if next == usize::MAX {
                let message = format!("`{}` needs two values", state.lossy(at));
                self.fault(at, Fault::new(codes::PARSE_MISSING_VALUE, message));
                return (at + 2).min(state.words.len());
            }
            self.missing_value(state, at);
            return state.words.len();
        }
        if inverted.is_some() && !known.negatable {
            self.not_negatable(state, at);
            return next;
        }
        let values_at = at + usize::from(attached.is_none());
        let value = match (count, attached) {
            (0, _) => &[][..],
            (_, Some(attached)) => attached,
            _ => state.bytes(values_at),
        };
        let second = if count == 2 { state.bytes(values_at + 1) } else { &[] };
        let text = |which: usize| match (which, attached) {
            (0, Some(attached)) => Text::from(attached),
            _ => (state.text)(values_at + which),
        };
        let Some(extension) = self.extensions.get_mut(index) else { return next };
        let bit = 1u64 << (option % 64);
        if extension.seen & bit != 0 && !known.repeatable {
            self.repeated(state, at);
            return next;
        }
        extension.seen |= bit;
        let rule = &state.out.rule;
        let mut arg = Arg {
            context: state.scope.context,
            inverted: inverted.is_some(),
            proto: (rule.proto, rule.inverted.has(Inverted::PROTO)),
            names: state.scope.names,
            option: known.name,
            values: [value, second],
            texts: &text,
            warnings: &mut self.warnings,
        };
        let result = extension.loaded.option(known.name, &mut arg);
        let word = |fault: &Fault| match fault.part() {
            Part::Option | Part::Extension => at,
            Part::Value => values_at.min(state.words.len() - 1),
            Part::Second => values_at + 1,
        };
        if !self.warnings.is_empty() {
            for fault in self.warnings.drain(..) {
                let word = Some(word(&fault));
                self.findings.push(Finding { fault, word, warning: true, fix: None });
            }
        }
        if let Err(fault) = result {
            let word = Some(word(&fault));
            self.findings.push(Finding { fault, word, warning: false, fix: None });
        }
        next
    }

    /// What can be said only when all words are read.
    fn finish(&mut self, state: &mut State<'_, '_>) {
        let failed = self.findings.iter().any(|finding| !finding.warning);
        let mut extensions = std::mem::take(&mut self.extensions);
        for mut extension in extensions.drain(..) {
            let at = (extension.at != usize::MAX).then_some(extension.at);
            let spec = extension.spec();
            if !failed {
                self.groups(spec, extension.seen, at);
                let rule = &state.out.rule;
                let seen = |name: &str| has(spec, extension.seen, name);
                let mut end = End {
                    context: state.scope.context,
                    proto: (rule.proto, rule.inverted.has(Inverted::PROTO)),
                    seen: &seen,
                    warnings: &mut self.warnings,
                };
                let result = extension.loaded.finish(&mut end);
                if !self.warnings.is_empty() {
                    for fault in self.warnings.drain(..) {
                        self.findings.push(Finding { fault, word: at, warning: true, fix: None });
                    }
                }
                if let Err(fault) = result {
                    self.findings.push(Finding { fault, word: at, warning: false, fix: None });
                }
            }
            match extension.loaded {
                Loaded::Match(it) => state.out.rule.matches.push(it),
                Loaded::Target(it) => state.out.rule.jump = Jump::Target(it),
            }
        }
        self.extensions = extensions;
        if let Some(fault) = native::gather(&mut state.out.rule.matches, state.scope.context.dialect) {
            self.findings.push(Finding { fault, word: None, warning: true, fix: None });
        }
    }

    fn groups(&mut self, spec: &'static Spec, seen: u64, at: Option<usize>) {
        for (index, option) in spec.options.iter().enumerate() {
            if option.required && seen & (1 << index) == 0 {
                self.missing(spec, &format!("`--{}`", option.name), at);
            }
        }
        for group in spec.groups {
            let given = |names: &[&str]| names.iter().filter(|name| has(spec, seen, name)).count();
            let list =
                |names: &[&str]| names.iter().map(|it| format!("`--{it}`")).collect::<Vec<_>>().join(", ");
            match *group {
                Group::ExactlyOne(names) | Group::AtLeastOne(names) if given(names) == 0 => {
                    self.missing(spec, &format!("one of {}", list(names)), at);
                }
                Group::ExactlyOne(names) | Group::AtMostOne(names) if given(names) > 1 => {
                    self.conflict(spec, &format!("at most one of {}", list(names)), at);
                }
                Group::Needs(name, other) if has(spec, seen, name) && !has(spec, seen, other) => {
                    self.conflict(spec, &format!("`--{name}` only with `--{other}`"), at);
                }
                Group::Excludes(name, others) if has(spec, seen, name) && given(others) > 0 => {
                    self.conflict(spec, &format!("`--{name}` not with {}", list(others)), at);
                }
                _ => {}
            }
        }
    }

    fn missing(&mut self, spec: &Spec, names: &str, at: Option<usize>) {
        let message = format!("{} `{}` needs {names}", options::kind_name(spec.kind), spec.name);
        let fault = Fault::new(codes::PARSE_MISSING_OPTION, message);
        self.findings.push(Finding { fault, word: at, warning: false, fix: None });
    }

    fn conflict(&mut self, spec: &Spec, what: &str, at: Option<usize>) {
        let message = format!("{} `{}` takes {what}", options::kind_name(spec.kind), spec.name);
        let fault = Fault::new(codes::PARSE_OPTION_CONFLICT, message);
        self.findings.push(Finding { fault, word: at, warning: false, fix: None });
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
    fn spec(&self) -> &'static Spec {
        match &self.loaded {
            Loaded::Match(it) => it.spec(),
            Loaded::Target(it) => it.spec(),
        }
    }
}

impl Loaded {
    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match self {
            Loaded::Match(it) => it.option(name, arg),
            Loaded::Target(it) => it.option(name, arg),
        }
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        match self {
            Loaded::Match(it) => it.finish(end),
            Loaded::Target(it) => it.finish(end),
        }
    }
}

impl<'a> State<'a, '_> {
    fn bytes(&self, at: usize) -> &'a [u8] {
        self.words.get(at).map_or(&[], |word| &word.bytes)
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

impl Context {
    /// Whether `-p` of a protocol loads a match of this name in this family.
    fn family_has_proto_match(self, name: &str) -> bool {
        match name {
            "ah" | "dccp" | "esp" | "ipcomp" | "sctp" => true,
            "mh" => self.family == crate::dialect::Family::V6,
            _ => false,
        }
    }
}
