//! `ptables history`: what was applied when.

use clap::Args;
use ptables::dialect::Backend;

use super::{Failure, Status};
use crate::applying::{Where, plain};

/// Say what was applied when, by which login, and from which file
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Where,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    // Nothing is changed, so no back end is asked.
    for it in options.place.applier(Backend::Nft)?.history()? {
        let login = it.login.map_or("-".to_owned(), |it| it.to_string());
        let digest = it.digest.get(..12).unwrap_or_default();
        println!(
            "{:>4}  {}  {login:>5}  {:<11}  {digest}  {}",
            it.number,
            date(it.time),
            plain(&it.what),
            plain(&it.from)
        );
    }
    Ok(Status::Fine)
}

/// Seconds since 1970 as a date and time, UTC.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days are counted from 0000-03-01, so that the leap day is the last of a year.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let part = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(1_795_305_599), "2026-11-21T23:59:59Z");
    }
}
