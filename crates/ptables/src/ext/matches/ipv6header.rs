//! `-m ipv6header`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::{Bad, Names, Parsed};

/// Matches by the extension headers that an IPv6 packet has: exactly these, or with `--soft` at least these.
///
/// Headers are `hop`, `dst`, `route`, `frag`, `auth`, `esp`, `none` and `prot` (any other protocol), or their names and
/// numbers as protocols. They are saved in an order of their own, and with the names of protocols.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_ipv6header.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ipv6header {
    /// Headers.
    pub headers: Is<HeaderSet>,
    /// There may be others besides.
    pub soft: bool,
}

/// A set of extension headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HeaderSet(u8);

impl HeaderSet {
    /// Hop-by-hop options.
    pub const HOP: HeaderSet = HeaderSet(128);
    /// Destination options.
    pub const DST: HeaderSet = HeaderSet(64);
    /// Routing.
    pub const ROUTE: HeaderSet = HeaderSet(32);
    /// Fragment.
    pub const FRAG: HeaderSet = HeaderSet(16);
    /// Authentication.
    pub const AUTH: HeaderSet = HeaderSet(8);
    /// Encrypted payload.
    pub const ESP: HeaderSet = HeaderSet(4);
    /// No next header.
    pub const NONE: HeaderSet = HeaderSet(2);
    /// A protocol that is no extension header.
    pub const PROT: HeaderSet = HeaderSet(1);

    /// Those of both sets.
    #[must_use]
    pub const fn and(self, other: HeaderSet) -> HeaderSet {
        HeaderSet(self.0 | other.0)
    }

    /// Whether it has all of these.
    pub const fn has(self, other: HeaderSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// Reads names and numbers with commas between them; empty parts are skipped.
    ///
    /// # Errors
    /// `Form` if a part is no such header, or if there is none.
    pub fn parse(text: &[u8], names: &dyn Names) -> Parsed<HeaderSet> {
        let parts = text.split(|byte| *byte == b',').filter(|part| !part.is_empty());
        let set = parts.map(|part| one(part, names)).try_fold(HeaderSet::default(), |sum, it| {
            it.map(|it| sum.and(it)).ok_or_else(|| {
                Bad::form("headers: `hop`, `dst`, `route`, `frag`, `auth`, `esp`, `none` or `prot`")
            })
        })?;
        if set == HeaderSet::default() { Err(Bad::form("one header at least")) } else { Ok(set) }
    }

    /// Appends the names with commas between them.
    pub fn push(self, out: &mut Vec<u8>) {
        let mut first = true;
        for (_, _, name, _) in HEADERS.iter().filter(|(set, ..)| self.has(*set)) {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(name.as_bytes());
        }
    }
}

/// Each with its short name, its name as it is saved, and the number of its protocol.
const HEADERS: [(HeaderSet, &str, &str, u8); 8] = [
    (HeaderSet::HOP, "hop", "hop-by-hop", 0),
    (HeaderSet::DST, "dst", "ipv6-opts", 60),
    (HeaderSet::ROUTE, "route", "ipv6-route", 43),
    (HeaderSet::FRAG, "frag", "ipv6-frag", 44),
    (HeaderSet::AUTH, "auth", "ah", 51),
    (HeaderSet::ESP, "esp", "esp", 50),
    (HeaderSet::NONE, "none", "ipv6-nonxt", 59),
    (HeaderSet::PROT, "prot", "protocol", 255),
];

fn one(text: &[u8], names: &dyn Names) -> Option<HeaderSet> {
    let text = std::str::from_utf8(text).ok()?;
    let named = HEADERS.iter().find(|(_, short, name, _)| text == *short || text == *name);
    let found = named.or_else(|| {
        // A number in decimal as it would be printed, or the name of a protocol.
        let by_number = || text.parse().ok().filter(|number: &u8| number.to_string() == text);
        let wanted = names.protocol(text).or_else(by_number)?;
        HEADERS.iter().find(|(.., number)| *number == wanted)
    });
    found.map(|(set, ..)| *set)
}

impl Ipv6header {
    /// Exactly these headers.
    pub fn new(headers: impl Into<Is<HeaderSet>>) -> Ipv6header {
        Ipv6header { headers: headers.into(), soft: false }
    }

    /// There may be others besides.
    #[must_use]
    pub const fn soft(mut self) -> Ipv6header {
        self.soft = true;
        self
    }
}

impl Extension for Ipv6header {
    const SPEC: Spec = Spec {
        name: "ipv6header",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("header", "HEADER[,…]", "Headers of the packet.").negatable().required(),
            Opt::flag("soft", "There may be others besides."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Ipv6header {
        Ipv6header::new(HeaderSet::default())
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "header" => self.headers = arg.is(|text| HeaderSet::parse(text, arg.names))?,
            _ => self.soft = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("header", Some(self.headers), HeaderSet::push);
        if self.soft {
            to.flag("soft");
        }
    }
}

impl MatchExtension for Ipv6header {
    fn meaning(&self, _: Context) -> Pred {
        let HeaderSet(bits) = self.headers.value;
        let bits = u128::from(bits);
        match (self.soft, self.headers.inverted) {
            (false, inverted) => Pred::within(Field::Headers, bits, bits, inverted),
            (true, false) => Pred::Bits(Field::Headers, bits, bits),
            // Inverted, it asks that none of them is there.
            (true, true) => Pred::Bits(Field::Headers, bits, 0),
        }
    }
}
