//! `-j DNAT`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Effect, Nat};
use crate::value::nat::NatTo;
use crate::value::proto;

/// Rewrites the destination of a connection, and that of its replies back.
///
/// Only in table nat, in PREROUTING and OUTPUT (and chains reached from there): it sees the first packet of a
/// connection. One address, a range, ports, or both. Ports need `-p` tcp, udp, sctp, dccp or icmp before them in the
/// rule. A range of ports with `/BASE` is a shifted mapping: old port BASE becomes the first new one. From a range,
/// the address is chosen by a hash of source and destination, unless `--random` or `--persistent` say otherwise.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/nf_nat.h`.
// boxed
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dnat {
    /// New addresses and ports.
    pub to: NatTo,
    /// `--random`: the port is chosen at random.
    pub random: bool,
    /// `--persistent`: a client gets the same address for each of its connections.
    pub persistent: bool,
}

impl Dnat {
    /// To this address, range, socket address, or these ports.
    pub fn to(to: impl Into<NatTo>) -> Dnat {
        Dnat { to: to.into(), random: false, persistent: false }
    }

    /// Chooses the port at random.
    #[must_use]
    pub const fn random(mut self) -> Dnat {
        self.random = true;
        self
    }

    /// Gives a client the same address for each of its connections.
    #[must_use]
    pub const fn persistent(mut self) -> Dnat {
        self.persistent = true;
        self
    }
}

impl Extension for Dnat {
    const SPEC: Spec = Spec {
        name: "DNAT",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value(
                "to-destination",
                "[ADDRESS[-ADDRESS]][:PORT[-PORT[/BASE]]]",
                "New addresses and ports; IPv6 addresses in brackets if ports follow.",
            )
            .required(),
            Opt::flag("random", "The port is chosen at random."),
            Opt::flag("persistent", "A client gets the same address for each of its connections."),
        ],
        groups: &[],
        places: Places::new(&[TableName::Nat], &[Hook::Prerouting, Hook::Output]),
        protos: None,
    };

    fn load(_: Context) -> Dnat {
        Dnat::to(NatTo::default())
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "to-destination" => {
                self.to = read(arg)?;
                warn_of_one_port(arg, self.to);
            }
            "random" => self.random = true,
            _ => self.persistent = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("to-destination").with(|out| self.to.push(out));
        print_flags(to, self.random, false, self.persistent);
    }
}

impl TargetExtension for Dnat {
    fn effect(&self, _: Context) -> Effect {
        Effect::Nat(Nat {
            addresses: self.to.bits(),
            ports: self.to.ports.map(|ports| (ports.low, ports.high)),
            base: self.to.ports.and_then(|ports| ports.base),
            ..Nat::new(false)
        })
    }
}

/// A base behind a range of one port is saved as `port/base`, which the tools do not read.
fn warn_of_one_port(arg: &mut Arg<'_>, to: NatTo) {
    if to.ports.is_some_and(|ports| ports.base.is_some() && ports.low == ports.high) {
        let message =
            "iptables saves a range of one port as the port: with `/` and a base it can't be loaded";
        let fault = Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value);
        arg.warn(fault.help("remove `/` and the base: there is one port to choose from"));
    }
}

/// Reads the value of `--to-destination` and `--to-source`.
pub(crate) fn read(arg: &mut Arg<'_>) -> Result<NatTo, Fault> {
    let to = arg.parse(|text| NatTo::parse(arg.context.family, text, arg.names))?;
    if to.ports.is_some() {
        needs_ports(arg)?;
    }
    if to.addresses.is_some_and(|(first, last)| first > last) {
        arg.changed(
            "the first address of this range is greater than the last: the kernel takes none between them",
        );
    }
    // `x[::1]y:80` is read as `[::1]:80`.
    let text = arg.value();
    let after = memchr::memchr(b']', text).and_then(|close| text.get(close + 1));
    if text.contains(&b'[') && (text.first() != Some(&b'[') || after.is_some_and(|byte| *byte != b':')) {
        arg.changed("iptables overlooks what stands before `[` and between `]` and the colon");
    }
    Ok(to)
}

/// Ports need a protocol that has ports, named before them; `! -p` will do.
pub(crate) fn needs_ports(arg: &Arg<'_>) -> Result<(), Fault> {
    if matches!(arg.proto.0, proto::TCP | proto::UDP | proto::SCTP | proto::DCCP | proto::ICMP) {
        return Ok(());
    }
    let fault = Fault::new(
        codes::PARSE_NEEDS_PROTOCOL,
        "ports need `-p` tcp, udp, sctp, dccp or icmp before them in the rule",
    );
    Err(fault.about(Part::Value).help("write `-p tcp` or `-p udp` before `-j`"))
}

/// Prints the flags of NAT targets.
pub(crate) fn print_flags(to: &mut Printer<'_>, random: bool, random_fully: bool, persistent: bool) {
    for (given, name) in [(random, "random"), (random_fully, "random-fully"), (persistent, "persistent")] {
        if given {
            to.flag(name);
        }
    }
}
