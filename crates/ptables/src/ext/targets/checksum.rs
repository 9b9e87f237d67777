//! `-j CHECKSUM`.

use crate::ext::*;
use crate::meaning::Effect;

/// Fills in the checksum of packets that were sent without one; the next rule follows.
///
/// Only in table mangle. For old DHCP clients on virtual machines, which look at the checksum of packets that never
/// left the host.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_CHECKSUM.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum;

impl Extension for Checksum {
    const SPEC: Spec = Spec {
        name: "CHECKSUM",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::flag("checksum-fill", "Fills in the checksum.").required()],
        groups: &[],
        places: Places::tables(&[TableName::Mangle]),
        protos: None,
    };

    fn load(_: Context) -> Checksum {
        Checksum
    }

    fn option(&mut self, _: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("checksum-fill");
    }
}

impl TargetExtension for Checksum {
    fn effect(&self, _: Context) -> Effect {
        Effect::Rewrite("the checksum")
    }
}
