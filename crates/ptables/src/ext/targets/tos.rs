//! `-j TOS`.

use crate::ext::*;
use crate::meaning::{Effect, Field};
use crate::value::tos::Tos;

/// Changes the type of service (IPv6: traffic class); the next rule follows.
///
/// Bits of the mask become 0, then those of the value are toggled; all forms are saved as `--set-tos`. Names are
/// those of RFC 1349, in any case, and leave the two highest bits alone. Only in table mangle. `-j DSCP` sets the six
/// bits in use today.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_DSCP.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetTos {
    /// The bits to toggle, and those to clear before.
    pub tos: Tos,
}

impl SetTos {
    /// Sets all eight bits.
    pub const fn new(value: u8) -> SetTos {
        SetTos::masked(value, 0xff)
    }

    /// Clears the bits of `mask`, then toggles those of `value`.
    pub const fn masked(value: u8, mask: u8) -> SetTos {
        SetTos { tos: Tos { value, mask } }
    }
}

impl Extension for SetTos {
    const SPEC: Spec = Spec {
        name: "TOS",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value(
                "set-tos",
                "VALUE[/MASK]",
                "Clears the bits of the mask, then toggles those of the value; or a name.",
            ),
            Opt::value("and-tos", "BITS", "Keeps these bits and clears the others."),
            Opt::value("or-tos", "BITS", "Sets these bits."),
            Opt::value("xor-tos", "BITS", "Toggles these bits."),
        ],
        groups: &[Group::ExactlyOne(&["set-tos", "and-tos", "or-tos", "xor-tos"])],
        places: Places::tables(&[TableName::Mangle]),
        protos: None,
    };

    fn load(_: Context) -> SetTos {
        SetTos::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let bits = || arg.u8(0, u8::MAX);
        *self = match name {
            "set-tos" => SetTos { tos: arg.parse(Tos::parse)? },
            "and-tos" => SetTos::masked(0, !bits()?),
            "or-tos" => SetTos::masked(bits()?, bits()?),
            _ => SetTos::masked(bits()?, 0),
        };
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("set-tos").with(|out| self.tos.push(out));
    }
}

impl TargetExtension for SetTos {
    fn effect(&self, _: Context) -> Effect {
        Effect::Write {
            field: Field::Tos,
            clear: u128::from(self.tos.mask),
            flip: u128::from(self.tos.value),
        }
    }
}
