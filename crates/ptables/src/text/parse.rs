//! iptables-save and iptables-restore text becomes a program. Reads on after an error, at the next line.

use super::annotated::Annotations;
use super::command::{self, Command};
use super::lex;
use super::shell;
use crate::diag::{Diagnostic, codes};
use crate::ext::{CATALOGUE, Hook, Kind, TableName};
use crate::model::Counters;
use crate::origin::Origin;
use crate::program::{Body, Chain, ChainKind, Rule, Table, Tables, Verb};
use crate::source::{Source, Text};
use crate::value::number;

/// Text that was read: the program, and what was wrong with lines that could not be kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Parsed {
    /// The program.
    pub tables: Tables,
    /// What was found, in the order of lines. An error means that a line is not in the program.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// What another front end made: a script.
    pub fn new(tables: Tables, diagnostics: Vec<Diagnostic>) -> Parsed {
        Parsed { tables, diagnostics }
    }
}

/// Reads restore text. Rules are kept as they stand; only the command before them is looked at.
///
/// A shell script that is a list of `iptables …` commands is read too, as far as they are plain.
///
/// Text that ptables printed in its annotated style is read with the origins that it names.
pub fn parse(source: &Source) -> Parsed {
    let mut parser = Parser {
        source,
        tables: Tables::with_origin(Origin::Text(source.text(0, 0))),
        diagnostics: Vec::new(),
        nul: memchr::memchr(0, source.bytes()).is_some(),
        table: None,
        last: None,
        annotations: Annotations::new(source.bytes()),
    };
    if shell::is_script(source) {
        parser.script();
    } else {
        parser.lines();
    }
    Parsed { tables: parser.tables, diagnostics: parser.diagnostics }
}

pub(super) struct Parser<'s> {
    pub(super) source: &'s Source,
    pub(super) tables: Tables,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether there is a NUL byte anywhere: then each line is looked at.
    nul: bool,
    /// The table that is open.
    pub(super) table: Option<Table>,
    /// The chain of the last rule: most rules follow one of their own chain.
    pub(super) last: Option<usize>,
    annotations: Annotations,
}

