//! The rate of `-m limit`.

use super::number::{prefix_decimal, push};
use super::{Bad, Parsed};

/// An average rate, held as iptables holds it: the time between two packets in 1/10,000 second.
///
/// So it is rounded when it is read and may print differently: 120 a minute is 2 a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate(pub u32);

/// Time unit, its length in seconds, as printed.
const UNITS: [(&str, &str, u32); 4] =
    [("day", "day", 86400), ("hour", "hour", 3600), ("minute", "min", 60), ("second", "sec", 1)];

const SCALE: u32 = 10_000;

impl Rate {
    /// `count` packets in a second; a count of 0 or above 10,000 is taken as the nearest allowed.
    pub fn per_second(count: u32) -> Rate {
        Rate::of(count, 1)
    }

    /// `count` packets in a minute.
    pub fn per_minute(count: u32) -> Rate {
        Rate::of(count, 60)
    }

    /// `count` packets in an hour.
    pub fn per_hour(count: u32) -> Rate {
        Rate::of(count, 3600)
    }

    /// `count` packets in a day.
    pub fn per_day(count: u32) -> Rate {
        Rate::of(count, 86400)
    }

    fn of(count: u32, seconds: u32) -> Rate {
        Rate((SCALE * seconds / count.max(1)).max(1))
    }

    /// Reads `n[/unit]`: a decimal count (what follows its digits is ignored up to `/`), and any prefix in any case of
    /// second, minute, hour or day. A count above 4294967295 wraps, as the tools let it do.
    ///
    /// # Errors
    /// `Form` if there is no count or no such unit; `Range` above 10,000 a second.
    pub fn parse(text: &[u8]) -> Parsed<Rate> {
        let (count, seconds) = count_and_unit(text)?;
        // The tools hold the count in 32 bits, and one that does not fit 64 bits as the greatest.
        let count = u64::from(count as u32);
        if count == 0 {
            return Err(bad());
        }
        match (u64::from(SCALE) * u64::from(seconds)).checked_div(count) {
            Some(period @ 1..) => Ok(Rate(u32::try_from(period).unwrap_or(u32::MAX))),
            _ => Err(Bad::range("a rate of at most 10000 a second")),
        }
    }

    /// Appends it in the largest unit that holds it exactly, as iptables-save does.
    pub fn push(self, out: &mut Vec<u8>) {
        push_period(out, u64::from(self.0), u64::from(SCALE));
    }
}

/// Reads `n[/unit]`: the count and the seconds of the unit (1 without one).
///
/// # Errors
/// `Form` if there is no count or no such unit.
pub(crate) fn count_and_unit(text: &[u8]) -> Parsed<(u64, u32)> {
    let (count, seconds) = match memchr::memchr(b'/', text) {
        None => (text, 1),
        Some(at) => {
            let unit = text.get(at + 1..).unwrap_or_default();
            let seconds = UNITS.iter().rev().find(|(name, _, _)| {
                !unit.is_empty()
                    && name.as_bytes().get(..unit.len()).is_some_and(|it| it.eq_ignore_ascii_case(unit))
            });
            (text.get(..at).unwrap_or_default(), seconds.ok_or_else(bad)?.2)
        }
    };
    match prefix_decimal(count) {
        Some((0, _)) | None => Err(bad()),
        Some((count, _)) => Ok((count, seconds)),
    }
}

/// Appends a rate, given as the time between two packets in 1/`scale` second, in the largest unit that holds it exactly;
/// gives the seconds of that unit.
pub(crate) fn push_period(out: &mut Vec<u8>, period: u64, scale: u64) -> u32 {
    let period = period.max(1);
    let (_, mut name, mut seconds) = UNITS[0];
    // iptables' own search: stop at the first unit in which the rate is below one, or too inexact.
    for (_, next, length) in UNITS.into_iter().skip(1) {
        let ticks = u64::from(length) * scale;
        if period > ticks || ticks / period < ticks % period {
            break;
        }
        (name, seconds) = (next, length);
    }
    push(out, u64::from(seconds) * scale / period);
    out.push(b'/');
    out.extend_from_slice(name.as_bytes());
    seconds
}

fn bad() -> Bad {
    Bad::form("a rate such as `3/hour` (second, minute, hour or day)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_and_printed_as_measured() {
        for (text, printed) in [
            ("1", "1/sec"),
            ("1/m", "1/min"),
            ("120/min", "2/sec"),
            ("24/hour", "24/hour"),
            ("48/day", "2/hour"),
            ("3/hour", "3/hour"),
            ("1.5/s", "1/sec"),
            ("33/min", "33/min"),
            ("86400/day", "1/sec"),
            ("7/day", "7/day"),
            ("1000/sec", "1000/sec"),
            ("5/Min", "5/min"),
            ("10000/s", "10000/sec"),
        ] {
            let mut out = Vec::new();
            Rate::parse(text.as_bytes()).unwrap().push(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), printed, "{text}");
        }
        for text in ["10001/s", "0/s", "-1/s", "1/", "x/s", "1/sec/x", "3/frotnight", ""] {
            assert!(Rate::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
