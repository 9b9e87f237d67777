//! `-j HMARK`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Effect, HashMark};
use crate::value::addr;
use crate::value::host;

/// Sets the packet mark to a number that follows from a hash of the packet; the next rule follows.
///
/// The number is the remainder of `hash / mod`, plus an offset.
/// What is hashed is chosen by `--hmark-tuple`, a list of src, dst, sport, dport, proto, spi, ct (any beginning of a
/// name, in any case; the first that fits is meant), or one by one by prefix lengths and masks. `ct` takes the
/// addresses of the connection's first packet. The mask of the SPI of IPsec excludes those of ports.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_HMARK.h`.
// boxed
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hmark {
    /// Length of the prefix of the source that is hashed.
    pub source: Option<u8>,
    /// Length of the prefix of the destination that is hashed.
    pub destination: Option<u8>,
    /// Bits of the source port that are hashed.
    pub sport_mask: Option<u16>,
    /// Bits of the destination port that are hashed.
    pub dport_mask: Option<u16>,
    /// Bits of the SPI that are hashed.
    pub spi_mask: Option<u32>,
    /// Bits that are set in the source port before.
    pub sport: Option<u16>,
    /// Bits that are set in the destination port before.
    pub dport: Option<u16>,
    /// Bits that are set in the SPI before.
    pub spi: Option<u32>,
    /// Bits of the protocol that are hashed.
    pub proto_mask: Option<u16>,
    /// Number that is hashed too.
    pub random: u32,
    /// Divisor, at least 1.
    pub modulus: u32,
    /// What is added.
    pub offset: Option<u32>,
    /// Addresses and ports are those of the connection's first packet.
    pub conntrack: bool,
}

impl Hmark {
    /// With this divisor and this number that is hashed too; what else is hashed must be said.
    pub const fn new(modulus: u32, random: u32) -> Hmark {
        Hmark {
            source: None,
            destination: None,
            sport_mask: None,
            dport_mask: None,
            spi_mask: None,
            sport: None,
            dport: None,
            spi: None,
            proto_mask: None,
            random,
            modulus,
            offset: None,
            conntrack: false,
        }
    }

    /// Hashes prefixes of these lengths of both addresses.
    #[must_use]
    pub const fn addresses(mut self, source: u8, destination: u8) -> Hmark {
        (self.source, self.destination) = (Some(source), Some(destination));
        self
    }

    /// Hashes both ports and the protocol.
    #[must_use]
    pub const fn ports(mut self) -> Hmark {
        (self.sport_mask, self.dport_mask, self.proto_mask) =
            (Some(u16::MAX), Some(u16::MAX), Some(u16::MAX));
        self
    }
}

