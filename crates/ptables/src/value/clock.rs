//! Times, dates and days of `-m time`.

use super::number::{prefix_base0, prefix_decimal, push};
use super::{Bad, Parsed};

/// Days of the week: Monday is bit 1, Sunday bit 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeekDays(pub u8);

/// Days of the month: the first is bit 1. Bit 0, which a list may set with `0`, is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MonthDays(pub u32);

const WEEK: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl WeekDays {
    /// All seven.
    pub const ALL: WeekDays = WeekDays(0xfe);
    /// Monday to Friday.
    pub const WORK: WeekDays = WeekDays(0x3e);
    /// Saturday and Sunday.
    pub const WEEKEND: WeekDays = WeekDays(0xc0);

    /// Reads a comma list of names (their first two letters, as `Mon` has them) and numbers from 1, Monday. A number above 7
    /// is no day, and no error.
    ///
    /// # Errors
    /// `Form` for other names and 0.
    pub fn parse(text: &[u8]) -> Parsed<WeekDays> {
        let bad = || Bad::form("a list of Mon, Tue, Wed, Thu, Fri, Sat, Sun, or of 1 to 7");
        let mut days = 0u8;
        // A comma at the end is none.
        let list = text.strip_suffix(b",").unwrap_or(text);
        for part in list.split(|byte| *byte == b',').filter(|_| !text.is_empty()) {
            let (part, negative) = part.strip_prefix(b"-").map_or((part, false), |rest| (rest, true));
            days |= match prefix_base0(part)
                .filter(|_| part.first().is_some_and(u8::is_ascii_digit) || !negative)
            {
                Some((0, [])) => return Err(bad()),
                Some((number, [])) if negative => (1u32 << (number.wrapping_neg() % 32)) as u8,
                // The tools shift by as many places, in 32 bits.
                Some((number, [])) => (1u32 << (number % 32)) as u8,
                _ if negative => return Err(bad()),
                _ => {
                    let named = WEEK.iter().position(|name| part.get(..2) == name.as_bytes().get(..2));
                    1 << (named.ok_or_else(bad)? + 1)
                }
            };
        }
        Ok(WeekDays(days))
    }

    /// Those that are not in it.
    #[must_use]
    pub const fn others(self) -> WeekDays {
        WeekDays(self.0 ^ 0xfe)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 & 0xfe == 0
    }

    /// Appends the names, separated by commas.
    pub fn push(self, out: &mut Vec<u8>) {
        let names = WEEK.iter().enumerate().filter(|(index, _)| self.0 & (2 << index) != 0);
        let names: Vec<&str> = names.map(|(_, name)| *name).collect();
        out.extend_from_slice(names.join(",").as_bytes());
    }
}

impl MonthDays {
    /// All 31.
    pub const ALL: MonthDays = MonthDays(0xffff_fffe);

    /// These days, 1 to 31; others are left out.
    pub fn new(days: impl IntoIterator<Item = u8>) -> MonthDays {
        MonthDays(days.into_iter().filter(|day| (1..=31).contains(day)).fold(0, |all, day| all | 1 << day))
    }

    /// Reads a comma list of numbers up to 31. Like the tools, it looks at two characters of each.
    ///
    /// # Errors
    /// `Form` for anything else.
    pub fn parse(text: &[u8]) -> Parsed<MonthDays> {
        let mut days = 0u32;
        for part in text.split(|byte| *byte == b',').filter(|part| !part.is_empty()) {
            match prefix_decimal(part.get(..2).unwrap_or(part)) {
                Some((day @ ..=31, [])) => days |= 1 << day,
                _ => return Err(Bad::form("a list of numbers from 1 to 31")),
            }
        }
        Ok(MonthDays(days))
    }

