//! `-m udp`.

use super::tcp::{ask, native_ports, ports, print_ports, warn_both_inverted, warn_never};
use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::port::{self, Ports};
use crate::value::proto;

/// Matches UDP datagrams by ports. `-p udp` loads it when one of its options follows.
///
/// A datagram without its whole header (a later fragment) never matches. Port numbers are decimal here; one above 65535
/// is taken modulo 65536. iptables 1.8.9 takes a range whose first port is greater than its last, which never matches.
///
/// Source: iptables 1.8.9 and 1.8.11, probed on both back ends; `linux/netfilter/xt_tcpudp.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Source ports.
    pub sport: Ports,
    /// Destination ports.
    pub dport: Ports,
    /// `! --sport`.
    pub sport_inverted: bool,
    /// `! --dport`.
    pub dport_inverted: bool,
}

impl Udp {
    /// Every datagram.
    pub const fn new() -> Udp {
        Udp { sport: Ports::ALL, dport: Ports::ALL, sport_inverted: false, dport_inverted: false }
    }

    /// From this port or these.
    #[must_use]
    pub fn sport(mut self, ports: impl Into<Ports>) -> Udp {
        self.sport = ports.into();
        self
    }

    /// To this port or these.
    #[must_use]
    pub fn dport(mut self, ports: impl Into<Ports>) -> Udp {
        self.dport = ports.into();
        self
    }
}

impl Default for Udp {
    fn default() -> Udp {
        Udp::new()
    }
}

impl Extension for Udp {
    const SPEC: Spec = Spec {
        name: "udp",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("sport", "PORT[:PORT]", "Source port or ports.").or(&["source-port"]).negatable(),
            Opt::value("dport", "PORT[:PORT]", "Destination port or ports.")
                .or(&["destination-port"])
                .negatable(),
        ],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::UDP])),
    };

    fn load(_: Context) -> Udp {
        Udp::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let ports = read(arg)?;
        warn_never(arg, ports);
        if name == "sport" {
            (self.sport, self.sport_inverted) = (ports, arg.inverted);
        } else {
            (self.dport, self.dport_inverted) = (ports, arg.inverted);
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        warn_both_inverted(end, self.sport_inverted && self.dport_inverted, self.sport, self.dport);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        print_ports(to, "sport", self.sport, self.sport_inverted);
        print_ports(to, "dport", self.dport, self.dport_inverted);
    }
}

impl MatchExtension for Udp {
    fn meaning(&self, context: Context) -> Pred {
        let both = [(self.sport, self.sport_inverted), (self.dport, self.dport_inverted)];
        if context.dialect.is_nft() && ask(both) {
            return native_ports(context, both);
        }
        Pred::all([
            Pred::Header(Header::Transport(8)),
            ports(Field::SourcePort, self.sport, self.sport_inverted),
            ports(Field::DestinationPort, self.dport, self.dport_inverted),
        ])
    }
}

/// Reads ports, with warnings where the tools make something else of them.
fn read(arg: &mut Arg<'_>) -> Result<Ports, Fault> {
    let (ports, wrapped) = arg.parse(|text| port::resolved_range(text, Some("udp"), arg.names))?;
    let mut read = Vec::new();
    ports.push(&mut read);
    let read = String::from_utf8_lossy(&read).into_owned();
    if wrapped {
        arg.changed(format!("a port is at most 65535: iptables takes this for {read}"));
    } else if arg.value().is_empty() {
        arg.changed("iptables takes an empty port for 0");
    }
    if ports.low > ports.high {
        if arg.context.dialect.since_1_8_11() {
            return arg.parse(|_| Err(port::reversed()));
        }
        let message = format!("no port is in {read}: its first port is greater than its last");
        arg.warn(Fault::new(codes::CHECK_CHANGED, message).about(Part::Value).help("swap the ports"));
    }
    Ok(ports)
}
