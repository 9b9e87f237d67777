//! `-m hashlimit`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{BucketTest, Need, Pred};
use crate::source::Text;
use crate::value::addr::{prefix_length, prefix_mask};
use crate::value::hash_rate::HashRate;
use crate::value::number::{prefix_base0, prefix_decimal, push};
use crate::value::{Bad, host, number};

// boxed: a name and a dozen of numbers.
/// Matches below (or above) a rate that is kept for each source, destination or port, in a table of the kernel.
///
/// Rates are packets (at most 1,000,000 a second) or bytes (`64kb/s`: k is 1024, lower case; multiples of 16 bytes).
/// They are rounded to what the kernel holds: 700,000/s becomes 1,000,000/s. Only a text with `b/s` in it is a byte
/// rate: `1KB/s` is one packet a second. A byte burst is rounded up to a multiple of the rate. The table's name is at most
/// 254 bytes without `/`, and is saved unquoted. Rules that share a name share its table.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_hashlimit.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hashlimit {
    /// Average rate.
    pub rate: HashRate,
    /// Matches above the rate, not up to it.
    pub above: bool,
    /// Packets that match at once before the rate counts, 1 to 1,000,000, default 5; for a byte rate a multiple of it, 0
    /// for none.
    pub burst: u64,
    /// What is counted apart; nothing: all packets together.
    pub mode: HashMode,
    /// Name of the table.
    pub name: Text,
    /// Bits of the source that are looked at. Default: all.
    pub src_length: u8,
    /// Bits of the destination that are looked at. Default: all.
    pub dst_length: u8,
    /// Buckets, at most 1,048,576; 0: the kernel chooses.
    pub size: u32,
    /// Entries, at most 1,048,576; 0: the kernel chooses.
    pub max: u32,
    /// Milliseconds between two searches for entries that have expired. Default: 1000.
    pub gc_interval: u32,
    /// Milliseconds after which an idle entry expires. Default: the unit of the rate; for bytes 15 s, or 60 s with a burst.
    pub expire: u32,
    /// Matches on the rate of whole intervals instead of a bucket of tokens.
    pub rate_match: bool,
    /// Seconds of such an interval. Default: the unit of the rate.
    pub interval: u32,
    /// Seconds of the unit that the rate was written in; 1 when all is read.
    unit: u32,
}

/// What is counted apart: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashMode(u8);

const MODES: [(&str, HashMode); 4] = [
    ("srcip", HashMode::SRC_IP),
    ("srcport", HashMode::SRC_PORT),
    ("dstip", HashMode::DST_IP),
    ("dstport", HashMode::DST_PORT),
];

impl HashMode {
    /// Nothing.
    pub const NONE: HashMode = HashMode(0);
    /// Source addresses.
    pub const SRC_IP: HashMode = HashMode(1);
    /// Source ports.
    pub const SRC_PORT: HashMode = HashMode(2);
    /// Destination addresses.
    pub const DST_IP: HashMode = HashMode(4);
    /// Destination ports.
    pub const DST_PORT: HashMode = HashMode(8);

    /// Whether all of `other` is in it.
    pub const fn has(self, other: HashMode) -> bool {
        self.0 & other.0 == other.0
    }

    fn parse(text: &[u8]) -> Result<HashMode, Bad> {
        let mut mode = HashMode::NONE;
        for part in text.split(|byte| matches!(byte, b',' | b'|')).filter(|part| !part.is_empty()) {
            let known = MODES.iter().find(|(name, _)| name.as_bytes() == part);
            mode = mode | known.ok_or_else(|| Bad::form("a list of srcip, srcport, dstip, dstport"))?.1;
        }
        Ok(mode)
    }

    fn push(self, out: &mut Vec<u8>) {
        let names: Vec<&str> = MODES.iter().filter(|(_, it)| self.has(*it)).map(|(name, _)| *name).collect();
        out.extend_from_slice(names.join(",").as_bytes());
    }
}

impl std::ops::BitOr for HashMode {
    type Output = HashMode;
    fn bitor(self, other: HashMode) -> HashMode {
        HashMode(self.0 | other.0)
    }
}

