//! `-j IDLETIMER`.

use crate::ext::*;
use crate::meaning::Effect;
use crate::source::Text;

/// Starts a timer again, which tells programs when no packet has come for a while; the next rule follows.
///
/// The label is the name of a file in `/sys/class/xt_idletimer/timers`: 1 to 27 bytes without `/`; iptables cuts the
/// rest in silence, and saves it without quotes. Rules with the same label share a timer. The time is 1 to 2147482
/// seconds. With `--alarm` the timer wakes a sleeping machine.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_IDLETIMER.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idletimer {
    /// Seconds.
    pub timeout: u32,
    /// Name of the timer.
    pub label: Text,
    /// `--alarm`.
    pub alarm: bool,
}

impl Idletimer {
    /// A timer of this name.
    pub fn new(label: impl Into<Text>, seconds: u32) -> Idletimer {
        Idletimer { timeout: seconds, label: label.into(), alarm: false }
    }
}

impl Extension for Idletimer {
    const SPEC: Spec = Spec {
        name: "IDLETIMER",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("timeout", "SECONDS", "Time without packets, 1 to 2147482.").required(),
            Opt::value("label", "NAME", "Name of the timer, 1 to 27 bytes.").required(),
            Opt::flag("alarm", "Wakes a sleeping machine."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Idletimer {
        Idletimer::new(Text::default(), 1)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "timeout" => {
                // The tools take any 32 bits, the kernel fewer.
                self.timeout = arg.u32(1, 2_147_482)?;
            }
            "label" => {
                self.label = arg.proc_name(27)?;
                if matches!(self.label.as_bytes(), b"power" | b"subsystem" | b"uevent") {
                    return Err(arg.bad("a name that the kernel has not taken itself"));
                }
            }
            _ => self.alarm = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("timeout").number(self.timeout).flag("label").word(&self.label);
        if self.alarm {
            to.flag("alarm");
        }
    }
}

impl TargetExtension for Idletimer {
    fn effect(&self, _: Context) -> Effect {
        Effect::Continue("starts a timer again")
    }
}
