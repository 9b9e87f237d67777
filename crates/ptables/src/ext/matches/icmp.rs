//! `-m icmp`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Header, Pred};
use crate::value::icmp::IcmpType;
use crate::value::proto;

/// Matches ICMP packets by type and code. `-p icmp` loads it when its option follows.
///
/// The type is a number, or any unambiguous beginning of a name in any case (`echo-req`). `any`, or 255, is every ICMP
/// packet. A packet without its whole header (a later fragment) never matches. The tools read a range of codes
/// (`3/0:4`), and the kernel matches it, but only its first code is saved.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv4/ip_tables.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type and codes.
    pub kind: IcmpType,
    /// `! --icmp-type`.
    pub inverted: bool,
}

impl Icmp {
    /// Packets of this type, and code if it has one.
    pub const fn new(kind: IcmpType) -> Icmp {
        Icmp { kind, inverted: false }
    }
}

impl Extension for Icmp {
    const SPEC: Spec = Spec {
        name: "icmp",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V4,
        options: &[Opt::value(
            "icmp-type",
            "TYPE[/CODE]",
            "A name, or type and code in base 0; `any` is every ICMP packet.",
        )
        .negatable()
        .required()],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::ICMP])),
    };

    fn load(_: Context) -> Icmp {
        Icmp::new(IcmpType::ANY)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let context = arg.context;
        self.kind =
            arg.parse(|text| IcmpType::parse(context.family, context.dialect.since_1_8_11(), text))?;
        self.inverted = arg.inverted;
        // To the kernel, and to iptables before 1.8.11, type 255 is every type, whatever the codes.
        if self.kind.kind == 255 && !context.dialect.since_1_8_11() {
            self.kind = IcmpType::ANY;
        }
        warn_of_codes(arg, self.kind);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let context = to.context;
        to.not(self.inverted)
            .flag("icmp-type")
            .with(|out| self.kind.push(out, context.family, context.dialect.since_1_8_11()));
    }
}

impl MatchExtension for Icmp {
    fn meaning(&self, _: Context) -> Pred {
        // To the kernel, type 255 is every type, whatever the codes.
        if self.kind.kind == 255 {
            let all = Pred::True.inverted(self.inverted);
            return Pred::all([Pred::Header(Header::Transport(8)), all]);
        }
        condition(self.kind, self.inverted)
    }
}

/// The condition on type and codes. An inverted one still needs the header to be there.
pub(crate) fn condition(kind: IcmpType, inverted: bool) -> Pred {
    let codes = match kind.codes {
        (0, 255) => Pred::True,
        (low, high) => Pred::Range(Field::IcmpCode, u128::from(low), u128::from(high)),
    };
    let both = Pred::all([Pred::is(Field::IcmpType, u128::from(kind.kind)), codes]);
    Pred::all([Pred::Header(Header::Transport(8)), both.inverted(inverted)])
}

/// A range of codes is held by the kernel, but iptables-save prints its first code only.
pub(crate) fn warn_of_codes(arg: &mut Arg<'_>, kind: IcmpType) {
    let (low, high) = kind.codes;
    if low != high && kind.codes != (0, 255) {
        let message =
            format!("iptables saves only code {low} of {low}:{high}: the rule changes when it is reloaded");
        let fault = Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value);
        arg.warn(fault.help("write one rule for each code"));
    }
}
