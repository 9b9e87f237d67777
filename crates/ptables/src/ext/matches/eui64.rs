//! `-m eui64`.

use crate::ext::*;
use crate::meaning::Pred;

/// Matches if the low half of the source address was made of the frame's source Ethernet address (EUI-64).
///
/// Only where packets come in through an interface: PREROUTING, INPUT, FORWARD.
///
/// Source: iptables 1.8.9, probed on both back ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Eui64;

impl Extension for Eui64 {
    const SPEC: Spec = Spec {
        name: "eui64",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V6,
        options: &[],
        groups: &[],
        places: Places::hooks(Hooks::INCOMING),
        protos: None,
    };

    fn load(_: Context) -> Eui64 {
        Eui64
    }

    fn option(&mut self, _: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn print(&self, _: &mut Printer<'_>) {}
}

impl MatchExtension for Eui64 {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Eui64
    }
}
