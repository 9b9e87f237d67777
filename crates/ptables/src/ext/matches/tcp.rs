//! `-m tcp`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::port::{self, Ports};
use crate::value::proto;
use crate::value::tcp_flags::TcpFlags;

/// Matches TCP segments by ports, flags and options. `-p tcp` loads it when one of its options follows.
///
/// A segment without its whole header (a later fragment) never matches.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_tcpudp.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Source ports.
    pub sport: Ports,
    /// Destination ports.
    pub dport: Ports,
    /// Flags to look at, and those of them that must be set.
    pub flags: Option<(TcpFlags, TcpFlags)>,
    /// Number of an option that must be there; 0: none.
    pub option: u8,
    /// Which of the four are inverted.
    pub inverted: Inverted,
}

/// Which conditions of [`Tcp`] are inverted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inverted {
    /// `! --sport`.
    pub sport: bool,
    /// `! --dport`.
    pub dport: bool,
    /// `! --tcp-flags`.
    pub flags: bool,
    /// `! --tcp-option`.
    pub option: bool,
}

impl Extension for Tcp {
    const SPEC: Spec = Spec {
        name: "tcp",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("sport", "PORT[:PORT]", "Source port or ports.").or(&["source-port"]).negatable(),
            Opt::value("dport", "PORT[:PORT]", "Destination port or ports.")
                .or(&["destination-port"])
                .negatable(),
            Opt::value("tcp-option", "NUMBER", "Number of an option in the header, 1 to 255.").negatable(),
            Opt::two("tcp-flags", "MASK SET", "Flags to look at, and those of them that must be set.")
                .negatable(),
            Opt::flag("syn", "Begins a connection: `--tcp-flags FIN,SYN,RST,ACK SYN`.").negatable(),
        ],
        groups: &[Group::AtMostOne(&["tcp-flags", "syn"])],
        places: Places::ANY,
        protos: Some(Protos(&[proto::TCP])),
    };

    fn load(_: Context) -> Tcp {
        Tcp { sport: Ports::ALL, dport: Ports::ALL, flags: None, option: 0, inverted: Inverted::default() }
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "sport" => {
                self.sport = arg.parse(|text| port::numeric_range(text, Some("tcp"), arg.names))?;
                self.inverted.sport = arg.inverted;
                warn_never(arg, self.sport);
            }
            "dport" => {
                self.dport = arg.parse(|text| port::numeric_range(text, Some("tcp"), arg.names))?;
                self.inverted.dport = arg.inverted;
                warn_never(arg, self.dport);
            }
            "tcp-option" => {
                self.option = arg.u8(1, 255)?;
                self.inverted.option = arg.inverted;
            }
            "tcp-flags" => {
                let flags = (arg.parse(TcpFlags::parse)?, arg.parse_second(TcpFlags::parse)?);
                self.inverted.flags = arg.inverted;
                // `NONE NONE` is no condition, and the tools do not print it.
                self.flags = Some(flags).filter(|it| arg.inverted || *it != (TcpFlags::NONE, TcpFlags::NONE));
            }
            _ => {
                self.flags = Some((TcpFlags::SYN_MASK, TcpFlags::SYN));
                self.inverted.flags = arg.inverted;
            }
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        warn_both_inverted(end, self.inverted.sport && self.inverted.dport, self.sport, self.dport);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        print_ports(to, "sport", self.sport, self.inverted.sport);
        print_ports(to, "dport", self.dport, self.inverted.dport);
        if self.option != 0 || self.inverted.option {
            to.not(self.inverted.option).flag("tcp-option").number(self.option);
        }
        if let Some((mask, set)) = self.flags {
            to.not(self.inverted.flags)
                .flag("tcp-flags")
                .with(|out| mask.push(out))
                .with(|out| set.push(out));
        }
    }
}

