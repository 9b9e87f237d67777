//! `-m conntrack`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::Bad;
use crate::value::ct_state::{CtState, CtStates};
use crate::value::host::HostMask;
use crate::value::is::Is;
use crate::value::number::{push, push_range};
use crate::value::port::Ports;
use crate::value::proto::{self, Proto};

// boxed: four addresses of IPv6 and their masks.
/// Matches by what connection tracking knows of the packet's connection.
///
/// A packet without a connection (INVALID, UNTRACKED) matches if `--ctstate` is given and true of it, whatever the other
/// options say; without `--ctstate` it never matches, not even inverted options. Ports are decimal numbers or service
/// names, and a number above 65535 wraps (65536 is 0). Expiry is in seconds. Addresses keep their host bits; 1.8.9
/// saves a mask that has holes as if there were none.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_conntrack.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conntrack {
    /// States, one of which the packet has.
    pub state: Option<Is<CtStates>>,
    /// Protocol of the connection.
    pub proto: Option<Is<Proto>>,
    /// Source of the first packet, before any translation.
    pub orig_src: Option<Is<HostMask>>,
    /// Destination of the first packet, before any translation.
    pub orig_dst: Option<Is<HostMask>>,
    /// Source of replies.
    pub repl_src: Option<Is<HostMask>>,
    /// Destination of replies.
    pub repl_dst: Option<Is<HostMask>>,
    /// Source ports of the first packet.
    pub orig_src_port: Option<Is<Ports>>,
    /// Destination ports of the first packet.
    pub orig_dst_port: Option<Is<Ports>>,
    /// Source ports of replies.
    pub repl_src_port: Option<Is<Ports>>,
    /// Destination ports of replies.
    pub repl_dst_port: Option<Is<Ports>>,
    /// Status bits, one of which the connection has: expected 1, seen reply 2, assured 4, confirmed 8. No bit never matches.
    pub status: Option<Is<u8>>,
    /// Seconds until the entry ends: first and last.
    pub expire: Option<Is<(u32, u32)>>,
    /// Direction of the packet; an inverted one is written as the other.
    pub direction: Option<CtDir>,
}

/// Direction of a packet within its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtDir {
    /// As the first packet.
    Original,
    /// The other way.
    Reply,
}

/// Names of status bits, in the order tried and printed.
const STATUS: [(&str, u8); 4] = [("EXPECTED", 1), ("SEEN_REPLY", 2), ("ASSURED", 4), ("CONFIRMED", 8)];

const OPTIONS: &[&str] = &[
    "ctstate",
    "ctproto",
    "ctorigsrc",
    "ctorigdst",
    "ctreplsrc",
    "ctrepldst",
    "ctorigsrcport",
    "ctorigdstport",
    "ctreplsrcport",
    "ctrepldstport",
    "ctstatus",
    "ctexpire",
    "ctdir",
];

impl Conntrack {
    /// No condition yet; iptables wants at least one.
    pub fn new() -> Conntrack {
        Conntrack::default()
    }

    /// `--ctstate`: the packet has one of these states.
    #[must_use]
    pub fn state(mut self, states: impl Into<Is<CtStates>>) -> Conntrack {
        self.state = Some(states.into());
        self
    }

    /// `--ctproto`.
    #[must_use]
    pub fn proto(mut self, proto: impl Into<Is<Proto>>) -> Conntrack {
        self.proto = Some(proto.into());
        self
    }

    /// `--ctorigdstport`: what a redirected connection was meant for.
    #[must_use]
    pub fn orig_dst_port(mut self, ports: impl Into<Is<Ports>>) -> Conntrack {
        self.orig_dst_port = Some(ports.into());
        self
    }

    /// `--ctdir`.
    #[must_use]
    pub fn direction(mut self, direction: CtDir) -> Conntrack {
        self.direction = Some(direction);
        self
    }
}

