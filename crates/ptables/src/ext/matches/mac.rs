//! `-m mac`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::mac;

/// Matches the source Ethernet address of the frame that brought the packet.
///
/// Only where packets come in through an interface (PREROUTING, INPUT, FORWARD), and never true for interfaces without
/// Ethernet addresses. Each part of the address has at most two bytes; the tools take an empty part for 0.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_mac.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac {
    /// The address.
    pub source: mac::Mac,
    /// `! --mac-source`.
    pub inverted: bool,
}

impl Mac {
    /// Frames of this address.
    pub const fn new(source: [u8; 6]) -> Mac {
        Mac { source: mac::Mac(source), inverted: false }
    }
}

impl Extension for Mac {
    const SPEC: Spec = Spec {
        name: "mac",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value(
            "mac-source",
            "ADDRESS",
            "Source address, six parts of two hexadecimal digits.",
        )
        .negatable()
        .required()],
        groups: &[],
        places: Places::hooks(Hooks::INCOMING),
        protos: None,
    };

    fn load(_: Context) -> Mac {
        Mac::new([0; 6])
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.source = arg.parse(mac::Mac::parse)?;
        self.inverted = arg.inverted;
        if !mac::Mac::is_plain(arg.value()) {
            let mut read = Vec::new();
            self.source.push(&mut read);
            let message = format!("iptables takes this address for {}", String::from_utf8_lossy(&read));
            arg.warn(
                Fault::new(codes::CHECK_CHANGED, message).about(Part::Value).help("write all six parts"),
            );
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.not(self.inverted).flag("mac-source").with(|out| self.source.push(out));
    }
}

impl MatchExtension for Mac {
    fn meaning(&self, _: Context) -> Pred {
        let bits = self.source.0.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
        // Without an Ethernet header there is no match, inverted or not.
        Pred::within(Field::MacSource, bits, bits, self.inverted)
    }
}
