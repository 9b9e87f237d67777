//! `-j CT`.

use crate::diag::codes;
use crate::dialect::Family;
use crate::ext::*;
use crate::meaning::Effect;
use crate::source::Text;
use crate::value::ct_zone::{Events, Zone, ZoneDirection};
use crate::value::proto;

/// Says how connection tracking treats the packet and the connection that it begins; the next rule follows.
///
/// Only in table raw, before connection tracking sees the packet. `--notrack` leaves the packet untracked. `--helper`
/// gives its connection a helper (`ftp`), and `--timeout` a timeout policy; both need `-p`, not inverted, unless
/// `--notrack` makes them idle. A zone keeps connections apart that have the same addresses: 0 to 65535, or the
/// packet mark. `--zone-orig` and `--zone-reply` use it in one direction only; both together are `--zone`, and the
/// last number counts. The kernel (6.18) gives back only the first four bytes of the name of a timeout policy, so a
/// saved rule with a longer one cannot be loaded.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_CT.h`.
// boxed
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ct {
    /// `--notrack`.
    pub notrack: bool,
    /// `--helper`; empty: none. At most 15 bytes.
    pub helper: Text,
    /// `--timeout`; empty: none. At most 31 bytes.
    pub timeout: Text,
    /// `--ctevents`: which events are reported; none: as the system is set.
    pub events: Events,
    /// `--expevents new`: new expectations are reported.
    pub expected_events: bool,
    /// `--zone`, `--zone-orig`, `--zone-reply`.
    pub zone: Zone,
}

impl Ct {
    /// Leaves the packet untracked.
    pub fn notrack() -> Ct {
        Ct { notrack: true, ..Ct::default() }
    }

    /// Gives the connection a helper.
    pub fn helper(name: impl Into<Text>) -> Ct {
        Ct { helper: name.into(), ..Ct::default() }
    }

    /// Puts the connection into a zone.
    pub fn zone(id: u16) -> Ct {
        Ct { zone: Zone::new(id), ..Ct::default() }
    }

    /// Gives the connection a timeout policy.
    #[must_use]
    pub fn timeout(mut self, policy: impl Into<Text>) -> Ct {
        self.timeout = policy.into();
        self
    }

    /// Reports these events only.
    #[must_use]
    pub fn events(mut self, events: Events) -> Ct {
        self.events = events;
        self
    }
}

impl Extension for Ct {
    const SPEC: Spec = Spec {
        name: "CT",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::flag("notrack", "The packet is not tracked."),
            Opt::value("helper", "NAME", "Helper of the connection, at most 15 bytes; needs `-p`."),
            Opt::value(
                "timeout",
                "POLICY",
                "Timeout policy of the connection, at most 31 bytes; needs `-p`.",
            ),
            Opt::value(
                "ctevents",
                "EVENT[,EVENT…]",
                "Report these events only: new, related, destroy, reply, assured, protoinfo, helper, mark …",
            ),
            Opt::value("expevents", "new", "Report new expectations."),
            Opt::value("zone-orig", "ID|mark", "Zone in the original direction."),
            Opt::value("zone-reply", "ID|mark", "Zone in the reply direction."),
            Opt::value(
                "zone",
                "ID|mark",
                "Zone in both directions, 0 to 65535 in base 0, or the packet mark.",
            ),
        ],
        groups: &[],
        places: Places::tables(&[TableName::Raw]),
        protos: None,
    };

    fn load(_: Context) -> Ct {
        Ct::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "notrack" => self.notrack = true,
            "helper" => self.helper = unquoted(arg, 15),
            "timeout" => {
                self.timeout = unquoted(arg, 31);
                if self.timeout.len() > 4 {
                    let message =
                        "the kernel gives back four bytes of this name, so a saved rule cannot be loaded";
                    let fault = Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value);
                    arg.warn(fault.help("choose a name of at most four bytes"));
                }
            }
            "ctevents" => self.events = arg.parse(Events::parse)?,
            "expevents" => {
                arg.parse(Events::parse_expected)?;
                self.expected_events = true;
            }
            "zone-orig" => self.zone = arg.parse(|text| self.zone.read(text, ZoneDirection::Original))?,
            "zone-reply" => self.zone = arg.parse(|text| self.zone.read(text, ZoneDirection::Reply))?,
            _ => self.zone = arg.parse(|text| self.zone.read(text, ZoneDirection::Both))?,
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        let zones = ["zone", "zone-orig", "zone-reply"].into_iter().filter(|name| end.has(name)).count();
        if zones > 1 {
            let mut read = Vec::new();
            self.zone.push(&mut read);
            let read =
                if read.is_empty() { "no zone".to_owned() } else { String::from_utf8_lossy(&read).into() };
            end.changed(format!("a rule has one zone: iptables takes these options together for `{read}`"));
        } else if zones == 1 && self.zone.is_none() {
            end.changed("zone 0 is the default: iptables saves the rule without it");
        }
        let idle = self.notrack || (self.helper.is_empty() && self.timeout.is_empty());
        if !idle && (end.proto.0 == 0 || end.proto.1) {
            let option = if self.helper.is_empty() { "timeout" } else { "helper" };
            let message = format!("`--{option}` needs a protocol, not inverted");
            return Err(Fault::new(codes::PARSE_NEEDS_PROTOCOL, message).help("write `-p tcp` or `-p udp`"));
        }
        match helper_protos(&self.helper) {
            Some((_, false)) if !idle && end.context.family == Family::V6 => {
                let message = format!("the kernel has helper `{}` for IPv4 only", self.helper.to_lossy());
                Err(Fault::new(codes::PARSE_BAD_VALUE, message))
            }
            _ => Ok(()),
        }
    }

    fn print(&self, to: &mut Printer<'_>) {
        if self.notrack {
            to.flag("notrack");
        }
        for (name, value) in [("helper", &self.helper), ("timeout", &self.timeout)] {
            if !value.is_empty() {
                to.flag(name).word(value);
            }
        }
        if self.events != Events::NONE {
            to.flag("ctevents").with(|out| self.events.push(out));
        }
        if self.expected_events {
            to.flag("expevents").word(b"new");
        }
        if !self.zone.is_none() {
            to.with(|out| self.zone.push(out));
        }
    }

    fn protos(&self) -> Option<Protos> {
        helper_protos(&self.helper).filter(|_| !self.notrack).map(|(protos, _)| protos)
    }
}

impl TargetExtension for Ct {
    fn effect(&self, _: Context) -> Effect {
        Effect::Track { untracked: self.notrack, zone: !self.zone.is_none() }
    }
}

/// A name that iptables-save prints without quotes.
fn unquoted(arg: &mut Arg<'_>, max: usize) -> Text {
    let text = arg.cut(max);
    if text.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'"') {
        let message = "iptables saves this name without quotes, so it cannot be read back";
        arg.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
    }
    text
}

/// Protocols of the kernel's own helpers, and whether IPv6 has them too. Others can be registered from user space.
fn helper_protos(name: &[u8]) -> Option<(Protos, bool)> {
    const TCP: Protos = Protos(&[proto::TCP]);
    const UDP: Protos = Protos(&[proto::UDP]);
    const BOTH: Protos = Protos(&[proto::TCP, proto::UDP]);
    Some(match name {
        b"ftp" | b"Q.931" | b"sane" => (TCP, true),
        b"tftp" | b"amanda" | b"RAS" => (UDP, true),
        b"sip" => (BOTH, true),
        b"irc" | b"pptp" => (TCP, false),
        b"netbios-ns" | b"snmp" | b"snmp_trap" => (UDP, false),
        _ => return None,
    })
}
