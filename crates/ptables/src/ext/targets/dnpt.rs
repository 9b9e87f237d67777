//! `-j DNPT`.

use crate::diag::codes;
use crate::dialect::Family;
use crate::ext::*;
use crate::meaning::Effect;
use crate::value::addr::{self, Net};
use crate::value::host::HostMask;

/// Replaces the prefix of the IPv6 destination address, without connection tracking; the next rule follows.
///
/// `-j SNPT` translates back.
/// Only in table mangle, in PREROUTING and OUTPUT. Prefixes have at most 64 bits and no bits after them; another part
/// of the address is changed so that checksums stay right (RFC 6296). A prefix of no bits is not saved.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_NPT.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dnpt {
    /// Prefix of the address before.
    pub from: Net,
    /// Prefix of the address after.
    pub to: Net,
}

impl Dnpt {
    /// From this prefix to that.
    pub const fn new(from: Net, to: Net) -> Dnpt {
        Dnpt { from, to }
    }
}

impl Extension for Dnpt {
    const SPEC: Spec = Spec {
        name: "DNPT",
        kind: Kind::Target,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("src-pfx", "PREFIX/LENGTH", "Prefix before.").required(),
            Opt::value("dst-pfx", "PREFIX/LENGTH", "Prefix after.").required(),
        ],
        groups: &[],
        places: Places::new(&[TableName::Mangle], &[Hook::Prerouting, Hook::Output]),
        protos: None,
    };

    fn load(_: Context) -> Dnpt {
        Dnpt::new(Net::Any, Net::Any)
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

impl TargetExtension for Dnpt {
    fn effect(&self, _: Context) -> Effect {
        Effect::Prefix { source: false, from: self.from.bits(), to: self.to.bits() }
    }
}

/// Reads a prefix: at most 64 bits, and none after them.
pub(crate) fn read_prefix(arg: &mut Arg<'_>) -> Result<Net, Fault> {
    let it = arg.parse(|text| HostMask::parse(text, Family::V6, arg.names))?;
    match addr::prefix_length(Family::V6, it.mask) {
        Some(_) if it.address & !it.mask != 0 => Err(arg.bad("a prefix without bits after it")),
        Some(0) => {
            let fault = Fault::new(codes::CHECK_UNRELOADABLE, "iptables does not save a prefix of no bits");
            arg.warn(fault.about(Part::Value));
            Ok(Net::Any)
        }
        Some(1..=64) => Ok(Net::new(Family::V6, it.address, it.mask)),
        _ => Err(arg.bad("a prefix of at most 64 bits")),
    }
}
