//! `-m rateest`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Need, Pred};
use crate::source::Text;
use crate::value::is::Is;
use crate::value::number::{float, push, u32_in};
use crate::value::{Bad, Parsed};

// boxed: two names and four rates.
/// Compares rates that `-j RATEEST` estimates: with fixed rates, or with those of another estimator.
///
/// Estimators must exist when the rule is loaded; their names are cut to 15 bytes and saved unquoted. Rates are packets a
/// second, or bits a second with `bit` (or nothing), `kbit`, `kibit`, `mbit` … or bytes with `bps`, `kbps`, `kibps` …;
/// whole bytes are kept, in 32 bits, and from 1 Mbit on the tools save rounded thousands. With `--rateest-delta` the
/// estimated rate is first subtracted from a fixed one (`--rateest-bps1`, `--rateest-pps1`). Of several comparisons the
/// last one counts.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_rateest.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rateest {
    /// Name of the estimator.
    pub name: Text,
    /// Name of another one, whose rate is the second; `None`: the second is a fixed rate.
    pub second: Option<Text>,
    /// How the rates compare.
    pub comparison: Is<Rates>,
    /// Each estimated rate is subtracted from a fixed one first.
    pub delta: bool,
    /// Bytes a second are compared: the first fixed rate and the second.
    pub bytes: Option<(u32, u32)>,
    /// Packets a second are compared: the first fixed rate and the second.
    pub packets: Option<(u32, u32)>,
}

/// How two rates compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// The first is less.
    Less,
    /// The first is greater.
    Greater,
    /// They are equal.
    Equal,
}

const COMPARISONS: [(&str, Rates); 3] =
    [("rateest-lt", Rates::Less), ("rateest-gt", Rates::Greater), ("rateest-eq", Rates::Equal)];

impl Rateest {
    /// The rate of this estimator in bytes a second.
    pub fn bytes(name: impl Into<Text>, comparison: impl Into<Is<Rates>>, rate: u32) -> Rateest {
        let (name, comparison) = (name.into(), comparison.into());
        Rateest { name, second: None, comparison, delta: false, bytes: Some((0, rate)), packets: None }
    }

    /// The rate of this estimator in packets a second.
    pub fn packets(name: impl Into<Text>, comparison: impl Into<Is<Rates>>, rate: u32) -> Rateest {
        Rateest { bytes: None, packets: Some((0, rate)), ..Rateest::bytes(name, comparison, 0) }
    }

    /// Compared with this other estimator.
    #[must_use]
    pub fn with(mut self, second: impl Into<Text>) -> Rateest {
        self.second = Some(second.into());
        self
    }
}

impl Extension for Rateest {
    const SPEC: Spec = Spec {
        name: "rateest",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("rateest", "NAME", "Name of the estimator.").or(&["rateest1"]).required(),
            Opt::value("rateest2", "NAME", "Name of another one to compare with."),
            Opt::maybe(
                "rateest-bps1",
                "RATE",
                "Bytes a second; with `--rateest-delta` the rate to subtract from.",
            ),
            Opt::maybe(
                "rateest-pps1",
                "N",
                "Packets a second; with `--rateest-delta` the rate to subtract from.",
            ),
            Opt::maybe("rateest-bps", "RATE", "Bytes a second, the rate to compare with.")
                .or(&["rateest-bps2"]),
            Opt::maybe("rateest-pps", "N", "Packets a second, the rate to compare with.")
                .or(&["rateest-pps2"]),
            Opt::flag("rateest-delta", "Rates are subtracted from fixed ones first."),
            Opt::flag("rateest-lt", "The first rate is less.").negatable(),
            Opt::flag("rateest-gt", "The first rate is greater.").negatable(),
            Opt::flag("rateest-eq", "The rates are equal.").negatable(),
        ],
        groups: &[
            Group::AtLeastOne(&["rateest-bps", "rateest-pps", "rateest-bps1", "rateest-pps1"]),
            Group::AtLeastOne(&["rateest-lt", "rateest-gt", "rateest-eq"]),
        ],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Rateest {
        Rateest { bytes: None, ..Rateest::bytes(Text::default(), Rates::Less, 0) }
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "rateest" => self.name = estimator(arg),
            "rateest2" => self.second = Some(estimator(arg)),
            "rateest-bps1" => self.bytes.get_or_insert_default().0 = given(arg, rate)?,
            "rateest-bps" => self.bytes.get_or_insert_default().1 = given(arg, rate)?,
            "rateest-pps1" => self.packets.get_or_insert_default().0 = given(arg, count)?,
            "rateest-pps" => self.packets.get_or_insert_default().1 = given(arg, count)?,
            "rateest-delta" => self.delta = true,
            _ => {
                if let Some((_, comparison)) = COMPARISONS.iter().find(|(known, _)| *known == name) {
                    // The `!` of an earlier one stays.
                    self.comparison = Is::new(*comparison, self.comparison.inverted || arg.inverted);
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        if COMPARISONS.iter().filter(|(name, _)| end.has(name)).count() > 1 {
            end.changed("of several comparisons of `rateest` the last one counts");
        }
        // What is not compared is not saved either.
        let (delta, fixed) = (self.delta, self.delta || self.second.is_none());
        let mut lost = false;
        for rates in [&mut self.bytes, &mut self.packets].into_iter().flatten() {
            let kept = (if delta { rates.0 } else { 0 }, if fixed { rates.1 } else { 0 });
            lost |= kept != *rates;
            *rates = kept;
        }
        if lost {
            end.changed("iptables drops a rate of `rateest` that is compared with nothing");
        }
        if self.bytes.is_some() && self.packets.is_some() {
            let message = "iptables saves the comparison of `rateest` twice, for bytes and for packets, and refuses to read that";
            end.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).help("write two matches"));
        }
        let rounded = |bytes: u32| {
            let mut text = Vec::new();
            push_rate(bytes, &mut text);
            rate(&text) != Ok(bytes)
        };
        if self.bytes.is_some_and(|(one, other)| rounded(one) || rounded(other)) {
            let message = "iptables rounds this rate when it saves it, so it changes when it is reloaded";
            end.warn(
                Fault::new(codes::CHECK_UNRELOADABLE, message).help("use a whole number of kbit or mbit"),
            );
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if self.delta {
            to.flag("rateest-delta");
        }
        to.flag(if self.second.is_some() { "rateest1" } else { "rateest" }).word(&self.name);
        self.rates(to, ["rateest-bps", "rateest-bps1", "rateest-bps2"], self.bytes, push_rate);
        let count = |number: u32, out: &mut Vec<u8>| push(out, u64::from(number));
        self.rates(to, ["rateest-pps", "rateest-pps1", "rateest-pps2"], self.packets, count);
        if let Some(second) = &self.second {
            to.flag("rateest2").word(second);
        }
    }
}

impl MatchExtension for Rateest {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Needs(Need::Rate)
    }
}

