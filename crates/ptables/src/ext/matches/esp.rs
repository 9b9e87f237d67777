//! `-m esp`.

use crate::ext::range;
use crate::ext::*;
use crate::meaning::{Header, Pred};
use crate::value::proto;
use crate::value::range::Range32;

/// Matches by the header of encrypted packets (ESP); `-p esp` loads it.
///
/// 1.8.9 takes a range that begins after its end (it never matches), and loses `!` before the range of all.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_esp.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Esp {
    /// Security parameter indexes.
    pub spis: Range32,
}

impl Esp {
    /// An index from `low` to `high`.
    pub const fn new(low: u32, high: u32) -> Esp {
        Esp { spis: Range32::new(low, high) }
    }
}

impl Extension for Esp {
    const SPEC: Spec = Spec {
        name: "esp",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("espspi", "SPI[:SPI]", "Security parameter index.").negatable()],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::ESP])),
    };

    fn load(_: Context) -> Esp {
        Esp::new(0, u32::MAX)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.spis = range::option(arg)?;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        range::print(to, "espspi", self.spis);
    }
}

impl MatchExtension for Esp {
    fn meaning(&self, _: Context) -> Pred {
        Pred::all([Pred::Header(Header::Transport(8)), range::spi(self.spis)])
    }
}
