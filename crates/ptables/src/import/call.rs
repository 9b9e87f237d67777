//! A rule as the call that makes it.

use super::literal;
use super::parts::{Part, Value};
use crate::dialect::Family;
use crate::ext::{Context, Opt, Printer, Spec, Takes};
use crate::model::{Body, Inverted, Jump, Rule, Typed};
use crate::text::lex::{self, Word};
use crate::value::addr::Net;
use crate::value::proto;

/// How a rule is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a call with named arguments.
    Call,
    /// As `CustomRule('…')`.
    Verbatim,
}

/// The call that makes a rule; `None` if it holds bytes that no script can. With a family, the rule says that it is for that one,
/// unless its words do.
pub(super) fn rule(rule: &Rule, context: Context, form: Form, family: Option<Family>) -> Option<Vec<Part>> {
    let call = match (&rule.body, form) {
        (Body::Typed(typed), Form::Call) => {
            typed_call(typed, context, family.filter(|_| !tells(typed, context.family)))
        }
        _ => None,
    };
    call.or_else(|| verbatim(rule, context, family))
}

fn verbatim(rule: &Rule, context: Context, family: Option<Family>) -> Option<Vec<Part>> {
    let mut line = Vec::new();
    rule.print(&mut line, context);
    let line = String::from_utf8(line).ok()?;
    let flag = match family {
        Some(Family::V4) => "-4 ",
        Some(Family::V6) => "-6 ",
        None => "",
    };
    let written = literal::text(&format!("{flag}{}", line.trim_start()));
    Some(vec![fixed("CustomRule("), value("rule", written), fixed(")")])
}

/// Whether a rule tells its family.
fn tells(typed: &Typed, family: Family) -> bool {
    let icmp = if family == Family::V4 { proto::ICMP } else { proto::ICMPV6 };
    let address = |net: &Net, bit| *net != Net::Any && !typed.inverted.has(bit);
    address(&typed.source, Inverted::SOURCE)
        || address(&typed.destination, Inverted::DESTINATION)
        || (typed.proto == icmp && !typed.inverted.has(Inverted::PROTO))
}

fn fixed(text: &str) -> Part {
    Part::Fixed(text.to_owned())
}

fn value(name: &str, written: String) -> Part {
    Part::Value(Value { name: name.to_owned(), written })
}

/// Arguments of a call, one after the other.
#[derive(Default)]
struct Call {
    parts: Vec<Part>,
    names: Vec<String>,
    /// Those whose names Python keeps for itself: they stand in a dict at the end.
    reserved: Vec<Part>,
}

impl Call {
    /// `name='value'`; `None` if the name cannot stand there, or stands there already.
    fn add(&mut self, name: &str, inverted: bool, words: &[&str], known: bool) -> Option<()> {
        let name = name.replace('-', "_");
        let plain = name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        if !plain || name.starts_with(|it: char| it.is_ascii_digit()) || self.names.contains(&name) {
            return None;
        }
        self.names.push(name.clone());
        let suffix = if inverted { "__not" } else { "" };
        let reserved = ["from", "in", "not", "is", "as", "if", "or", "and", "class", "global"];
        let reserved = reserved.contains(&format!("{name}{suffix}").as_str());
        let to = if reserved { &mut self.reserved } else { &mut self.parts };
        let comma = if to.is_empty() { "" } else { ", " };
        let (before, variable) = if reserved {
            (format!("'{name}': "), "value")
        } else {
            (format!("{name}{suffix}="), name.as_str())
        };
        to.push(Part::Fixed(format!("{comma}{before}")));
        let write = |word: &str| if known { literal::text(word) } else { literal::value(word) };
        match words {
            [] => to.push(fixed("None")),
            [word] => to.push(value(variable, write(word))),
            words => {
                for (at, word) in words.iter().enumerate() {
                    to.push(fixed(if at == 0 { "[" } else { ", " }));
                    to.push(value(variable, write(word)));
                }
                to.push(fixed("]"));
            }
        }
        Some(())
    }

    /// All arguments.
    fn finish(mut self) -> Vec<Part> {
        if !self.reserved.is_empty() {
            let comma = if self.parts.is_empty() { "" } else { ", " };
            self.parts.push(Part::Fixed(format!("{comma}**{{")));
            self.parts.append(&mut self.reserved);
            self.parts.push(fixed("}"));
        }
        self.parts
    }

    /// The options of an extension, as it printed them.
    fn options(&mut self, spec: &Spec, printed: &[u8]) -> Option<()> {
        let mut words: Vec<Word<'_>> = Vec::new();
        lex::words(printed, &mut words);
        let mut words = words
            .iter()
            .map(|word| std::str::from_utf8(&word.bytes))
            .collect::<Result<Vec<_>, _>>()
            .ok()?
            .into_iter()
            .peekable();
        while let Some(word) = words.next() {
            let (inverted, word) = if word == "!" { (true, words.next()?) } else { (false, word) };
            let name = word.strip_prefix("--")?;
            let option: &Opt = spec.options.iter().find(|it| it.names().any(|it| it == name))?;
            let count = match option.takes {
                Takes::Nothing => 0,
                Takes::Value => 1,
                Takes::TwoValues => 2,
                Takes::Maybe => {
                    usize::from(words.peek().is_some_and(|it| !it.starts_with("--") && *it != "!"))
                }
            };
            let values: Vec<&str> = words.by_ref().take(count).collect();
            if values.len() < count {
                return None;
            }
            // What holds anyway need not be said.
            if inverted || option.default.is_none() || option.default != values.first().copied() {
                self.add(name, inverted, &values, false)?;
            }
        }
        Some(())
    }
}

