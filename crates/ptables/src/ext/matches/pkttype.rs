//! `-m pkttype`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;

/// Matches by whom the link layer sent the packet to.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_pkttype.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pkttype {
    /// To whom.
    pub to: Is<PacketType>,
}

/// To whom a packet was sent on its link; the discriminant is the kernel's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// This machine.
    Unicast = 0,
    /// All.
    Broadcast = 1,
    /// A group.
    Multicast = 2,
    /// Another machine.
    OtherHost = 3,
}

/// The first name of each is the one printed.
const NAMES: [(&str, PacketType); 7] = [
    ("unicast", PacketType::Unicast),
    ("broadcast", PacketType::Broadcast),
    ("multicast", PacketType::Multicast),
    ("otherhost", PacketType::OtherHost),
    ("host", PacketType::Unicast),
    ("bcast", PacketType::Broadcast),
    ("mcast", PacketType::Multicast),
];

impl Pkttype {
    /// Sent to this.
    pub fn new(to: impl Into<Is<PacketType>>) -> Pkttype {
        Pkttype { to: to.into() }
    }
}

impl Extension for Pkttype {
    const SPEC: Spec = Spec {
        name: "pkttype",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value(
            "pkt-type",
            "unicast|broadcast|multicast|otherhost",
            "To whom the packet was sent.",
        )
        .negatable()
        .required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Pkttype {
        Pkttype::new(PacketType::Unicast)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let known = NAMES.iter().find(|(name, _)| arg.value().eq_ignore_ascii_case(name.as_bytes()));
        let (_, to) = known.ok_or_else(|| arg.bad("unicast, broadcast, multicast or otherhost"))?;
        self.to = Is::new(*to, arg.inverted);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("pkt-type", Some(self.to), |value, out| {
            let known = NAMES.iter().find(|(_, it)| *it == value);
            out.extend_from_slice(known.map_or("", |(name, _)| name).as_bytes());
        });
    }
}

impl MatchExtension for Pkttype {
    fn meaning(&self, _: Context) -> Pred {
        Pred::is(Field::PacketType, self.to.value as u128).inverted(self.to.inverted)
    }
}
