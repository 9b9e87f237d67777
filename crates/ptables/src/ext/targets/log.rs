//! `-j LOG`.

use crate::ext::*;
use crate::meaning::Effect;
use crate::source::Text;
use crate::value::{Bad, Parsed, number};

/// Writes a line about the packet to the kernel log; the next rule follows.
///
/// The prefix has at most 29 bytes; iptables cuts the rest in silence. Levels are 0 to 7 or `emerg` (`panic`), `alert`,
/// `crit`, `error`, `warning`, `notice`, `info`, `debug`; `err` and `warn` are not known. Limit it (`-m limit`), or
/// whoever sends packets fills the log.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_LOG.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// What each line begins with; empty: nothing.
    pub prefix: Text,
    /// Level of the line.
    pub level: LogLevel,
    /// `--log-tcp-sequence`: with TCP sequence numbers.
    pub tcp_sequence: bool,
    /// `--log-tcp-options`: with TCP options.
    pub tcp_options: bool,
    /// `--log-ip-options`: with IP options.
    pub ip_options: bool,
    /// `--log-uid`: with the user that sends it.
    pub uid: bool,
    /// `--log-macdecode`: with Ethernet addresses and protocol.
    pub macdecode: bool,
}

/// Levels of the kernel log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// 0, `emerg`.
    Emergency = 0,
    /// 1, `alert`.
    Alert = 1,
    /// 2, `crit`.
    Critical = 2,
    /// 3, `error`.
    Error = 3,
    /// 4, `warning`: the default, never printed.
    #[default]
    Warning = 4,
    /// 5, `notice`.
    Notice = 5,
    /// 6, `info`.
    Info = 6,
    /// 7, `debug`.
    Debug = 7,
}

const LEVELS: [(&str, LogLevel); 8] = [
    ("emerg", LogLevel::Emergency),
    ("alert", LogLevel::Alert),
    ("crit", LogLevel::Critical),
    ("error", LogLevel::Error),
    ("warning", LogLevel::Warning),
    ("notice", LogLevel::Notice),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];

impl LogLevel {
    /// Reads a number in base 0, or a name in lower case.
    ///
    /// # Errors
    /// `Form` or `Range` for anything else.
    pub fn parse(text: &[u8]) -> Parsed<LogLevel> {
        let named = LEVELS.iter().find(|(name, _)| name.as_bytes() == text);
        let named = named.or_else(|| LEVELS.first().filter(|_| text == b"panic"));
        if let Some((_, level)) = named {
            return Ok(*level);
        }
        let number = number::u8_in(text, 0, 7).map_err(|bad| Bad {
            expected: "a level from 0 to 7, or emerg, alert, crit, error, warning, notice, info, debug"
                .into(),
            ..bad
        })?;
        Ok(LEVELS.get(usize::from(number)).map_or_else(LogLevel::default, |(_, level)| *level))
    }
}

impl Log {
    /// Longest prefix, in bytes.
    pub const MAX_PREFIX: usize = 29;

    /// Without a prefix, at level `warning`.
    pub fn new() -> Log {
        Log {
            prefix: Text::default(),
            level: LogLevel::Warning,
            tcp_sequence: false,
            tcp_options: false,
            ip_options: false,
            uid: false,
            macdecode: false,
        }
    }

    /// Begins each line with this; at most 29 bytes.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Text>) -> Log {
        self.prefix = prefix.into();
        self
    }

    /// At this level.
    #[must_use]
    pub fn level(mut self, level: LogLevel) -> Log {
        self.level = level;
        self
    }
}

impl Default for Log {
    fn default() -> Log {
        Log::new()
    }
}

impl Extension for Log {
    const SPEC: Spec = Spec {
        name: "LOG",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("log-prefix", "TEXT", "What each line begins with, 1 to 29 bytes."),
            Opt::value("log-level", "LEVEL", "Level of the line: 0 to 7, or a name.").default("warning"),
            Opt::flag("log-tcp-sequence", "With TCP sequence numbers."),
            Opt::flag("log-tcp-options", "With TCP options."),
            Opt::flag("log-ip-options", "With IP options."),
            Opt::flag("log-uid", "With the user that sends the packet."),
            Opt::flag("log-macdecode", "With Ethernet addresses and protocol."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Log {
        Log::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "log-prefix" if arg.value().is_empty() => return Err(arg.bad("at least one byte")),
            "log-prefix" => self.prefix = arg.cut(Log::MAX_PREFIX),
            "log-level" => self.level = arg.parse(LogLevel::parse)?,
            "log-tcp-sequence" => self.tcp_sequence = true,
            "log-tcp-options" => self.tcp_options = true,
            "log-ip-options" => self.ip_options = true,
            "log-uid" => self.uid = true,
            _ => self.macdecode = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if !self.prefix.is_empty() {
            to.flag("log-prefix").quoted(&self.prefix);
        }
        if self.level != LogLevel::Warning {
            to.flag("log-level").number(self.level as u8);
        }
        let flags = [
            (self.tcp_sequence, "log-tcp-sequence"),
            (self.tcp_options, "log-tcp-options"),
            (self.ip_options, "log-ip-options"),
            (self.uid, "log-uid"),
            (self.macdecode, "log-macdecode"),
        ];
        for (_, name) in flags.into_iter().filter(|(given, _)| *given) {
            to.flag(name);
        }
    }
}

impl TargetExtension for Log {
    fn effect(&self, _: Context) -> Effect {
        Effect::Continue("writes a line to the kernel log")
    }
}
