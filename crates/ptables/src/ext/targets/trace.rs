//! `-j TRACE`.

use crate::dialect::Backend;
use crate::ext::*;
use crate::meaning::Effect;

/// Has the kernel log every rule that the packet meets from here on; the next rule follows.
///
/// In table raw; iptables-nft takes it in any table. Legacy writes to the kernel log, nft is read with
/// `xtables-monitor --trace`.
///
/// Source: iptables 1.8.9, probed on both back ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace;

impl Extension for Trace {
    const SPEC: Spec = Spec {
        name: "TRACE",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Trace {
        Trace
    }

    fn option(&mut self, _: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn print(&self, _: &mut Printer<'_>) {}

    fn places(&self, context: Context) -> Places {
        match context.dialect.backend {
            Backend::Legacy => Places::tables(&[TableName::Raw]),
            Backend::Nft => Places::ANY,
        }
    }
}

impl TargetExtension for Trace {
    fn effect(&self, _: Context) -> Effect {
        Effect::Continue("traces the packet")
    }
}
