//! `-m hl`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::{Compare, Is};

/// Matches by the hop limit of IPv6 packets, 0 to 255.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_hl.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hl {
    /// What it is compared with.
    pub hl: Compare<u8>,
}

impl Hl {
    /// The hop limit equals this, or (`not(64)`) does not.
    pub fn new(hl: impl Into<Is<u8>>) -> Hl {
        Hl { hl: Compare::Equal(hl.into()) }
    }

    /// It is less than this.
    pub const fn less(hl: u8) -> Hl {
        Hl { hl: Compare::Less(hl) }
    }

    /// It is greater than this.
    pub const fn greater(hl: u8) -> Hl {
        Hl { hl: Compare::Greater(hl) }
    }
}

impl Extension for Hl {
    const SPEC: Spec = Spec {
        name: "hl",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("hl-eq", "N", "The hop limit equals this.").or(&["hl"]).negatable(),
            Opt::value("hl-lt", "N", "It is less than this."),
            Opt::value("hl-gt", "N", "It is greater than this."),
        ],
        groups: &[Group::ExactlyOne(&["hl-eq", "hl-lt", "hl-gt"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Hl {
        Hl::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let hl = arg.u8(0, 255)?;
        self.hl = match name {
            "hl-eq" => Compare::Equal(Is::new(hl, arg.inverted)),
            "hl-lt" => Compare::Less(hl),
            _ => Compare::Greater(hl),
        };
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.compare(["hl-eq", "hl-lt", "hl-gt"], Some(self.hl));
    }
}

impl MatchExtension for Hl {
    fn meaning(&self, _: Context) -> Pred {
        Pred::compare(Field::HopLimit, self.hl.wide())
    }
}
