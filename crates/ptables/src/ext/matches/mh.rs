//! `-m mh`.

use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::is::Is;
use crate::value::number::{base0, push_range};
use crate::value::proto;
use crate::value::{Bad, Parsed};

/// Matches the messages of Mobile IPv6 by type; `-p mh` loads it (`-p mobility-header` and `-p 135` do not).
///
/// A type is a number from 0 to 255, or any beginning of a name (`brr`, `binding-update`) in any case: the first type
/// that begins so. The empty text is 0. 1.8.9 loses `!` before the range of all.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_mh.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mh {
    /// First and last type.
    pub types: Is<(u8, u8)>,
}

impl Mh {
    /// This type.
    pub const fn new(number: u8) -> Mh {
        Mh::range(number, number)
    }

    /// A type from `low` to `high`.
    pub const fn range(low: u8, high: u8) -> Mh {
        Mh { types: Is::new((low, high), false) }
    }

    /// The opposite condition.
    #[must_use]
    pub const fn inverted(mut self) -> Mh {
        self.types.inverted = !self.types.inverted;
        self
    }
}

/// Names of types, in the order in which a beginning finds them.
const TYPES: [(&str, u8); 16] = [
    ("binding-refresh-request", 0),
    ("brr", 0),
    ("home-test-init", 1),
    ("hoti", 1),
    ("careof-test-init", 2),
    ("coti", 2),
    ("home-test", 3),
    ("hot", 3),
    ("careof-test", 4),
    ("cot", 4),
    ("binding-update", 5),
    ("bu", 5),
    ("binding-acknowledgement", 6),
    ("ba", 6),
    ("binding-error", 7),
    ("be", 7),
];

impl Extension for Mh {
    const SPEC: Spec = Spec {
        name: "mh",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[Opt::value("mh-type", "TYPE[:TYPE]", "Type or types.").negatable()],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::MH])),
    };

    fn load(_: Context) -> Mh {
        Mh::range(0, u8::MAX)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.types = arg.is(types)?;
        if self.types.inverted && self.is_all() && !arg.context.dialect.since_1_8_11() {
            arg.changed("iptables 1.8.9 loses `!` before the range of all, which would never match");
            self.types.inverted = false;
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if !self.is_all() || self.types.inverted {
            let (low, high) = self.types.value;
            to.not(self.types.inverted).flag("mh-type");
            to.with(|out| push_range(out, u64::from(low), u64::from(high)));
        }
    }
}

impl MatchExtension for Mh {
    fn meaning(&self, _: Context) -> Pred {
        let (low, high) = self.types.value;
        let within = Pred::Range(Field::MobilityType, u128::from(low), u128::from(high));
        Pred::all([Pred::Header(Header::Mobility), within.inverted(self.types.inverted)])
    }
}

impl Mh {
    const fn is_all(self) -> bool {
        self.types.value.0 == 0 && self.types.value.1 == u8::MAX
    }
}

/// Reads `a`, `a:b`, `:b` or `a:`.
fn types(text: &[u8]) -> Parsed<(u8, u8)> {
    let Some(at) = memchr::memchr(b':', text) else { return one(text).map(|it| (it, it)) };
    let end = |text: Option<&[u8]>, empty| match text.unwrap_or_default() {
        [] => Ok(empty),
        text => one(text),
    };
    match (end(text.get(..at), 0)?, end(text.get(at + 1..), u8::MAX)?) {
        (low, high) if low > high => Err(Bad::range("a range whose first type is not greater than its last")),
        range => Ok(range),
    }
}

fn one(text: &[u8]) -> Parsed<u8> {
    let whole = TYPES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes()));
    let begins =
        |name: &str| name.as_bytes().get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    let named = whole.or_else(|| TYPES.iter().find(|(name, _)| begins(name)));
    match (named, base0(text, 0, 255)) {
        (Some((_, number)), _) => Ok(*number),
        (None, Ok(number)) => Ok(number as u8),
        (None, Err(bad)) if bad.kind == crate::value::BadKind::Range => Err(bad),
        (None, Err(_)) => {
            Err(Bad::form("a type such as `brr` or `binding-update`, or a number from 0 to 255"))
        }
    }
}
