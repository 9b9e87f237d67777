//! `-m cluster`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::ct_state::CtState;
use crate::value::is::Is;
use crate::value::number::push;

// boxed: four numbers.
/// Matches the packets of which this node of a cluster takes care: a hash of the connection's source chooses the node.
///
/// At most 32 nodes, counted from 1. The tools take a mask of nodes up to 32 only, yet save any: a mask above (node 7 and
/// others) cannot be read back.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_cluster.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// How many nodes there are, 1 to 32.
    pub total: u8,
    /// A bit for each of this machine's nodes, the lowest for node 1.
    pub nodes: Is<u32>,
    /// Where the hash begins: the same on all nodes.
    pub seed: u32,
}

impl Cluster {
    /// Node `node` (from 1) of `total`; each at most 32.
    pub const fn new(total: u8, node: u8, seed: u32) -> Cluster {
        // Out of range there is no such bit.
        let nodes = match 1u32.checked_shl(node.wrapping_sub(1) as u32) {
            Some(bit) => bit,
            None => 0,
        };
        Cluster { total, nodes: Is::new(nodes, false), seed }
    }

    /// The opposite condition.
    #[must_use]
    pub const fn inverted(mut self) -> Cluster {
        self.nodes.inverted = !self.nodes.inverted;
        self
    }
}

/// Most nodes, and (so the tools have it) the greatest mask of nodes.
const MAX: u32 = 32;

impl Extension for Cluster {
    const SPEC: Spec = Spec {
        name: "cluster",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("cluster-total-nodes", "N", "How many nodes there are, 1 to 32.").required(),
            Opt::value("cluster-local-node", "N", "Which node this machine is, from 1.").negatable(),
            Opt::value("cluster-local-nodemask", "MASK", "Which nodes this machine is, as bits, 1 to 32.")
                .negatable(),
            Opt::value("cluster-hash-seed", "N", "Where the hash begins.").required(),
        ],
        groups: &[Group::ExactlyOne(&["cluster-local-node", "cluster-local-nodemask"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Cluster {
        Cluster::new(1, 1, 0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "cluster-total-nodes" => self.total = arg.u8(1, 32)?,
            "cluster-hash-seed" => self.seed = arg.u32(0, u32::MAX)?,
            "cluster-local-node" => self.nodes = Is::new(1 << (arg.u32(1, MAX)? - 1), arg.inverted),
            _ => self.nodes = Is::new(arg.u32(1, MAX)?, arg.inverted),
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        if u64::from(self.nodes.value) >= 1 << self.total {
            let message = format!("the cluster has {} nodes only", self.total);
            return Err(Fault::new(codes::PARSE_OUT_OF_RANGE, message));
        }
        if self.nodes.value > MAX {
            let message = format!(
                "iptables-save prints a mask of nodes above {MAX}, which iptables-restore refuses: it cannot be read back"
            );
            end.warn(Fault::new(codes::CHECK_UNRELOADABLE, message));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let hex =
            |number: u32, out: &mut Vec<u8>| out.extend_from_slice(format!("{number:#010x}").as_bytes());
        to.is("cluster-local-nodemask", Some(self.nodes), hex);
        to.flag("cluster-total-nodes").with(|out| push(out, u64::from(self.total)));
        to.flag("cluster-hash-seed").with(|out| hex(self.seed, out));
    }
}

impl MatchExtension for Cluster {
    fn meaning(&self, _: Context) -> Pred {
        let there = Pred::Not(Box::new(Pred::AnyBit(
            Field::CtState,
            CtState::Invalid as u128 | CtState::Untracked as u128,
        )));
        let hash = Pred::Cluster { total: self.total, nodes: self.nodes.value, seed: self.seed };
        // The hash is asked first: to ask is what changes the packet's type.
        Pred::all([hash.inverted(self.nodes.inverted), there])
    }
}
