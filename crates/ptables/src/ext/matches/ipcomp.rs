//! `-m ipcomp`.

use crate::diag::codes;
use crate::ext::range;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::proto;
use crate::value::range::Range32;

// boxed: a range and a flag.
/// Matches by the header of compressed packets (IPComp); `-p ipcomp` loads it.
///
/// Without `--ipcompspi` the index must be 0, not any. 1.8.9 takes a range that begins after its end (it never matches), and
/// loses `!` before the range of all.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_ipcomp.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ipcomp {
    /// Compression parameter indexes.
    pub spis: Range32,
    /// The reserved field must be 0; the kernel does not look at it.
    pub reserved: bool,
}

impl Ipcomp {
    /// An index from `low` to `high`.
    pub const fn new(low: u32, high: u32) -> Ipcomp {
        Ipcomp { spis: Range32::new(low, high), reserved: false }
    }
}

impl Extension for Ipcomp {
    const SPEC: Spec = Spec {
        name: "ipcomp",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("ipcompspi", "SPI[:SPI]", "Compression parameter index.").negatable().default("0"),
            Opt::flag("compres", "The reserved field is 0; the kernel does not look at it."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::IPCOMP])),
    };

    fn load(_: Context) -> Ipcomp {
        Ipcomp::new(0, 0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "ipcompspi" => {
                self.spis = range::option(arg)?;
                if self.spis.is_all() {
                    let message = "iptables does not save the range of all, nor `!` before it, and reads that as index 0";
                    arg.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
                }
            }
            _ => self.reserved = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        range::print(to, "ipcompspi", self.spis);
        if self.reserved {
            to.flag("compres");
        }
    }
}

impl MatchExtension for Ipcomp {
    fn meaning(&self, _: Context) -> Pred {
        // `--compres` asks nothing of the kernel.
        let index = |low, high| Pred::Range(Field::IpCompIndex, u128::from(low), u128::from(high));
        let within = index(self.spis.low, self.spis.high).inverted(self.spis.inverted);
        Pred::all([Pred::Header(Header::Transport(4)), within])
    }
}
