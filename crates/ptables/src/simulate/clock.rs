//! The times of `time`.

use crate::meaning::Span;
use crate::value::clock::{MonthDays, day_of_month};

const DAY: u64 = 86_400;

/// Whether a moment, in seconds since 1970 (UTC), lies in the span.
pub(super) fn within(span: &Span, now: u64) -> bool {
    if now < u64::from(span.date_start) || now > u64::from(span.date_stop) {
        return false;
    }
    let (start, stop) = (u64::from(span.start), u64::from(span.stop));
    let time = now % DAY;
    let mut day = now / DAY;
    if start < stop {
        if time < start || time > stop {
            return false;
        }
    } else {
        if time < start && time > stop {
            return false;
        }
        // What reaches over midnight belongs to the day on which it began.
        if span.contiguous && time <= stop {
            day = day.saturating_sub(1);
        }
    }
    // 1 January 1970 was a Thursday; Monday is 1.
    let week_day = (day + 3) % 7 + 1;
    let bit = |days: u32, number: u64| days & 1 << number != 0;
    bit(u32::from(span.week_days.0), week_day)
        && (span.month_days == MonthDays::ALL || bit(span.month_days.0, u64::from(day_of_month(day))))
}
