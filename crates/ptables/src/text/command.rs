//! The command of a line: `-A CHAIN`, `-I CHAIN 2`, `-N CHAIN` …, wherever it stands among the options.

use super::lex::Word;
use crate::diag::{Diagnostic, codes};
use crate::origin::Origin;
use crate::program::Verb;
use crate::source::Text;
use crate::value::{number, quote};

/// What a line asks for.
pub(super) enum Command {
    /// A rule in a chain.
    Rule { chain: Text, verb: Verb, body: Text },
    /// Something done to a chain's rules.
    OnChain { chain: Text, verb: Verb },
    /// The same for all chains.
    OnAll(Verb),
    /// `-N`.
    New(Text),
    /// `-X`; all empty chains without a name.
    DeleteChain(Option<Text>),
    /// `-P`.
    Policy { chain: Text, policy: Text },
    /// `-E`.
    Rename { old: Text, new: Text },
    /// `-L`, `-S`: they only show something.
    Nothing,
}

/// Chain and rest of a line that begins with `-A CHAIN`, unquoted: nearly every line.
pub(super) fn plain_append(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"-A ")?;
    let end = memchr::memchr3(b' ', b'\t', b'"', rest).unwrap_or(rest.len());
    let (chain, rest) = rest.split_at_checked(end)?;
    if chain.is_empty() || chain.first() == Some(&b'-') || rest.first() == Some(&b'"') {
        return None;
    }
    Some((chain, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// How a command is spelled, and what follows it.
struct Known {
    letter: u8,
    long: &'static str,
}

const COMMANDS: [Known; 14] = [
    Known { letter: b'A', long: "append" },
    Known { letter: b'C', long: "check" },
    Known { letter: b'D', long: "delete" },
    Known { letter: b'R', long: "replace" },
    Known { letter: b'I', long: "insert" },
    Known { letter: b'L', long: "list" },
    Known { letter: b'S', long: "list-rules" },
    Known { letter: b'F', long: "flush" },
    Known { letter: b'Z', long: "zero" },
    Known { letter: b'N', long: "new-chain" },
    Known { letter: b'X', long: "delete-chain" },
    Known { letter: b'E', long: "rename-chain" },
    Known { letter: b'P', long: "policy" },
    Known { letter: b't', long: "table" },
];

/// The command that a word is, if it is one. Long names may be shortened to a prefix that only one option has.
fn command_of(word: &[u8]) -> Option<u8> {
    match word {
        [b'-', letter] if *letter != b't' => {
            COMMANDS.iter().find(|known| known.letter == *letter).map(|it| it.letter)
        }
        [b'-', b'-', name @ ..] if name.len() > 1 => {
            let name = memchr::memchr(b'=', name).and_then(|end| name.get(..end)).unwrap_or(name);
            let exact = COMMANDS.iter().find(|known| known.long.as_bytes() == name);
            let mut fits = COMMANDS.iter().filter(|known| known.long.as_bytes().starts_with(name));
            let only = match (fits.next(), fits.next()) {
                (Some(known), None) => Some(known),
                _ => None,
            };
            let known = exact.or(only.filter(|_| !shared(name)))?;
            (known.letter != b't').then_some(known.letter)
        }
        _ => None,
    }
}

/// Whether a shortened command could also be an option of rules (`--p` is `--protocol` and `--policy`).
fn shared(name: &[u8]) -> bool {
    const RULE_OPTIONS: [&str; 12] = [
        "source",
        "destination",
        "src",
        "dst",
        "protocol",
        "in-interface",
        "jump",
        "match",
        "out-interface",
        "fragments",
        "goto",
        "numeric",
    ];
    RULE_OPTIONS.iter().any(|option| option.as_bytes().starts_with(name))
}

/// Reads the command of a line from its words. `line` is the text that they stand in.
pub(super) fn read(line: &Text, words: &[Word<'_>]) -> Result<Command, Box<Diagnostic>> {
    let fail = |code, message: String, at: Option<usize>, help: &str| {
        let place = at
            .and_then(|at| words.get(at))
            .map_or_else(|| line.clone(), |word| line.slice(word.start as usize, word.end as usize));
        Err(Box::new(Diagnostic::error(code, message).at(Origin::Text(place), "").help(help)))
    };
    let mut commands = (0..words.len())
        .filter(|at| is_free(words, *at))
        .filter_map(|at| Some((at, command_of(&words.get(at)?.bytes)?)));
    let Some((at, letter)) = commands.next() else {
        return fail(
            codes::PARSE_BAD_LINE,
            "this line has no command".into(),
            None,
            "write `-A CHAIN` before the rule, or `#` before a remark",
        );
    };
    if let Some((second, _)) = commands.next() {
        return fail(
            codes::PARSE_BAD_LINE,
            "a line can have one command only".into(),
            Some(second),
            "write two lines",
        );
    }
    // `--append=INPUT`: the chain is in the word itself.
    let attached = words.get(at).and_then(|word| {
        let equals = memchr::memchr(b'=', &word.bytes).filter(|_| word.bytes.starts_with(b"--"))?;
        word.bytes.get(equals + 1..).map(Text::from)
    });
    let shift = usize::from(attached.is_some());
    let value = |offset: usize| {
        if let (1, Some(attached)) = (offset, &attached) {
            return Some(attached.clone());
        }
        let offset = offset - shift;
        let word = words
            .get(at + offset)
            .filter(|word| !matches!(word.bytes.first(), Some(b'-' | b'!')) || offset == 1);
        word.map(|word| match &word.bytes {
            std::borrow::Cow::Borrowed(bytes) if word.end - word.start == bytes.len() as u32 => {
                line.slice(word.start as usize, word.end as usize)
            }
            bytes => Text::from(&**bytes),
        })
    };
    let name = value(1)
        .filter(|name| !matches!(letter, b'F' | b'Z' | b'X' | b'L' | b'S') || name.first() != Some(&b'-'));
    let place = value(2).and_then(|word| number::decimal(&word)).and_then(|it| u32::try_from(it).ok());
    let Some(name) = name else {
        return match letter {
            b'F' => Ok(Command::OnAll(Verb::Flush)),
            b'Z' => Ok(Command::OnAll(Verb::Zero)),
            b'X' => Ok(Command::DeleteChain(None)),
            b'L' | b'S' => Ok(Command::Nothing),
            _ => fail(
                codes::PARSE_MISSING_VALUE,
                format!("`-{}` needs a chain", char::from(letter)),
                Some(at),
                "name the chain",
            ),
        };
    };
    let (verb, used) = match letter {
        b'A' => (Verb::Append, 2),
        b'C' => (Verb::Check, 2),
        b'D' => place.map_or((Verb::Delete, 2), |place| (Verb::DeleteAt(place), 3)),
        b'I' => place.map_or((Verb::Insert(1), 2), |place| (Verb::Insert(place), 3)),
        b'R' => match place {
            Some(place) => (Verb::Replace(place), 3),
            None => {
                return fail(
                    codes::PARSE_MISSING_VALUE,
                    "`-R` needs a chain and the number of a rule".into(),
                    Some(at),
                    "number rules from 1",
                );
            }
        },
        b'F' => return only(words, at, 2, Command::OnChain { chain: name, verb: Verb::Flush }, fail),
        b'Z' => {
            return only(
                words,
                at,
                if place.is_some() { 3 } else { 2 },
                Command::OnChain { chain: name, verb: Verb::Zero },
                fail,
            );
        }
        b'N' => return only(words, at, 2, Command::New(name), fail),
        b'X' => return only(words, at, 2, Command::DeleteChain(Some(name)), fail),
        b'L' | b'S' => return Ok(Command::Nothing),
        b'P' => match value(2) {
            Some(policy) => return only(words, at, 3, Command::Policy { chain: name, policy }, fail),
            None => {
                return fail(
                    codes::PARSE_MISSING_VALUE,
                    "`-P` needs a chain and a policy".into(),
                    Some(at),
                    "write ACCEPT or DROP after the chain",
                );
            }
        },
        _ => match value(2) {
            Some(new) => return only(words, at, 3, Command::Rename { old: name, new }, fail),
            None => {
                return fail(
                    codes::PARSE_MISSING_VALUE,
                    "`-E` needs the old and the new name of a chain".into(),
                    Some(at),
                    "write both",
                );
            }
        },
    };
    if matches!(verb, Verb::DeleteAt(_)) {
        return only(words, at, used, Command::OnChain { chain: name, verb }, fail);
    }
    Ok(Command::Rule { chain: name, verb, body: body(line, words, at, used - shift) })
}

/// Whether a word stands by itself: not the value of `--comment` and the like, which may look like a command.
fn is_free(words: &[Word<'_>], at: usize) -> bool {
    // Options whose value may be any text. Others refuse a value that looks like a command, so nothing is lost.
    const TEXT: [&[u8]; 8] = [
        b"--comment",
        b"--log-prefix",
        b"--nflog-prefix",
        b"--string",
        b"--hex-string",
        b"--name",
        b"--hashlimit-name",
        b"--ulog-prefix",
    ];
    let before = at.checked_sub(1).and_then(|at| words.get(at));
    !before.is_some_and(|word| TEXT.contains(&&*word.bytes))
}

type Fail<'f> =
    &'f dyn Fn(crate::diag::Code, String, Option<usize>, &str) -> Result<Command, Box<Diagnostic>>;

fn only(
    words: &[Word<'_>],
    at: usize,
    used: usize,
    command: Command,
    fail: impl Fn(crate::diag::Code, String, Option<usize>, &str) -> Result<Command, Box<Diagnostic>>,
) -> Result<Command, Box<Diagnostic>> {
    let fail: Fail<'_> = &fail;
    if at == 0 && words.len() <= used {
        return Ok(command);
    }
    let extra = if at > 0 { 0 } else { used };
    fail(codes::PARSE_UNEXPECTED_WORD, "this does not belong to the command".into(), Some(extra), "remove it")
}

/// The rule without its command: what follows, or, where the command stands in the middle, the words around it.
fn body(line: &Text, words: &[Word<'_>], at: usize, used: usize) -> Text {
    if at == 0 {
        return match words.get(used) {
            Some(word) => line.slice(word.start as usize, line.len()),
            None => line.slice(line.len(), line.len()),
        };
    }
    let mut text = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if (at..at + used).contains(&index) {
            continue;
        }
        if !text.is_empty() {
            text.push(b' ');
        }
        quote::push_word(&mut text, &word.bytes);
    }
    Text::new(text)
}
