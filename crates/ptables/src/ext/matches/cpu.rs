//! `-m cpu`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::number::push;

/// Matches by the processor that handles the packet.
///
/// Processors are counted from 0. One that the machine does not have is taken, and never matches.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_cpu.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Number of the processor.
    pub cpu: Is<u32>,
}

impl Cpu {
    /// This processor.
    pub fn new(cpu: impl Into<Is<u32>>) -> Cpu {
        Cpu { cpu: cpu.into() }
    }
}

impl Extension for Cpu {
    const SPEC: Spec = Spec {
        name: "cpu",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("cpu", "N", "Number of the processor.").negatable().required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Cpu {
        Cpu::new(0)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.cpu = Is::new(arg.u32(0, u32::MAX)?, arg.inverted);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("cpu", Some(self.cpu), |cpu, out| push(out, u64::from(cpu)));
    }
}

impl MatchExtension for Cpu {
    fn meaning(&self, _: Context) -> Pred {
        Pred::is(Field::Cpu, u128::from(self.cpu.value)).inverted(self.cpu.inverted)
    }
}