impl Parser<'_> {
    fn lines(&mut self) {
        let bytes = self.source.bytes();
        let mut start = 0;
        while start < bytes.len() {
            let rest = bytes.get(start..).unwrap_or_default();
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.line(start as u32, rest.get(..length).unwrap_or_default());
            start += length + 1;
        }
        if let Some(table) = self.table.take() {
            let message = format!("table `{}` is not closed by a line `COMMIT`", table.name.to_lossy());
            let error = Diagnostic::error(codes::PARSE_MISSING_COMMIT, message)
                .at(table.origin.clone(), "opened here");
            self.diagnostics.push(error.help("add a line `COMMIT` at the end"));
            self.tables.push(table);
        }
    }

    fn line(&mut self, start: u32, line: &[u8]) {
        if line.len() > lex::MAX_LINE && line.first() != Some(&b'#') {
            let message = format!(
                "this line has {} bytes; iptables-restore cuts it after {}",
                line.len(),
                lex::MAX_LINE
            );
            return self.error(
                codes::PARSE_LINE_TOO_LONG,
                start,
                line,
                message,
                "shorten it, or use an ipset",
            );
        }
        if self.nul && memchr::memchr(0, line).is_some() {
            let message = "a NUL byte ends the line for the tools: they do not see what follows";
            return self.error(codes::PARSE_NUL_BYTE, start, line, message, "take it out");
        }
        match line.first() {
            None => {}
            Some(b'#') => self.annotations.comment(line),
            Some(b'*') if self.table.is_none() => self.open(start, line),
            _ if self.table.is_none() => self.outside(start, line),
            Some(b':') => self.declare(start, line),
            Some(b'[') => self.counted(start, line),
            Some(b'C') if line == b"COMMIT" => {
                self.last = None;
                if let Some(mut table) = self.table.take() {
                    let end = (start as usize + line.len()) == self.source.bytes().len();
                    table.unfinished = end.then(|| Origin::Text(self.text(start, line)));
                    self.tables.push(table);
                }
            }
            _ => self.command(start, line, 0, None),
        }
    }

    fn text(&self, start: u32, line: &[u8]) -> Text {
        self.source.text(start, start + line.len() as u32)
    }

    fn error(
        &mut self,
        code: crate::diag::Code,
        start: u32,
        line: &[u8],
        message: impl Into<String>,
        help: &str,
    ) {
        let origin = Origin::Text(self.text(start, line));
        self.diagnostics.push(Diagnostic::error(code, message).at(origin, "").help(help));
    }

    fn open(&mut self, start: u32, line: &[u8]) {
        // The name is what follows, up to a blank; `* filter` is read too.
        let inner = line.get(1..).unwrap_or_default();
        let blank = inner.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let inner = inner.get(blank..).unwrap_or_default();
        let length = inner.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(inner.len());
        if length == 0 {
            return self.error(
                codes::PARSE_UNKNOWN_TABLE,
                start,
                line,
                "there is no table name after `*`",
                "write `*filter`",
            );
        }
        let at = start + 1 + blank as u32;
        let name = self.source.text(at, at + length as u32);
        let origin = self.annotations.take_table().unwrap_or_else(|| Origin::Text(self.text(start, line)));
        if let Some(header) = self.annotations.take_header() {
            self.tables.origin = header;
        }
        self.table = Some(Table::with_origin(name, origin));
    }

    fn outside(&mut self, start: u32, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            let help = "take the blanks out: a line that holds nothing must be empty";
            return self.error(
                codes::PARSE_BAD_LINE,
                start,
                line,
                "iptables-restore refuses a line of blanks",
                help,
            );
        }
        let message = "this line stands outside of any table";
        self.error(
            codes::PARSE_OUTSIDE_TABLE,
            start,
            line,
            message,
            "put a line such as `*filter` before it",
        );
    }

    /// `:NAME POLICY [p:b]`.
    fn declare(&mut self, start: u32, line: &[u8]) {
        let whole = Origin::Text(self.text(start, line));
        let words: Vec<(usize, &[u8])> = split_blanks(line.get(1..).unwrap_or_default()).collect();
        let (Some((at, name)), Some((policy_at, policy))) = (words.first().copied(), words.get(1).copied())
        else {
            let help = "write `:INPUT ACCEPT [0:0]`, or `:NAME - [0:0]` for a chain of your own";
            return self.error(
                codes::PARSE_BAD_LINE,
                start,
                line,
                "a chain line needs a name and a policy",
                help,
            );
        };
        let (counters, odd) = match words.get(2).map(|(_, text)| bracketed(text)) {
            None => (Counters::default(), Some((whole.clone(), false))),
            Some(Some((Some(counters), []))) => (counters, None),
            Some(_) => (Counters::default(), Some((whole.clone(), true))),
        };
        let origin = whole.clone();
        let text = |at: usize, word: &[u8]| {
            self.source.text(start + 1 + at as u32, start + 1 + (at + word.len()) as u32)
        };
        let name = text(at, name);
        let policy = (policy != b"-").then(|| text(policy_at, policy));
        let Some(table) = &mut self.table else { return };
        let builtin = is_builtin(table, &name);
        let kind = if builtin || policy.is_some() { ChainKind::Builtin(policy) } else { ChainKind::User };
        match table.place(&name).and_then(|place| table.chain_at(place)) {
            Some(old) if builtin => {
                // A later line sets the policy again and flushes nothing.
                old.kind = kind;
                old.counters = counters;
                old.odd_counters = odd;
            }
            Some(old) => {
                // iptables-legacy refuses this, iptables-nft empties the chain: lowering knows which it is.
                old.redeclared = Some(whole);
                old.clear();
            }
            None => {
                let mut chain = Chain::new(name, kind, origin);
                chain.counters = counters;
                chain.odd_counters = odd.filter(|_| builtin);
                table.push(chain);
            }
        }
    }

    /// Counters that are no numbers: they only count where counters are asked for.
    fn bad_counters(&mut self, origin: Origin, message: &str) {
        let warning = Diagnostic::warning(codes::PARSE_BAD_COUNTERS, message).at(origin, "");
        let help = "iptables-restore ignores them without `-c` and refuses them with it";
        self.diagnostics.push(warning.help(help));
    }

    /// `[p:b] -A …`.
    fn counted(&mut self, start: u32, line: &[u8]) {
        match bracketed(line) {
            Some((counters, rest)) => {
                if counters.is_none() {
                    let origin = Origin::Text(self.text(start, line));
                    self.bad_counters(origin, "the counters before a rule are `[packets:bytes]`");
                }
                self.command(start, line, line.len() - rest.len(), counters);
            }
            None => {
                let help = "write `[packets:bytes]` with two numbers";
                self.error(
                    codes::PARSE_BAD_COUNTERS,
                    start,
                    line,
                    "the counters before a rule are `[packets:bytes]`",
                    help,
                );
            }
        }
    }

    /// A command of iptables; it begins at byte `from` of the line.
    fn command(&mut self, start: u32, line: &[u8], from: usize, counters: Option<Counters>) {
        let text = line.get(from..).unwrap_or_default();
        // The common case: the command is the first word, the rule is what follows its chain.
        if let Some((name, rest)) = command::plain_append(text) {
            let chain_at = start + from as u32 + 3;
            let body = self.source.text(start + (line.len() - rest.len()) as u32, start + line.len() as u32);
            let origin = self.annotations.rule().unwrap_or_else(|| Origin::Text(body.clone()));
            let place = self.chain_place(chain_at, name);
            return self.add(place, rule(origin, Verb::Append, counters, body));
        }
        let whole = self.text(start + from as u32, text);
        let mut words = Vec::new();
        if lex::words(text, &mut words) {
            let help = "close it: the rest of the line belongs to it";
            return self.error(
                codes::PARSE_UNCLOSED_QUOTE,
                start,
                line,
                "a double quote is opened and not closed",
                help,
            );
        }
        match command::read(&whole, &words) {
            Ok(command) => self.carry_out(start, line, command, counters),
            Err(diagnostic) => self.diagnostics.push(*diagnostic),
        }
    }

    pub(super) fn carry_out(
        &mut self,
        start: u32,
        line: &[u8],
        command: Command,
        counters: Option<Counters>,
    ) {
        let origin = self.annotations.rule().unwrap_or_else(|| Origin::Text(self.text(start, line)));
        match command {
            Command::Rule { chain, verb, body } => {
                let place = self.chain_place(chain.start(), &chain);
                self.add(place, rule(origin, verb, counters, body));
            }
            Command::OnChain { chain, verb } => {
                let place = self.chain_place(chain.start(), &chain);
                self.add(place, rule(origin, verb, None, Text::default()));
            }
            Command::OnAll(verb) => {
                for chain in self.table.iter_mut().flat_map(Table::iter_mut) {
                    chain.push(rule(origin.clone(), verb, None, Text::default()));
                }
            }
            Command::New(name) => self.new_chain(origin, name),
            Command::Policy { chain, policy } => {
                let nat = self.table.as_ref().is_some_and(|table| table.name.as_bytes() == b"nat");
                if nat && policy.as_bytes() == b"DROP" {
                    let error =
                        Diagnostic::error(codes::CHECK_WRONG_TABLE, "`-P` cannot set DROP in table `nat`");
                    let error = error.at(Origin::Text(policy.clone()), "");
                    self.diagnostics.push(error.help("drop packets in table `filter`, or `raw`"));
                }
                let place = self.chain_place(chain.start(), &chain);
                let chain = self.table.as_mut().zip(place).and_then(|(table, place)| table.chain_at(place));
                if let Some(chain) = chain {
                    chain.kind = ChainKind::Builtin(Some(policy));
                }
            }
            Command::Rename { old, new } => self.rename(origin, &old, new),
            Command::DeleteChain(name) => self.delete_chain(origin, name),
            Command::Nothing => {}
        }
    }
}

