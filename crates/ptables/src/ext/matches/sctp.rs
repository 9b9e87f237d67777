//! `-m sctp`.

use super::tcp::ports;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::chunks::Chunks;
use crate::value::is::Is;
use crate::value::port::{self, Ports};
use crate::value::proto;

// boxed: a set of chunk types.
/// Matches SCTP packets by ports and chunks; `-p sctp` loads it.
///
/// A range of all ports is saved too. `--chunk-types` asks whether all, any, or only these types are in the packet; up to
/// four types may have flags (`DATA:Be`: B set, E not).
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_sctp.h`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sctp {
    /// Source ports.
    pub sport: Option<Is<Ports>>,
    /// Destination ports.
    pub dport: Option<Is<Ports>>,
    /// Chunks of the packet.
    pub chunks: Option<Is<Chunks>>,
}

impl Sctp {
    /// Any packet: from here conditions are added.
    pub fn new() -> Sctp {
        Sctp::default()
    }

    /// `--sport`.
    #[must_use]
    pub fn sport(mut self, ports: impl Into<Is<Ports>>) -> Sctp {
        self.sport = Some(ports.into());
        self
    }

    /// `--dport`.
    #[must_use]
    pub fn dport(mut self, ports: impl Into<Is<Ports>>) -> Sctp {
        self.dport = Some(ports.into());
        self
    }
}

impl Extension for Sctp {
    const SPEC: Spec = Spec {
        name: "sctp",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("sport", "PORT[:PORT]", "Source port or ports.").or(&["source-port"]).negatable(),
            Opt::value("dport", "PORT[:PORT]", "Destination port or ports.")
                .or(&["destination-port"])
                .negatable(),
            Opt::two("chunk-types", "all|any|only TYPE[:FLAGS][,…]", "Types of chunks, ALL or NONE.")
                .negatable(),
        ],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::SCTP])),
    };

    fn load(_: Context) -> Sctp {
        Sctp::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "sport" => self.sport = Some(arg.is(|text| port::numeric_range(text, Some("sctp"), arg.names))?),
            "dport" => self.dport = Some(arg.is(|text| port::numeric_range(text, Some("sctp"), arg.names))?),
            _ => {
                let scope = arg.parse(Chunks::scope)?;
                let (chunks, lost) = arg.parse_second(|text| Chunks::parse(scope, text))?;
                if lost {
                    arg.changed("iptables loses the flags of chunk types above SHUTDOWN_COMPLETE");
                }
                self.chunks = Some(Is::new(chunks, arg.inverted));
            }
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("sport", self.sport, Ports::push).is("dport", self.dport, Ports::push);
        if let Some(it) = &self.chunks {
            to.not(it.inverted).flag("chunk-types").with(|out| it.value.push(out));
        }
    }
}

impl MatchExtension for Sctp {
    fn meaning(&self, _: Context) -> Pred {
        let all = Is::from(Ports::ALL);
        let (sport, dport) = (self.sport.unwrap_or(all), self.dport.unwrap_or(all));
        let chunks = self
            .chunks
            .as_ref()
            .map_or(Pred::True, |it| Pred::Chunks(Box::new(it.value.clone())).inverted(it.inverted));
        Pred::all([
            Pred::Header(Header::Transport(12)),
            ports(Field::SourcePort, sport.value, sport.inverted),
            ports(Field::DestinationPort, dport.value, dport.inverted),
            chunks,
        ])
    }
}
