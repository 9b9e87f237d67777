//! `-j REDIRECT`.

use super::dnat::print_flags;
use super::masquerade::read_ports;
use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Effect, Nat};
use crate::value::nat::NatPorts;

/// Rewrites the destination of a connection to this machine.
///
/// It becomes the address of the interface that it came in through, or the loopback address for connections that
/// begin here.
/// Only in table nat, in PREROUTING and OUTPUT (and chains reached from there). Ports need `-p` tcp, udp, sctp, dccp or
/// icmp before them in the rule.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/nf_nat.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redirect {
    /// New ports; `None` keeps the port.
    pub ports: Option<NatPorts>,
    /// `--random`: the port is chosen at random.
    pub random: bool,
}

impl Redirect {
    /// Keeps the port.
    pub const fn new() -> Redirect {
        Redirect { ports: None, random: false }
    }

    /// To this port or these.
    #[must_use]
    pub fn ports(mut self, ports: impl Into<NatPorts>) -> Redirect {
        self.ports = Some(ports.into());
        self
    }

    /// Chooses the port at random.
    #[must_use]
    pub const fn random(mut self) -> Redirect {
        self.random = true;
        self
    }
}

impl Extension for Redirect {
    const SPEC: Spec = Spec {
        name: "REDIRECT",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("to-ports", "PORT[-PORT]", "New port or ports."),
            Opt::flag("random", "The port is chosen at random."),
        ],
        groups: &[],
        places: Places::new(&[TableName::Nat], &[Hook::Prerouting, Hook::Output]),
        protos: None,
    };

    fn load(_: Context) -> Redirect {
        Redirect::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "to-ports" => {
                let ports = read_ports(arg)?;
                if ports.base.is_some() {
                    let fault = Fault::new(codes::PARSE_BAD_PORT, "only DNAT shifts ports");
                    return Err(fault.about(Part::Value).help("remove `/` and the base"));
                }
                self.ports = Some(ports);
            }
            _ => self.random = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if let Some(ports) = self.ports {
            to.flag("to-ports").with(|out| ports.push(out));
        }
        print_flags(to, self.random, false, false);
    }
}

impl TargetExtension for Redirect {
    fn effect(&self, _: Context) -> Effect {
        Effect::Nat(Nat {
            ports: self.ports.map(|ports| (ports.low, ports.high)),
            of_interface: true,
            ..Nat::new(false)
        })
    }
}