impl Parser<'_> {
    /// Where the chain of this name stands; a chain that no line declares is made.
    fn chain_place(&mut self, at: u32, name: &[u8]) -> Option<usize> {
        let table = self.table.as_mut()?;
        if let Some(place) = self.last
            && table.chain_at(place).is_some_and(|chain| chain.name.as_bytes() == name)
        {
            return Some(place);
        }
        if table.place(name).is_none() {
            let text = self.source.text(at, at + name.len() as u32);
            let text = if text.as_bytes() == name { text } else { Text::from(name) };
            let kind = if is_builtin(table, name) { ChainKind::Builtin(None) } else { ChainKind::Named };
            table.push(Chain::new(text.clone(), kind, Origin::Text(text)));
        }
        self.last = table.place(name);
        self.last
    }

    fn add(&mut self, place: Option<usize>, rule: Rule) {
        if let Some(chain) = self.table.as_mut().zip(place).and_then(|(table, place)| table.chain_at(place)) {
            chain.push(rule);
        }
    }

    fn new_chain(&mut self, origin: Origin, name: Text) {
        let Some(table) = &mut self.table else { return };
        let target = CATALOGUE
            .iter()
            .any(|entry| entry.spec.kind == Kind::Target && entry.spec.name.as_bytes() == name.as_bytes());
        let problem = if matches!(name.first(), Some(b'-' | b'!')) {
            Some((codes::PARSE_BAD_CHAIN_NAME, "a chain name cannot begin with `-` or `!`".to_owned()))
        } else if target || name.as_bytes() == b"standard" || name.as_bytes() == b"QUEUE" {
            Some((codes::PARSE_BAD_CHAIN_NAME, format!("`{}` is the name of a target", name.to_lossy())))
        } else if table.place(&name).is_some() || is_builtin(table, &name) {
            Some((
                codes::CHECK_DUPLICATE_CHAIN,
                format!("this table has a chain `{}` already", name.to_lossy()),
            ))
        } else {
            None
        };
        if let Some((code, message)) = problem {
            self.diagnostics
                .push(Diagnostic::error(code, message).at(origin.clone(), "").help("choose another name"));
        }
        if table.place(&name).is_none() {
            table.push(Chain::new(name, ChainKind::User, origin));
        }
    }

    fn rename(&mut self, origin: Origin, old: &Text, new: Text) {
        let Some(table) = &mut self.table else { return };
        match table.place(old) {
            Some(place) if table.place(&new).is_none() => table.rename(place, new),
            Some(_) => {
                let message = format!("this table has a chain `{}` already", new.to_lossy());
                let error = Diagnostic::error(codes::CHECK_DUPLICATE_CHAIN, message).at(origin, "");
                self.diagnostics.push(error.help("choose another name"));
            }
            None => self.no_chain(origin, old),
        }
        self.last = None;
    }

    fn no_chain(&mut self, origin: Origin, name: &Text) {
        let message = format!("this table has no chain `{}`", name.to_lossy());
        let error = Diagnostic::error(codes::CHECK_MISSING_CHAIN, message).at(origin, "");
        self.diagnostics.push(error.help("declare it before this line"));
    }

    /// `-X`: an empty chain of the user goes; without a name, every empty one.
    fn delete_chain(&mut self, origin: Origin, name: Option<Text>) {
        let Some(table) = &mut self.table else { return };
        let empty = |chain: &Chain| chain.rules().last().is_none_or(|rule| rule.verb == Verb::Flush);
        match name {
            Some(name) => match table.place(&name) {
                Some(place) if table.chain_at(place).is_some_and(|chain| empty(chain)) => {
                    let gone = table.remove_at(place);
                    table.gone.push(gone.name);
                }
                Some(_) => {
                    let message = format!("chain `{}` is not empty: it cannot be deleted", name.to_lossy());
                    let error = Diagnostic::error(codes::PARSE_BAD_LINE, message).at(origin, "");
                    self.diagnostics.push(error.help("flush it before"));
                }
                None => {
                    // With `--noflush` it may be in the kernel.
                    table.deleted.push(name);
                }
            },
            None => {
                let user = |table: &Table, chain: &Chain| !is_builtin(table, &chain.name);
                while let Some(place) = table.iter().position(|chain| user(table, chain) && empty(chain)) {
                    let gone = table.remove_at(place);
                    table.gone.push(gone.name);
                }
                if let Some(chain) = table.iter().find(|chain| user(table, chain)) {
                    let message =
                        format!("chain `{}` is not empty: it cannot be deleted", chain.name.to_lossy());
                    let error = Diagnostic::error(codes::PARSE_BAD_LINE, message).at(origin, "");
                    self.diagnostics.push(error.help("flush it before"));
                }
            }
        }
        self.last = None;
    }
}

