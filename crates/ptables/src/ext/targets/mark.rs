//! `-j MARK`.

use crate::ext::*;
use crate::meaning::{Effect, Field};
use crate::value::mark;

/// Changes the packet mark; the next rule follows.
///
/// Bits of the mask become 0, then those of the value are toggled (`--set-xmark`); all forms are saved as this one.
/// The mark lives as long as the packet is in this machine: `-m mark`, routing rules and traffic control see it.
/// Where routing shall see it, it must be set in table mangle.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_mark.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetMark {
    /// The bits to toggle, and those to clear before.
    pub xmark: mark::Mark,
}

impl SetMark {
    /// Sets the mark to this value.
    pub const fn new(value: u32) -> SetMark {
        SetMark::xmark(value, u32::MAX)
    }

    /// Sets the bits of `mask` to those of `value`; other bits of `value` are set too.
    pub const fn masked(value: u32, mask: u32) -> SetMark {
        SetMark::xmark(value, value | mask)
    }

    /// Clears the bits of `mask`, then toggles those of `value`.
    pub const fn xmark(value: u32, mask: u32) -> SetMark {
        SetMark { xmark: mark::Mark { value, mask } }
    }

    /// Keeps these bits and clears the others.
    pub const fn and(bits: u32) -> SetMark {
        SetMark::xmark(0, !bits)
    }

    /// Sets these bits.
    pub const fn or(bits: u32) -> SetMark {
        SetMark::xmark(bits, bits)
    }

    /// Toggles these bits.
    pub const fn xor(bits: u32) -> SetMark {
        SetMark::xmark(bits, 0)
    }
}

const FORMS: &[&str] = &["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark"];

impl Extension for SetMark {
    const SPEC: Spec = Spec {
        name: "MARK",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value(
                "set-xmark",
                "VALUE[/MASK]",
                "Clears the bits of the mask, then toggles those of the value.",
            ),
            Opt::value(
                "set-mark",
                "VALUE[/MASK]",
                "Sets the bits of the mask, and of the value, to the value.",
            ),
            Opt::value("and-mark", "BITS", "Keeps these bits and clears the others."),
            Opt::value("or-mark", "BITS", "Sets these bits."),
            Opt::value("xor-mark", "BITS", "Toggles these bits."),
        ],
        groups: &[Group::ExactlyOne(FORMS)],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> SetMark {
        SetMark::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let bits = || arg.u32(0, u32::MAX);
        *self = match name {
            "set-xmark" => SetMark { xmark: arg.parse(mark::Mark::parse)? },
            "set-mark" => {
                let mark = arg.parse(mark::Mark::parse)?;
                SetMark::masked(mark.value, mark.mask)
            }
            "and-mark" => SetMark::and(bits()?),
            "or-mark" => SetMark::or(bits()?),
            _ => SetMark::xor(bits()?),
        };
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("set-xmark").with(|out| self.xmark.push_full(out));
    }
}

impl TargetExtension for SetMark {
    fn effect(&self, _: Context) -> Effect {
        Effect::Write {
            field: Field::Mark,
            clear: u128::from(self.xmark.mask),
            flip: u128::from(self.xmark.value),
        }
    }
}
