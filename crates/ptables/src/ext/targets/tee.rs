//! `-j TEE`.

use crate::ext::*;
use crate::meaning::Effect;
use crate::source::Text;
use crate::value::iface::Iface;
use crate::value::{addr, host};
use std::net::{IpAddr, Ipv4Addr};

/// Sends a copy of the packet to another machine on a directly connected network; the next rule follows.
///
/// The gateway is a host address: in IPv4 `10.1` is 10.0.0.1. An outgoing interface may be named, in at most 15
/// bytes; iptables cuts the rest in silence.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_TEE.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tee {
    /// Where the copy goes.
    pub gateway: IpAddr,
    /// Through which interface; empty: as it is routed.
    pub oif: Text,
}

impl Tee {
    /// To this machine.
    pub fn new(gateway: impl Into<IpAddr>) -> Tee {
        Tee { gateway: gateway.into(), oif: Text::default() }
    }

    /// Through this interface.
    #[must_use]
    pub fn oif(mut self, oif: impl Into<Text>) -> Tee {
        self.oif = oif.into();
        self
    }
}

impl Extension for Tee {
    const SPEC: Spec = Spec {
        name: "TEE",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("gateway", "ADDRESS", "Where the copy goes.").required(),
            Opt::value("oif", "INTERFACE", "Through which interface, at most 15 bytes."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Tee {
        Tee::new(Ipv4Addr::UNSPECIFIED)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        if name == "oif" {
            self.oif = arg.cut(Iface::MAX);
            return Ok(());
        }
        self.gateway = read_host(arg)?;
        if self.gateway.is_unspecified() {
            return Err(arg.bad("the address of a machine: the kernel refuses this one"));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("gateway").with(|out| addr::push_ip(out, self.gateway));
        if !self.oif.is_empty() {
            to.flag("oif").word(&self.oif);
        }
    }
}

impl TargetExtension for Tee {
    fn effect(&self, _: Context) -> Effect {
        Effect::Continue("sends a copy of the packet to another machine")
    }
}

/// Reads the address or the name of a host.
pub(crate) fn read_host(arg: &Arg<'_>) -> Result<IpAddr, Fault> {
    let family = arg.context.family;
    arg.parse(|text| host::host(text, family, arg.names).map(|bits| addr::ip(family, bits)))
}