fn rule(origin: Origin, verb: Verb, counters: Option<Counters>, body: Text) -> Rule {
    Rule { origin, verb, counters: counters.map(Box::new), body: Body::Line(body) }
}

/// Whether the kernel has a chain of this name in the table. Of a table that it does not have, any hook's.
fn is_builtin(table: &Table, name: &[u8]) -> bool {
    let hook = Hook::find(name);
    hook.is_some_and(|hook| TableName::find(&table.name).is_none_or(|it| it.hooks().contains(&hook)))
}

/// Reads `[packets:bytes]` at the beginning of a text; gives the counters, if they are numbers, and what follows, without
/// blanks. `None` if it has not that form.
fn bracketed(text: &[u8]) -> Option<(Option<Counters>, &[u8])> {
    let inner = text.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', inner)?;
    let (numbers, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
    let (packets, bytes) = numbers.split_at_checked(memchr::memchr(b':', numbers).filter(|at| *at > 0)?)?;
    // Decimal, and what follows the digits is not looked at.
    let counters = leading(packets).zip(leading(bytes.get(1..)?));
    Some((counters.map(|(packets, bytes)| Counters { packets, bytes }), rest.trim_ascii_start()))
}

/// The decimal number that a text begins with, after blanks.
fn leading(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    (digits > 0).then(|| number::decimal(text.get(..digits).unwrap_or_default()).unwrap_or(u64::MAX))
}

/// The words between blanks and tabs, with their offsets.
fn split_blanks(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let skip = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
        let start = at + skip;
        let rest = text.get(start..)?;
        let length = rest.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
        at = start + length;
        Some((start, rest.get(..length)?))
    })
}
