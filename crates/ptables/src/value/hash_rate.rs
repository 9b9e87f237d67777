//! The rates of `-m hashlimit`: packets or bytes.

use super::number::{prefix_decimal, push};
use super::rate::{count_and_unit, push_period};
use super::{Bad, Parsed};

/// An average rate, held as the kernel holds it, so it is rounded when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashRate {
    /// Packets: the time between two of them in 1/1,000,000 second.
    Packets(u64),
    /// Bytes in a second, a multiple of 16; 0 is less than 16, and cannot be read back.
    Bytes(u64),
}

const SCALE: u64 = 1_000_000;

impl HashRate {
    /// `count` packets in a second, 1 to 1,000,000; others are taken as the nearest allowed.
    pub fn packets_per_second(count: u32) -> HashRate {
        HashRate::Packets((SCALE / u64::from(count.max(1))).max(1))
    }

    /// `count` packets in a minute; the least is 1.
    pub fn packets_per_minute(count: u32) -> HashRate {
        HashRate::Packets((60 * SCALE / u64::from(count.max(1))).max(1))
    }

    /// `count` bytes in a second, rounded to what the kernel can hold (16 bytes, and coarser above some megabytes).
    pub fn bytes_per_second(count: u64) -> HashRate {
        // The kernel holds 2^32 divided by the number of blocks of 16 bytes, in 32 bits, and so do the tools.
        let blocks = u64::from((count >> 4) as u32);
        let cost = u64::from(u32::MAX) / (blocks + 1);
        HashRate::Bytes(u64::from(u32::MAX).checked_div(cost).map_or(0, |blocks| (blocks - 1) << 4))
    }

    /// Reads `n[/unit]` or `n[k|m]b/s`, and the seconds of the unit. Any text that holds `b/s` is a byte rate.
    ///
    /// # Errors
    /// `Form` if there is no count or no such unit; `Range` above 1,000,000 packets a second or 64 GiB a second.
    pub fn parse(text: &[u8]) -> Parsed<(HashRate, u32)> {
        if let Some(at) = memchr::memmem::find(text, b"b/s") {
            let unit = match at.checked_sub(1).and_then(|at| text.get(at)) {
                Some(b'k') => 1 << 10,
                Some(b'm') => 1 << 20,
                _ => 1,
            };
            return match prefix_decimal(text) {
                None | Some((0, _)) => Err(Bad::form("a rate such as `64kb/s`")),
                Some((u64::MAX, _)) => Err(too_fast()),
                Some((count, _)) => match HashRate::bytes_per_second(count.wrapping_mul(unit)) {
                    HashRate::Bytes(bytes) if bytes > MAX_BYTES => Err(too_fast()),
                    rate => Ok((rate, 1)),
                },
            };
        }
        let (count, seconds) = count_and_unit(text)?;
        match (SCALE * u64::from(seconds)).checked_div(count) {
            Some(period @ 1..) => Ok((HashRate::Packets(period), seconds)),
            _ => Err(Bad::range("a rate of at most 1000000 packets a second")),
        }
    }

    /// Appends it as iptables-save does; gives the seconds of the unit.
    pub fn push(self, out: &mut Vec<u8>) -> u32 {
        match self {
            HashRate::Packets(period) => push_period(out, period, SCALE),
            HashRate::Bytes(bytes) => {
                // The largest unit that reads back as the same rate; the tools ask so in 32 bits.
                let whole = |shift| {
                    let count = bytes >> shift;
                    let same = HashRate::bytes_per_second(u64::from((count << shift) as u32)) == self;
                    Some(count).filter(|count| *count > 0 && same)
                };
                let mega = whole(20).map(|count| (count, "mb"));
                let (count, unit) =
                    mega.or_else(|| whole(10).map(|count| (count, "kb"))).unwrap_or((bytes, "b"));
                push(out, count);
                out.extend_from_slice(unit.as_bytes());
                out.extend_from_slice(b"/s");
                1
            }
        }
    }
}

/// The kernel cannot hold a cost of less than two units a block.
const MAX_BYTES: u64 = (u32::MAX as u64 / 2) << 4;

fn too_fast() -> Bad {
    Bad::range("a rate that the kernel can hold: less than 32 GiB a second")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_rounded_as_the_kernel_rounds_them() {
        for (text, printed) in [
            ("15b/s", "0b/s"),
            ("17b/s", "16b/s"),
            ("1023b/s", "1008b/s"),
            ("2000b/s", "2000b/s"),
            ("1572864b/s", "1536kb/s"),
            ("10mb/s", "10mb/s"),
            ("100000kb/s", "100013kb/s"),
            ("2001mb/s", "2047mb/s"),
            ("4095mb/s", "4095mb/s"),
            ("4096mb/s", "4581298432b/s"),
            ("1gb/s", "0b/s"),
            ("64mxb/s", "64b/s"),
            ("99999999999b/s", "34359738336b/s"),
        ] {
            let (rate, _) = HashRate::parse(text.as_bytes()).unwrap();
            let mut out = Vec::new();
            rate.push(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), printed, "{text}");
        }
        for text in ["65535mb/s", "b/s", "0kb/s", "99999999999999999999b/s", "1000001/s", "0x40b/s"] {
            assert!(HashRate::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_rounded_stays_as_it_is() {
        for count in (0..5000).chain((1..2000).map(|it| it * 1_234_567)) {
            let HashRate::Bytes(bytes) = HashRate::bytes_per_second(count) else { panic!("bytes") };
            assert_eq!(HashRate::bytes_per_second(bytes), HashRate::Bytes(bytes), "{count}");
        }
    }
}
