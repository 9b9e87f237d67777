//! `-j LED`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::Effect;
use crate::source::Text;
use crate::value::quote;

/// Lights a lamp of the machine when a packet comes; the next rule follows.
///
/// The trigger is called `netfilter-` and this id, of 1 to 16 bytes; a longer one is refused. The lamp goes out after
/// the delay, which is in milliseconds, or `inf` for never; 0, the default, is at once.
///
/// Source: iptables 1.8.9, its reader probed on both back ends (the kernel at hand has no LED, so the saved form is
/// not measured); `linux/netfilter/xt_LED.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    /// Id of the trigger.
    pub trigger: Text,
    /// Milliseconds until the lamp goes out.
    pub delay: LedDelay,
    /// `--led-always-blink`: it blinks for every packet, even while it is lit.
    pub always_blink: bool,
}

impl Led {
    /// This trigger.
    pub fn new(trigger: impl Into<Text>) -> Led {
        Led { trigger: trigger.into(), delay: LedDelay::Milliseconds(0), always_blink: false }
    }
}

/// When a lamp goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LedDelay {
    /// After this time.
    Milliseconds(u32),
    /// Never.
    Never,
}

impl Extension for Led {
    const SPEC: Spec = Spec {
        name: "LED",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("led-trigger-id", "ID", "Id of the trigger, 1 to 16 bytes.").required(),
            Opt::value("led-delay", "MILLISECONDS|inf", "Time until the lamp goes out.").default("0"),
            Opt::flag("led-always-blink", "Blinks for every packet."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Led {
        Led::new(Text::default())
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "led-trigger-id" => {
                self.trigger = arg.text();
                if self.trigger.len() > 16 {
                    let message = "the id of a LED trigger has at most 16 bytes";
                    return Err(Fault::new(codes::CHECK_NAME_TOO_LONG, message).about(Part::Value));
                }
            }
            "led-delay" if arg.value().eq_ignore_ascii_case(b"inf") => self.delay = LedDelay::Never,
            "led-delay" => self.delay = LedDelay::Milliseconds(arg.u32(0, u32::MAX)?),
            _ => self.always_blink = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("led-trigger-id").with(|out| quote::push_always(out, &self.trigger));
        match self.delay {
            LedDelay::Never => drop(to.flag("led-delay").word(b"inf")),
            LedDelay::Milliseconds(0) => {}
            LedDelay::Milliseconds(delay) => drop(to.flag("led-delay").number(delay)),
        }
        if self.always_blink {
            to.flag("led-always-blink");
        }
    }
}

impl TargetExtension for Led {
    fn effect(&self, _: Context) -> Effect {
        Effect::Continue("lights a lamp")
    }
}