    /// Those that are not in it.
    #[must_use]
    pub const fn others(self) -> MonthDays {
        MonthDays(self.0 ^ MonthDays::ALL.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 & MonthDays::ALL.0 == 0
    }

    /// Appends the numbers, separated by commas.
    pub fn push(self, out: &mut Vec<u8>) {
        let mut first = true;
        for day in (1..32).filter(|day| self.0 & (1 << day) != 0) {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            push(out, day);
        }
    }
}

/// Reads `hh:mm[:ss]` as a second of the day; a part may be empty.
///
/// # Errors
/// `Form` for anything else.
pub fn time(text: &[u8]) -> Parsed<u32> {
    let bad = || Bad::form("a time such as `08:30` or `23:59:59`");
    let parts: Vec<&[u8]> = text.split(|byte| *byte == b':').collect();
    let part = |index: usize, high| parts.get(index).map_or(Some(0), |text| part(text, high));
    match parts.len() {
        2 | 3 => Ok(part(0, 23).ok_or_else(bad)? * 3600
            + part(1, 59).ok_or_else(bad)? * 60
            + part(2, 59).ok_or_else(bad)?),
        _ => Err(bad()),
    }
}

/// Reads `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]` from 1970 to 2038 as seconds since 1970. A month or day of 0 is the one before the
/// first, and a day after the last of its month one of the next.
///
/// # Errors
/// `Form` for anything else.
pub fn date(text: &[u8]) -> Parsed<u32> {
    read_date(text).ok_or_else(|| {
        Bad::form("a date such as `2030-12-31T23:59:59`, from 1970 to 2038; its end may be left out")
    })
}

fn read_date(text: &[u8]) -> Option<u32> {
    let (day_part, time_part) = match memchr::memchr(b'T', text) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)),
        None => (text, None),
    };
    let days: Vec<&[u8]> = day_part.split(|byte| *byte == b'-').collect();
    let times: Vec<&[u8]> =
        time_part.map(|text| text.split(|byte| *byte == b':').collect()).unwrap_or_default();
    if days.len() > 3 || times.len() > 3 || (time_part.is_some() && days.len() != 3) {
        return None;
    }
    // `2020--1` is no empty month but a negative one.
    if days.get(1).is_some_and(|month| month.is_empty()) && days.get(2).is_some_and(|day| !day.is_empty()) {
        return None;
    }
    let year = part(days.first()?, 2038).filter(|year| *year >= 1970)?;
    let month = days.get(1).map_or(Some(1), |text| part(text, 12))?;
    let day = days.get(2).map_or(Some(1), |text| part(text, 31))?;
    let clock = |index: usize, high| times.get(index).map_or(Some(0), |text| part(text, high));
    let seconds = clock(0, 23)? * 3600 + clock(1, 59)? * 60 + clock(2, 59)?;
    let total =
        (days_before(i64::from(year), i64::from(month)) + i64::from(day) - 1) * 86400 + i64::from(seconds);
    u32::try_from(total).ok()
}

/// A number up to `high`, or nothing, which is 0.
fn part(text: &[u8], high: u32) -> Option<u32> {
    if text.is_empty() {
        return Some(0);
    }
    match prefix_decimal(text)? {
        (value, []) => u32::try_from(value).ok().filter(|value| *value <= high),
        _ => None,
    }
}

/// Days from 1970 to the first of a month (0 is the December before).
fn days_before(year: i64, month: i64) -> i64 {
    // Years that begin in March end with the leap day (Hinnant, "chrono-compatible low-level date algorithms").
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 - 719_468
}

/// Appends `hh:mm:ss`.
pub fn push_time(out: &mut Vec<u8>, seconds: u32) {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    out.extend_from_slice(format!("{hours:02}:{minutes:02}:{seconds:02}").as_bytes());
}

/// Appends `YYYY-MM-DDThh:mm:ss`.
pub fn push_date(out: &mut Vec<u8>, seconds: u32) {
    let days = i64::from(seconds / 86400);
    // At most 2106: a search by months takes no time.
    let (mut year, mut month) = (1970 + days / 366, 1);
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    while month < 12 && days_before(year, month + 1) <= days {
        month += 1;
    }
    let day = days - days_before(year, month) + 1;
    out.extend_from_slice(format!("{year:04}-{month:02}-{day:02}T").as_bytes());
    push_time(out, seconds % 86400);
}

/// The day of the month, from 1, of a day since 1970.
pub fn day_of_month(day: u64) -> u8 {
    let mut out = Vec::new();
    // A date beyond 2106 has no form; its day is that of the last one that has.
    push_date(&mut out, u32::try_from(day.saturating_mul(86_400)).unwrap_or(u32::MAX));
    out.get(8..10).map_or(1, |digits| digits.iter().fold(0, |sum, digit| sum * 10 + (digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, seconds, printed) in [
            ("1970", 0, "1970-01-01T00:00:00"),
            ("2038-01-19T03:14:07", 0x7fff_ffff, "2038-01-19T03:14:07"),
            ("2000-02-29T12", 951_825_600, "2000-02-29T12:00:00"),
            ("2021-02-29", 1_614_556_800, "2021-03-01T00:00:00"),
            ("2020-0-1", 1_575_158_400, "2019-12-01T00:00:00"),
            ("2020-", 1_575_158_400, "2019-12-01T00:00:00"),
            ("2020-12-31T23:59:59", 1_609_459_199, "2020-12-31T23:59:59"),
        ] {
            assert_eq!(date(text.as_bytes()), Ok(seconds), "{text}");
            let mut out = Vec::new();
            push_date(&mut out, seconds);
            assert_eq!(String::from_utf8(out).unwrap(), printed);
        }
        for text in [
            "",
            "1969",
            "2039",
            "2020x",
            "2020-13",
            "2020T1",
            "2020-01-01T24",
            "1970-01-00",
            "2020-1-1T1:2:3:4",
        ] {
            assert!(date(text.as_bytes()).is_err(), "{text}");
        }
    }
}
