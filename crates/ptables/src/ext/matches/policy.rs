//! `-m policy`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Need, Pred};
use crate::value::Bad;
use crate::value::host::HostMask;
use crate::value::is::Is;
use crate::value::number::push;
use crate::value::proto::{self, Proto};

// boxed: a list of elements.
/// Matches by the IPsec policy that a packet was decrypted by, or will be encrypted by.
///
/// `--dir in` only where a packet has an incoming interface, `--dir out` only where it has an outgoing one. Without
/// `--strict`, one element describes any transformation of the packet; with it up to four, joined by `--next`, describe all
/// of them in order. `--pol none` drops what is said of elements.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_policy.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Decrypted, or to be encrypted.
    pub direction: PolicyDir,
    /// IPsec is used (`--pol ipsec`), or is not (`--pol none`).
    pub ipsec: bool,
    /// The elements describe every transformation.
    pub strict: bool,
    /// One to four elements.
    pub elements: Vec<PolicyElement>,
}

/// Which policy `policy` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyDir {
    /// That by which the packet was decrypted.
    In,
    /// That by which it will be encrypted.
    Out,
}

/// One transformation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyElement {
    /// Number of the request.
    pub reqid: Option<Is<u32>>,
    /// Security parameter index.
    pub spi: Option<Is<u32>>,
    /// ESP, AH or IPComp.
    pub proto: Option<Is<Proto>>,
    /// Tunnel mode, or transport mode.
    pub tunnel: Option<Is<bool>>,
    /// Source of the tunnel.
    pub tunnel_src: Option<Is<HostMask>>,
    /// Destination of the tunnel.
    pub tunnel_dst: Option<Is<HostMask>>,
}

/// Most elements.
const MAX: usize = 4;

impl Policy {
    /// IPsec is used in this direction.
    pub fn ipsec(direction: PolicyDir) -> Policy {
        Policy { direction, ipsec: true, strict: false, elements: vec![PolicyElement::default()] }
    }

    /// IPsec is not used.
    pub fn none(direction: PolicyDir) -> Policy {
        Policy { ipsec: false, ..Policy::ipsec(direction) }
    }
}