impl Rateest {
    fn rates(
        &self,
        to: &mut Printer<'_>,
        [plain, first, second]: [&str; 3],
        rates: Option<(u32, u32)>,
        print: impl Fn(u32, &mut Vec<u8>),
    ) {
        let Some(rates) = rates else { return };
        let comparison = COMPARISONS.iter().find(|(_, it)| *it == self.comparison.value);
        let comparison = comparison.map_or("", |(name, _)| name);
        if self.delta {
            to.flag(first).with(|out| print(rates.0, out));
            to.not(self.comparison.inverted).flag(comparison);
            to.flag(second).with(|out| print(rates.1, out));
            return;
        }
        to.not(self.comparison.inverted).flag(comparison).flag(plain);
        if self.second.is_none() {
            to.with(|out| print(rates.1, out));
        }
    }
}

fn estimator(arg: &mut Arg<'_>) -> Text {
    let name = arg.cut(15);
    if name.is_empty() {
        let message = "iptables saves an empty name as nothing, so the rule cannot be read back";
        arg.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
    }
    arg.warn_unquoted(&name);
    name
}

/// Units of rates with their bits.
const UNITS: [(&str, f64); 19] = [
    ("kibit", 1024.0),
    ("kbit", 1000.0),
    ("mibit", 1_048_576.0),
    ("mbit", 1e6),
    ("gibit", 1_073_741_824.0),
    ("gbit", 1e9),
    ("tibit", 1_099_511_627_776.0),
    ("tbit", 1e12),
    ("bit", 1.0),
    ("kibps", 8192.0),
    ("kbps", 8e3),
    ("mibps", 8_388_608.0),
    ("mbps", 8e6),
    ("gibps", 8_589_934_592.0),
    ("gbps", 8e9),
    ("tibps", 8_796_093_022_208.0),
    ("tbps", 8e12),
    ("bps", 8.0),
    ("", 1.0),
];

/// Reads a rate as bytes a second, of which the tools keep 32 bits.
fn rate(text: &[u8]) -> Parsed<u32> {
    let bad = || Bad::form("a rate such as `100kbit` or `2mbps`");
    let lower = text.to_ascii_lowercase();
    let (number, scale) = UNITS
        .iter()
        .find_map(|(unit, scale)| Some((lower.strip_suffix(unit.as_bytes())?, *scale)))
        .ok_or_else(bad)?;
    // The `b` of a unit would be a digit of a hexadecimal number.
    let swallowed = memchr::memmem::find(number, b"0x").is_some() && lower.get(number.len()) == Some(&b'b');
    match float(number) {
        Some(number) if number.is_finite() && !swallowed => Ok((number * scale / 8.0) as i64 as u32),
        _ => Err(bad()),
    }
}

fn count(text: &[u8]) -> Parsed<u32> {
    u32_in(text, 0, u32::MAX)
}

/// Reads the value, or takes 0 where there is none.
fn given(arg: &Arg<'_>, read: fn(&[u8]) -> Parsed<u32>) -> Result<u32, Fault> {
    if arg.has_value() { arg.parse(read) } else { Ok(0) }
}

/// Appends bytes a second as bits a second: from a million on rounded to thousands, from a thousand million on to millions.
fn push_rate(bytes: u32, out: &mut Vec<u8>) {
    let bits = f64::from(bytes) * 8.0;
    let text = match bits {
        1e9.. => format!("{:.0}Mbit", bits / 1e6),
        1e6.. => format!("{:.0}Kbit", bits / 1e3),
        _ => format!("{bits:.0}bit"),
    };
    out.extend_from_slice(text.as_bytes());
}
