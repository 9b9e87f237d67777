//! `-m time`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Need, Pred, Span};
use crate::value::clock::{self, MonthDays, WeekDays};

// boxed: four times and two sets of days.
/// Matches by the time of the kernel's clock: time of day, days, and dates from 1970 to 2038; UTC unless `--kerneltz`.
///
/// An inverted list of days is saved as the other days. A list that holds no day never matches, and its saved form cannot
/// be read back. A date that does not exist becomes one that does (30 February is 1 March). `--timestop` before
/// `--timestart` spans midnight; days are then those of each part, or with `--contiguous` that of the beginning.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_time.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Time {
    /// First second of the day, 0 to 86399. Default: 0.
    pub start: u32,
    /// Last second of the day. Default: 86399.
    pub stop: u32,
    /// Days of the month.
    pub month_days: MonthDays,
    /// Days of the week.
    pub week_days: WeekDays,
    /// First second, since 1970. Default: 0.
    pub date_start: u32,
    /// Last second, since 1970. Default: 2147483647, in January 2038.
    pub date_stop: u32,
    /// Times are those of the kernel's time zone.
    pub kernel_zone: bool,
    /// A span over midnight belongs to the day on which it begins.
    pub contiguous: bool,
}

const LAST_SECOND: u32 = 86_399;

impl Time {
    /// Always: from here conditions are added.
    pub const fn new() -> Time {
        Time {
            start: 0,
            stop: LAST_SECOND,
            month_days: MonthDays::ALL,
            week_days: WeekDays::ALL,
            date_start: 0,
            date_stop: i32::MAX as u32,
            kernel_zone: false,
            contiguous: false,
        }
    }

    /// Between these seconds of the day, both included.
    #[must_use]
    pub const fn between(mut self, start: u32, stop: u32) -> Time {
        (self.start, self.stop) = (start, stop);
        self
    }

    /// On these days of the week.
    #[must_use]
    pub const fn week_days(mut self, days: WeekDays) -> Time {
        self.week_days = days;
        self
    }

    /// On these days of the month.
    #[must_use]
    pub const fn month_days(mut self, days: MonthDays) -> Time {
        self.month_days = days;
        self
    }
}

impl Default for Time {
    fn default() -> Time {
        Time::new()
    }
}

impl Extension for Time {
    const SPEC: Spec = Spec {
        name: "time",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("timestart", "HH:MM[:SS]", "First time of the day.").default("00:00:00"),
            Opt::value("timestop", "HH:MM[:SS]", "Last time of the day.").default("23:59:59"),
            Opt::value("monthdays", "N[,N…]", "Days of the month, 1 to 31.").negatable().default("all"),
            Opt::value("weekdays", "DAY[,DAY…]", "Days of the week, Mon to Sun or 1 to 7.")
                .negatable()
                .default("all"),
            Opt::value("datestart", "YYYY[-MM[-DD[Thh[:mm[:ss]]]]]", "First time of all."),
            Opt::value("datestop", "YYYY[-MM[-DD[Thh[:mm[:ss]]]]]", "Last time of all.")
                .default("2038-01-19T03:14:07"),
            Opt::flag("kerneltz", "Times are those of the kernel's time zone."),
            Opt::flag("localtz", "The old name of it."),
            Opt::flag("utc", "Times are UTC: the default."),
            Opt::flag("contiguous", "A span over midnight belongs to the day on which it begins."),
        ],
        groups: &[Group::Excludes("utc", &["kerneltz", "localtz"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Time {
        Time::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "timestart" => self.start = arg.parse(clock::time)?,
            "timestop" => self.stop = arg.parse(clock::time)?,
            "monthdays" => {
                let days = arg.parse(MonthDays::parse)?;
                self.month_days = if arg.inverted { days.others() } else { days };
                warn_none(arg, self.month_days.is_empty());
            }
            "weekdays" => {
                let days = arg.parse(WeekDays::parse)?;
                self.week_days = if arg.inverted { days.others() } else { days };
                warn_none(arg, self.week_days.is_empty());
            }
            "datestart" => self.date_start = arg.parse(clock::date)?,
            "datestop" => {
                self.date_stop = arg.parse(clock::date)?;
                if self.date_stop == 0 {
                    let message = "iptables saves the rule without this date; read back, it means 2038";
                    arg.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
                }
            }
            "kerneltz" | "localtz" => self.kernel_zone = true,
            "contiguous" => self.contiguous = true,
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut End<'_>) -> Result<(), Fault> {
        if self.contiguous && self.start < self.stop {
            let fault =
                Fault::new(codes::PARSE_OPTION_CONFLICT, "`--contiguous` is for a span over midnight");
            return Err(fault.help("`--timestop` must be before `--timestart`"));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if self.start != 0 || self.stop != LAST_SECOND {
            to.flag("timestart").with(|out| clock::push_time(out, self.start));
            to.flag("timestop").with(|out| clock::push_time(out, self.stop));
        }
        if self.month_days != MonthDays::ALL {
            to.flag("monthdays").with(|out| self.month_days.push(out));
        }
        if self.week_days != WeekDays::ALL {
            to.flag("weekdays").with(|out| self.week_days.push(out));
        }
        for (name, date) in [("datestart", self.date_start), ("datestop", self.date_stop)] {
            if date != 0 {
                to.flag(name).with(|out| clock::push_date(out, date));
            }
        }
        if self.kernel_zone {
            to.flag("kerneltz");
        }
        if self.contiguous {
            to.flag("contiguous");
        }
    }
}

impl MatchExtension for Time {
    fn meaning(&self, _: Context) -> Pred {
        if self.kernel_zone {
            return Pred::Needs(Need::Other("the time in the kernel's time zone"));
        }
        Pred::Needs(Need::Clock(Box::new(Span {
            start: self.start,
            stop: self.stop,
            month_days: self.month_days,
            week_days: self.week_days,
            date_start: self.date_start,
            date_stop: self.date_stop,
            contiguous: self.contiguous,
        })))
    }
}

fn warn_none(arg: &mut Arg<'_>, none: bool) {
    if none {
        let message =
            "a list without any day never matches, and iptables saves it so that it cannot be read back";
        arg.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
    }
}
