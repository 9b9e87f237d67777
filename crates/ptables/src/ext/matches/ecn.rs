//! `-m ecn`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::proto;

/// Matches by the bits of explicit congestion notification: in the TOS byte or traffic class, and in the TCP header.
///
/// The bits of TCP need `-p tcp`.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_ecn.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ecn {
    /// The ECE bit of TCP is set, or (inverted) not.
    pub ece: Option<Is<()>>,
    /// The CWR bit of TCP is set, or (inverted) not.
    pub cwr: Option<Is<()>>,
    /// The low two bits of the TOS byte or traffic class, 0 to 3.
    pub ect: Option<Is<u8>>,
}

impl Ecn {
    /// The low two bits of the TOS byte or traffic class, 0 to 3.
    pub fn ect(bits: impl Into<Is<u8>>) -> Ecn {
        Ecn { ect: Some(bits.into()), ..Ecn::default() }
    }

    /// The ECE bit of TCP is set, or not.
    pub fn ece(set: bool) -> Ecn {
        Ecn { ece: Some(Is::new((), !set)), ..Ecn::default() }
    }

    /// The CWR bit of TCP is set, or not.
    pub fn cwr(set: bool) -> Ecn {
        Ecn { cwr: Some(Is::new((), !set)), ..Ecn::default() }
    }
}

impl Extension for Ecn {
    const SPEC: Spec = Spec {
        name: "ecn",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::flag("ecn-tcp-ece", "The ECE bit of TCP is set.").negatable(),
            Opt::flag("ecn-tcp-cwr", "The CWR bit of TCP is set.").negatable(),
            Opt::value("ecn-ip-ect", "N", "Low two bits of the TOS byte, 0 to 3.").negatable(),
        ],
        groups: &[Group::AtLeastOne(&["ecn-tcp-ece", "ecn-tcp-cwr", "ecn-ip-ect"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Ecn {
        Ecn::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "ecn-tcp-ece" => self.ece = Some(Is::new((), arg.inverted)),
            "ecn-tcp-cwr" => self.cwr = Some(Is::new((), arg.inverted)),
            _ => self.ect = Some(Is::new(arg.u8(0, 3)?, arg.inverted)),
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        for (name, bit) in [("ecn-tcp-ece", self.ece), ("ecn-tcp-cwr", self.cwr)] {
            if let Some(it) = bit {
                to.not(it.inverted).flag(name);
            }
        }
        if let Some(it) = self.ect {
            to.not(it.inverted).flag("ecn-ip-ect").number(it.value);
        }
    }

    fn protos(&self) -> Option<Protos> {
        (self.ece.is_some() || self.cwr.is_some()).then_some(Protos(&[proto::TCP]))
    }
}

impl MatchExtension for Ecn {
    fn meaning(&self, _: Context) -> Pred {
        let ect = self.ect.map(|it| Pred::Bits(Field::Tos, 3, u128::from(it.value)).inverted(it.inverted));
        // Without a TCP header there is no match, inverted or not.
        let bit = |it: Option<Is<()>>, bit: u128| {
            it.map(|it| Pred::Bits(Field::TcpFlags, bit, if it.inverted { 0 } else { bit }))
        };
        Pred::all(ect.into_iter().chain(bit(self.ece, 64)).chain(bit(self.cwr, 128)))
    }
}
