//! `-j REJECT`.

use crate::dialect::Family;
use crate::ext::*;
use crate::meaning::{Answer, Effect};
use crate::value::{Bad, Parsed, proto};

/// Drops the packet and tells its sender, by an ICMP error or a TCP reset.
///
/// Only in table filter. The kind is any beginning, in any case, of a name; the first that fits is meant, so that `h`
/// is `icmp-host-unreachable` and the empty text the first of all. The default is that the port is unreachable.
/// `tcp-reset` needs `-p tcp`. ICMP errors are never answered, and neither are later fragments.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv4/ipt_REJECT.h`, `ip6t_REJECT.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reject {
    /// What the sender is told.
    pub with: RejectWith,
}

/// What a rejected sender is told; some exist in one family only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectWith {
    /// `icmp-port-unreachable`, `icmp6-port-unreachable`.
    #[default]
    Port,
    /// `icmp-host-unreachable`, `icmp6-addr-unreachable`.
    Host,
    /// `icmp-net-unreachable`, `icmp6-no-route`.
    Net,
    /// `icmp-proto-unreachable`; IPv4 only.
    Proto,
    /// `icmp-net-prohibited`; IPv4 only.
    NetProhibited,
    /// `icmp-host-prohibited`; IPv4 only.
    HostProhibited,
    /// `icmp-admin-prohibited`, `icmp6-adm-prohibited`.
    AdminProhibited,
    /// `icmp6-policy-fail`; IPv6 only.
    PolicyFail,
    /// `icmp6-reject-route`; IPv6 only.
    RejectRoute,
    /// `tcp-reset`; needs `-p tcp`.
    TcpReset,
}

type Named = (RejectWith, &'static str, &'static str, Answer);

/// In the order in which names are tried; the second is an alias. The tools refuse `echo-reply`, which they once had.
const V4: &[Named] = &[
    (RejectWith::Net, "icmp-net-unreachable", "net-unreach", Answer::Icmp(3, 0)),
    (RejectWith::Host, "icmp-host-unreachable", "host-unreach", Answer::Icmp(3, 1)),
    (RejectWith::Proto, "icmp-proto-unreachable", "proto-unreach", Answer::Icmp(3, 2)),
    (RejectWith::Port, "icmp-port-unreachable", "port-unreach", Answer::Icmp(3, 3)),
    (RejectWith::NetProhibited, "icmp-net-prohibited", "net-prohib", Answer::Icmp(3, 9)),
    (RejectWith::HostProhibited, "icmp-host-prohibited", "host-prohib", Answer::Icmp(3, 10)),
    (RejectWith::TcpReset, "tcp-reset", "tcp-rst", Answer::TcpReset),
    (RejectWith::AdminProhibited, "icmp-admin-prohibited", "admin-prohib", Answer::Icmp(3, 13)),
];

const V6: &[Named] = &[
    (RejectWith::Net, "icmp6-no-route", "no-route", Answer::Icmp(1, 0)),
    (RejectWith::AdminProhibited, "icmp6-adm-prohibited", "adm-prohibited", Answer::Icmp(1, 1)),
    (RejectWith::Host, "icmp6-addr-unreachable", "addr-unreach", Answer::Icmp(1, 3)),
    (RejectWith::Port, "icmp6-port-unreachable", "port-unreach", Answer::Icmp(1, 4)),
    (RejectWith::TcpReset, "tcp-reset", "tcp-reset", Answer::TcpReset),
    (RejectWith::PolicyFail, "icmp6-policy-fail", "policy-fail", Answer::Icmp(1, 5)),
    (RejectWith::RejectRoute, "icmp6-reject-route", "reject-route", Answer::Icmp(1, 6)),
];

impl Reject {
    /// Tells the sender that the port is unreachable.
    pub const fn new() -> Reject {
        Reject { with: RejectWith::Port }
    }

    /// Tells the sender this instead.
    #[must_use]
    pub const fn with(self, with: RejectWith) -> Reject {
        Reject { with }
    }
}

impl RejectWith {
    /// Reads any beginning of a name, in any case; the first that fits is meant.
    ///
    /// # Errors
    /// `Form` if no name begins so.
    pub fn parse(family: Family, text: &[u8]) -> Parsed<RejectWith> {
        let fits =
            |name: &str| name.as_bytes().get(..text.len()).is_some_and(|it| it.eq_ignore_ascii_case(text));
        let found = table(family).iter().find(|(_, name, alias, _)| fits(name) || fits(alias));
        found.map(|(with, ..)| *with).ok_or_else(|| {
            let names: Vec<&str> = table(family).iter().map(|(_, name, ..)| *name).collect();
            Bad::form(format!("one of {}", names.join(", ")))
        })
    }

    /// Its name in a family. One that the family does not have has the name of the other, which the tools refuse.
    pub fn name(self, family: Family) -> &'static str {
        self.entry(family).map_or("", |(_, name, ..)| *name)
    }

    /// What tells a sender of this family the same: itself, where the family has it. IPv6 has one answer for all that is
    /// prohibited. `None` where the family has nothing like it.
    pub fn counterpart(self, family: Family) -> Option<RejectWith> {
        let is_in = |with: RejectWith| table(family).iter().any(|it| it.0 == with);
        let prohibited = matches!(self, RejectWith::NetProhibited | RejectWith::HostProhibited);
        let with = if prohibited && family == Family::V6 { RejectWith::AdminProhibited } else { self };
        is_in(with).then_some(with)
    }

    fn entry(self, family: Family) -> Option<&'static Named> {
        let tables = if family == Family::V4 { V4.iter().chain(V6) } else { V6.iter().chain(V4) };
        tables.into_iter().find(|(with, ..)| *with == self)
    }
}

impl Extension for Reject {
    const SPEC: Spec = Spec {
        name: "REJECT",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("reject-with", "KIND", "What the sender is told.")
            .default("icmp-port-unreachable, icmp6-port-unreachable")],
        groups: &[],
        places: Places::tables(&[TableName::Filter]),
        protos: None,
    };

    fn load(_: Context) -> Reject {
        Reject::new()
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.with = arg.parse(|text| RejectWith::parse(arg.context.family, text))?;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let name = self.with.name(to.context.family);
        to.flag("reject-with").word(name.as_bytes());
    }

    fn protos(&self) -> Option<Protos> {
        (self.with == RejectWith::TcpReset).then_some(Protos(&[proto::TCP]))
    }
}

impl TargetExtension for Reject {
    fn effect(&self, context: Context) -> Effect {
        self.with.entry(context.family).map_or(Effect::Drop, |(.., answer)| Effect::Reject(*answer))
    }
}

fn table(family: Family) -> &'static [Named] {
    match family {
        Family::V4 => V4,
        Family::V6 => V6,
    }
}