impl MatchExtension for Tcp {
    fn meaning(&self, context: Context) -> Pred {
        let flags = self.flags.map_or(Pred::True, |(mask, set)| {
            let set = Pred::Bits(Field::TcpFlags, u128::from(mask.0), u128::from(set.0));
            Pred::all([Pred::present(Field::TcpFlags), set.inverted(self.inverted.flags)])
        });
        let both = [(self.sport, self.inverted.sport), (self.dport, self.inverted.dport)];
        let asks = ask(both) || self.inverted.flags || self.flags.is_some();
        if context.dialect.is_nft() && self.option == 0 && asks {
            return Pred::all([native_ports(context, both), flags]);
        }
        let option = if self.option == 0 { Pred::True } else { Pred::TcpOption(self.option) };
        Pred::all([
            Pred::Header(Header::Tcp),
            ports(Field::SourcePort, self.sport, self.inverted.sport),
            ports(Field::DestinationPort, self.dport, self.inverted.dport),
            flags,
            option.inverted(self.inverted.option),
        ])
    }
}

/// Whether anything is asked of these ports. Of `tcp` and `udp` without options iptables-nft makes the kernel's module.
pub(crate) fn ask(both: [(Ports, bool); 2]) -> bool {
    both.iter().any(|(range, inverted)| *inverted || !range.is_all())
}

/// What iptables-nft makes of the ports of `tcp` and `udp`: expressions of its own, which look at no more than they need.
pub(crate) fn native_ports(context: Context, [source, destination]: [(Ports, bool); 2]) -> Pred {
    let old = !context.dialect.since_1_8_11();
    let one = |it: Ports| it.low == it.high && it.low != 0;
    // Facts: kernel-diff 6. Both in one comparison of four bytes: true when either differs.
    if old && one(source.0) && one(destination.0) && source.1 && destination.1 {
        let differs = |field, it: Ports| ports(field, it, true);
        let there = Pred::present(Field::DestinationPort);
        let either = Pred::Any(vec![
            differs(Field::SourcePort, source.0),
            differs(Field::DestinationPort, destination.0),
        ]);
        return Pred::all([there, either]);
    }
    let native = |field, (range, inverted): (Ports, bool)| match range.is_all() {
        // The tools of 1.8.9 drop it, even inverted.
        true if old || !inverted => Pred::True,
        _ => ports(field, range, inverted),
    };
    Pred::all([native(Field::SourcePort, source), native(Field::DestinationPort, destination)])
}

/// A condition on a port field. An inverted one still needs the port to be there.
pub(crate) fn ports(field: Field, ports: Ports, inverted: bool) -> Pred {
    match (ports.is_all(), inverted) {
        // `! 0:65535` is never true; that the tools hide it is said when it is read.
        (true, true) => Pred::False,
        _ => Pred::within(field, u128::from(ports.low), u128::from(ports.high), inverted),
    }
}

/// Prints a port option. A full range is hidden, even an inverted one (a fault of the tools that is theirs to keep).
pub(crate) fn print_ports(to: &mut Printer<'_>, name: &str, ports: Ports, inverted: bool) {
    let show_full = inverted && to.context.dialect.since_1_8_11();
    if !ports.is_all() || show_full {
        to.not(inverted).flag(name).with(|out| ports.push(out));
    }
}

/// `! --dport 0:65535` never matches. The tools of 1.8.9 save it as if it were not there; with nft it is not there.
pub(crate) fn warn_never(arg: &mut Arg<'_>, ports: Ports) {
    if arg.inverted && ports.is_all() {
        let dialect = arg.context.dialect;
        let what = match (dialect.since_1_8_11(), dialect.is_nft()) {
            (true, _) => "never matches",
            (false, false) => "never matches, and iptables saves it as if it were not there",
            (false, true) => {
                "should never match, but iptables-nft 1.8.9 drops it: the rule matches every port"
            }
        };
        let message = format!("`! --{}` with every port {what}", arg.option);
        arg.warn(
            Fault::new(codes::CHECK_CHANGED, message)
                .about(Part::Value)
                .help("remove the rule, or name the ports"),
        );
    }
}

/// iptables-nft 1.8.9 compiles two inverted port options of one match into a wrong comparison and saves them as written.
pub(crate) fn warn_both_inverted(end: &mut End<'_>, both: bool, sport: Ports, dport: Ports) {
    if both
        && end.context.dialect.is_nft()
        && !end.context.dialect.since_1_8_11()
        && !sport.is_all()
        && !dport.is_all()
    {
        let fault = Fault::new(
            codes::CHECK_CHANGED,
            "iptables-nft 1.8.9 compiles two inverted ports of one match wrongly, and its save output hides it",
        );
        end.warn(fault.help("write two matches, or use `-m multiport`"));
    }
}
