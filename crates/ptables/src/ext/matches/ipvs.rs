//! `-m ipvs`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Need, Pred};
use crate::value::host::HostMask;
use crate::value::is::Is;
use crate::value::number::push;
use crate::value::port;
use crate::value::proto::{self, Proto};

// boxed: seven conditions.
/// Matches packets of connections that the virtual server (IPVS) forwards.
///
/// `--ipvs` alone asks whether IPVS handles the packet; `! --ipvs` cannot stand with other options. Ports are decimal numbers
/// or service names, and a number above 65535 wraps.
///
/// Source: iptables 1.8.9, probed as far as it goes without IPVS in the kernel; `linux/netfilter/xt_ipvs.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ipvs {
    /// The packet belongs to a connection of IPVS, or (inverted) not; with other conditions it does in any case.
    pub ipvs: Option<Is<()>>,
    /// Protocol of the virtual service.
    pub proto: Option<Is<Proto>>,
    /// Its address.
    pub address: Option<Is<HostMask>>,
    /// Its port.
    pub port: Option<Is<u16>>,
    /// Direction of the packet: true is that of replies.
    pub reply: Option<bool>,
    /// How packets are forwarded.
    pub method: Option<Is<IpvsMethod>>,
    /// Port of the connection that controls this one (21 of FTP).
    pub control_port: Option<Is<u16>>,
}

/// How IPVS forwards packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpvsMethod {
    /// To the real server's link address.
    Gate,
    /// In a tunnel.
    Ipip,
    /// With translated addresses.
    Masq,
}

const METHODS: [(&str, IpvsMethod); 3] =
    [("GATE", IpvsMethod::Gate), ("IPIP", IpvsMethod::Ipip), ("MASQ", IpvsMethod::Masq)];

impl Ipvs {
    /// A packet that IPVS handles.
    pub fn new() -> Ipvs {
        Ipvs { ipvs: Some(Is::from(())), ..Ipvs::default() }
    }

    /// A packet that IPVS does not handle.
    pub fn not() -> Ipvs {
        Ipvs { ipvs: Some(Is::new((), true)), ..Ipvs::default() }
    }

    /// Protocol of the virtual service.
    #[must_use]
    pub fn proto(mut self, proto: impl Into<Is<Proto>>) -> Ipvs {
        self.proto = Some(proto.into());
        self.ipvs = None;
        self
    }

    /// Port of the virtual service.
    #[must_use]
    pub fn port(mut self, port: impl Into<Is<u16>>) -> Ipvs {
        self.port = Some(port.into());
        self.ipvs = None;
        self
    }
}

impl Extension for Ipvs {
    const SPEC: Spec = Spec {
        name: "ipvs",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::flag("ipvs", "IPVS handles the packet.").negatable(),
            Opt::value("vproto", "PROTOCOL", "Protocol of the virtual service.").negatable(),
            Opt::value("vaddr", "ADDRESS[/MASK]", "Its address.").negatable(),
            Opt::value("vport", "PORT", "Its port.").negatable(),
            Opt::value("vdir", "ORIGINAL|REPLY", "Direction of the packet."),
            Opt::value("vmethod", "GATE|IPIP|MASQ", "How packets are forwarded.").negatable(),
            Opt::value("vportctl", "PORT", "Port of the controlling connection.").negatable(),
        ],
        groups: &[Group::AtLeastOne(&["ipvs", "vproto", "vaddr", "vport", "vdir", "vmethod", "vportctl"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Ipvs {
        Ipvs::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "ipvs" => self.ipvs = Some(Is::new((), arg.inverted)),
            "vproto" => self.proto = Some(arg.is(|text| proto::as_written(text, arg.names))?),
            "vaddr" => {
                let family = arg.context.family;
                let address = arg.is(|text| HostMask::parse(text, family, arg.names))?;
                if address.value.is_lost(family, arg.context.dialect) {
                    arg.changed("iptables 1.8.9 saves a mask with holes as if there were none");
                }
                self.address = Some(address);
            }
            "vdir" => {
                self.reply = Some(match arg.value() {
                    it if it.eq_ignore_ascii_case(b"original") => false,
                    it if it.eq_ignore_ascii_case(b"reply") => true,
                    _ => return Err(arg.bad("`ORIGINAL` or `REPLY`")),
                });
            }
            "vmethod" => {
                let known =
                    METHODS.iter().find(|(name, _)| arg.value().eq_ignore_ascii_case(name.as_bytes()));
                let (_, method) = known.ok_or_else(|| arg.bad("`GATE`, `IPIP` or `MASQ`"))?;
                self.method = Some(Is::new(*method, arg.inverted));
            }
            _ => {
                let (port, wrapped) = arg.parse(|text| port::resolved(text, None, arg.names))?;
                if wrapped {
                    arg.changed(format!("iptables wraps ports above 65535: this is {port}"));
                }
                let port = Some(Is::new(port, arg.inverted));
                *(if name == "vport" { &mut self.port } else { &mut self.control_port }) = port;
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut End<'_>) -> Result<(), Fault> {
        let alone = *self == Ipvs { ipvs: self.ipvs, ..Ipvs::default() };
        if self.ipvs == Some(Is::new((), true)) && !alone {
            let message = "`! --ipvs` cannot stand with other options of `ipvs`";
            return Err(Fault::new(codes::PARSE_OPTION_CONFLICT, message));
        }
        // The others say so by themselves, and it is not saved.
        self.ipvs = self.ipvs.filter(|_| alone);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let number = |number: u16, out: &mut Vec<u8>| push(out, u64::from(number));
        let Context { family, dialect } = to.context;
        if let Some(it) = self.ipvs {
            to.not(it.inverted).flag("ipvs");
        }
        to.is("vproto", self.proto.map(|it| it.map(u16::from)), number);
        to.is("vaddr", self.address, |address, out| address.push(out, family, dialect));
        to.is("vport", self.port, number);
        if let Some(reply) = self.reply {
            to.flag("vdir").word(if reply { b"REPLY" } else { b"ORIGINAL" });
        }
        to.is("vmethod", self.method, |method, out| {
            let name = METHODS.iter().find(|(_, it)| *it == method).map_or("", |(name, _)| name);
            out.extend_from_slice(name.as_bytes());
        });
        to.is("vportctl", self.control_port, number);
    }
}

impl MatchExtension for Ipvs {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Needs(Need::Other("the connections of the virtual server"))
    }
}
