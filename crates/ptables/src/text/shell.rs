//! Shell scripts that are lists of `iptables …` and `ip6tables …` commands, as far as they are plain commands.
//!
//! What a shell would have to work out (variables, loops, pipes …) is named and left out; nothing is run. The script is read as
//! if the tables were empty before it.

use super::command::{self, Command};
use super::lex;
use super::parse::Parser;
use crate::diag::{Diagnostic, Severity, codes};
use crate::dialect::Family;
use crate::origin::Origin;
use crate::program::{Chain, ChainKind, Table};
use crate::source::{Source, Text};
use crate::value::quote;

/// Whether a text is such a script: no line opens a table, and one begins with a command of iptables.
pub(super) fn is_script(source: &Source) -> bool {
    let mut lines = source.bytes().split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    // Restore text shows itself in its first line that is no remark.
    let restore = |line: &[u8]| matches!(line.first(), Some(b'*' | b':' | b'[' | b'-'));
    match lines.find(|line| restore(line) || family_of(line).is_some()) {
        Some(line) => family_of(line).is_some(),
        None => false,
    }
}

/// The family that a line's command is for, if it is one of iptables.
pub(super) fn family_of(line: &[u8]) -> Option<Family> {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"sudo ").unwrap_or(line);
    let program = line.split(|byte| byte.is_ascii_whitespace()).next()?;
    match program.rsplit(|byte| *byte == b'/').next()? {
        b"iptables" | b"iptables-legacy" | b"iptables-nft" => Some(Family::V4),
        b"ip6tables" | b"ip6tables-legacy" | b"ip6tables-nft" => Some(Family::V6),
        _ => None,
    }
}

impl Parser<'_> {
    /// Reads a script.
    pub(super) fn script(&mut self) {
        let bytes = self.source.bytes();
        let mut start = 0;
        while start < bytes.len() {
            let end = logical_end(bytes, start);
            let line = bytes.get(start..end).unwrap_or_default();
            self.script_line(start as u32, line);
            start = end + 1;
        }
    }

    fn script_line(&mut self, start: u32, line: &[u8]) {
        let trimmed = line.trim_ascii();
        if trimmed.is_empty() || trimmed.first() == Some(&b'#') {
            return;
        }
        let whole = self.source.text(start, start + line.len() as u32);
        let Some(family) = family_of(trimmed) else {
            return self.not_plain(
                whole,
                "this is no command of iptables: it is not run, and what it does is not known",
            );
        };
        let Some(mut words) = shell_words(trimmed) else {
            return self.not_plain(whole, "a shell would have to work this command out first");
        };
        let program = if words.first().is_some_and(|word| word == b"sudo") { 2 } else { 1 };
        words.drain(..program.min(words.len()));
        let table = take_table(&mut words);
        words.retain(|word| !matches!(word.as_slice(), b"-w" | b"--wait"));
        self.open_table(&table, &whole);
        self.plain(whole, &words, family);
        if let Some(table) = self.table.take() {
            self.tables.push(table);
        }
        self.last = None;
    }

    fn not_plain(&mut self, line: Text, message: &str) {
        let diagnostic = Diagnostic::new(codes::PARSE_NOT_PLAIN, Severity::Unsupported, message);
        let help =
            "write the command out, or have the script make the rules and check what iptables-save prints";
        self.diagnostics.push(diagnostic.at(Origin::Text(line), "").help(help));
    }

    /// Goes on with a table, or begins it with the chains that the kernel has.
    fn open_table(&mut self, name: &[u8], line: &Text) {
        let known = self.tables.remove(&String::from_utf8_lossy(name));
        self.table = Some(known.unwrap_or_else(|| {
            let mut table = Table::with_origin(Text::from(name), Origin::Text(line.clone()));
            let kernel = crate::ext::TableName::find(name);
            for hook in kernel.map_or(&[][..], crate::ext::TableName::hooks) {
                let policy = Some("ACCEPT".into());
                table.push(Chain::new(
                    hook.as_str().into(),
                    ChainKind::Builtin(policy),
                    Origin::Text(line.clone()),
                ));
            }
            table
        }));
    }

    fn plain(&mut self, whole: Text, words: &[Vec<u8>], family: Family) {
        let mut line = Vec::new();
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                line.push(b' ');
            }
            quote::push_word(&mut line, word);
        }
        let text = Text::new(line);
        let mut split = Vec::new();
        lex::words(&text, &mut split);
        match command::read(&text, &split) {
            Ok(Command::Rule { chain, verb, body }) => {
                // The command says which family it is for; the rule says it too.
                let flag: &[u8] = if family == Family::V4 { b" -4" } else { b" -6" };
                let body = Text::new([body.as_bytes(), flag].concat());
                self.carry_out(whole.start(), &whole, Command::Rule { chain, verb, body }, None);
            }
            Ok(command) => self.carry_out(whole.start(), &whole, command, None),
            Err(mut diagnostic) => {
                // Its place is in words that stand nowhere.
                for label in &mut diagnostic.labels {
                    label.origin = Origin::Text(whole.clone());
                }
                self.diagnostics.push(*diagnostic);
            }
        }
    }
}

