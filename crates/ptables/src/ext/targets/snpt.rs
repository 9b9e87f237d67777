//! `-j SNPT`.

use super::dnpt::read_prefix;
use crate::dialect::Family;
use crate::ext::*;
use crate::meaning::Effect;
use crate::value::addr::Net;

/// Replaces the prefix of the IPv6 source address, without connection tracking; the next rule follows.
///
/// `-j DNPT` translates back.
/// Only in table mangle, in INPUT and POSTROUTING. Prefixes have at most 64 bits and no bits after them; another part
/// of the address is changed so that checksums stay right (RFC 6296). A prefix of no bits is not saved.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_NPT.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snpt {
    /// Prefix of the address before.
    pub from: Net,
    /// Prefix of the address after.
    pub to: Net,
}

impl Snpt {
    /// From this prefix to that.
    pub const fn new(from: Net, to: Net) -> Snpt {
        Snpt { from, to }
    }
}

impl Extension for Snpt {
    const SPEC: Spec = Spec {
        name: "SNPT",
        kind: Kind::Target,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("src-pfx", "PREFIX/LENGTH", "Prefix before.").required(),
            Opt::value("dst-pfx", "PREFIX/LENGTH", "Prefix after.").required(),
        ],
        groups: &[],
        places: Places::new(&[TableName::Mangle], &[Hook::Input, Hook::Postrouting]),
        protos: None,
    };

    fn load(_: Context) -> Snpt {
        Snpt::new(Net::Any, Net::Any)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let prefix = read_prefix(arg)?;
        *(if name == "src-pfx" { &mut self.from } else { &mut self.to }) = prefix;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        for (name, prefix) in [("src-pfx", &self.from), ("dst-pfx", &self.to)] {
            if *prefix != Net::Any {
                to.flag(name).with(|out| prefix.push(out, Family::V6));
            }
        }
    }
}

impl TargetExtension for Snpt {
    fn effect(&self, _: Context) -> Effect {
        Effect::Prefix { source: true, from: self.from.bits(), to: self.to.bits() }
    }
}
