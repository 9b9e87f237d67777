//! `-m iprange`.

use crate::dialect::Family;
use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::addr::{self, Bits, push_address};
use crate::value::is::Is;
use crate::value::number::base0;
use crate::value::{Bad, BadKind, Parsed};

// boxed: four addresses of IPv6.
/// Matches addresses of a range that need not be a network.
///
/// Numeric addresses only; missing octets are 0 (`10.1` is 10.1.0.0). One address is a range of one. A range whose first
/// address is greater than its last is taken, and never matches.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_iprange.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Iprange {
    /// First and last source address.
    pub source: Option<Is<(Bits, Bits)>>,
    /// First and last destination address.
    pub destination: Option<Is<(Bits, Bits)>>,
}

impl Iprange {
    /// The source is in this range, both ends included; IPv4 addresses in the low 32 bits.
    pub fn source(range: impl Into<Is<(Bits, Bits)>>) -> Iprange {
        Iprange { source: Some(range.into()), destination: None }
    }

    /// The destination is in this range, both ends included.
    pub fn destination(range: impl Into<Is<(Bits, Bits)>>) -> Iprange {
        Iprange { source: None, destination: Some(range.into()) }
    }
}

impl Extension for Iprange {
    const SPEC: Spec = Spec {
        name: "iprange",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("src-range", "ADDRESS[-ADDRESS]", "Source addresses.").negatable(),
            Opt::value("dst-range", "ADDRESS[-ADDRESS]", "Destination addresses.").negatable(),
        ],
        groups: &[Group::AtLeastOne(&["src-range", "dst-range"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Iprange {
        Iprange::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let family = arg.context.family;
        let range = arg.is(|text| match memchr::memchr(b'-', text) {
            None => address(text, family).map(|it| (it, it)),
            Some(at) => {
                let first = address(text.get(..at).unwrap_or_default(), family)?;
                Ok((first, address(text.get(at + 1..).unwrap_or_default(), family)?))
            }
        })?;
        if range.value.0 > range.value.1 {
            arg.changed("the range begins after its end: it never matches");
        }
        *(if name == "src-range" { &mut self.source } else { &mut self.destination }) = Some(range);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let family = to.context.family;
        let push = |(first, last), out: &mut Vec<u8>| {
            push_address(out, family, first);
            out.push(b'-');
            push_address(out, family, last);
        };
        to.is("src-range", self.source, push).is("dst-range", self.destination, push);
    }
}

impl MatchExtension for Iprange {
    fn meaning(&self, _: Context) -> Pred {
        let within = |field, range: Option<Is<(Bits, Bits)>>| {
            range.map_or(Pred::True, |it| Pred::Range(field, it.value.0, it.value.1).inverted(it.inverted))
        };
        Pred::all([within(Field::Source, self.source), within(Field::Destination, self.destination)])
    }
}

/// A numeric address; each octet of IPv4 is a number in base 0, and may have a blank or sign before it.
fn address(text: &[u8], family: Family) -> Parsed<Bits> {
    let bad = || Bad::new(BadKind::Address, format!("an {family} address, or two with `-` between them"));
    if family == Family::V6 {
        return addr::strict(family, text).ok_or_else(bad);
    }
    let mut octets = [0; 4];
    let mut places = octets.iter_mut();
    for part in text.split(|byte| *byte == b'.') {
        *places.next().ok_or_else(bad)? = base0(part, 0, 255).map_err(|_| bad())? as u8;
    }
    Ok(Bits::from(u32::from_be_bytes(octets)))
}
