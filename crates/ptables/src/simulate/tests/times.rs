//! The edges of `time`: the second before, and after.

use super::*;

/// 2026-11-22 10:00:00 UTC, a Sunday.
const TEN: u64 = 1_795_341_600;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn holds(condition: &str, now: u64) -> bool {
    let rules = filter(&format!("-A INPUT -m time {condition} -j ACCEPT"));
    verdict(&rules, &format!("udp 1.1.1.1:1 -> 2.2.2.2:2 in eth0 now={now}")) == Verdict::Accept
}

/// In this second and not in the one before.
fn begins(condition: &str, at: u64) {
    assert!(holds(condition, at), "{condition} at {at}");
    assert!(!holds(condition, at - 1), "{condition} before {at}");
}

/// In this second and not in the one after.
fn ends(condition: &str, at: u64) {
    assert!(holds(condition, at), "{condition} at {at}");
    assert!(!holds(condition, at + 1), "{condition} after {at}");
}

#[test]
fn both_ends_of_a_time_are_within() {
    let day = "--timestart 10:00 --timestop 12:00";
    begins(day, TEN);
    ends(day, TEN + 2 * HOUR);
    let night = "--timestart 22:00 --timestop 10:00";
    begins(night, TEN + 12 * HOUR);
    ends(night, TEN);
    assert!(holds("--timestart 10:00 --timestop 10:00", TEN));
    let dates = "--datestart 2026-11-22T10:00:00 --datestop 2026-11-22T11:00:00";
    begins(dates, TEN);
    ends(dates, TEN + HOUR);
}

#[test]
fn days_begin_at_midnight() {
    let midnight = TEN - 10 * HOUR;
    begins("--weekdays Sun", midnight);
    ends("--weekdays Sun", midnight + DAY - 1);
    begins("--weekdays Mon", midnight + DAY);
    begins("--monthdays 22", midnight);
    ends("--monthdays 22", midnight + DAY - 1);
}

#[test]
fn a_contiguous_time_belongs_to_the_day_on_which_it_begins() {
    let night = "--timestart 22:00 --timestop 10:00 --contiguous --weekdays Sat";
    begins(night, TEN - 12 * HOUR);
    ends(night, TEN);
    let sunday = "--timestart 22:00 --timestop 10:00 --contiguous --weekdays Sun";
    assert!(!holds(sunday, TEN));
    assert!(holds(sunday, TEN + 12 * HOUR));
    ends(sunday, TEN + DAY);
}
