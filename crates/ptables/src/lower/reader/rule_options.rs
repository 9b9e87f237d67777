//! The options of a rule itself: addresses, protocol, interfaces, jumps.

use super::{Extension, Finding, Main, Place, Reader, State, catalogue_names, names};
use crate::diag::codes;
use crate::dialect::Family;
use crate::ext::{Fault, Kind, Match, Takes, Target};
use crate::model::{Counters, Inverted, Jump};
use crate::value::addr::{self, Net};
use crate::value::iface::Iface;
use crate::value::proto;
use crate::value::{Bad, BadKind};

impl Reader {
    /// Takes an option of the rule itself; gives the index of the next word.
    pub(super) fn main(
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
            // `-c 1,2` is one word.
            (Takes::TwoValues, None) if state.bytes(at + 1).contains(&b',') => (at + 1, at + 2),
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
            Main::Ipv4 => self.only_for(state, Family::V4),
            Main::Ipv6 => self.only_for(state, Family::V6),
            Main::Verbose | Main::Modprobe => {}
            Main::Refused => {
                let message = format!("`{}` cannot stand in a rule", state.lossy(at));
                self.fault(at, Fault::new(codes::PARSE_UNEXPECTED_WORD, message).help("remove it"));
            }
        }
        next
    }

    /// `-4` or `-6`: in the other family the rule is left out. Addresses are looked at only at its end, so wrong ones do not
    /// matter then.
    fn only_for(&mut self, state: &mut State<'_, '_>, family: Family) {
        if state.scope.context.family != family {
            state.out.skipped = true;
            let address = |it: &Finding| matches!(it.fault.code(), code if code == codes::PARSE_BAD_ADDRESS || code == codes::PARSE_WRONG_FAMILY);
            self.findings.retain(|it| !address(it));
        }
    }

    pub(super) fn repeated(&mut self, state: &State<'_, '_>, at: usize) {
        let message = format!("`{}` is given twice", state.lossy(at));
        self.fault(at, Fault::new(codes::PARSE_REPEATED_OPTION, message).help("keep one of them"));
    }

    pub(super) fn missing_value(&mut self, state: &State<'_, '_>, at: usize) {
        let message = format!("`{}` needs a value", state.lossy(at));
        self.fault(at, Fault::new(codes::PARSE_MISSING_VALUE, message));
    }

    pub(super) fn not_negatable(&mut self, state: &State<'_, '_>, at: usize) {
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
        let family = state.scope.context.family;
        if let Some(net) = addr::plain(family, value).filter(|net| *net != Net::Any) {
            let (place, bit) = if source {
                (&mut state.rule.source, Inverted::SOURCE)
            } else {
                (&mut state.rule.destination, Inverted::DESTINATION)
            };
            *place = net;
            return state.rule.inverted.set(bit, not);
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
        let rule = &mut *state.rule;
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
        let other = if family == Family::V4 { Family::V6 } else { Family::V4 };
        if addr::strict(other, host).is_some() {
            let message =
                format!("`{}` is an {other} address in an {family} ruleset", String::from_utf8_lossy(part));
            let fault = Fault::new(codes::PARSE_WRONG_FAMILY, message);
            self.fault(
                at,
                fault.help("put rules of each family in a file of their own, or choose with `-4` or `-6`"),
            );
            return None;
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
                state.rule.proto = number;
                state.proto_match = proto::match_name(number, value);
                state.rule.inverted.set(Inverted::PROTO, not);
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
        let rule = &*state.rule;
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
                let rule = &mut *state.rule;
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
        if state.scope.context.family == Family::V6 {
            let fault = Fault::new(codes::PARSE_UNKNOWN_OPTION, "IPv6 rules have no `-f`");
            return self.fault(at, fault.help("use `-m frag`"));
        }
        if std::mem::replace(&mut state.rule.fragment, true) {
            return self.repeated(state, at);
        }
        state.rule.inverted.set(Inverted::FRAGMENT, not);
    }

    fn load_match(&mut self, state: &mut State<'_, '_>, at: usize, name: &[u8]) {
        if let Some(loaded) = Match::load(name, state.scope.context) {
            self.load(state, loaded, at);
        } else if names::is_match(name) {
            state.out.raw = Some(at);
        } else {
            let written = String::from_utf8_lossy(name);
            let known = catalogue_names(Kind::Match).chain(names::matches());
            state.unknown_extension = true;
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
        if state.rule.jump != Jump::None {
            return self.repeated(state, at);
        }
        // A chain may be called like a target (`:LOG -`); the tools then take the chain. No chain is called ACCEPT.
        let verdict = matches!(name, b"ACCEPT" | b"DROP" | b"RETURN");
        if !verdict && (state.scope.is_chain)(name) {
            self.not_builtin(state, value_at, name);
            state.rule.jump = Jump::Chain(state.text_of(value_at, name));
        } else if let Some(target) = Target::load(name, state.scope.context) {
            let spec = target.spec();
            self.extensions.push(Extension { place: Place::Target, spec, seen: 0, at: value_at });
            state.rule.jump = Jump::Target(target);
        } else if names::is_target(name) {
            state.out.raw = Some(value_at);
        } else {
            self.missing_chain(state, value_at, name);
            state.unknown_extension = true;
            state.rule.jump = Jump::Chain(state.text_of(value_at, name));
        }
    }

    fn goto(&mut self, state: &mut State<'_, '_>, at: usize, value_at: usize, name: &[u8]) {
        if state.rule.jump != Jump::None {
            return self.repeated(state, at);
        }
        if (state.scope.is_chain)(name) {
            self.not_builtin(state, value_at, name);
        } else {
            self.missing_chain(state, value_at, name);
        }
        state.rule.jump = Jump::Goto(state.text_of(value_at, name));
    }

    fn not_builtin(&mut self, state: &State<'_, '_>, at: usize, name: &[u8]) {
        if (state.scope.is_builtin)(name) {
            let written = String::from_utf8_lossy(name);
            let message = format!("rules cannot jump to the built-in chain `{written}`");
            self.fault(
                at,
                Fault::new(codes::PARSE_BAD_CHAIN_NAME, message).help("jump to a chain of your own"),
            );
        }
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
        let number = |text: &[u8]| match crate::value::number::prefix_base0(text) {
            Some((number, [])) => Some(number),
            _ => None,
        };
        let comma = state.bytes(at).iter().position(|byte| *byte == b',');
        let parts = match comma.and_then(|comma| state.bytes(at).split_at_checked(comma)) {
            Some((packets, bytes)) => (packets, bytes.get(1..).unwrap_or_default()),
            None => (state.bytes(at), state.bytes(at + 1)),
        };
        match (number(parts.0), number(parts.1)) {
            (Some(packets), Some(bytes)) => state.out.counters = Some(Counters { packets, bytes }),
            _ => self.fault(
                at,
                Fault::new(codes::PARSE_BAD_COUNTERS, "`-c` needs two numbers: packets and bytes"),
            ),
        }
    }
}
