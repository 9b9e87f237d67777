//! `-j DSCP`.

use crate::ext::*;
use crate::meaning::{Effect, Field};
use crate::value::dscp;

/// Sets the code point of differentiated services: the upper six bits of the type of service; the next rule follows.
///
/// Only in table mangle. Classes are EF, BE, CS0 to CS7 and AF11 to AF43, in any case; what follows
/// such a name is not looked at.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_DSCP.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetDscp {
    /// The code point, 0 to 63.
    pub dscp: u8,
}

impl SetDscp {
    /// This code point, 0 to 63; higher bits are lost.
    pub const fn new(dscp: u8) -> SetDscp {
        SetDscp { dscp: dscp & 63 }
    }
}

impl Extension for SetDscp {
    const SPEC: Spec = Spec {
        name: "DSCP",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("set-dscp", "NUMBER", "Code point, 0 to 63 in base 0."),
            Opt::value("set-dscp-class", "CLASS", "EF, BE, CS0 to CS7 or AF11 to AF43."),
        ],
        groups: &[Group::ExactlyOne(&["set-dscp", "set-dscp-class"])],
        places: Places::tables(&[TableName::Mangle]),
        protos: None,
    };

    fn load(_: Context) -> SetDscp {
        SetDscp::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.dscp = if name == "set-dscp" { arg.u8(0, 63)? } else { arg.parse(dscp::class)? };
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("set-dscp").with(|out| out.extend_from_slice(format!("{:#04x}", self.dscp).as_bytes()));
    }
}

impl TargetExtension for SetDscp {
    fn effect(&self, _: Context) -> Effect {
        Effect::Write { field: Field::Tos, clear: 0xfc, flip: u128::from(self.dscp) << 2 }
    }
}
