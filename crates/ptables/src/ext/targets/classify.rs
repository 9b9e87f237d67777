//! `-j CLASSIFY`.

use crate::ext::*;
use crate::meaning::Effect;

/// Sets the class of the packet in traffic control (`tc`): its priority; the next rule follows.
///
/// Only where packets go out (FORWARD, OUTPUT, POSTROUTING). Two hexadecimal numbers of 16 bits; the tools keep the
/// low 16 bits of larger ones, and ignore what follows the second.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_CLASSIFY.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classify {
    /// Major number.
    pub major: u16,
    /// Minor number.
    pub minor: u16,
}

impl Classify {
    /// The class `major:minor`.
    pub const fn new(major: u16, minor: u16) -> Classify {
        Classify { major, minor }
    }
}

impl Extension for Classify {
    const SPEC: Spec = Spec {
        name: "CLASSIFY",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("set-class", "MAJOR:MINOR", "Class, in hexadecimal.").required()],
        groups: &[],
        places: Places::hooks(Hooks::OUTGOING),
        protos: None,
    };

    fn load(_: Context) -> Classify {
        Classify::new(0, 0)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let (major, rest) = hex(arg.value()).ok_or_else(|| bad(arg))?;
        let minor = rest.strip_prefix(b":").and_then(hex);
        let (minor, rest) = minor.ok_or_else(|| bad(arg))?;
        *self = Classify::new(major as u16, minor as u16);
        if major > 0xffff || minor > 0xffff || !rest.is_empty() || arg.value().contains(&b'-') {
            arg.changed(format!("iptables takes this for {:04x}:{:04x}", self.major, self.minor));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("set-class").with(|out| {
            out.extend_from_slice(format!("{:04x}:{:04x}", self.major, self.minor).as_bytes());
        });
    }
}

impl TargetExtension for Classify {
    fn effect(&self, _: Context) -> Effect {
        Effect::Rewrite("the priority, which is the class in traffic control")
    }
}

/// A hexadecimal number as `scanf` reads it, in 32 bits, and what follows it.
fn hex(text: &[u8]) -> Option<(u32, &[u8])> {
    let text = text.trim_ascii_start();
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let digits = match text {
        [b'0', b'x' | b'X', rest @ ..] => rest,
        _ => text,
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    let value = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).unwrap_or(u64::MAX);
    let value = value as u32;
    Some((if negative { value.wrapping_neg() } else { value }, rest))
}

fn bad(arg: &Arg<'_>) -> Fault {
    arg.bad("two hexadecimal numbers, `major:minor`")
}
