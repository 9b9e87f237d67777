//! `-j NETMAP`.

use crate::ext::*;
use crate::meaning::Effect;
use crate::value::addr::{self, Net};
use crate::value::host::HostMask;

/// Replaces the network of an address and keeps its host part; that of replies back.
///
/// Of the destination in PREROUTING and OUTPUT, of the source in INPUT and POSTROUTING.
/// Only in table nat. The network is a host address (in IPv4 `10.1/16` is 10.0.0.0/16) with a length or mask;
/// iptables 1.8.9 takes a mask with holes for the whole address.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/nf_nat.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Netmap {
    /// The new network.
    pub network: Net,
}

impl Netmap {
    /// This network.
    pub const fn new(network: Net) -> Netmap {
        Netmap { network }
    }
}

impl Extension for Netmap {
    const SPEC: Spec = Spec {
        name: "NETMAP",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("to", "ADDRESS[/LENGTH]", "The new network.").required()],
        groups: &[],
        places: Places::tables(&[TableName::Nat]),
        protos: None,
    };

    fn load(_: Context) -> Netmap {
        Netmap::new(Net::Any)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let (family, new) = (arg.context.family, arg.context.dialect.since_1_8_11());
        let (address, mut mask) =
            arg.parse(|text| HostMask::parse(text, family, arg.names)).map(|it| (it.address, it.mask))?;
        if addr::prefix_length(family, mask).is_none() && !new {
            mask = addr::prefix_mask(family, family.bits());
            arg.changed("iptables 1.8.9 takes a mask with holes for the whole address");
        }
        self.network = match mask {
            0 => Net::Any,
            _ => Net::new(family, address, mask),
        };
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let family = to.context.family;
        to.flag("to").with(|out| self.network.push(out, family));
    }
}

impl TargetExtension for Netmap {
    fn effect(&self, _: Context) -> Effect {
        let (network, mask) = self.network.bits();
        Effect::Netmap { network, mask }
    }
}
