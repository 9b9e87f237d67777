//! Lowers one authored rule: words, reader, findings with their places, comma lists.

use super::reader::{Finding, Outcome, Reader, Scope};
use crate::diag::{Code, Diagnostic, Severity, codes};
use crate::model::{self, OpaqueKind, Typed};
use crate::origin::Origin;
use crate::program::{Arg, Body, Rule};
use crate::source::Text;
use crate::text::lex::{self, Word};
use crate::value::addr::Net;
use crate::value::quote;

/// The most rules that one line with comma lists may become.
pub(super) const MAX_EXPANSION: usize = 4096;

/// Lowers rules one after another; keeps its buffers between them.
#[derive(Default)]
pub(super) struct Lowerer<'a> {
    reader: Reader,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The words of the rule at hand; kept for its memory.
    words: Vec<Word<'a>>,
}

impl<'a> Lowerer<'a> {
    /// Lowers a rule; what it becomes is appended to `out`.
    pub(super) fn rule(&mut self, scope: &Scope<'_>, rule: &'a Rule, out: &mut Vec<model::Rule>) {
        let first = out.len();
        match &rule.body {
            Body::Composite(composite) => {
                for inner in &composite.rules {
                    self.rule(scope, inner, out);
                }
            }
            Body::Line(text) => self.line(scope, rule, text, out),
            Body::Args(args) => {
                let mut words = std::mem::take(&mut self.words);
                words.clear();
                args.iter().for_each(|arg| arg.words(&mut words));
                let text =
                    |at: usize| words.get(at).map_or_else(Text::default, |word| Text::from(&*word.bytes));
                self.words(scope, rule, &words, None, args.iter().any(Arg::breaks), &text, out);
                self.words = words;
            }
        }
        if let Some(counters) = rule.counters.as_ref().filter(|_| scope.counters) {
            for rule in out.get_mut(first..).unwrap_or_default() {
                if rule.counters.is_some() {
                    let error = Diagnostic::error(codes::PARSE_REPEATED_OPTION, "counters are given twice");
                    self.diagnostics
                        .push(error.at(rule.origin.clone(), "").help("keep the brackets or `-c`"));
                    break;
                }
                rule.counters = Some(counters.clone());
            }
        }
    }

    fn line(&mut self, scope: &Scope<'_>, rule: &'a Rule, text: &'a Text, out: &mut Vec<model::Rule>) {
        let mut words = std::mem::take(&mut self.words);
        words.clear();
        let open = lex::words(text, &mut words);
        // A line of read text has been looked at; one that a program made has not.
        let read = matches!(&rule.origin, Origin::Text(origin) if origin.shares_source(text));
        let problem = if !read && memchr::memchr(b'\n', text).is_some() {
            Some((codes::PROGRAM_LINE_BREAK, "a rule is one line: this has a line break"))
        } else if !read && memchr::memchr(0, text).is_some() {
            Some((
                codes::PARSE_NUL_BYTE,
                "for iptables a NUL byte ends the line: what follows it would be lost",
            ))
        } else if open {
            Some((codes::PARSE_UNCLOSED_QUOTE, "a double quote is opened and not closed"))
        } else {
            None
        };
        if let Some((code, message)) = problem {
            self.diagnostics.push(Diagnostic::error(code, message).at(rule.origin.clone(), ""));
            out.push(model::Rule::opaque(rule.origin.clone(), OpaqueKind::Invalid, one_line(text)));
            return;
        }
        let text_of = |at: usize| {
            words.get(at).map_or_else(Text::default, |word| match &word.bytes {
                std::borrow::Cow::Borrowed(bytes) => {
                    // A quoted word without escapes stands between its quotes.
                    let start = word.start as usize
                        + usize::from(word.end as usize - word.start as usize > bytes.len());
                    text.slice(start, start + bytes.len())
                }
                std::borrow::Cow::Owned(bytes) => Text::from(bytes.as_slice()),
            })
        };
        self.words(scope, rule, &words, Some(text), false, &text_of, out);
        self.words = words;
    }

