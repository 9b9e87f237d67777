//! `-j RETURN`.

use crate::ext::*;
use crate::meaning::Effect;

/// Goes back to the rule after the jump; in a built-in chain, to the policy.
///
/// Source: iptables 1.8.9, probed on both back ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Return;

impl Extension for Return {
    const SPEC: Spec = Spec {
        name: "RETURN",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Return {
        Return
    }

    fn option(&mut self, _: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn print(&self, _: &mut Printer<'_>) {}
}

impl TargetExtension for Return {
    fn effect(&self, _: Context) -> Effect {
        Effect::Return
    }
}
