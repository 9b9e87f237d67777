//! `-j RATEEST`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::Effect;
use crate::source::Text;
use crate::value::{Bad, Parsed};

/// Counts the packet in an estimator of rates, which `-m rateest` compares; the next rule follows.
///
/// The estimator's name has at most 15 bytes; iptables cuts the rest in silence, and saves it without quotes. Times
/// are decimal numbers with `s`, `ms` or `us` (microseconds without); the interval is rounded up to 250 ms, 500 ms,
/// 1, 2, 4 or 8 s, and the time over which it averages to a power of two of intervals. Rules of the same name must
/// have the same times.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_RATEEST.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstimateRate {
    /// Name of the estimator.
    pub name: Text,
    /// Microseconds between two looks at the counters.
    pub interval: u32,
    /// Microseconds over which it averages.
    pub average: u32,
}

impl EstimateRate {
    /// An estimator of this name; both times in microseconds.
    pub fn new(name: impl Into<Text>, interval: u32, average: u32) -> EstimateRate {
        EstimateRate { name: name.into(), interval, average }
    }
}

impl Extension for EstimateRate {
    const SPEC: Spec = Spec {
        name: "RATEEST",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("rateest-name", "NAME", "Name of the estimator, at most 15 bytes.").required(),
            Opt::value("rateest-interval", "TIME", "Time between two looks, at most 8s.").required(),
            Opt::value("rateest-ewmalog", "TIME", "Time over which it averages.").required(),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> EstimateRate {
        EstimateRate::new(Text::default(), 0, 0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "rateest-name" => {
                self.name = arg.cut(15);
                if self.name.is_empty() {
                    let message = "iptables saves an empty name as nothing, so the rule cannot be read back";
                    arg.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
                }
                arg.warn_unquoted(&self.name);
            }
            "rateest-interval" => {
                self.interval = arg.parse(time)?;
                if self.interval > 8_000_000 {
                    let fault = Fault::new(codes::PARSE_OUT_OF_RANGE, "an interval is at most 8s");
                    return Err(fault.about(Part::Value));
                }
            }
            _ => self.average = arg.parse(time)?,
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        let Some(power) = power(self.interval, self.average) else {
            let message = "the time to average over must be 1.5 intervals at least, and not too long";
            return Err(Fault::new(codes::PARSE_OUT_OF_RANGE, message));
        };
        let written = (self.interval, self.average);
        self.interval =
            (0..=5).map(|step| 250_000 << step).find(|it| *it >= self.interval).unwrap_or(8_000_000);
        // The tools compute in 32 bits.
        self.average = (u64::from(self.interval) << power) as u32;
        if written != (self.interval, self.average) {
            let mut read = Vec::new();
            push_time(&mut read, self.interval);
            read.extend_from_slice(b" and ");
            push_time(&mut read, self.average);
            end.changed(format!("iptables rounds these times to {}", String::from_utf8_lossy(&read)));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("rateest-name").word(&self.name);
        to.flag("rateest-interval").with(|out| push_time(out, self.interval));
        to.flag("rateest-ewmalog").with(|out| push_time(out, self.average));
    }
}

impl TargetExtension for EstimateRate {
    fn effect(&self, _: Context) -> Effect {
        Effect::Continue("counts the packet in an estimator of rates")
    }
}

/// Which power of two of intervals comes next below the time to average over, as the tools find it: 1 to 30.
fn power(interval: u32, average: u32) -> Option<u32> {
    let exceeds = |power: &u32| {
        let weight = 1.0 - 1.0 / f64::from(1u32 << *power);
        f64::from(interval) / -weight.ln() > f64::from(average)
    };
    let first = (1..=31).find(exceeds)?;
    (first > 1).then(|| first - 1)
}

/// Reads a time: a decimal number with a unit, in microseconds. More than 32 bits wrap.
fn time(text: &[u8]) -> Parsed<u32> {
    let bad = || Bad::form("a time such as `250ms` or `1s`");
    let text = std::str::from_utf8(text).map_err(|_| bad())?;
    let number = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let unit = text.get(number.len()..).unwrap_or_default().to_ascii_lowercase();
    let scale = match unit.as_str() {
        "s" | "sec" | "secs" => 1_000_000.0,
        "ms" | "msec" | "msecs" => 1_000.0,
        "" | "us" | "usec" | "usecs" => 1.0,
        _ => return Err(bad()),
    };
    let number: f64 = number.trim_ascii_start().parse().map_err(|_| bad())?;
    Ok((number * scale) as i64 as u32)
}

/// Appends a time as the tools do: with one decimal, in seconds or milliseconds; else in microseconds.
fn push_time(out: &mut Vec<u8>, time: u32) {
    let text = match time {
        1_000_000.. => format!("{:.1}s", f64::from(time) / 1_000_000.0),
        1_000.. => format!("{:.1}ms", f64::from(time) / 1_000.0),
        _ => format!("{time}us"),
    };
    out.extend_from_slice(text.as_bytes());
}