impl Extension for Conntrack {
    const SPEC: Spec = Spec {
        name: "conntrack",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value(
                "ctstate",
                "STATE[,STATE…]",
                "One of INVALID, NEW, RELATED, ESTABLISHED, UNTRACKED, SNAT, DNAT.",
            )
            .negatable(),
            Opt::value("ctproto", "PROTOCOL", "Protocol of the connection.").negatable(),
            Opt::value("ctorigsrc", "ADDRESS[/MASK]", "Source of the first packet.").negatable(),
            Opt::value("ctorigdst", "ADDRESS[/MASK]", "Destination of the first packet.").negatable(),
            Opt::value("ctreplsrc", "ADDRESS[/MASK]", "Source of replies.").negatable(),
            Opt::value("ctrepldst", "ADDRESS[/MASK]", "Destination of replies.").negatable(),
            Opt::value("ctorigsrcport", "PORT[:PORT]", "Source port of the first packet.").negatable(),
            Opt::value("ctorigdstport", "PORT[:PORT]", "Destination port of the first packet.").negatable(),
            Opt::value("ctreplsrcport", "PORT[:PORT]", "Source port of replies.").negatable(),
            Opt::value("ctrepldstport", "PORT[:PORT]", "Destination port of replies.").negatable(),
            Opt::value(
                "ctstatus",
                "STATUS[,STATUS…]",
                "One of NONE, EXPECTED, SEEN_REPLY, ASSURED, CONFIRMED.",
            )
            .negatable(),
            Opt::value("ctexpire", "SECONDS[:SECONDS]", "Time that the connection's entry has left.")
                .negatable(),
            Opt::value("ctdir", "ORIGINAL|REPLY", "Direction of the packet."),
        ],
        groups: &[Group::AtLeastOne(OPTIONS)],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Conntrack {
        Conntrack::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "ctstate" => self.state = Some(arg.is(|text| CtStates::parse(text, true))?),
            "ctproto" => self.proto = Some(protocol(arg)?),
            "ctorigsrc" => self.orig_src = Some(address(arg)?),
            "ctorigdst" => self.orig_dst = Some(address(arg)?),
            "ctreplsrc" => self.repl_src = Some(address(arg)?),
            "ctrepldst" => self.repl_dst = Some(address(arg)?),
            "ctorigsrcport" => self.orig_src_port = Some(ports(arg)?),
            "ctorigdstport" => self.orig_dst_port = Some(ports(arg)?),
            "ctreplsrcport" => self.repl_src_port = Some(ports(arg)?),
            "ctrepldstport" => self.repl_dst_port = Some(ports(arg)?),
            "ctstatus" => self.status = Some(arg.is(status)?),
            "ctexpire" => self.expire = Some(Is::new(arg.range(u32::MAX)?, arg.inverted)),
            _ => self.direction = Some(direction(arg)?),
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let Context { family, dialect, .. } = to.context;
        let address = |it: HostMask, out: &mut Vec<u8>| it.push(out, family, dialect);
        to.is("ctstate", self.state, CtStates::push)
            .is("ctproto", self.proto, |it, out| push(out, u64::from(it)))
            .is("ctorigsrc", self.orig_src, address)
            .is("ctorigdst", self.orig_dst, address)
            .is("ctreplsrc", self.repl_src, address)
            .is("ctrepldst", self.repl_dst, address)
            .is("ctorigsrcport", self.orig_src_port, Ports::push)
            .is("ctorigdstport", self.orig_dst_port, Ports::push)
            .is("ctreplsrcport", self.repl_src_port, Ports::push)
            .is("ctrepldstport", self.repl_dst_port, Ports::push)
            .is("ctstatus", self.status, push_status)
            .is("ctexpire", self.expire, |(low, high), out| push_range(out, u64::from(low), u64::from(high)));
        match self.direction {
            Some(CtDir::Original) => to.flag("ctdir").word(b"ORIGINAL"),
            Some(CtDir::Reply) => to.flag("ctdir").word(b"REPLY"),
            None => to,
        };
    }
}