/// The end of the line that begins here, with the lines that a backslash joins to it.
fn logical_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = at + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        if end >= bytes.len() || bytes.get(end.saturating_sub(1)) != Some(&b'\\') || end == at {
            return end;
        }
        at = end + 1;
    }
}

/// The words of a plain command, as a POSIX shell splits them; `None` if it would do more than that.
fn shell_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' => words.extend(word.take()),
            b'#' if word.is_none() => break,
            b'\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match bytes.next()? {
                        b'\'' => break,
                        other => word.push(other),
                    }
                }
            }
            b'"' => {
                let word = word.get_or_insert_default();
                loop {
                    match bytes.next()? {
                        b'"' => break,
                        b'$' | b'`' => return None,
                        b'\\' => match bytes.next()? {
                            b'\n' => {}
                            escaped @ (b'"' | b'\\' | b'$' | b'`') => word.push(escaped),
                            other => word.extend([b'\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            b'\\' => match bytes.next() {
                Some(b'\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            b'$' | b'`' | b'|' | b'&' | b';' | b'<' | b'>' | b'(' | b')' | b'{' | b'}' | b'*' | b'?'
            | b'~' | b'\n' => {
                return None;
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

/// Takes `-t TABLE` out; without it the table is `filter`.
fn take_table(words: &mut Vec<Vec<u8>>) -> Vec<u8> {
    let at = words.iter().position(|word| word == b"-t" || word == b"--table");
    match at.filter(|at| at + 1 < words.len()) {
        Some(at) => {
            let table = words.remove(at + 1);
            words.remove(at);
            table
        }
        None => b"filter".to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile;
    use crate::dialect::Dialect;
    use crate::lower::Options;
    use crate::value::BuiltinNames;

    const SCRIPT: &str = "#!/bin/sh\nset -e\niptables -F\n/sbin/iptables -P INPUT DROP\niptables -N web # mine\n\
        iptables -A web -p tcp --dport 80 -m comment --comment 'two words' -j ACCEPT\n\
        iptables -A INPUT -s 10.0.0.0/8 \\\n  -j web\niptables -t nat -A POSTROUTING -o \"eth 0\" -j MASQUERADE\n\
        ip6tables -A INPUT -s 2001:db8::/32 -j ACCEPT\niptables -A INPUT -i $WAN -j DROP\niptables -A INPUT --dprot 1\n";

    #[test]
    fn plain_commands_become_rules_and_the_rest_is_named() {
        let source = Source::new("fw.sh", SCRIPT).unwrap();
        assert!(is_script(&source));
        let parsed = crate::text::parse(&source);
        let named: Vec<String> = parsed
            .diagnostics
            .iter()
            .map(|it| format!("{} {:?}", it.code, it.origin().place().unwrap().line))
            .collect();
        assert_eq!(named, ["parse/not-plain 2", "parse/not-plain 11"]);
        let v4 = compile(&parsed.tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
        let mut out = Vec::new();
        v4.ruleset.print(&mut out, false);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("-A INPUT -s 10.0.0.0/8 -j web\n"), "{text}");
        assert!(
            text.contains("-A web -p tcp -m tcp --dport 80 -m comment --comment \"two words\" -j ACCEPT\n"),
            "{text}"
        );
        assert!(
            text.contains("-A POSTROUTING -o eth 0 -j MASQUERADE\n") && text.contains(":INPUT DROP"),
            "{text}"
        );
        assert!(!text.contains("2001:db8"), "{text}");
        let wrong = v4.diagnostics.iter().find(|it| it.code == codes::PARSE_UNKNOWN_OPTION).unwrap();
        assert_eq!(wrong.origin().place().unwrap().line, 12);
        let v6 = compile(&parsed.tables, Family::V6, Options::new(Dialect::default(), &BuiltinNames));
        assert_eq!(v6.ruleset.rules().filter(|(_, _, rule)| rule.as_typed().is_some()).count(), 1);
    }

    #[test]
    fn words_are_those_of_a_shell() {
        let words = |line: &str| {
            shell_words(line.as_bytes()).map(|it| {
                it.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>()
            })
        };
        assert_eq!(words(r#"a 'b c' "d \" e" f\ g "" #h"#).unwrap(), ["a", "b c", "d \" e", "f g", ""]);
        for line in ["a $b", "a \"$b\"", "a | b", "a; b", "a `b`", "a 'b", "a \"b"] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
