//! `-m ah` of IPv4.

use crate::ext::range;
use crate::ext::*;
use crate::meaning::{Header, Pred};
use crate::value::proto;
use crate::value::range::Range32;

/// Matches by the authentication header of IPv4; `-p ah` loads it.
///
/// 1.8.9 takes a range that begins after its end (it never matches), and loses `!` before the range of all.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv4/ipt_ah.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ah {
    /// Security parameter indexes.
    pub spis: Range32,
}

impl Ah {
    /// An index from `low` to `high`.
    pub const fn new(low: u32, high: u32) -> Ah {
        Ah { spis: Range32::new(low, high) }
    }
}

impl Extension for Ah {
    const SPEC: Spec = Spec {
        name: "ah",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V4,
        options: &[Opt::value("ahspi", "SPI[:SPI]", "Security parameter index.").negatable()],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::AH])),
    };

    fn load(_: Context) -> Ah {
        Ah::new(0, u32::MAX)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.spis = range::option(arg)?;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        range::print(to, "ahspi", self.spis);
    }
}

impl MatchExtension for Ah {
    fn meaning(&self, _: Context) -> Pred {
        Pred::all([Pred::Header(Header::Transport(12)), range::spi(self.spis)])
    }
}