impl MatchExtension for Conntrack {
    fn meaning(&self, _: Context) -> Pred {
        let address = |field, it: Option<Is<HostMask>>| {
            condition(it, |it| Pred::Bits(field, it.mask, it.address & it.mask))
        };
        let ports = |field, it: Option<Is<Ports>>| {
            condition(it, |it| Pred::Range(field, u128::from(it.low), u128::from(it.high)))
        };
        let direction = match self.direction {
            Some(CtDir::Original) => Pred::is(Field::CtDirection, 0),
            Some(CtDir::Reply) => Pred::is(Field::CtDirection, 1),
            None => Pred::True,
        };
        let connection = Pred::all([
            direction,
            condition(self.proto, |it| Pred::is(Field::CtProto, u128::from(it))),
            address(Field::CtOrigSource, self.orig_src),
            address(Field::CtOrigDestination, self.orig_dst),
            address(Field::CtReplySource, self.repl_src),
            address(Field::CtReplyDestination, self.repl_dst),
            ports(Field::CtOrigSourcePort, self.orig_src_port),
            ports(Field::CtOrigDestinationPort, self.orig_dst_port),
            ports(Field::CtReplySourcePort, self.repl_src_port),
            ports(Field::CtReplyDestinationPort, self.repl_dst_port),
            condition(self.status, |it| Pred::AnyBit(Field::CtStatus, u128::from(it))),
            condition(self.expire, |(low, high)| {
                Pred::Range(Field::CtExpire, u128::from(low), u128::from(high))
            }),
        ]);
        let none = Pred::AnyBit(Field::CtState, CtState::Invalid as u128 | CtState::Untracked as u128);
        match self.state {
            None => Pred::all([Pred::Not(Box::new(none)), connection]),
            Some(states) if connection == Pred::True => state(states),
            Some(states) => Pred::all([state(states), Pred::Any(vec![none, connection])]),
        }
    }
}

/// The packet has one of these states.
pub(crate) fn state(states: Is<CtStates>) -> Pred {
    Pred::AnyBit(Field::CtState, u128::from(states.value.0)).inverted(states.inverted)
}

fn condition<T>(it: Option<Is<T>>, pred: impl FnOnce(T) -> Pred) -> Pred {
    it.map_or(Pred::True, |it| pred(it.value).inverted(it.inverted))
}

fn protocol(arg: &Arg<'_>) -> Result<Is<Proto>, Fault> {
    let new = arg.context.dialect.since_1_8_11();
    arg.is(|text| match proto::as_written(text, arg.names)? {
        proto::ALL if new => Err(Bad::range("a protocol other than 0, which no connection has")),
        proto => Ok(proto),
    })
}

fn address(arg: &mut Arg<'_>) -> Result<Is<HostMask>, Fault> {
    let Context { family, dialect, .. } = arg.context;
    let it = arg.is(|text| HostMask::parse(text, family, arg.names))?;
    if it.value.is_lost(family, dialect) {
        arg.changed("a mask with holes holds in the kernel, but iptables 1.8.9 saves the rule without it");
    }
    Ok(it)
}

fn ports(arg: &mut Arg<'_>) -> Result<Is<Ports>, Fault> {
    Ok(Is::new(arg.resolved_ports(None)?, arg.inverted))
}

fn status(text: &[u8]) -> Result<u8, Bad> {
    let mut bits = 0;
    for part in text.split(|byte| *byte == b',') {
        let fits = |name: &str| {
            !part.is_empty()
                && name.as_bytes().get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part))
        };
        bits |= match STATUS.iter().find(|(name, _)| fits(name)) {
            Some((_, bit)) => *bit,
            None if fits("NONE") => 0,
            None => return Err(Bad::form("a list of NONE, EXPECTED, SEEN_REPLY, ASSURED, CONFIRMED")),
        };
    }
    Ok(bits)
}

fn push_status(status: u8, out: &mut Vec<u8>) {
    let names: Vec<&str> =
        STATUS.iter().filter(|(_, bit)| status & bit != 0).map(|(name, _)| *name).collect();
    let text = if names.is_empty() { "NONE".to_owned() } else { names.join(",") };
    out.extend_from_slice(text.as_bytes());
}

fn direction(arg: &Arg<'_>) -> Result<CtDir, Fault> {
    if arg.value().eq_ignore_ascii_case(b"ORIGINAL") {
        Ok(CtDir::Original)
    } else if arg.value().eq_ignore_ascii_case(b"REPLY") {
        Ok(CtDir::Reply)
    } else {
        Err(arg.bad("`ORIGINAL` or `REPLY`"))
    }
}
