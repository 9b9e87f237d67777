//! `-m ah` of IPv6.

use crate::ext::range;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::is::Is;
use crate::value::number::push;
use crate::value::range::Range32;

// boxed: two conditions of two numbers.
/// Matches by the authentication header of IPv6, wherever it stands among the headers.
///
/// 1.8.9 takes a range that begins after its end (it never matches), and loses `!` before the range of all.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_ah.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ah6 {
    /// Security parameter indexes.
    pub spis: Range32,
    /// Length of the header in bytes; `None`: any.
    pub length: Option<Is<u32>>,
    /// The reserved field must be 0.
    pub reserved: bool,
}

impl Ah6 {
    /// An index from `low` to `high`.
    pub const fn new(low: u32, high: u32) -> Ah6 {
        Ah6 { spis: Range32::new(low, high), length: None, reserved: false }
    }
}

impl Extension for Ah6 {
    const SPEC: Spec = Spec {
        name: "ah",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("ahspi", "SPI[:SPI]", "Security parameter index.").negatable(),
            Opt::value("ahlen", "BYTES", "Length of the header; 0 is any, unless inverted.").negatable(),
            Opt::flag("ahres", "The reserved field is 0."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Ah6 {
        Ah6::new(0, u32::MAX)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "ahspi" => self.spis = range::option(arg)?,
            "ahlen" => {
                let length = Is::new(arg.u32(0, u32::MAX)?, arg.inverted);
                self.length = Some(length).filter(|it| it.value != 0 || it.inverted);
            }
            _ => self.reserved = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        range::print(to, "ahspi", self.spis);
        to.is("ahlen", self.length, |length, out| push(out, u64::from(length)));
        if self.reserved {
            to.flag("ahres");
        }
    }
}

impl Ah6 {
    fn index(&self) -> Pred {
        Pred::Range(Field::AhIndex, u128::from(self.spis.low), u128::from(self.spis.high))
            .inverted(self.spis.inverted)
    }
}

impl MatchExtension for Ah6 {
    fn meaning(&self, _: Context) -> Pred {
        // To the kernel a length of 0 is no condition.
        let length = self
            .length
            .filter(|it| it.value != 0)
            .map_or(Pred::True, |it| Pred::is(Field::AhLength, u128::from(it.value)).inverted(it.inverted));
        let reserved = if self.reserved { Pred::is(Field::AhReserved, 0) } else { Pred::True };
        Pred::all([Pred::Header(Header::Extension(51, 12)), self.index(), length, reserved])
    }
}
