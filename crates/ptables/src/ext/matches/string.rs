//! `-m string`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Pred, TextTest};
use crate::source::Text;
use crate::value::is::Is;
use crate::value::pattern;

// boxed: a pattern and where to look.
/// Matches packets that hold a text of 1 to 128 bytes.
///
/// `--from` and `--to` are offsets into the packet, headers included, 0 to 65535. Algorithms: `bm`, `kmp`; `fsm` takes a
/// machine of four-byte tokens for a pattern, and what it does where it reads on behind `--to` or the
/// packet's end depends on how that lies in memory. A pattern with a byte that cannot be printed is saved as `--hex-string`.
/// What fragments or segments cut in two is not found.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_string.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct String {
    /// The text.
    pub pattern: Is<Text>,
    /// How it is sought.
    pub algorithm: Algorithm,
    /// First offset that is looked at. Default: 0.
    pub from: u16,
    /// Offset where the search ends. Default: 65535.
    pub to: u16,
    /// Upper and lower case are the same.
    pub ignore_case: bool,
}

/// How `string` searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Boyer-Moore.
    Bm,
    /// Knuth-Pratt-Morris.
    Kmp,
    /// A finite state machine.
    Fsm,
}

const ALGORITHMS: [(&str, Algorithm); 3] =
    [("bm", Algorithm::Bm), ("kmp", Algorithm::Kmp), ("fsm", Algorithm::Fsm)];

impl String {
    /// The packet holds this text.
    pub fn new(pattern: impl Into<Text>, algorithm: Algorithm) -> String {
        String { pattern: Is::from(pattern.into()), algorithm, from: 0, to: u16::MAX, ignore_case: false }
    }

    /// `--from` and `--to`.
    #[must_use]
    pub fn within(mut self, from: u16, to: u16) -> String {
        (self.from, self.to) = (from, to);
        self
    }

    /// `--icase`.
    #[must_use]
    pub fn ignore_case(mut self) -> String {
        self.ignore_case = true;
        self
    }

    /// The packet does not hold it.
    #[must_use]
    pub fn inverted(mut self) -> String {
        self.pattern.inverted = !self.pattern.inverted;
        self
    }
}

impl Extension for String {
    const SPEC: Spec = Spec {
        name: "string",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("string", "TEXT", "The text.").negatable(),
            Opt::value(
                "hex-string",
                "TEXT",
                "The text, with bytes in hexadecimal between bars: `GET|20 2f|`.",
            )
            .negatable(),
            Opt::value("algo", "bm|kmp|fsm", "How it is sought.").required(),
            Opt::value("from", "OFFSET", "First byte of the packet that is looked at.").default("0"),
            Opt::value("to", "OFFSET", "Where the search ends.").default("65535"),
            Opt::flag("icase", "Upper and lower case are the same."),
        ],
        groups: &[Group::ExactlyOne(&["string", "hex-string"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> String {
        String::new(Text::default(), Algorithm::Bm)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "string" => {
                arg.parse(|text| if text.len() > pattern::MAX { Err(pattern::too_long()) } else { Ok(()) })?;
                self.pattern = Is::new(arg.text(), arg.inverted);
            }
            "hex-string" => {
                self.pattern = Is::new(Text::new(arg.parse(pattern::hex)?), arg.inverted);
            }
            "algo" => {
                let known = ALGORITHMS.iter().find(|(name, _)| name.as_bytes() == arg.value());
                self.algorithm = known.ok_or_else(|| arg.bad("`bm`, `kmp` or `fsm`"))?.1;
            }
            "from" => self.from = arg.u16(0, u16::MAX)?,
            "to" => self.to = arg.u16(0, u16::MAX)?,
            _ => self.ignore_case = true,
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut End<'_>) -> Result<(), Fault> {
        let refused = |message| Err(Fault::new(codes::PARSE_OUT_OF_RANGE, message));
        if self.pattern.value.is_empty() {
            return refused("the text of `string` is empty");
        }
        if self.from > self.to {
            return refused("`--from` is after `--to`");
        }
        if self.algorithm == Algorithm::Fsm && (self.ignore_case || !is_machine(&self.pattern.value)) {
            return refused("`--algo fsm` takes tokens of four bytes, and no `--icase`");
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let text = &self.pattern.value;
        to.not(self.pattern.inverted);
        if pattern::is_binary(text) {
            to.flag("hex-string").with(|out| pattern::push_hex(out, text));
        } else {
            to.flag("string").with(|out| pattern::push_quoted(out, text));
        }
        for (name, algorithm) in ALGORITHMS {
            if algorithm == self.algorithm {
                to.flag("algo").word(name.as_bytes());
            }
        }
        if self.from != 0 {
            to.flag("from").number(self.from);
        }
        if self.to != u16::MAX {
            to.flag("to").number(self.to);
        }
        if self.ignore_case {
            to.flag("icase");
        }
    }
}

impl MatchExtension for String {
    fn meaning(&self, _: Context) -> Pred {
        let text = self.pattern.value.clone();
        let test = match self.algorithm {
            Algorithm::Bm | Algorithm::Kmp => TextTest::new(text, self.from, self.to, self.ignore_case),
            Algorithm::Fsm => TextTest::machine(text, self.from, self.to),
        };
        Pred::Text(Box::new(test)).inverted(self.pattern.inverted)
    }
}

/// Whether the kernel takes it for a machine: tokens of a type (two bytes, at most 13), a repetition (at most 4, and 4 only
/// first with more behind it) and a value.
fn is_machine(text: &[u8]) -> bool {
    let count = text.len() / 4;
    text.len().is_multiple_of(4)
        && text.chunks_exact(4).enumerate().all(|(index, token)| match token {
            [low, high, repeat, _] => {
                let kind = u16::from_ne_bytes([*low, *high]);
                kind <= 13 && (*repeat < 4 || (*repeat == 4 && index == 0 && count > 1))
            }
            _ => false,
        })
}
