//! `-m rt`.

use crate::diag::codes;
use crate::dialect::Family;
use crate::ext::range;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::addr::{self, Bits, push_address};
use crate::value::is::Is;
use crate::value::number::push;
use crate::value::range::Range32;
use crate::value::{Bad, BadKind, Parsed};

// boxed: conditions and a list of addresses.
/// Matches by the routing header of IPv6; without options: there is one.
///
/// What begins with `--rt-0-` is about type 0 and must stand after `--rt-type 0`. At most 16 addresses. 1.8.9 takes a range
/// that begins after its end (it never matches), and loses `!` before the range of all.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_rt.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rt {
    /// Type of the header; `None`: any.
    pub number: Option<Is<u32>>,
    /// Segments that are left.
    pub segments_left: Range32,
    /// Length of the header in bytes; `None`: any.
    pub length: Option<Is<u32>>,
    /// The reserved field is 0.
    pub reserved: bool,
    /// Addresses in the order of the header; empty: any.
    pub addresses: Vec<Bits>,
    /// Other addresses may stand between those of the list.
    pub not_strict: bool,
}

/// The kernel's list is so long.
const MAX: usize = 16;

impl Rt {
    /// Any routing header: from here conditions are added.
    pub const fn new() -> Rt {
        Rt {
            number: None,
            segments_left: Range32::ALL,
            length: None,
            reserved: false,
            addresses: Vec::new(),
            not_strict: false,
        }
    }

    /// `--rt-type`.
    #[must_use]
    pub fn number(mut self, number: impl Into<Is<u32>>) -> Rt {
        self.number = Some(number.into());
        self
    }

    /// `--rt-segsleft`.
    #[must_use]
    pub fn segments_left(mut self, low: u32, high: u32) -> Rt {
        self.segments_left = Range32::new(low, high);
        self
    }
}

impl Default for Rt {
    fn default() -> Rt {
        Rt::new()
    }
}

impl Extension for Rt {
    const SPEC: Spec = Spec {
        name: "rt",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("rt-type", "TYPE", "Type of the header.").negatable(),
            Opt::value("rt-segsleft", "N[:N]", "Segments that are left.").negatable(),
            Opt::value("rt-len", "BYTES", "Length of the header.").negatable(),
            Opt::flag("rt-0-res", "The reserved field is 0 (type 0)."),
            Opt::value("rt-0-addrs", "ADDRESS[,…]", "Addresses in their order (type 0)."),
            Opt::flag("rt-0-not-strict", "Others may stand between the addresses (type 0)."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Rt {
        Rt::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        // The tools look at what was said before, not at the whole.
        let after = |holds: bool, what: &str| {
            let fault =
                || Fault::new(codes::PARSE_OPTION_CONFLICT, format!("`--{name}` only after `{what}`"));
            if holds { Ok(()) } else { Err(fault().about(Part::Option)) }
        };
        let type_0 = self.number == Some(Is::from(0));
        match name {
            "rt-type" => self.number = Some(Is::new(arg.u32(0, u32::MAX)?, arg.inverted)),
            "rt-segsleft" => self.segments_left = range::option(arg)?,
            "rt-len" => self.length = Some(Is::new(arg.u32(0, u32::MAX)?, arg.inverted)),
            "rt-0-res" => {
                after(type_0, "--rt-type 0")?;
                self.reserved = true;
            }
            "rt-0-addrs" => {
                after(type_0, "--rt-type 0")?;
                self.addresses = arg.parse(addresses)?;
            }
            _ => {
                after(!self.addresses.is_empty(), "--rt-0-addrs")?;
                self.not_strict = true;
            }
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let number = |number: u32, out: &mut Vec<u8>| push(out, u64::from(number));
        to.is("rt-type", self.number, number);
        range::print(to, "rt-segsleft", self.segments_left);
        to.is("rt-len", self.length, number);
        if self.reserved {
            to.flag("rt-0-res");
        }
        if !self.addresses.is_empty() {
            to.flag("rt-0-addrs").with(|out| {
                for (index, address) in self.addresses.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    push_address(out, Family::V6, *address);
                }
            });
        }
        if self.not_strict {
            to.flag("rt-0-not-strict");
        }
    }
}

impl MatchExtension for Rt {
    fn meaning(&self, _: Context) -> Pred {
        let is = |field, it: Option<Is<u32>>| {
            it.map(|it| Pred::is(field, u128::from(it.value)).inverted(it.inverted))
        };
        let left = self.segments_left;
        let within = Pred::Range(Field::RoutingLeft, u128::from(left.low), u128::from(left.high));
        let route = || Pred::Route { addresses: self.addresses.clone(), strict: !self.not_strict };
        Pred::all(
            [Pred::Header(Header::Extension(43, 8)), within.inverted(left.inverted)]
                .into_iter()
                .chain(is(Field::RoutingLength, self.length))
                .chain(is(Field::RoutingType, self.number))
                .chain(self.reserved.then(|| Pred::is(Field::RoutingReserved, 0)))
                .chain((!self.addresses.is_empty()).then(route)),
        )
    }
}

fn addresses(text: &[u8]) -> Parsed<Vec<Bits>> {
    let one = |part| {
        addr::strict(Family::V6, part)
            .ok_or_else(|| Bad::new(BadKind::Address, "IPv6 addresses with commas between them"))
    };
    let all: Vec<Bits> = text.split(|byte| *byte == b',').map(one).collect::<Result<_, _>>()?;
    if all.len() > MAX { Err(Bad::range("16 addresses at most")) } else { Ok(all) }
}
