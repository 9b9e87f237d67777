//! `-m statistic`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Need, Pred};
use crate::value::Bad;
use crate::value::number::{float, push};

/// Matches a share of the packets: by chance, or every so many.
///
/// A probability is held as a multiple of 1/2147483648 and saved with eleven places. With `--every N`, `--packet P` is
/// which of the N matches, 0 to N-1.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_statistic.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistic {
    /// Which packets.
    pub share: Share,
    /// All the others.
    pub inverted: bool,
    /// `--mode` was `nth`: what [`Share`] says, once all is read.
    nth: bool,
}

/// Which packets `statistic` matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Each with this probability, in 1/2147483648.
    Random(u32),
    /// One of each `every`.
    Nth {
        /// At least 1.
        every: u32,
        /// Which of them, from 0.
        packet: u32,
    },
}

const ONE: f64 = 2_147_483_648.0;

impl Statistic {
    /// Each packet with this probability; less than 0 is taken as 0, more than 1 as 1.
    pub fn random(probability: f64) -> Statistic {
        let share = (probability.clamp(0.0, 1.0) * ONE).round() as u32;
        Statistic { share: Share::Random(share), inverted: false, nth: false }
    }

    /// One of each `every` packets: number `packet`, from 0.
    pub fn nth(every: u32, packet: u32) -> Statistic {
        Statistic { share: Share::Nth { every, packet }, inverted: false, nth: true }
    }
}

impl Extension for Statistic {
    const SPEC: Spec = Spec {
        name: "statistic",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("mode", "random|nth", "By chance, or every so many.").required(),
            Opt::value("probability", "P", "Chance of each packet, 0 to 1.").negatable(),
            Opt::value("every", "N", "One of so many packets.").negatable(),
            Opt::value("packet", "P", "Which of them, from 0."),
        ],
        groups: &[
            Group::Excludes("probability", &["every", "packet"]),
            Group::Needs("every", "packet"),
            Group::Needs("packet", "every"),
        ],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Statistic {
        Statistic::random(0.0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "mode" => {
                self.nth = match arg.value() {
                    b"nth" => true,
                    b"random" => false,
                    _ => return Err(arg.bad("`random` or `nth`")),
                };
            }
            "probability" => {
                self.share = Share::Random(arg.parse(probability)?);
                self.inverted = arg.inverted;
            }
            "every" => {
                let packet = if let Share::Nth { packet, .. } = self.share { packet } else { 0 };
                self.share = Share::Nth { every: arg.u32(1, u32::MAX)?, packet };
                self.inverted = arg.inverted;
            }
            _ => {
                let every = if let Share::Nth { every, .. } = self.share { every } else { 1 };
                self.share = Share::Nth { every, packet: arg.u32(0, u32::MAX)? };
            }
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        let missing = |message| Err(Fault::new(codes::PARSE_MISSING_OPTION, message));
        match self.share {
            _ if self.nth && !end.has("every") => missing("`--mode nth` needs `--every` and `--packet`"),
            _ if !self.nth && !end.has("probability") => missing("`--mode random` needs `--probability`"),
            Share::Nth { every, packet } if packet >= every => {
                Err(Fault::new(codes::PARSE_OUT_OF_RANGE, "`--packet` is less than `--every`"))
            }
            _ => Ok(()),
        }
    }

    fn print(&self, to: &mut Printer<'_>) {
        match self.share {
            Share::Random(share) => {
                to.flag("mode").word(b"random").not(self.inverted).flag("probability").with(|out| {
                    out.extend_from_slice(format!("{:.11}", f64::from(share) / ONE).as_bytes());
                })
            }
            Share::Nth { every, packet } => {
                let to = to.flag("mode").word(b"nth").not(self.inverted).flag("every");
                to.with(|out| push(out, u64::from(every))).flag("packet").number(packet)
            }
        };
    }
}

impl MatchExtension for Statistic {
    fn meaning(&self, _: Context) -> Pred {
        let need = match self.share {
            Share::Random(0) => return Pred::False.inverted(self.inverted),
            Share::Random(ALWAYS..) => return Pred::True.inverted(self.inverted),
            Share::Random(share) => Need::Chance(share),
            Share::Nth { every, packet } => Need::Nth { every, packet },
        };
        Pred::Needs(need).inverted(self.inverted)
    }
}

/// A chance that is none.
const ALWAYS: u32 = 1 << 31;

/// A fraction as `strtod` reads it; no number at all (`nan`) is 0.
fn probability(text: &[u8]) -> Result<u32, Bad> {
    match float(text) {
        Some(it) if it.is_nan() => Ok(0),
        Some(it) if (0.0..=1.0).contains(&it) => Ok((it * ONE).round() as u32),
        Some(_) => Err(Bad::range("a probability from 0 to 1")),
        None => Err(Bad::form("a probability from 0 to 1")),
    }
}
