//! `-m connlimit`.

use crate::ext::*;
use crate::meaning::{Need, Pred};
use crate::value::addr::prefix_length;
use crate::value::host;

/// Matches by how many connections a host or network has at the same time.
///
/// `!` turns `upto` into `above` and back. A mask with holes does not become what was written: 1.8.9 saves all bits, 1.8.11
/// none.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_connlimit.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connlimit {
    /// How many.
    pub limit: u32,
    /// Matches above the limit, not up to it.
    pub above: bool,
    /// Bits of the address that make a network. Default: all.
    pub length: u8,
    /// Counts by destination, not by source.
    pub destination: bool,
}

impl Connlimit {
    /// A source has at most so many connections.
    pub const fn upto(limit: u32) -> Connlimit {
        Connlimit { limit, above: false, length: u8::MAX, destination: false }
    }

    /// A source has more.
    pub const fn above(limit: u32) -> Connlimit {
        Connlimit { above: true, ..Connlimit::upto(limit) }
    }

    /// `--connlimit-mask`: sources of a network are counted together.
    #[must_use]
    pub const fn length(mut self, bits: u8) -> Connlimit {
        self.length = bits;
        self
    }

    /// `--connlimit-daddr`: counts by destination.
    #[must_use]
    pub const fn destination(mut self) -> Connlimit {
        self.destination = true;
        self
    }
}

impl Extension for Connlimit {
    const SPEC: Spec = Spec {
        name: "connlimit",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("connlimit-upto", "N", "At most so many connections.").negatable(),
            Opt::value("connlimit-above", "N", "More connections than that.").negatable(),
            Opt::value("connlimit-mask", "LENGTH", "Bits of the address that are counted together.")
                .default("all"),
            Opt::flag("connlimit-saddr", "Counts by source: the default."),
            Opt::flag("connlimit-daddr", "Counts by destination."),
        ],
        groups: &[
            Group::ExactlyOne(&["connlimit-upto", "connlimit-above"]),
            Group::AtMostOne(&["connlimit-saddr", "connlimit-daddr"]),
        ],
        places: Places::ANY,
        protos: None,
    };

    fn load(context: Context) -> Connlimit {
        Connlimit::upto(0).length(context.family.bits())
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "connlimit-upto" | "connlimit-above" => {
                self.limit = arg.u32(0, u32::MAX)?;
                self.above = (name == "connlimit-above") != arg.inverted;
            }
            "connlimit-mask" => self.length = length(arg)?,
            "connlimit-saddr" => self.destination = false,
            _ => self.destination = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let length = self.length.min(to.context.family.bits());
        to.flag(if self.above { "connlimit-above" } else { "connlimit-upto" }).number(self.limit);
        to.flag("connlimit-mask").number(length);
        to.flag(if self.destination { "connlimit-daddr" } else { "connlimit-saddr" });
    }
}

impl MatchExtension for Connlimit {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Needs(Need::Other("how many connections there are"))
    }
}

fn length(arg: &mut Arg<'_>) -> Result<u8, Fault> {
    let family = arg.context.family;
    let mask = arg.parse(|text| host::mask(text, family))?;
    Ok(prefix_length(family, mask).unwrap_or_else(|| {
        let all = if arg.context.dialect.since_1_8_11() { 0 } else { family.bits() };
        arg.changed(format!("a mask with holes is saved as a length of {all}"));
        all
    }))
}
