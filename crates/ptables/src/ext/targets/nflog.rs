//! `-j NFLOG`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::Effect;
use crate::source::Text;

/// Sends the packet to programs that listen to a netlink group, such as ulogd; the next rule follows.
///
/// The prefix has at most 63 bytes with legacy and 127 with nft; iptables cuts the rest in silence. `--nflog-range`
/// never worked: the tools say so, and iptables-nft leaves it out. `--nflog-size` is what it was meant to be.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_NFLOG.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nflog {
    /// What the program is told besides; empty: nothing.
    pub prefix: Text,
    /// Netlink group.
    pub group: u16,
    /// Bytes of the packet that are sent; `None`: all.
    pub size: Option<u32>,
    /// `--nflog-range`, which does nothing.
    pub range: u32,
    /// Packets that are gathered before they are sent; 0: as the system is set.
    pub threshold: u16,
}

impl Nflog {
    /// To this group.
    pub fn new(group: u16) -> Nflog {
        Nflog { prefix: Text::default(), group, size: None, range: 0, threshold: 0 }
    }

    /// Tells the program this besides.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Text>) -> Nflog {
        self.prefix = prefix.into();
        self
    }

    /// Sends this many bytes of the packet.
    #[must_use]
    pub fn size(mut self, bytes: u32) -> Nflog {
        self.size = Some(bytes);
        self
    }

    /// Sends packets when this many are gathered.
    #[must_use]
    pub fn threshold(mut self, packets: u16) -> Nflog {
        self.threshold = packets;
        self
    }
}

impl Extension for Nflog {
    const SPEC: Spec = Spec {
        name: "NFLOG",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("nflog-group", "NUMBER", "Netlink group, 0 to 65535.").default("0"),
            Opt::value("nflog-prefix", "TEXT", "What the program is told besides, 1 to 63 bytes (nft: 127)."),
            Opt::value("nflog-range", "BYTES", "Does nothing."),
            Opt::value("nflog-size", "BYTES", "How much of the packet is sent."),
            Opt::value("nflog-threshold", "PACKETS", "Packets that are gathered before they are sent.")
                .default("0"),
        ],
        groups: &[Group::AtMostOne(&["nflog-range", "nflog-size"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Nflog {
        Nflog::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "nflog-group" => self.group = arg.u16(0, u16::MAX)?,
            "nflog-prefix" if arg.value().is_empty() => return Err(arg.bad("at least one byte")),
            "nflog-prefix" => self.prefix = arg.cut(if arg.context.dialect.is_nft() { 127 } else { 63 }),
            "nflog-range" => {
                let range = arg.u32(0, u32::MAX)?;
                // iptables-nft leaves it out.
                self.range = if arg.context.dialect.is_nft() { 0 } else { range };
                let fault = Fault::new(codes::CHECK_CHANGED, "`--nflog-range` has never done anything");
                arg.warn(fault.about(Part::Option).help("write `--nflog-size`"));
            }
            "nflog-size" => self.size = Some(arg.u32(0, u32::MAX)?),
            _ => self.threshold = arg.u16(0, u16::MAX)?,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if !self.prefix.is_empty() {
            to.flag("nflog-prefix").quoted(&self.prefix);
        }
        if self.group != 0 {
            to.flag("nflog-group").number(self.group);
        }
        match self.size {
            Some(size) => drop(to.flag("nflog-size").number(size)),
            None if self.range != 0 => drop(to.flag("nflog-range").number(self.range)),
            None => {}
        }
        if self.threshold != 0 {
            to.flag("nflog-threshold").number(self.threshold);
        }
    }
}

impl TargetExtension for Nflog {
    fn effect(&self, _: Context) -> Effect {
        Effect::Continue("sends the packet to a program that logs it")
    }
}
