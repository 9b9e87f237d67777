//! `-m dccp`.

use super::tcp::ports;
use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::Bad;
use crate::value::is::Is;
use crate::value::number::push;
use crate::value::port::Ports;
use crate::value::proto;

/// Matches DCCP packets by ports, type and options; `-p dccp` loads it.
///
/// Ports are decimal numbers or service names, and a number above 65535 wraps. A range of all ports is saved too.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_dccp.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dccp {
    /// Source ports.
    pub sport: Option<Is<Ports>>,
    /// Destination ports.
    pub dport: Option<Is<Ports>>,
    /// Types, one of which the packet has: a bit for each, REQUEST the lowest.
    pub types: Option<Is<u16>>,
    /// Number of an option that must be there.
    pub option: Option<Is<u8>>,
}

/// The first number without a name.
const INVALID: u16 = 10;

/// Types in the order of their bits.
const TYPES: [&str; 11] = [
    "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK",
    "INVALID",
];

impl Dccp {
    /// Any packet: from here conditions are added.
    pub fn new() -> Dccp {
        Dccp::default()
    }

    /// `--sport`.
    #[must_use]
    pub fn sport(mut self, ports: impl Into<Is<Ports>>) -> Dccp {
        self.sport = Some(ports.into());
        self
    }

    /// `--dport`.
    #[must_use]
    pub fn dport(mut self, ports: impl Into<Is<Ports>>) -> Dccp {
        self.dport = Some(ports.into());
        self
    }
}

impl Extension for Dccp {
    const SPEC: Spec = Spec {
        name: "dccp",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("sport", "PORT[:PORT]", "Source port or ports.").or(&["source-port"]).negatable(),
            Opt::value("dport", "PORT[:PORT]", "Destination port or ports.")
                .or(&["destination-port"])
                .negatable(),
            Opt::value("dccp-types", "TYPE[,TYPE…]", "Types: REQUEST, RESPONSE, DATA, ACK, RESET …")
                .negatable(),
            Opt::value("dccp-option", "NUMBER", "Number of an option in the header, 1 to 255.").negatable(),
        ],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::DCCP])),
    };

    fn load(_: Context) -> Dccp {
        Dccp::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "sport" => self.sport = Some(Is::new(arg.resolved_ports(None)?, arg.inverted)),
            "dport" => self.dport = Some(Is::new(arg.resolved_ports(None)?, arg.inverted)),
            "dccp-types" => self.types = Some(types(arg)?),
            _ => self.option = Some(Is::new(arg.u8(1, 255)?, arg.inverted)),
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("sport", self.sport, Ports::push)
            .is("dport", self.dport, Ports::push)
            .is("dccp-types", self.types, push_types)
            .is("dccp-option", self.option, |number, out| push(out, u64::from(number)));
    }
}

impl MatchExtension for Dccp {
    fn meaning(&self, _: Context) -> Pred {
        let all = Is::from(Ports::ALL);
        let (sport, dport) = (self.sport.unwrap_or(all), self.dport.unwrap_or(all));
        let types = self.types.map_or(Pred::True, |it| {
            let asked = |kind: u16| it.value & 1 << kind != 0;
            let named = (0..INVALID).filter(|kind| asked(*kind));
            let named = named.map(|kind| Pred::is(Field::DccpType, u128::from(kind)));
            // INVALID is every number without a name.
            let others =
                asked(INVALID).then_some(Pred::Range(Field::DccpType, u128::from(INVALID), u128::MAX));
            Pred::Any(named.chain(others).collect()).inverted(it.inverted)
        });
        let option = self.option.map_or(Pred::True, |it| Pred::DccpOption(it.value).inverted(it.inverted));
        Pred::all([
            Pred::Header(Header::Transport(12)),
            ports(Field::SourcePort, sport.value, sport.inverted),
            ports(Field::DestinationPort, dport.value, dport.inverted),
            types,
            option,
        ])
    }
}

fn types(arg: &mut Arg<'_>) -> Result<Is<u16>, Fault> {
    let types = arg.is(|text| {
        let mut types = 0;
        for part in text.split(|byte| *byte == b',').filter(|part| !part.is_empty()) {
            let bit = TYPES.iter().position(|name| part.eq_ignore_ascii_case(name.as_bytes()));
            types |= 1 << bit.ok_or_else(|| Bad::form(format!("a list of {}", TYPES.join(", "))))?;
        }
        Ok(types)
    })?;
    if types.value == 0 {
        let message = "iptables saves an empty list of types so that it cannot be read back";
        arg.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
    }
    Ok(types)
}

fn push_types(types: u16, out: &mut Vec<u8>) {
    let names = TYPES.iter().enumerate().filter(|(bit, _)| types & (1 << bit) != 0);
    let names: Vec<&str> = names.map(|(_, name)| *name).collect();
    out.extend_from_slice(names.join(",").as_bytes());
}
