//! `-j SNAT`.

use super::dnat::{print_flags, read};
use super::masquerade::lose_base;
use crate::ext::*;
use crate::meaning::{Effect, Nat};
use crate::value::nat::NatTo;

/// Rewrites the source of a connection, and the destination of its replies back.
///
/// Only in table nat, in POSTROUTING and INPUT (and chains reached from there): it sees the first packet of a
/// connection. One address, a range, ports, or both. Ports need `-p` tcp, udp, sctp, dccp or icmp before them in the
/// rule. For an address that may change, `-j MASQUERADE` takes that of the outgoing interface.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/nf_nat.h`.
// boxed
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snat {
    /// New addresses and ports.
    pub to: NatTo,
    /// `--random`: the port is chosen with some randomness.
    pub random: bool,
    /// `--random-fully`: the port is chosen at random.
    pub random_fully: bool,
    /// `--persistent`: a client gets the same address for each of its connections.
    pub persistent: bool,
}

impl Snat {
    /// To this address, range, socket address, or these ports.
    pub fn to(to: impl Into<NatTo>) -> Snat {
        Snat { to: to.into(), random: false, random_fully: false, persistent: false }
    }

    /// Chooses the port with some randomness.
    #[must_use]
    pub const fn random(mut self) -> Snat {
        self.random = true;
        self
    }

    /// Chooses the port at random.
    #[must_use]
    pub const fn random_fully(mut self) -> Snat {
        self.random_fully = true;
        self
    }

    /// Gives a client the same address for each of its connections.
    #[must_use]
    pub const fn persistent(mut self) -> Snat {
        self.persistent = true;
        self
    }
}

impl Extension for Snat {
    const SPEC: Spec = Spec {
        name: "SNAT",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value(
                "to-source",
                "[ADDRESS[-ADDRESS]][:PORT[-PORT]]",
                "New addresses and ports; IPv6 addresses in brackets if ports follow.",
            )
            .required(),
            Opt::flag("random", "The port is chosen with some randomness."),
            Opt::flag("random-fully", "The port is chosen at random."),
            Opt::flag("persistent", "A client gets the same address for each of its connections."),
        ],
        groups: &[],
        places: Places::new(&[TableName::Nat], &[Hook::Input, Hook::Postrouting]),
        protos: None,
    };

    fn load(_: Context) -> Snat {
        Snat::to(NatTo::default())
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "to-source" => {
                self.to = read(arg)?;
                lose_base(arg, &mut self.to.ports);
            }
            "random" => self.random = true,
            "random-fully" => self.random_fully = true,
            _ => self.persistent = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("to-source").with(|out| self.to.push(out));
        print_flags(to, self.random, self.random_fully, self.persistent);
    }
}

impl TargetExtension for Snat {
    fn effect(&self, _: Context) -> Effect {
        Effect::Nat(Nat {
            addresses: self.to.bits(),
            ports: self.to.ports.map(|ports| (ports.low, ports.high)),
            ..Nat::new(true)
        })
    }
}
