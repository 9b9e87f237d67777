//! `-j MASQUERADE`.

use super::dnat::{needs_ports, print_flags};
use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Effect, Nat};
use crate::value::nat::NatPorts;

/// Rewrites the source of a connection to the address of the interface that it leaves through.
///
/// Only in table nat, in POSTROUTING (and chains reached from there). Connections are forgotten when the interface goes
/// down or its address changes. Ports need `-p` tcp, udp, sctp, dccp or icmp before them in the rule.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/nf_nat.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masquerade {
    /// New ports; `None` keeps the port where that is possible.
    pub ports: Option<NatPorts>,
    /// `--random`: the port is chosen with some randomness.
    pub random: bool,
    /// `--random-fully`: the port is chosen at random.
    pub random_fully: bool,
}

impl Masquerade {
    /// Keeps ports where that is possible.
    pub const fn new() -> Masquerade {
        Masquerade { ports: None, random: false, random_fully: false }
    }

    /// To this port or these.
    #[must_use]
    pub fn ports(mut self, ports: impl Into<NatPorts>) -> Masquerade {
        self.ports = Some(ports.into());
        self
    }

    /// Chooses the port with some randomness.
    #[must_use]
    pub const fn random(mut self) -> Masquerade {
        self.random = true;
        self
    }

    /// Chooses the port at random.
    #[must_use]
    pub const fn random_fully(mut self) -> Masquerade {
        self.random_fully = true;
        self
    }
}

impl Extension for Masquerade {
    const SPEC: Spec = Spec {
        name: "MASQUERADE",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("to-ports", "PORT[-PORT]", "New port or ports."),
            Opt::flag("random", "The port is chosen with some randomness."),
            Opt::flag("random-fully", "The port is chosen at random."),
        ],
        groups: &[],
        places: Places::new(&[TableName::Nat], &[Hook::Postrouting]),
        protos: None,
    };

    fn load(_: Context) -> Masquerade {
        Masquerade::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "to-ports" => {
                self.ports = Some(read_ports(arg)?);
                lose_base(arg, &mut self.ports);
            }
            "random" => self.random = true,
            _ => self.random_fully = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if let Some(ports) = self.ports {
            to.flag("to-ports").with(|out| ports.push(out));
        }
        print_flags(to, self.random, self.random_fully, false);
    }
}

impl TargetExtension for Masquerade {
    fn effect(&self, _: Context) -> Effect {
        Effect::Nat(Nat {
            ports: self.ports.map(|ports| (ports.low, ports.high)),
            of_interface: true,
            ..Nat::new(true)
        })
    }
}

/// Reads the value of `--to-ports`.
pub(crate) fn read_ports(arg: &Arg<'_>) -> Result<NatPorts, Fault> {
    needs_ports(arg)?;
    arg.parse(|text| NatPorts::parse(text, arg.names))
}

/// The tools read the base of a shifted mapping but keep it for DNAT alone; here it becomes 0, and changes nothing.
pub(crate) fn lose_base(arg: &mut Arg<'_>, ports: &mut Option<NatPorts>) {
    if let Some(base) = ports.as_mut().and_then(|ports| ports.base.as_mut()) {
        *base = 0;
        let message =
            "only DNAT shifts ports: iptables takes the base for 0, and what it saves cannot be loaded";
        let fault = Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value);
        arg.warn(fault.help("remove `/` and the base"));
    }
}