impl Hashlimit {
    /// Matches up to this rate, counted in the table of this name for all packets together.
    pub fn upto(name: impl Into<Text>, rate: HashRate) -> Hashlimit {
        let (burst, expire) = match rate {
            HashRate::Packets(_) => (5, rate.push(&mut Vec::new()) * 1000),
            HashRate::Bytes(_) => (0, BYTE_EXPIRE),
        };
        Hashlimit { rate, burst, expire, name: name.into(), ..Hashlimit::empty() }
    }

    /// Matches above this rate.
    pub fn above(name: impl Into<Text>, rate: HashRate) -> Hashlimit {
        Hashlimit { above: true, ..Hashlimit::upto(name, rate) }
    }

    /// `--hashlimit-mode`.
    #[must_use]
    pub fn mode(mut self, mode: HashMode) -> Hashlimit {
        self.mode = mode;
        self
    }

    /// `--hashlimit-burst` of a packet rate.
    #[must_use]
    pub fn burst(mut self, packets: u32) -> Hashlimit {
        self.burst = u64::from(packets);
        self
    }

    fn empty() -> Hashlimit {
        Hashlimit {
            rate: HashRate::Packets(0),
            above: false,
            burst: 5,
            mode: HashMode::NONE,
            name: Text::default(),
            src_length: u8::MAX,
            dst_length: u8::MAX,
            size: 0,
            max: 0,
            gc_interval: 1000,
            expire: 1000,
            rate_match: false,
            interval: 1,
            unit: 1,
        }
    }
}

/// Milliseconds until an entry of a byte rate expires, without a burst and with one.
const BYTE_EXPIRE: u32 = 15_000;
const BYTE_BURST_EXPIRE: u32 = 60_000;

/// The kernel holds no more buckets and entries.
const MAX_ENTRIES: u32 = 1 << 20;

