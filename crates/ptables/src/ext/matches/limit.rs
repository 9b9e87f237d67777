//! `-m limit`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Need, Pred};
use crate::value::rate::Rate;

/// Matches until a rate is exceeded: a bucket of `burst` tokens that is filled at `rate`, one token a packet.
///
/// At most 10,000 a second, and a burst of at most 10,000. The rate is held as the time between two packets in 1/10,000
/// second, so 6666 a second becomes 10,000. Each rule has a bucket of its own. How slow a rate the legacy kernel takes
/// depends on its clock (1/day with the default burst is refused on many).
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_limit.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Average rate. Default: 3 an hour.
    pub rate: Rate,
    /// Packets that match at once before the rate counts, 1 to 10,000. Default: 5.
    pub burst: u32,
}

impl Limit {
    /// At most this rate, after a burst of 5.
    pub const fn new(rate: Rate) -> Limit {
        Limit { rate, burst: 5 }
    }

    /// `--limit-burst`.
    #[must_use]
    pub const fn burst(mut self, packets: u32) -> Limit {
        self.burst = packets;
        self
    }
}

impl Default for Limit {
    fn default() -> Limit {
        Limit::new(Rate::per_hour(3))
    }
}

impl Extension for Limit {
    const SPEC: Spec = Spec {
        name: "limit",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("limit", "N[/UNIT]", "Average rate; the unit is second, minute, hour or day.")
                .default("3/hour"),
            Opt::value("limit-burst", "PACKETS", "Packets that match at once before the rate counts.")
                .default("5"),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Limit {
        Limit::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "limit" => self.rate = arg.parse(Rate::parse)?,
            _ => self.burst = burst(arg)?,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("limit").with(|out| self.rate.push(out));
        if self.burst != 5 && self.burst != 0 {
            to.flag("limit-burst").number(self.burst);
        }
    }
}

impl MatchExtension for Limit {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Needs(Need::Limit { interval: self.rate.0, burst: self.burst })
    }
}

fn burst(arg: &mut Arg<'_>) -> Result<u32, Fault> {
    let packets = arg.u32(0, 10_000)?;
    if packets == 0 && !arg.context.dialect.is_nft() {
        let fault = Fault::new(codes::PARSE_OUT_OF_RANGE, "the kernel refuses a burst of 0");
        return Err(fault.about(Part::Value).help("the least is 1"));
    }
    if packets == 0 {
        arg.changed("iptables-nft saves a burst of 0 as if the default of 5 were meant");
    }
    Ok(packets)
}
