//! `-j NOTRACK`.

use super::ct::Ct;
use crate::ext::*;
use crate::meaning::Effect;

/// Leaves the packet untracked: what `-j CT --notrack` does, and saved as it is written; the next rule follows.
///
/// Only in table raw, before connection tracking sees the packet.
///
/// Source: iptables 1.8.9, probed on both back ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notrack;

impl Extension for Notrack {
    const SPEC: Spec = Spec {
        name: "NOTRACK",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[],
        groups: &[],
        places: Places::tables(&[TableName::Raw]),
        protos: None,
    };

    fn load(_: Context) -> Notrack {
        Notrack
    }

    fn option(&mut self, _: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn print(&self, _: &mut Printer<'_>) {}
}

impl TargetExtension for Notrack {
    fn effect(&self, context: Context) -> Effect {
        Ct::notrack().effect(context)
    }
}