impl Extension for Hashlimit {
    const SPEC: Spec = Spec {
        name: "hashlimit",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("hashlimit-upto", "RATE", "Matches up to this rate: `10/min`, `64kb/s`.")
                .or(&["hashlimit"])
                .negatable(),
            Opt::value("hashlimit-above", "RATE", "Matches above this rate.").negatable(),
            Opt::value("hashlimit-burst", "N[k|m][b]", "Packets, or bytes, that match at once first.")
                .default("5"),
            Opt::value("hashlimit-mode", "srcip|srcport|dstip|dstport[,…]", "What is counted apart."),
            Opt::value("hashlimit-name", "NAME", "Name of the table, also in /proc/net/ipt_hashlimit.")
                .required(),
            Opt::value("hashlimit-srcmask", "LENGTH", "Bits of the source that are looked at."),
            Opt::value("hashlimit-dstmask", "LENGTH", "Bits of the destination that are looked at."),
            Opt::value("hashlimit-htable-size", "N", "Buckets of the table."),
            Opt::value("hashlimit-htable-max", "N", "Entries of the table."),
            Opt::value(
                "hashlimit-htable-gcinterval",
                "MILLISECONDS",
                "Time between two searches for expired entries.",
            )
            .default("1000"),
            Opt::value("hashlimit-htable-expire", "MILLISECONDS", "Time after which an idle entry expires."),
            Opt::flag("hashlimit-rate-match", "Matches on the rate of whole intervals."),
            Opt::value("hashlimit-rate-interval", "SECONDS", "Length of such an interval."),
        ],
        groups: &[Group::ExactlyOne(&["hashlimit-upto", "hashlimit-above"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(context: Context) -> Hashlimit {
        let bits = context.family.bits();
        Hashlimit { src_length: bits, dst_length: bits, ..Hashlimit::empty() }
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "hashlimit-upto" => self.read_rate(arg, false)?,
            "hashlimit-above" => self.read_rate(arg, true)?,
            "hashlimit-burst" => self.burst = arg.parse(burst)?,
            "hashlimit-mode" => self.mode = arg.parse(HashMode::parse)?,
            "hashlimit-name" => self.name = arg.proc_name(254)?,
            "hashlimit-srcmask" => self.src_length = length(arg)?,
            "hashlimit-dstmask" => self.dst_length = length(arg)?,
            "hashlimit-htable-size" => self.size = entries(arg)?,
            "hashlimit-htable-max" => self.max = entries(arg)?,
            "hashlimit-htable-gcinterval" => self.gc_interval = arg.u32(1, u32::MAX)?,
            "hashlimit-htable-expire" => self.expire = arg.u32(1, u32::MAX)?,
            "hashlimit-rate-match" => self.rate_match = true,
            _ => {
                // A signed number of 32 bits; what is above wraps.
                let seconds = prefix_decimal(arg.value()).map_or(0, |(seconds, _)| seconds as i32);
                self.interval = u32::try_from(seconds)
                    .ok()
                    .filter(|seconds| *seconds > 0)
                    .ok_or_else(|| arg.bad("a number of seconds, 1 to 2147483647"))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        let (has_burst, has_expire) = (end.has("hashlimit-burst"), end.has("hashlimit-htable-expire"));
        let expire = match &mut self.rate {
            HashRate::Packets(period) => {
                if self.burst > 1_000_000 {
                    return Err(out_of_range("a burst of packets is 1 to 1000000".to_owned()));
                }
                if self.rate_match {
                    *period /= u64::from(self.unit);
                    if *period == 0 {
                        return Err(out_of_range(
                            "the kernel takes at most 1000000 packets an interval".to_owned(),
                        ));
                    }
                }
                self.unit * 1000
            }
            HashRate::Bytes(_) if !has_burst => {
                self.burst = 0;
                BYTE_EXPIRE
            }
            HashRate::Bytes(rate) => {
                if self.burst < *rate {
                    return Err(out_of_range(format!(
                        "the burst cannot be smaller than the rate of {rate} bytes"
                    )));
                }
                if *rate == 0 {
                    return Err(out_of_range("a rate below 16 bytes a second can have no burst".to_owned()));
                }
                // In 32 bits, then rounded up by what was written.
                if self.burst > u64::from(u32::MAX) {
                    end.changed("iptables wraps a burst of 4 GiB or more");
                }
                self.burst =
                    u64::from(self.burst as u32) / *rate + u64::from(!self.burst.is_multiple_of(*rate));
                BYTE_BURST_EXPIRE
            }
        };
        if !has_expire {
            self.expire = expire;
        }
        if !self.rate_match {
            if end.has("hashlimit-rate-interval") {
                end.changed("`--hashlimit-rate-interval` has no effect without `--hashlimit-rate-match`");
            }
            self.interval = 1;
        } else if !end.has("hashlimit-rate-interval") {
            self.interval = self.unit;
        }
        self.unit = 1;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let bits = to.context.family.bits();
        let mut seconds = 1;
        to.flag(if self.above { "hashlimit-above" } else { "hashlimit-upto" })
            .with(|out| seconds = self.rate.push(out));
        let expire = match self.rate {
            HashRate::Packets(_) => {
                to.flag("hashlimit-burst").number(self.burst);
                seconds.saturating_mul(1000)
            }
            HashRate::Bytes(_) if self.burst == 0 => BYTE_EXPIRE,
            HashRate::Bytes(rate) => {
                to.flag("hashlimit-burst").with(|out| push_size(out, rate.saturating_mul(self.burst)));
                BYTE_BURST_EXPIRE
            }
        };
        if self.mode != HashMode::NONE {
            to.flag("hashlimit-mode").with(|out| self.mode.push(out));
        }
        to.flag("hashlimit-name").word(&self.name);
        for (name, value, hidden) in [
            ("hashlimit-htable-size", self.size, 0),
            ("hashlimit-htable-max", self.max, 0),
            ("hashlimit-htable-gcinterval", self.gc_interval, 1000),
            ("hashlimit-htable-expire", self.expire, expire),
            ("hashlimit-srcmask", u32::from(self.src_length.min(bits)), u32::from(bits)),
            ("hashlimit-dstmask", u32::from(self.dst_length.min(bits)), u32::from(bits)),
        ] {
            if value != hidden {
                to.flag(name).number(value);
            }
        }
        if self.rate_match {
            to.flag("hashlimit-rate-match");
            if self.interval != 1 {
                to.flag("hashlimit-rate-interval").number(self.interval);
            }
        }
    }
}

impl MatchExtension for Hashlimit {
    fn meaning(&self, context: Context) -> Pred {
        let HashRate::Packets(period) = self.rate else { return Pred::Needs(Need::Rate) };
        if self.rate_match {
            return Pred::Needs(Need::Rate);
        }
        let mut test = BucketTest::new(self.name.clone(), period, self.burst);
        test.above = self.above;
        test.apart = MODES.map(|(_, mode)| self.mode.has(mode));
        let mask = |length: u8| prefix_mask(context.family, length.min(context.family.bits()));
        test.masks = [mask(self.src_length), mask(self.dst_length)];
        test.entries = room(self.size, self.max);
        test.expire = self.expire;
        Pred::Needs(Need::Bucket(Box::new(test)))
    }
}

impl Hashlimit {
    fn read_rate(&mut self, arg: &mut Arg<'_>, above: bool) -> Result<(), Fault> {
        (self.rate, self.unit) = arg.parse(HashRate::parse)?;
        self.above = above != arg.inverted;
        let text = arg.value();
        let rest = prefix_decimal(text).map_or(text, |(_, rest)| rest);
        let known = match self.rate {
            HashRate::Packets(_) => rest.is_empty() || rest.starts_with(b"/"),
            HashRate::Bytes(_) => [&b"b/s"[..], b"kb/s", b"mb/s"].contains(&rest),
        };
        if !known {
            let mut out = Vec::new();
            self.rate.push(&mut out);
            arg.changed(format!("iptables reads this rate as {}", String::from_utf8_lossy(&out)));
        }
        if self.rate == HashRate::Bytes(0) {
            let fault = Fault::new(
                codes::CHECK_UNRELOADABLE,
                "a rate below 16 bytes a second is saved as `0b/s`, which cannot be read back",
            );
            arg.warn(fault.about(Part::Value));
        }
        Ok(())
    }
}

fn out_of_range(message: String) -> Fault {
    Fault::new(codes::PARSE_OUT_OF_RANGE, message)
}

/// A number in base 0, with `k` or `m` behind it. A number with nothing behind it is at most 1,000,000, even of bytes.
fn burst(text: &[u8]) -> Result<u64, Bad> {
    let bad = || Bad::range("1 to 1000000, or a number of bytes such as `64kb`");
    let (count, rest) = prefix_base0(text).filter(|(count, _)| *count != u64::MAX).ok_or_else(bad)?;
    let unit = match rest.first() {
        None if count > 1_000_000 => return Err(bad()),
        Some(b'k') => 1 << 10,
        Some(b'm') => 1 << 20,
        _ => 1,
    };
    if count == 0 { Err(bad()) } else { Ok(count.wrapping_mul(unit)) }
}

/// A number of bytes in the largest unit that it reaches; what is left over is lost.
fn push_size(out: &mut Vec<u8>, bytes: u64) {
    let (count, unit) = match bytes {
        0x10_0000.. => (bytes >> 20, "mb"),
        0x400.. => (bytes >> 10, "kb"),
        _ => (bytes, "b"),
    };
    push(out, count);
    out.extend_from_slice(unit.as_bytes());
}

fn length(arg: &Arg<'_>) -> Result<u8, Fault> {
    let family = arg.context.family;
    arg.parse(|text| {
        let mask = host::mask(text, family)?;
        prefix_length(family, mask).ok_or_else(|| Bad::range("a mask without holes"))
    })
}

/// For how many entries there is room. The kernel chooses a size by the memory of the machine, of at least 16 buckets, and gives
/// each bucket eight entries; of a number that is told it holds at least one a bucket.
fn room(size: u32, most: u32) -> u32 {
    let size = if size == 0 { 16 } else { size };
    if most == 0 { size.saturating_mul(8) } else { most.max(size) }
}

fn entries(arg: &mut Arg<'_>) -> Result<u32, Fault> {
    let count = arg.parse(|text| number::u32_in(text, 0, u32::MAX))?;
    if count > MAX_ENTRIES {
        arg.changed(format!("the kernel holds at most {MAX_ENTRIES}"));
    }
    Ok(count.min(MAX_ENTRIES))
}
