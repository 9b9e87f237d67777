//! `-m tos`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::tos;

/// Matches by bits of the TOS byte of IPv4 or the traffic class of IPv6.
///
/// A number alone compares all eight bits, a name the low six. A value with a bit outside its mask never matches.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_dscp.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tos {
    /// Value and mask.
    pub tos: Is<tos::Tos>,
}

impl Tos {
    /// The byte equals a value in the bits of its mask, or (`not(…)`) does not.
    pub fn new(tos: impl Into<Is<tos::Tos>>) -> Tos {
        Tos { tos: tos.into() }
    }
}

impl Extension for Tos {
    const SPEC: Spec = Spec {
        name: "tos",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("tos", "N[/MASK]|NAME", "Value and mask, or a name such as `Minimize-Delay`.")
            .negatable()
            .required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Tos {
        Tos::new(tos::Tos::exactly(0))
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.tos = arg.is(tos::Tos::parse)?;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("tos", Some(self.tos), tos::Tos::push);
    }
}

impl MatchExtension for Tos {
    fn meaning(&self, _: Context) -> Pred {
        let tos::Tos { value, mask } = self.tos.value;
        let equal = if value & !mask != 0 {
            Pred::False
        } else {
            Pred::Bits(Field::Tos, u128::from(mask), u128::from(value))
        };
        equal.inverted(self.tos.inverted)
    }
}
