//! `-m dscp`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::dscp;
use crate::value::is::Is;

/// Matches by the DSCP field: the high six bits of the TOS byte or traffic class.
///
/// A class may be in any case, and what follows its name is ignored.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_dscp.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dscp {
    /// The field, 0 to 63.
    pub dscp: Is<u8>,
}

impl Dscp {
    /// The field equals this, or (`not(…)`) does not.
    pub fn new(dscp: impl Into<Is<u8>>) -> Dscp {
        Dscp { dscp: dscp.into() }
    }
}

impl Extension for Dscp {
    const SPEC: Spec = Spec {
        name: "dscp",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("dscp", "N", "The field, 0 to 63.").negatable(),
            Opt::value("dscp-class", "CLASS", "Its name: BE, EF, CS0 to CS7, AF11 to AF43.").negatable(),
        ],
        groups: &[Group::ExactlyOne(&["dscp", "dscp-class"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Dscp {
        Dscp::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let dscp = if name == "dscp" { arg.u8(0, 63)? } else { arg.parse(dscp::class)? };
        self.dscp = Is::new(dscp, arg.inverted);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("dscp", Some(self.dscp), |it, out| out.extend_from_slice(format!("{it:#04x}").as_bytes()));
    }
}

impl MatchExtension for Dscp {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Bits(Field::Tos, 0xfc, u128::from(self.dscp.value) << 2).inverted(self.dscp.inverted)
    }
}
