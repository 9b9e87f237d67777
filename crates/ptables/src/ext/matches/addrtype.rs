//! `-m addrtype`.

use crate::dialect::Family;
use crate::ext::*;
use crate::meaning::{Field, Need, Pred};
use crate::value::Bad;
use crate::value::is::Is;

/// Matches by what kind of address the source or the destination is to this machine's routing.
///
/// Names may be shortened, in any case; the first that fits is meant (`U` is UNSPEC). The IPv6 kernel knows UNSPEC,
/// UNICAST, LOCAL, ANYCAST, MULTICAST and UNREACHABLE only.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_addrtype.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Addrtype {
    /// Kinds, one of which the source is.
    pub source: Option<Is<AddrTypes>>,
    /// Kinds, one of which the destination is.
    pub destination: Option<Is<AddrTypes>>,
    /// Only what one interface knows is looked at.
    pub limit: Option<IfaceLimit>,
}

/// Which interface's addresses count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfaceLimit {
    /// That through which the packet came.
    In,
    /// That through which it leaves.
    Out,
}

/// A set of kinds of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddrTypes(pub u16);

/// In the order of their bits, in which they are tried and printed.
const NAMES: [&str; 12] = [
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
];

impl AddrTypes {
    /// 0.0.0.0 or `::`.
    pub const UNSPEC: AddrTypes = AddrTypes(1);
    /// Another machine's.
    pub const UNICAST: AddrTypes = AddrTypes(2);
    /// This machine's.
    pub const LOCAL: AddrTypes = AddrTypes(4);
    /// A broadcast address.
    pub const BROADCAST: AddrTypes = AddrTypes(8);
    /// An anycast address.
    pub const ANYCAST: AddrTypes = AddrTypes(16);
    /// A multicast address.
    pub const MULTICAST: AddrTypes = AddrTypes(32);
    /// Routed to nowhere, in silence.
    pub const BLACKHOLE: AddrTypes = AddrTypes(64);
    /// Routed to nowhere, with an answer.
    pub const UNREACHABLE: AddrTypes = AddrTypes(128);
    /// Routing forbids it.
    pub const PROHIBIT: AddrTypes = AddrTypes(256);
    /// What the IPv6 kernel takes.
    const V6: u16 = 1 | 2 | 4 | 16 | 32 | 128;

    fn parse(text: &[u8], family: Family) -> Result<AddrTypes, Bad> {
        let mut types = 0;
        for part in text.split(|byte| *byte == b',') {
            let fits = |name: &&str| {
                name.as_bytes().get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part))
            };
            match NAMES.iter().position(|name| !part.is_empty() && fits(name)) {
                Some(bit) => types |= 1 << bit,
                None => return Err(Bad::form(format!("a list of {}", NAMES.join(", ")))),
            }
        }
        if family == Family::V6 && types & !AddrTypes::V6 != 0 {
            return Err(Bad::form("kinds of IPv6: UNSPEC, UNICAST, LOCAL, ANYCAST, MULTICAST, UNREACHABLE"));
        }
        Ok(AddrTypes(types))
    }

    fn push(self, out: &mut Vec<u8>) {
        let names = NAMES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        let names: Vec<&str> = names.map(|(_, name)| *name).collect();
        out.extend_from_slice(names.join(",").as_bytes());
    }
}

impl std::ops::BitOr for AddrTypes {
    type Output = AddrTypes;
    fn bitor(self, other: AddrTypes) -> AddrTypes {
        AddrTypes(self.0 | other.0)
    }
}

impl Addrtype {
    /// The source is one of these.
    pub fn source(types: impl Into<Is<AddrTypes>>) -> Addrtype {
        Addrtype { source: Some(types.into()), ..Addrtype::default() }
    }

    /// The destination is one of these.
    pub fn destination(types: impl Into<Is<AddrTypes>>) -> Addrtype {
        Addrtype { destination: Some(types.into()), ..Addrtype::default() }
    }

    /// `--limit-iface-in` or `--limit-iface-out`.
    #[must_use]
    pub fn limit(mut self, limit: IfaceLimit) -> Addrtype {
        self.limit = Some(limit);
        self
    }
}

impl Extension for Addrtype {
    const SPEC: Spec = Spec {
        name: "addrtype",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("src-type", "TYPE[,TYPE…]", "Kind of the source: LOCAL, UNICAST, BROADCAST …")
                .negatable(),
            Opt::value("dst-type", "TYPE[,TYPE…]", "Kind of the destination.").negatable(),
            Opt::flag("limit-iface-in", "Only addresses of the incoming interface count."),
            Opt::flag("limit-iface-out", "Only addresses of the outgoing interface count."),
        ],
        groups: &[
            Group::AtLeastOne(&["src-type", "dst-type"]),
            Group::AtMostOne(&["limit-iface-in", "limit-iface-out"]),
        ],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Addrtype {
        Addrtype::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let types = || arg.is(|text| AddrTypes::parse(text, arg.context.family));
        match name {
            "src-type" => self.source = Some(types()?),
            "dst-type" => self.destination = Some(types()?),
            "limit-iface-in" => self.limit = Some(IfaceLimit::In),
            _ => self.limit = Some(IfaceLimit::Out),
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("src-type", self.source, AddrTypes::push).is("dst-type", self.destination, AddrTypes::push);
        match self.limit {
            Some(IfaceLimit::In) => to.flag("limit-iface-in"),
            Some(IfaceLimit::Out) => to.flag("limit-iface-out"),
            None => to,
        };
    }

    fn places(&self, _: Context) -> Places {
        match self.limit {
            Some(IfaceLimit::In) => Places::hooks(Hooks::INCOMING),
            Some(IfaceLimit::Out) => Places::hooks(Hooks::OUTGOING),
            None => Places::ANY,
        }
    }
}

impl MatchExtension for Addrtype {
    fn meaning(&self, context: Context) -> Pred {
        let kind = |field, types: Option<Is<AddrTypes>>| match types {
            None => Pred::True,
            Some(types) if context.family == Family::V6 && types.value.0.count_ones() > 1 => Pred::Needs(
                Need::Other("several kinds of an IPv6 address, which the kernel joins in its own way"),
            ),
            Some(types) => Pred::AnyBit(field, u128::from(types.value.0)).inverted(types.inverted),
        };
        if self.limit.is_some() {
            return Pred::Needs(Need::Other("the addresses of one interface"));
        }
        Pred::all([kind(Field::SourceType, self.source), kind(Field::DestinationType, self.destination)])
    }
}
