//! `-j ACCEPT`.

use crate::ext::*;
use crate::meaning::Effect;

/// Lets the packet pass this table. Later tables and chains still see it.
///
/// Source: iptables 1.8.9, probed on both back ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accept;

impl Extension for Accept {
    const SPEC: Spec = Spec {
        name: "ACCEPT",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Accept {
        Accept
    }

    fn option(&mut self, _: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn print(&self, _: &mut Printer<'_>) {}
}

impl TargetExtension for Accept {
    fn effect(&self, _: Context) -> Effect {
        Effect::Accept
    }
}
