//! `-j CONNSECMARK`.

use crate::ext::*;
use crate::meaning::Effect;

/// Copies the security mark between the packet and its connection; the next rule follows.
///
/// Only in tables mangle and security. Nothing is copied over a mark that is there.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_CONNSECMARK.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connsecmark {
    /// `--restore`: from the connection to the packet; else `--save`: from the packet to the connection.
    pub restore: bool,
}

impl Connsecmark {
    /// From the packet to the connection.
    pub const fn save() -> Connsecmark {
        Connsecmark { restore: false }
    }

    /// From the connection to the packet.
    pub const fn restore() -> Connsecmark {
        Connsecmark { restore: true }
    }
}

impl Extension for Connsecmark {
    const SPEC: Spec = Spec {
        name: "CONNSECMARK",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::flag("save", "From the packet to the connection."),
            Opt::flag("restore", "From the connection to the packet."),
        ],
        groups: &[Group::ExactlyOne(&["save", "restore"])],
        places: Places::tables(&[TableName::Mangle, TableName::Security]),
        protos: None,
    };

    fn load(_: Context) -> Connsecmark {
        Connsecmark::save()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let _ = arg;
        self.restore = name == "restore";
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag(if self.restore { "restore" } else { "save" });
    }
}

impl TargetExtension for Connsecmark {
    fn effect(&self, _: Context) -> Effect {
        Effect::Rewrite("the security mark of the packet or of its connection")
    }
}
