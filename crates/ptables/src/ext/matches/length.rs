//! `-m length`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::number::push_range;

/// Matches by the length of the packet in bytes, IP header included, 0 to 65535.
///
/// The kernel counts a datagram's fragments each by themselves, and a merged packet (GRO) as a whole. 1.8.9 takes a range
/// that begins after its end; it never matches.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_length.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// First and last length.
    pub bytes: Is<(u16, u16)>,
}

impl Length {
    /// The packet has from `low` to `high` bytes.
    pub fn new(low: u16, high: u16) -> Length {
        Length { bytes: Is::from((low, high)) }
    }

    /// The opposite condition.
    #[must_use]
    pub fn inverted(mut self) -> Length {
        self.bytes.inverted = !self.bytes.inverted;
        self
    }
}

impl Extension for Length {
    const SPEC: Spec = Spec {
        name: "length",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("length", "BYTES[:BYTES]", "Length of the packet.").negatable().required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Length {
        Length::new(0, 0)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.bytes = Is::new(arg.range_u16()?, arg.inverted);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("length", Some(self.bytes), |(low, high), out| {
            push_range(out, u64::from(low), u64::from(high))
        });
    }
}

impl MatchExtension for Length {
    fn meaning(&self, _: Context) -> Pred {
        let (low, high) = self.bytes.value;
        Pred::Range(Field::Length, u128::from(low), u128::from(high)).inverted(self.bytes.inverted)
    }
}
