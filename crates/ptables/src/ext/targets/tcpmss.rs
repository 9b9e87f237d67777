//! `-j TCPMSS`.

use crate::dialect::Family;
use crate::ext::*;
use crate::meaning::Effect;
use crate::value::proto;

/// Sets the maximum segment size in TCP packets that begin a connection; the next rule follows.
///
/// A fixed size, or that of the path (`--clamp-mss-to-pmtu`: 40 bytes less than its MTU, 60 in IPv6; only in FORWARD,
/// OUTPUT and POSTROUTING). It only makes a size smaller. Needs `-p tcp`; legacy also a match on SYN: `-p tcp --syn`,
/// or `--tcp-flags` with SYN set. At most 65515, in IPv6 65495.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_TCPMSS.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetTcpmss {
    /// The size; `None` is that of the path.
    pub mss: Option<u16>,
}

impl SetTcpmss {
    /// This size.
    pub const fn new(mss: u16) -> SetTcpmss {
        SetTcpmss { mss: Some(mss) }
    }

    /// The size of the path.
    pub const fn clamp() -> SetTcpmss {
        SetTcpmss { mss: None }
    }
}

impl Extension for SetTcpmss {
    const SPEC: Spec = Spec {
        name: "TCPMSS",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("set-mss", "BYTES", "A fixed size, 0 to 65515 (IPv6: 65495)."),
            Opt::flag("clamp-mss-to-pmtu", "The size that fits the path."),
        ],
        groups: &[Group::AtLeastOne(&["set-mss", "clamp-mss-to-pmtu"])],
        places: Places::ANY,
        protos: Some(Protos(&[proto::TCP])),
    };

    fn load(_: Context) -> SetTcpmss {
        SetTcpmss::clamp()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        if name == "set-mss" {
            let headers = if arg.context.family == Family::V4 { 20 } else { 40 };
            self.mss = Some(arg.u16(0, u16::MAX - headers)?);
        } else {
            self.mss = None;
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        if end.has("set-mss") && end.has("clamp-mss-to-pmtu") {
            end.changed("of `--set-mss` and `--clamp-mss-to-pmtu` iptables keeps the last");
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        match self.mss {
            Some(mss) => drop(to.flag("set-mss").number(mss)),
            None => drop(to.flag("clamp-mss-to-pmtu")),
        }
    }

    fn places(&self, _: Context) -> Places {
        if self.mss.is_some() { Places::ANY } else { Places::hooks(Hooks::OUTGOING) }
    }
}

impl TargetExtension for SetTcpmss {
    fn effect(&self, _: Context) -> Effect {
        Effect::Mss(self.mss)
    }
}
