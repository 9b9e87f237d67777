//! `-m multiport`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::is::Is;
use crate::value::port::{self, Ports};
use crate::value::proto::{self, Proto};

// boxed: a list of ports.
/// Matches by a list of ports and ranges of ports.
///
/// Fifteen ports at most; a range counts as two. The order is kept. A range must have two different ends. `-p tcp`, `udp`,
/// `udplite`, `sctp` or `dccp` must stand before the list, not inverted. A packet without its ports (a later fragment)
/// never matches.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_multiport.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Multiport {
    /// Which port of the packet.
    pub side: PortSide,
    /// The list, as one condition.
    pub ports: Is<Vec<Ports>>,
}

/// Which port of a packet a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortSide {
    /// `--sports`.
    Source,
    /// `--dports`.
    Destination,
    /// `--ports`: one of both.
    Either,
}

/// Slots of the kernel's list.
const SLOTS: usize = 15;

const PROTOS: &[Proto] = &[proto::TCP, proto::UDP, proto::UDPLITE, proto::SCTP, proto::DCCP];

impl Multiport {
    /// The source port is one of these.
    pub fn sports(ports: impl IntoIterator<Item = impl Into<Ports>>) -> Multiport {
        Multiport::new(PortSide::Source, ports)
    }

    /// The destination port is one of these.
    pub fn dports(ports: impl IntoIterator<Item = impl Into<Ports>>) -> Multiport {
        Multiport::new(PortSide::Destination, ports)
    }

    /// The source or the destination port is one of these.
    pub fn ports(ports: impl IntoIterator<Item = impl Into<Ports>>) -> Multiport {
        Multiport::new(PortSide::Either, ports)
    }

    /// The opposite condition.
    #[must_use]
    pub fn inverted(mut self) -> Multiport {
        self.ports.inverted = !self.ports.inverted;
        self
    }

    fn new(side: PortSide, ports: impl IntoIterator<Item = impl Into<Ports>>) -> Multiport {
        Multiport { side, ports: Is::from(ports.into_iter().map(Into::into).collect::<Vec<Ports>>()) }
    }
}

impl Extension for Multiport {
    const SPEC: Spec = Spec {
        name: "multiport",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("sports", "PORT[:PORT][,…]", "Source ports.").or(&["source-ports"]).negatable(),
            Opt::value("dports", "PORT[:PORT][,…]", "Destination ports.")
                .or(&["destination-ports"])
                .negatable(),
            Opt::value("ports", "PORT[:PORT][,…]", "Source or destination ports.").negatable(),
        ],
        groups: &[Group::ExactlyOne(&["sports", "dports", "ports"])],
        places: Places::ANY,
        protos: Some(Protos(PROTOS)),
    };

    fn load(_: Context) -> Multiport {
        Multiport { side: PortSide::Either, ports: Is::from(Vec::new()) }
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        needs_proto(arg)?;
        self.side = match name {
            "sports" => PortSide::Source,
            "dports" => PortSide::Destination,
            _ => PortSide::Either,
        };
        let mut ports = Vec::new();
        let mut slots = 0;
        for part in arg.value().split(|byte| *byte == b',') {
            let range = list_item(arg, part)?;
            slots += if range.low == range.high { 1 } else { 2 };
            ports.push(range);
        }
        if slots > SLOTS {
            let message = format!("`--{name}` takes {SLOTS} ports at most, and a range counts as two");
            let fault = Fault::new(codes::PARSE_OUT_OF_RANGE, message).about(Part::Value);
            return Err(fault.help("write two rules, or use an ipset"));
        }
        self.ports = Is::new(ports, arg.inverted);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let name = match self.side {
            PortSide::Source => "sports",
            PortSide::Destination => "dports",
            PortSide::Either => "ports",
        };
        to.not(self.ports.inverted).flag(name).with(|out| {
            for (index, ports) in self.ports.value.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                ports.push(out);
            }
        });
    }
}

impl MatchExtension for Multiport {
    fn meaning(&self, _: Context) -> Pred {
        let fields: &[Field] = match self.side {
            PortSide::Source => &[Field::SourcePort],
            PortSide::Destination => &[Field::DestinationPort],
            PortSide::Either => &[Field::SourcePort, Field::DestinationPort],
        };
        let one = fields.iter().flat_map(|field| {
            self.ports.value.iter().map(|it| Pred::Range(*field, u128::from(it.low), u128::from(it.high)))
        });
        let one = Pred::Any(one.collect());
        // An inverted list still needs the ports to be there.
        Pred::all([Pred::Header(Header::Transport(4)), one.inverted(self.ports.inverted)])
    }
}

fn needs_proto(arg: &Arg<'_>) -> Result<(), Fault> {
    let (code, message) = match arg.proto {
        (proto::ALL, _) => (codes::PARSE_NEEDS_PROTOCOL, "multiport needs `-p` before its ports"),
        (proto, inverted) if inverted || !PROTOS.contains(&proto) => {
            (codes::CHECK_PROTOCOL_MISMATCH, "multiport knows the ports of five protocols only")
        }
        _ => return Ok(()),
    };
    Err(Fault::new(code, message).about(Part::Option).help("`-p tcp`, `udp`, `udplite`, `sctp` or `dccp`"))
}

/// `port` or `low:high`; both ends must be there, and differ.
fn list_item(arg: &Arg<'_>, part: &[u8]) -> Result<Ports, Fault> {
    let one = |text| arg.parse(|_| port::numeric(text, arg.proto_name(), arg.names));
    match memchr::memchr(b':', part) {
        None => one(part).map(Ports::one),
        Some(at) => {
            let low = one(part.get(..at).unwrap_or_default())?;
            let high = one(part.get(at + 1..).unwrap_or_default())?;
            if low < high { Ok(Ports { low, high }) } else { arg.parse(|_| Err(port::reversed())) }
        }
    }
}
