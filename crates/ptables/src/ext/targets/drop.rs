//! `-j DROP`.

use crate::ext::*;
use crate::meaning::Effect;

/// Drops the packet; its sender is not told.
///
/// Not in table nat: the tools refuse it there.
///
/// Source: iptables 1.8.9, probed on both back ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drop;

impl Extension for Drop {
    const SPEC: Spec = Spec {
        name: "DROP",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[],
        groups: &[],
        places: Places::tables(&[TableName::Filter, TableName::Mangle, TableName::Raw, TableName::Security]),
        protos: None,
    };

    fn load(_: Context) -> Drop {
        Drop
    }

    fn option(&mut self, _: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn print(&self, _: &mut Printer<'_>) {}
}

impl TargetExtension for Drop {
    fn effect(&self, _: Context) -> Effect {
        Effect::Drop
    }
}
