//! `-j TPROXY`.

use super::tee::read_host;
use crate::dialect::Family;
use crate::ext::*;
use crate::meaning::Effect;
use crate::value::mark::Mark;
use crate::value::{addr, port, proto};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Gives the packet to a transparent socket of this machine without changing it, and marks it.
///
/// Without such a socket it is dropped.
/// Only in table mangle, PREROUTING, for `-p tcp` or `-p udp`. Port and address are those of the socket: port 0 is
/// that of the packet, address 0.0.0.0 (`::`) that of the interface. All three values are always saved. The port is
/// decimal; one above 65535 is taken modulo 65536.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_TPROXY.h`.
// boxed
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tproxy {
    /// Port of the socket; 0 is that of the packet.
    pub port: u16,
    /// Address of the socket; `None` is that of the interface.
    pub address: Option<IpAddr>,
    /// How the packet mark is changed: bits of the mask become 0, then those of the value are toggled.
    pub mark: Mark,
}

impl Tproxy {
    /// To a socket on this port.
    pub const fn new(port: u16) -> Tproxy {
        Tproxy { port, address: None, mark: Mark { value: 0, mask: 0 } }
    }

    /// To a socket on this address.
    #[must_use]
    pub fn address(mut self, address: impl Into<IpAddr>) -> Tproxy {
        self.address = Some(address.into());
        self
    }

    /// Changes these bits of the packet mark.
    #[must_use]
    pub const fn mark(mut self, value: u32, mask: u32) -> Tproxy {
        self.mark = Mark { value, mask };
        self
    }
}

impl Extension for Tproxy {
    const SPEC: Spec = Spec {
        name: "TPROXY",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("on-port", "PORT", "Port of the socket.").required(),
            Opt::value("on-ip", "ADDRESS", "Address of the socket.").default("0.0.0.0, ::"),
            Opt::value("tproxy-mark", "VALUE[/MASK]", "How the packet mark is changed.").default("0x0/0x0"),
        ],
        groups: &[],
        places: Places::new(&[TableName::Mangle], &[Hook::Prerouting]),
        protos: Some(Protos(&[proto::TCP, proto::UDP])),
    };

    fn load(_: Context) -> Tproxy {
        Tproxy::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "on-port" => {
                let (port, wrapped) = arg.parse(|text| port::resolved(text, arg.proto_name(), arg.names))?;
                self.port = port;
                if wrapped {
                    arg.changed(format!("a port is at most 65535: iptables takes this for {port}"));
                }
            }
            "on-ip" => self.address = Some(read_host(arg)?).filter(|address| !address.is_unspecified()),
            _ => self.mark = arg.parse(Mark::parse)?,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let unspecified = match to.context.family {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let address = self.address.unwrap_or(unspecified);
        to.flag("on-port").number(self.port).flag("on-ip").with(|out| addr::push_ip(out, address));
        to.flag("tproxy-mark").with(|out| self.mark.push_full(out));
    }
}

impl TargetExtension for Tproxy {
    fn effect(&self, _: Context) -> Effect {
        Effect::Intercept { clear: self.mark.mask, flip: self.mark.value }
    }
}
