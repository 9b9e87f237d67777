//! `-j QUEUE`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Effect, Need};

/// Hands the packet to the program that reads queue 0, which decides. The old form of `-j NFQUEUE --queue-num 0`.
///
/// iptables-nft has no QUEUE: it takes the name for that of a chain.
///
/// Source: iptables 1.8.9, probed on both back ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue;

impl Extension for Queue {
    const SPEC: Spec = Spec {
        name: "QUEUE",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Queue {
        Queue
    }

    fn option(&mut self, _: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        if end.context.dialect.is_nft() {
            let fault = Fault::new(codes::PARSE_UNKNOWN_TARGET, "iptables-nft has no target `QUEUE`");
            return Err(fault.help("write `-j NFQUEUE --queue-num 0`"));
        }
        Ok(())
    }

    fn print(&self, _: &mut Printer<'_>) {}
}

impl TargetExtension for Queue {
    fn effect(&self, _: Context) -> Effect {
        Effect::Needs(Need::Other("the program that reads the queue"))
    }
}