impl Extension for Policy {
    const SPEC: Spec = Spec {
        name: "policy",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("dir", "in|out", "Decrypted by, or to be encrypted by.").required(),
            Opt::value("pol", "ipsec|none", "IPsec is used, or is not.").default("ipsec"),
            Opt::flag("strict", "The elements describe every transformation."),
            Opt::value("reqid", "N", "Number of the request.").negatable().repeatable(),
            Opt::value("spi", "SPI", "Security parameter index.").negatable().repeatable(),
            Opt::value("proto", "esp|ah|ipcomp", "Protocol of the transformation.").negatable().repeatable(),
            Opt::value("mode", "tunnel|transport", "Its mode.").negatable().repeatable(),
            Opt::value("tunnel-dst", "ADDRESS[/MASK]", "Destination of the tunnel.").negatable().repeatable(),
            Opt::value("tunnel-src", "ADDRESS[/MASK]", "Source of the tunnel.").negatable().repeatable(),
            Opt::flag("next", "Begins the next element.").repeatable(),
        ],
        groups: &[Group::Needs("next", "strict")],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Policy {
        Policy::ipsec(PolicyDir::In)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "dir" => {
                self.direction = match arg.value() {
                    b"in" => PolicyDir::In,
                    b"out" => PolicyDir::Out,
                    _ => return Err(arg.bad("`in` or `out`")),
                };
            }
            "pol" => {
                self.ipsec = match arg.value() {
                    b"ipsec" => true,
                    b"none" => false,
                    _ => return Err(arg.bad("`ipsec` or `none`")),
                };
            }
            "strict" => self.strict = true,
            "next" if self.elements.len() == MAX => {
                let fault = Fault::new(codes::PARSE_OUT_OF_RANGE, "a policy has four elements at most");
                return Err(fault.about(Part::Option));
            }
            "next" => self.elements.push(PolicyElement::default()),
            _ => {
                if let Some(element) = self.elements.last_mut() {
                    element.option(name, arg)?;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        let conflict = |message| Err(Fault::new(codes::PARSE_OPTION_CONFLICT, message));
        if !self.ipsec {
            if self.strict {
                return conflict("`--strict` describes a policy, and `--pol none` says that there is none");
            }
            if self.elements.iter().any(|it| !it.is_empty()) {
                end.changed("iptables drops what is said of elements with `--pol none`");
            }
            self.elements = vec![PolicyElement::default()];
            return Ok(());
        }
        if self.strict && self.elements.iter().any(PolicyElement::is_empty) {
            let message = "with `--strict` each element must say something";
            return Err(Fault::new(codes::PARSE_MISSING_OPTION, message));
        }
        if self.elements.iter().any(PolicyElement::lacks_tunnel) {
            return conflict("`--tunnel-src` and `--tunnel-dst` only with `--mode tunnel`");
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("dir").word(if self.direction == PolicyDir::In { b"in" } else { b"out" });
        to.flag("pol").word(if self.ipsec { b"ipsec" } else { b"none" });
        if self.strict {
            to.flag("strict");
        }
        for (index, element) in self.elements.iter().enumerate() {
            if index > 0 {
                to.flag("next");
            }
            element.print(to);
        }
    }

    fn places(&self, _: Context) -> Places {
        Places::hooks(match self.direction {
            PolicyDir::In => Hooks::INCOMING,
            PolicyDir::Out => Hooks::OUTGOING,
        })
    }
}

impl MatchExtension for Policy {
    fn meaning(&self, _: Context) -> Pred {
        let used = Pred::yes(Field::Ipsec);
        match self.ipsec {
            false => used.inverted(true),
            true => Pred::all([used, Pred::Needs(Need::Other("the IPsec policies of the machine"))]),
        }
    }
}

impl PolicyElement {
    fn is_empty(&self) -> bool {
        *self == PolicyElement::default()
    }

    fn lacks_tunnel(&self) -> bool {
        (self.tunnel_src.is_some() || self.tunnel_dst.is_some()) && self.tunnel != Some(Is::from(true))
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let twice = match name {
            "reqid" => self.reqid.replace(number(arg)?).is_some(),
            "spi" => self.spi.replace(number(arg)?).is_some(),
            "proto" => self.proto.replace(protocol(arg)?).is_some(),
            "mode" => self.tunnel.replace(mode(arg)?).is_some(),
            "tunnel-src" => self.tunnel_src.replace(address(arg)?).is_some(),
            _ => self.tunnel_dst.replace(address(arg)?).is_some(),
        };
        if twice {
            let message = format!("`--{name}` is given twice in one element");
            return Err(Fault::new(codes::PARSE_REPEATED_OPTION, message).about(Part::Option));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let Context { family, dialect, .. } = to.context;
        let address = |it: HostMask, out: &mut Vec<u8>| it.push(out, family, dialect);
        to.is("reqid", self.reqid, |it, out| push(out, u64::from(it)))
            .is("spi", self.spi, |it, out| out.extend_from_slice(format!("{it:#x}").as_bytes()))
            .is("proto", self.proto, |it, out| {
                let known = PROTOS.iter().find(|(number, _)| *number == it);
                out.extend_from_slice(known.map_or("", |(_, name)| name).as_bytes());
            })
            .is("mode", self.tunnel, |it, out| {
                out.extend_from_slice(if it { b"tunnel" } else { b"transport" })
            })
            .is("tunnel-dst", self.tunnel_dst, address)
            .is("tunnel-src", self.tunnel_src, address);
    }
}

const PROTOS: [(Proto, &str); 3] = [(proto::ESP, "esp"), (proto::AH, "ah"), (proto::IPCOMP, "ipcomp")];

fn number(arg: &Arg<'_>) -> Result<Is<u32>, Fault> {
    Ok(Is::new(arg.u32(0, u32::MAX)?, arg.inverted))
}

fn protocol(arg: &Arg<'_>) -> Result<Is<Proto>, Fault> {
    arg.is(|text| {
        let number = proto::as_written(text, arg.names)?;
        let known = PROTOS.iter().any(|(known, _)| *known == number);
        known.then_some(number).ok_or_else(|| Bad::form("esp, ah or ipcomp"))
    })
}

fn mode(arg: &Arg<'_>) -> Result<Is<bool>, Fault> {
    match arg.value() {
        b"tunnel" => Ok(Is::new(true, arg.inverted)),
        b"transport" => Ok(Is::new(false, arg.inverted)),
        _ => Err(arg.bad("`tunnel` or `transport`")),
    }
}

fn address(arg: &mut Arg<'_>) -> Result<Is<HostMask>, Fault> {
    let Context { family, dialect, .. } = arg.context;
    let it = arg.is(|text| HostMask::parse(text, family, arg.names))?;
    if it.value.is_lost(family, dialect) {
        arg.changed("a mask with holes holds in the kernel, but iptables 1.8.9 saves the rule without it");
    }
    Ok(it)
}