    #[expect(clippy::too_many_arguments, reason = "the two callers above, with and without a line of text")]
    fn words(
        &mut self,
        scope: &Scope<'_>,
        rule: &Rule,
        words: &[Word<'_>],
        line: Option<&Text>,
        may_break: bool,
        text: &dyn Fn(usize) -> Text,
        out: &mut Vec<model::Rule>,
    ) {
        let broken = words.iter().find(|word| may_break && memchr::memchr2(b'\n', 0, &word.bytes).is_some());
        if let Some(word) = broken {
            let message =
                format!("a line break in `{}` would end the rule", String::from_utf8_lossy(&word.bytes));
            let error = Diagnostic::error(codes::PROGRAM_LINE_BREAK, message).at(rule.origin.clone(), "");
            self.diagnostics.push(error.help("take the line break (or NUL byte) out of the value"));
            out.push(model::Rule::opaque(rule.origin.clone(), OpaqueKind::Invalid, written(words)));
            return;
        }
        if let Some((code, message)) = too_long(words, line) {
            self.diagnostics.push(Diagnostic::error(code, message).at(rule.origin.clone(), ""));
            let text = line.map_or_else(|| written(words), one_line);
            out.push(model::Rule::opaque(rule.origin.clone(), OpaqueKind::Invalid, text));
            return;
        }
        // Read where it will stand: moving rules costs more than reading some of their options.
        let first = out.len();
        out.push(model::Rule::typed(rule.origin.clone(), Typed::default()));
        let Some(model::Body::Typed(typed)) = out.last_mut().map(|rule| &mut rule.body) else { return };
        let outcome = self.reader.read(scope, words, text, typed);
        let failed = self.reader.findings.iter().any(|finding| !finding.warning);
        if !self.reader.findings.is_empty() {
            let findings = std::mem::take(&mut self.reader.findings);
            for finding in findings {
                self.diagnostics.push(diagnose(rule, words, line, finding));
            }
        }
        if outcome.skipped {
            out.truncate(first);
            return self.skipped(rule);
        }
        if !failed && outcome.raw.is_none() {
            return self.expand(rule, outcome, out);
        }
        out.truncate(first);
        let verbatim = || line.cloned().unwrap_or_else(|| written(words));
        if let Some(at) = outcome.raw.filter(|_| !failed) {
            let name = words
                .get(at)
                .map(|word| String::from_utf8_lossy(&word.bytes).into_owned())
                .unwrap_or_default();
            let message = format!("`{name}` is not in the catalogue: the rule is kept word for word");
            let diagnostic = Diagnostic::new(codes::CHECK_RAW_RULE, Severity::Unsupported, message);
            self.diagnostics.push(place(diagnostic, rule, words, line, Some(at)));
            out.push(model::Rule::opaque(rule.origin.clone(), OpaqueKind::Raw, verbatim()));
        } else {
            out.push(model::Rule::opaque(rule.origin.clone(), OpaqueKind::Invalid, verbatim()));
        }
    }

    /// `-4` in an IPv6 ruleset: iptables leaves the rule out, and says nothing.
    fn skipped(&mut self, rule: &Rule) {
        let message = "the rule is for the other address family: iptables leaves it out here";
        let note = Diagnostic::new(codes::PARSE_WRONG_FAMILY, Severity::Note, message);
        self.diagnostics.push(note.at(rule.origin.clone(), ""));
    }

    /// Takes what the reader found besides the rule, the last one of `out`, and repeats it for lists of addresses.
    fn expand(&mut self, rule: &Rule, outcome: Outcome, out: &mut Vec<model::Rule>) {
        if let Some(last) = out.last_mut().filter(|_| outcome.counters.is_some()) {
            last.counters = outcome.counters.map(Box::new);
        }
        if outcome.sources.is_empty() && outcome.destinations.is_empty() {
            return;
        }
        let Some(read) = out.pop() else { return };
        let count = (outcome.sources.len() + 1) * (outcome.destinations.len() + 1);
        if count > MAX_EXPANSION {
            let message = format!(
                "the address lists of this rule make {count} rules; at most {MAX_EXPANSION} are allowed"
            );
            let error = Diagnostic::error(codes::PARSE_TOO_MANY_RULES, message).at(rule.origin.clone(), "");
            self.diagnostics.push(error.help("use an ipset and `-m set`"));
            out.push(model::Rule::opaque(rule.origin.clone(), OpaqueKind::Invalid, Text::default()));
            return;
        }
        let Some(typed) = read.as_typed() else { return };
        let sources: Vec<Net> = std::iter::once(typed.source.clone()).chain(outcome.sources).collect();
        let destinations: Vec<Net> =
            std::iter::once(typed.destination.clone()).chain(outcome.destinations).collect();
        for source in &sources {
            for destination in &destinations {
                let body = model::Body::Typed(Typed {
                    source: source.clone(),
                    destination: destination.clone(),
                    ..typed.clone()
                });
                out.push(model::Rule { body, ..read.clone() });
            }
        }
    }
}

/// What of a rule the restore tools have no room for.
fn too_long(words: &[Word<'_>], line: Option<&Text>) -> Option<(Code, &'static str)> {
    // A short line holds no long word: most rules are not looked through.
    let room = line.is_none_or(|line| line.len() > lex::MAX_WORD);
    if room && words.iter().any(|word| word.bytes.len() > lex::MAX_WORD) {
        return Some((codes::PARSE_WORD_TOO_LONG, "iptables-restore reads words of at most 1,023 bytes"));
    }
    // Before them stand `-A CHAIN`.
    let many = words.len() + 2 > lex::MAX_WORDS;
    many.then_some((codes::PARSE_LINE_TOO_LONG, "iptables-restore reads at most 251 words in a line"))
}

/// A finding with its place: the word in its text, or the statement that made the rule.
fn diagnose(rule: &Rule, words: &[Word<'_>], line: Option<&Text>, finding: Finding) -> Diagnostic {
    let severity = if finding.warning { Severity::Warning } else { Severity::Error };
    let mut diagnostic = Diagnostic::new(finding.fault.code(), severity, finding.fault.message());
    if let Some(help) = finding.fault.advice() {
        diagnostic = diagnostic.help(help);
    }
    if let (Some(fix), Some(line), Some(word)) =
        (finding.fix, line, finding.word.and_then(|at| words.get(at)))
    {
        diagnostic = diagnostic.fix(Origin::Text(line.slice(word.start as usize, word.end as usize)), fix);
    }
    place(diagnostic, rule, words, line, finding.word)
}

fn place(
    diagnostic: Diagnostic,
    rule: &Rule,
    words: &[Word<'_>],
    line: Option<&Text>,
    at: Option<usize>,
) -> Diagnostic {
    let word = at.and_then(|at| words.get(at));
    let span =
        line.zip(word).map(|(line, word)| Origin::Text(line.slice(word.start as usize, word.end as usize)));
    match (&rule.origin, span) {
        // Words of a script's command stand nowhere as they are read.
        (Origin::Text(_), Some(span)) if span.place().is_some() => diagnostic.at(span, ""),
        (Origin::Text(_), _) => diagnostic.at(rule.origin.clone(), ""),
        (origin, Some(span)) if span.place().is_some() => diagnostic.at(origin.clone(), "").see(span, ""),
        (origin, _) => {
            let rule = String::from_utf8_lossy(&written(words)).into_owned();
            diagnostic.at(origin.clone(), "").note(format!("in the rule `{rule}`"))
        }
    }
}

/// The words as a line that reads back as the same words.
fn written(words: &[Word<'_>]) -> Text {
    let mut line = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            line.push(b' ');
        }
        quote::push_word(&mut line, &word.bytes);
    }
    one_line(&Text::new(line))
}

/// A text without line breaks: they become `?`, so that a rule that was refused cannot add another where it is shown.
fn one_line(text: &Text) -> Text {
    if memchr::memchr3(b'\n', b'\r', 0, text).is_none() {
        return text.clone();
    }
    Text::new(
        text.iter()
            .map(|byte| if matches!(byte, b'\n' | b'\r' | 0) { b'?' } else { *byte })
            .collect::<Vec<u8>>(),
    )
}