impl Extension for Hmark {
    const SPEC: Spec = Spec {
        name: "HMARK",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value(
                "hmark-tuple",
                "PART[,PART…]",
                "What is hashed: src, dst, sport, dport, proto, spi, ct.",
            ),
            Opt::value("hmark-src-prefix", "LENGTH", "Prefix of the source that is hashed."),
            Opt::value("hmark-dst-prefix", "LENGTH", "Prefix of the destination that is hashed."),
            Opt::value("hmark-sport-mask", "BITS", "Bits of the source port that are hashed, 16 bits."),
            Opt::value("hmark-dport-mask", "BITS", "Bits of the destination port that are hashed, 16 bits."),
            Opt::value("hmark-spi-mask", "BITS", "Bits of the SPI that are hashed, 32 bits."),
            Opt::value("hmark-sport", "BITS", "Bits set in the source port before."),
            Opt::value("hmark-dport", "BITS", "Bits set in the destination port before."),
            Opt::value("hmark-spi", "BITS", "Bits set in the SPI before."),
            Opt::value("hmark-proto-mask", "BITS", "Bits of the protocol that are hashed, 16 bits."),
            Opt::value("hmark-rnd", "NUMBER", "Number that is hashed too, 32 bits.").required(),
            Opt::value("hmark-mod", "NUMBER", "Divisor, at least 1.").required(),
            Opt::value("hmark-offset", "NUMBER", "What is added."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Hmark {
        Hmark::new(1, 0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "hmark-tuple" => self.tuple(arg)?,
            "hmark-src-prefix" => once(&mut self.source, prefix(arg)?)?,
            "hmark-dst-prefix" => once(&mut self.destination, prefix(arg)?)?,
            "hmark-sport-mask" => once(&mut self.sport_mask, arg.u16(0, u16::MAX)?)?,
            "hmark-dport-mask" => once(&mut self.dport_mask, arg.u16(0, u16::MAX)?)?,
            "hmark-spi-mask" => once(&mut self.spi_mask, arg.u32(0, u32::MAX)?)?,
            "hmark-sport" => self.sport = Some(arg.u16(0, u16::MAX)?),
            "hmark-dport" => self.dport = Some(arg.u16(0, u16::MAX)?),
            "hmark-spi" => self.spi = Some(arg.u32(0, u32::MAX)?),
            "hmark-proto-mask" => once(&mut self.proto_mask, arg.u16(0, u16::MAX)?)?,
            "hmark-rnd" => self.random = arg.u32(0, u32::MAX)?,
            "hmark-mod" => self.modulus = arg.u32(1, u32::MAX)?,
            _ => self.offset = Some(arg.u32(0, u32::MAX)?),
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        let ports = self.sport_mask.is_some() || self.dport_mask.is_some();
        if self.spi_mask.is_some() && ports
            || self.spi.is_some() && (self.sport.is_some() || self.dport.is_some())
        {
            let message = "target `HMARK` takes an SPI not with ports";
            return Err(Fault::new(codes::PARSE_OPTION_CONFLICT, message));
        }
        if *self == (Hmark { offset: self.offset, ..Hmark::new(self.modulus, self.random) })
            && end.has("hmark-mod")
        {
            let message = "target `HMARK` needs `--hmark-tuple`, a prefix or a mask";
            return Err(Fault::new(codes::PARSE_MISSING_OPTION, message));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        for (name, length) in [("hmark-src-prefix", self.source), ("hmark-dst-prefix", self.destination)] {
            if let Some(length) = length {
                to.flag(name).number(length);
            }
        }
        let port = |port: Option<u16>| port.map(|port| (u32::from(port), 4));
        let spi = |spi: Option<u32>| spi.map(|spi| (spi, 8));
        let fields = [
            ("hmark-sport-mask", port(self.sport_mask)),
            ("hmark-dport-mask", port(self.dport_mask)),
            ("hmark-spi-mask", spi(self.spi_mask)),
            ("hmark-sport", port(self.sport)),
            ("hmark-dport", port(self.dport)),
            ("hmark-spi", spi(self.spi)),
            ("hmark-proto-mask", self.proto_mask.map(|mask| (u32::from(mask), 2))),
            ("hmark-rnd", Some((self.random, 8))),
        ];
        for (name, field) in fields {
            if let Some((value, digits)) = field {
                to.flag(name).with(|out| out.extend_from_slice(format!("0x{value:0digits$x}").as_bytes()));
            }
        }
        to.flag("hmark-mod").number(self.modulus);
        if let Some(offset) = self.offset {
            to.flag("hmark-offset").number(offset);
        }
        if self.conntrack {
            to.flag("hmark-tuple").word(b"ct");
        }
    }
}

impl TargetExtension for Hmark {
    fn effect(&self, context: Context) -> Effect {
        let family = context.family;
        let address = |length: Option<u8>| length.map_or(0, |it| addr::prefix_mask(family, it));
        let both = |source: Option<u16>, destination: Option<u16>| {
            u32::from(source.unwrap_or(0)) << 16 | u32::from(destination.unwrap_or(0))
        };
        let mut hash = HashMark::new(self.modulus, self.random);
        hash.source = address(self.source);
        hash.destination = address(self.destination);
        hash.ports = self.spi_mask.unwrap_or_else(|| both(self.sport_mask, self.dport_mask));
        hash.set = self.spi.unwrap_or_else(|| both(self.sport, self.dport));
        hash.proto = u32::from(self.proto_mask.unwrap_or(0));
        hash.offset = self.offset.unwrap_or(0);
        hash.conntrack = self.conntrack;
        Effect::Hash(Box::new(hash))
    }
}

impl Hmark {
    fn tuple(&mut self, arg: &Arg<'_>) -> Result<(), Fault> {
        let all = arg.context.family.bits();
        for part in arg.value().split(|byte| *byte == b',') {
            let fits = |name: &&str| {
                name.as_bytes().get(..part.len()).is_some_and(|it| it.eq_ignore_ascii_case(part))
            };
            let names = ["src", "dst", "sport", "dport", "proto", "spi", "ct"];
            match names.into_iter().find(fits).filter(|_| !part.is_empty()) {
                Some("src") => self.source = Some(all),
                Some("dst") => self.destination = Some(all),
                Some("sport") => self.sport_mask = Some(u16::MAX),
                Some("dport") => self.dport_mask = Some(u16::MAX),
                Some("proto") => self.proto_mask = Some(u16::MAX),
                Some("spi") => self.spi_mask = Some(u32::MAX),
                Some(_) => self.conntrack = true,
                None => return Err(arg.bad("a list of src, dst, sport, dport, proto, spi, ct")),
            }
        }
        Ok(())
    }
}

/// Sets what `--hmark-tuple` has not set before; the other way round, the tuple wins.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => {
            let fault = Fault::new(codes::PARSE_REPEATED_OPTION, "`--hmark-tuple` has set this already");
            Err(fault.about(Part::Option))
        }
    }
}

/// A prefix length, or a mask; iptables 1.8.9 takes one with holes for all bits.
fn prefix(arg: &mut Arg<'_>) -> Result<u8, Fault> {
    let family = arg.context.family;
    let mask = arg.parse(|text| host::mask(text, family))?;
    match addr::prefix_length(family, mask) {
        Some(length) => Ok(length),
        None => {
            arg.changed("iptables takes a mask with holes for all bits");
            Ok(family.bits())
        }
    }
}
