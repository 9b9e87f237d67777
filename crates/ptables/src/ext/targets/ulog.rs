//! `-j ULOG`.

use crate::ext::*;
use crate::meaning::Effect;
use crate::source::Text;
use crate::value::{Bad, Parsed, number};

/// Sends the packet to programs that listen to a netlink group; the next rule follows. The forerunner of `-j NFLOG`.
///
/// IPv4 only. Kernels since 3.17 do not have it. The prefix has at most 31 bytes; iptables cuts the rest in silence.
///
/// Source: iptables 1.8.9, its reader probed on both back ends (the kernel at hand has no ULOG, so the saved form is
/// not measured); `linux/netfilter_ipv4/ipt_ULOG.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulog {
    /// What the program is told besides; empty: nothing.
    pub prefix: Text,
    /// Netlink group, 1 to 32.
    pub group: u8,
    /// Bytes of the packet that are sent; 0: all.
    pub copy_range: u64,
    /// Packets that are gathered before they are sent, 1 to 50.
    pub threshold: u8,
}

impl Ulog {
    /// To this group, 1 to 32.
    pub fn new(group: u8) -> Ulog {
        Ulog { prefix: Text::default(), group, copy_range: 0, threshold: 1 }
    }
}

impl Extension for Ulog {
    const SPEC: Spec = Spec {
        name: "ULOG",
        kind: Kind::Target,
        aliases: &[],
        families: Families::V4,
        options: &[
            Opt::value("ulog-nlgroup", "NUMBER", "Netlink group, 1 to 32.").default("1"),
            Opt::value("ulog-prefix", "TEXT", "What the program is told besides, 1 to 31 bytes."),
            Opt::value("ulog-cprange", "BYTES", "How much of the packet is sent.").default("0"),
            Opt::value(
                "ulog-qthreshold",
                "PACKETS",
                "Packets that are gathered before they are sent, 1 to 50.",
            )
            .default("1"),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Ulog {
        Ulog::new(1)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "ulog-nlgroup" => self.group = arg.u8(1, 32)?,
            "ulog-prefix" if arg.value().is_empty() => return Err(arg.bad("at least one byte")),
            "ulog-prefix" => self.prefix = arg.cut(31),
            "ulog-cprange" => self.copy_range = arg.parse(copy_range)?,
            _ => self.threshold = arg.u8(1, 50)?,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if !self.prefix.is_empty() {
            to.flag("ulog-prefix").quoted(&self.prefix);
        }
        if self.group != 1 {
            to.flag("ulog-nlgroup").number(self.group);
        }
        if self.copy_range != 0 {
            to.flag("ulog-cprange").number(self.copy_range);
        }
        if self.threshold != 1 {
            to.flag("ulog-qthreshold").number(self.threshold);
        }
    }
}

impl TargetExtension for Ulog {
    fn effect(&self, _: Context) -> Effect {
        Effect::Continue("sends the packet to a program that logs it")
    }
}

/// A number of 64 bits.
fn copy_range(text: &[u8]) -> Parsed<u64> {
    // `prefix_base0` gives the greatest number for all that are greater, and so does the tool's reader with an error.
    match number::prefix_base0(text) {
        Some((u64::MAX, [])) if !text.ends_with(b"18446744073709551615") => {
            Err(Bad::range("a number of at most 64 bits"))
        }
        Some((value, [])) => Ok(value),
        _ => Err(Bad::form("a number of bytes")),
    }
}