/// What is printed by this.
fn printed(context: Context, print: impl FnOnce(&mut Printer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    print(&mut Printer::new(&mut out, context));
    out
}

fn typed_call(typed: &Typed, context: Context, family: Option<Family>) -> Option<Vec<Part>> {
    let mut call = Call::default();
    let class = jump(typed, &mut call)?;
    conditions(typed, context, &mut call)?;
    let (matches, comment) = comment(typed, context)?;
    // The match of the protocol needs no name where it stands first: its options load it.
    let implied = typed.matches.first().is_some_and(|it| {
        proto::printed_name(typed.proto, context.dialect) == Some(it.spec().name)
            && !typed.inverted.has(Inverted::PROTO)
            && !printed(context, |to| it.print(to)).is_empty()
    });
    let named = matches.len() - usize::from(implied && !matches.is_empty());
    for (at, it) in matches.iter().enumerate() {
        let options = printed(context, |to| it.print(to));
        let (first, last) = (at == 0, at + 1 == matches.len());
        if first && implied {
            call.options(it.spec(), &options)?;
        } else if named == 1 {
            call.add("match", false, &[it.spec().name], true)?;
            call.options(it.spec(), &options)?;
        } else {
            let opening = if at == usize::from(implied) { "args=[" } else { "" };
            let comma = if call.parts.is_empty() { "" } else { ", " };
            call.parts.push(Part::Fixed(format!("{comma}{opening}")));
            call.parts.push(Part::Match(matching(it.spec(), &options)?));
            if last {
                call.parts.push(fixed("]"));
            }
        }
    }
    if let Jump::Target(target) = &typed.jump {
        call.options(target.spec(), &printed(context, |to| target.print(to)))?;
    }
    if let Some(family) = family {
        call.add(if family == Family::V4 { "ipv4" } else { "ipv6" }, false, &[], true)?;
    }
    if let Some(comment) = comment {
        call.add("comment", false, &[&comment], true)?;
    }
    let mut parts = vec![Part::Fixed(format!("{class}("))];
    parts.extend(call.finish());
    parts.push(fixed(")"));
    Some(parts)
}

/// `Match('name', …)`.
fn matching(spec: &Spec, options: &[u8]) -> Option<Vec<Part>> {
    let mut call = Call { parts: vec![Part::Fixed(literal::text(spec.name))], ..Call::default() };
    call.options(spec, options)?;
    let mut parts = vec![fixed("Match(")];
    parts.extend(call.finish());
    parts.push(fixed(")"));
    Some(parts)
}

/// The class that makes a rule with this jump.
fn jump(typed: &Typed, call: &mut Call) -> Option<&'static str> {
    match &typed.jump {
        Jump::None => {}
        Jump::Chain(chain) => call.add("jump", false, &[std::str::from_utf8(chain).ok()?], true)?,
        Jump::Goto(chain) => call.add("goto", false, &[std::str::from_utf8(chain).ok()?], true)?,
        Jump::Target(target) => match target.spec().name {
            "ACCEPT" => return Some("Accept"),
            "DROP" => return Some("Drop"),
            "REJECT" => return Some("Reject"),
            "RETURN" => return Some("Return"),
            "REDIRECT" => return Some("Redirect"),
            "LOG" => return Some("Log"),
            name => call.add("jump", false, &[name], true)?,
        },
    }
    Some("Rule")
}

/// What every rule may ask for without a match.
fn conditions(typed: &Typed, context: Context, call: &mut Call) -> Option<()> {
    let not = |bit| typed.inverted.has(bit);
    for (name, iface, bit) in [
        ("in_interface", &typed.in_iface, Inverted::IN_IFACE),
        ("out_interface", &typed.out_iface, Inverted::OUT_IFACE),
    ] {
        if !iface.is_any() || not(bit) {
            let text = if iface.is_any() { "+" } else { std::str::from_utf8(iface.as_bytes()).ok()? };
            call.add(name, not(bit), &[text], true)?;
        }
    }
    for (name, net, bit) in [
        ("source", &typed.source, Inverted::SOURCE),
        ("destination", &typed.destination, Inverted::DESTINATION),
    ] {
        if *net != Net::Any || not(bit) {
            call.add(name, not(bit), &[&address(net, context.family)?], true)?;
        }
    }
    if typed.proto != 0 {
        let mut name = Vec::new();
        proto::push_name(&mut name, typed.proto, context.dialect);
        call.add("proto", not(Inverted::PROTO), &[std::str::from_utf8(&name).ok()?], true)?;
    }
    if typed.fragment {
        // `fragment` cannot be inverted by its name.
        if not(Inverted::FRAGMENT) {
            return None;
        }
        call.add("fragment", false, &[""], true)?;
    }
    Some(())
}

/// A network as people write it: a single address without its length.
fn address(net: &Net, family: Family) -> Option<String> {
    let mut text = Vec::new();
    net.push(&mut text, family);
    let text = String::from_utf8(text).ok()?;
    let host = if family == Family::V4 { "/32" } else { "/128" };
    Some(text.strip_suffix(host).map_or_else(|| text.clone(), str::to_owned))
}

/// The matches without a comment at their end, and its text.
fn comment(typed: &Typed, context: Context) -> Option<(&[crate::ext::Match], Option<String>)> {
    let Some((last, before)) = typed.matches.split_last() else { return Some((&[], None)) };
    if last.spec().name != "comment" {
        return Some((&typed.matches, None));
    }
    let printed = printed(context, |to| last.print(to));
    let mut words = Vec::new();
    lex::words(&printed, &mut words);
    let text = match words.as_slice() {
        [_, text] => String::from_utf8(text.bytes.to_vec()).ok()?,
        _ => return None,
    };
    // An empty comment is none, for PyPTables.
    if text.is_empty() { Some((&typed.matches, None)) } else { Some((before, Some(text))) }
}
