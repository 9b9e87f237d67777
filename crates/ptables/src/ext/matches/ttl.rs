//! `-m ttl`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::{Compare, Is};

/// Matches by the time to live of IPv4 packets, 0 to 255.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv4/ipt_ttl.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// What it is compared with.
    pub ttl: Compare<u8>,
}

impl Ttl {
    /// The time to live equals this, or (`not(64)`) does not.
    pub fn new(ttl: impl Into<Is<u8>>) -> Ttl {
        Ttl { ttl: Compare::Equal(ttl.into()) }
    }

    /// It is less than this.
    pub const fn less(ttl: u8) -> Ttl {
        Ttl { ttl: Compare::Less(ttl) }
    }

    /// It is greater than this.
    pub const fn greater(ttl: u8) -> Ttl {
        Ttl { ttl: Compare::Greater(ttl) }
    }
}

impl Extension for Ttl {
    const SPEC: Spec = Spec {
        name: "ttl",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V4,
        options: &[
            Opt::value("ttl-eq", "N", "The time to live equals this.").or(&["ttl"]).negatable(),
            Opt::value("ttl-lt", "N", "It is less than this."),
            Opt::value("ttl-gt", "N", "It is greater than this."),
        ],
        groups: &[Group::ExactlyOne(&["ttl-eq", "ttl-lt", "ttl-gt"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Ttl {
        Ttl::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let ttl = arg.u8(0, 255)?;
        self.ttl = match name {
            "ttl-eq" => Compare::Equal(Is::new(ttl, arg.inverted)),
            "ttl-lt" => Compare::Less(ttl),
            _ => Compare::Greater(ttl),
        };
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.compare(["ttl-eq", "ttl-lt", "ttl-gt"], Some(self.ttl));
    }
}

impl MatchExtension for Ttl {
    fn meaning(&self, _: Context) -> Pred {
        Pred::compare(Field::HopLimit, self.ttl.wide())
    }
}
