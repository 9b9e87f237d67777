//! `-m icmp6`.

use super::icmp::{condition, warn_of_codes};
use crate::ext::*;
use crate::meaning::Pred;
use crate::value::icmp::IcmpType;
use crate::value::proto;

/// Matches ICMPv6 packets by type and code. `-p icmpv6` loads it when its option follows.
///
/// The type is a number, or any unambiguous beginning of a name in any case (`echo-req`); iptables 1.8.11 adds the names
/// of multicast listener discovery. A packet without its whole header never matches. The tools read a range of codes
/// (`1/0:4`), and the kernel matches it, but only its first code is saved.
///
/// Source: iptables 1.8.9 and 1.8.11, probed on both back ends; `linux/netfilter_ipv6/ip6_tables.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp6 {
    /// Type and codes.
    pub kind: IcmpType,
    /// `! --icmpv6-type`.
    pub inverted: bool,
}

impl Icmp6 {
    /// Packets of this type, and code if it has one.
    pub const fn new(kind: IcmpType) -> Icmp6 {
        Icmp6 { kind, inverted: false }
    }
}

impl Extension for Icmp6 {
    const SPEC: Spec = Spec {
        name: "icmp6",
        kind: Kind::Match,
        aliases: &["icmpv6", "ipv6-icmp"],
        families: Families::V6,
        options: &[Opt::value("icmpv6-type", "TYPE[/CODE]", "A name, or type and code in base 0.")
            .negatable()
            .required()],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::ICMPV6])),
    };

    fn load(_: Context) -> Icmp6 {
        Icmp6::new(IcmpType::of(0))
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let context = arg.context;
        self.kind =
            arg.parse(|text| IcmpType::parse(context.family, context.dialect.since_1_8_11(), text))?;
        self.inverted = arg.inverted;
        warn_of_codes(arg, self.kind);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let context = to.context;
        to.not(self.inverted)
            .flag("icmpv6-type")
            .with(|out| self.kind.push(out, context.family, context.dialect.since_1_8_11()));
    }
}

impl MatchExtension for Icmp6 {
    fn meaning(&self, _: Context) -> Pred {
        condition(self.kind, self.inverted)
    }
}
