//! `ptables history`: what was applied when.

use clap::Args;
use ptables::dialect::Backend;
use ptables::value::clock::push_date;

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
    let mut text = Vec::new();
    push_date(&mut text, u32::try_from(seconds).unwrap_or(u32::MAX));
    text.push(b'Z');
    String::from_utf8_lossy(&text).into_owned()
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
