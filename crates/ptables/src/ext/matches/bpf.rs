//! `-m bpf`.

use crate::ext::*;
use crate::meaning::{Need, Pred};
use crate::source::Text;
use crate::value::bpf::{self, Instruction};

// boxed: a program or a path.
/// Matches packets for which a program of the packet filter language returns something else than 0.
///
/// A classic program has at most 64 instructions, all numbers decimal, as `nfbpf_compile` writes it; it sees the packet from
/// its IP header on. The program of a pinned object must exist when the rule is loaded; its path has at most 511 bytes.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_bpf.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bpf {
    /// The program.
    pub program: BpfProgram,
}

/// The program of `bpf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BpfProgram {
    /// A classic program.
    Bytecode(Vec<Instruction>),
    /// The path of a pinned object.
    Pinned(Text),
}

impl Bpf {
    /// A classic program.
    pub fn bytecode(program: impl IntoIterator<Item = Instruction>) -> Bpf {
        Bpf { program: BpfProgram::Bytecode(program.into_iter().collect()) }
    }

    /// The path of a pinned object.
    pub fn pinned(path: impl Into<Text>) -> Bpf {
        Bpf { program: BpfProgram::Pinned(path.into()) }
    }
}

impl Extension for Bpf {
    const SPEC: Spec = Spec {
        name: "bpf",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("bytecode", "N,CODE JT JF K[,…]", "A classic program."),
            Opt::value("object-pinned", "PATH", "The path of a pinned object."),
        ],
        groups: &[Group::ExactlyOne(&["bytecode", "object-pinned"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Bpf {
        Bpf::bytecode([])
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        if name == "object-pinned" {
            let path = arg.cut(511);
            arg.warn_unquoted(&path);
            self.program = BpfProgram::Pinned(path);
            return Ok(());
        }
        let (program, changed) = arg.parse(bpf::parse)?;
        if changed {
            arg.changed(
                "iptables drops what follows the four numbers of an instruction, and high bits of numbers",
            );
        }
        self.program = BpfProgram::Bytecode(program);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        match &self.program {
            BpfProgram::Pinned(path) => {
                to.flag("object-pinned").word(path);
            }
            BpfProgram::Bytecode(program) => {
                to.flag("bytecode").with(|out| {
                    out.push(b'"');
                    bpf::push_program(out, program);
                    out.push(b'"');
                });
            }
        }
    }
}

impl MatchExtension for Bpf {
    fn meaning(&self, _: Context) -> Pred {
        match &self.program {
            BpfProgram::Bytecode(program) => Pred::Program(program.clone()),
            BpfProgram::Pinned(_) => Pred::Needs(Need::Other("what a pinned program says")),
        }
    }
}
