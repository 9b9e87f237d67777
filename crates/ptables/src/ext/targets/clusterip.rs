//! `-j CLUSTERIP`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Effect, Need};
use crate::value::mac::Mac;

/// Shares an address among machines without a balancer in front.
///
/// Each answers its part of the packets, chosen by a hash.
/// IPv4 only. Kernels since 6.7 do not have it. A rule makes a cluster (`--new` and all that belongs to it) or,
/// without options, joins the one of its destination address.
///
/// Source: iptables 1.8.9, its reader probed on both back ends (the kernel at hand has no CLUSTERIP, so the saved
/// form is not measured); `linux/netfilter_ipv4/ipt_CLUSTERIP.h`.
// boxed
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clusterip {
    /// The cluster that the rule makes; `None`: it joins one.
    pub new: Option<Cluster>,
}

impl Clusterip {
    /// Joins the cluster of the destination address.
    pub const fn join() -> Clusterip {
        Clusterip { new: None }
    }
}

/// A cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// What is hashed.
    pub mode: HashMode,
    /// Ethernet address of the cluster.
    pub mac: Mac,
    /// Machines in it, 0 to 16.
    pub total_nodes: u8,
    /// Number of this machine, 0 to 16.
    pub local_node: u8,
    /// Number that is hashed too.
    pub hash_init: u32,
}

/// What is hashed to choose a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashMode {
    /// `sourceip`.
    Source,
    /// `sourceip-sourceport`.
    SourcePort,
    /// `sourceip-sourceport-destport`.
    SourcePortDestinationPort,
}

impl Default for Cluster {
    fn default() -> Cluster {
        Cluster { mode: HashMode::Source, mac: Mac([0; 6]), total_nodes: 0, local_node: 0, hash_init: 0 }
    }
}

const MODES: [(&str, HashMode); 3] = [
    ("sourceip", HashMode::Source),
    ("sourceip-sourceport", HashMode::SourcePort),
    ("sourceip-sourceport-destport", HashMode::SourcePortDestinationPort),
];

impl Extension for Clusterip {
    const SPEC: Spec = Spec {
        name: "CLUSTERIP",
        kind: Kind::Target,
        aliases: &[],
        families: Families::V4,
        options: &[
            Opt::flag("new", "Makes a cluster."),
            Opt::value(
                "hashmode",
                "MODE",
                "What is hashed: sourceip, sourceip-sourceport or sourceip-sourceport-destport.",
            ),
            Opt::value("clustermac", "ADDRESS", "Ethernet address of the cluster; a multicast one."),
            Opt::value("total-nodes", "NUMBER", "Machines in the cluster, 0 to 16."),
            Opt::value("local-node", "NUMBER", "Number of this machine, 0 to 16."),
            Opt::value("hash-init", "NUMBER", "Number that is hashed too, 32 bits.").default("0"),
        ],
        groups: &[],
        places: Places::new(&[TableName::Filter], &[Hook::Input]),
        protos: None,
    };

    fn load(_: Context) -> Clusterip {
        Clusterip::join()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let new = self.new.get_or_insert_default();
        match name {
            "new" => {}
            "hashmode" => {
                let known = MODES.iter().find(|(name, _)| name.as_bytes() == arg.value());
                let mode = known.map(|(_, mode)| *mode);
                new.mode = mode.ok_or_else(|| {
                    arg.bad("sourceip, sourceip-sourceport or sourceip-sourceport-destport")
                })?;
            }
            "clustermac" => {
                new.mac = arg.parse(Mac::parse)?;
                if new.mac.0.first().is_none_or(|byte| byte & 1 == 0) {
                    return Err(arg.bad("a multicast Ethernet address, such as `01:00:5e:00:00:20`"));
                }
            }
            "total-nodes" => new.total_nodes = arg.u8(0, 16)?,
            "local-node" => new.local_node = arg.u8(0, 16)?,
            _ => new.hash_init = arg.u32(0, u32::MAX)?,
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        const ALL: [&str; 5] = ["new", "hashmode", "clustermac", "total-nodes", "local-node"];
        if self.new.is_some() && !ALL.into_iter().all(|name| end.has(name)) {
            let message =
                "target `CLUSTERIP` needs `--new`, a mode, an address and both numbers of nodes, or none";
            return Err(Fault::new(codes::PARSE_MISSING_OPTION, message));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let Some(new) = &self.new else { return };
        if let Some((name, _)) = MODES.iter().find(|(_, mode)| *mode == new.mode) {
            to.flag("new").flag("hashmode").word(name.as_bytes());
        }
        to.flag("clustermac").with(|out| {
            let mut mac = Vec::new();
            new.mac.push(&mut mac);
            out.extend_from_slice(&mac.to_ascii_uppercase());
        });
        to.flag("total-nodes").number(new.total_nodes).flag("local-node").number(new.local_node);
        to.flag("hash-init").number(new.hash_init);
    }
}

impl TargetExtension for Clusterip {
    fn effect(&self, _: Context) -> Effect {
        Effect::Needs(Need::Other("which machine of the cluster answers the packet"))
    }
}
