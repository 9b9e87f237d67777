//! `-j CONNMARK`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Effect, Field};
use crate::value::mark::Mark;

/// Changes the mark of the packet's connection, or copies it from or to the packet; the next rule follows.
///
/// `--save-mark` copies the packet mark to the connection, `--restore-mark` the connection mark to the packet. Of the
/// source only the bits of its mask are taken, of the destination the bits of its mask are cleared first (`--nfmask`
/// is that of the packet, `--ctmask` that of the connection, `--mask` both). What is copied, or the new mark, may be
/// shifted by 0 to 31 places; of two shifts the last counts. A packet without a connection is not changed.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_connmark.h`.
// boxed
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetConnmark {
    /// What is done.
    pub action: ConnmarkAction,
    /// Value of `--set-xmark`: the bits to toggle.
    pub value: u32,
    /// Bits of the connection mark.
    pub ct_mask: u32,
    /// Bits of the packet mark.
    pub nf_mask: u32,
    /// Places that the mark is shifted to the left; to the right if negative. -31 to 31.
    pub shift: i8,
}

/// What `-j CONNMARK` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnmarkAction {
    /// `--set-xmark` and its other forms.
    Set,
    /// `--save-mark`.
    Save,
    /// `--restore-mark`.
    Restore,
}

impl SetConnmark {
    /// Sets the connection mark to this value.
    pub const fn new(value: u32) -> SetConnmark {
        SetConnmark::xmark(value, u32::MAX)
    }

    /// Clears the bits of `mask`, then toggles those of `value`.
    pub const fn xmark(value: u32, mask: u32) -> SetConnmark {
        SetConnmark { value, ct_mask: mask, ..SetConnmark::copy(ConnmarkAction::Set) }
    }

    /// Copies the packet mark to the connection.
    pub const fn save() -> SetConnmark {
        SetConnmark::copy(ConnmarkAction::Save)
    }

    /// Copies the connection mark to the packet.
    pub const fn restore() -> SetConnmark {
        SetConnmark::copy(ConnmarkAction::Restore)
    }

    /// Copies these bits only.
    #[must_use]
    pub const fn mask(mut self, mask: u32) -> SetConnmark {
        self.ct_mask = mask;
        self.nf_mask = mask;
        self
    }

    const fn copy(action: ConnmarkAction) -> SetConnmark {
        SetConnmark { action, value: 0, ct_mask: u32::MAX, nf_mask: u32::MAX, shift: 0 }
    }
}

const ACTIONS: &[&str] =
    &["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark", "save-mark", "restore-mark"];

impl Extension for SetConnmark {
    const SPEC: Spec = Spec {
        name: "CONNMARK",
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
            Opt::flag("save-mark", "Copies the packet mark to the connection."),
            Opt::flag("restore-mark", "Copies the connection mark to the packet."),
            Opt::value("left-shift-mark", "PLACES", "Shifts it to the left, 0 to 31 places."),
            Opt::value("right-shift-mark", "PLACES", "Shifts it to the right, 0 to 31 places."),
            Opt::value("ctmask", "BITS", "Bits of the connection mark.").default("0xffffffff"),
            Opt::value("nfmask", "BITS", "Bits of the packet mark.").default("0xffffffff"),
            Opt::value("mask", "BITS", "Bits of both marks."),
        ],
        groups: &[Group::ExactlyOne(ACTIONS), Group::Excludes("mask", &["ctmask", "nfmask"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> SetConnmark {
        SetConnmark::copy(ConnmarkAction::Set)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let bits = |arg: &Arg<'_>| arg.u32(0, u32::MAX);
        match name {
            "set-xmark" => {
                let mark = arg.parse(Mark::parse)?;
                self.set(mark.value, mark.mask);
            }
            "set-mark" => {
                let mark = arg.parse(Mark::parse)?;
                self.set(mark.value, mark.value | mark.mask);
            }
            "and-mark" => self.set(0, !bits(arg)?),
            "or-mark" => self.set(bits(arg)?, bits(arg)?),
            "xor-mark" => self.set(bits(arg)?, 0),
            "save-mark" => self.action = ConnmarkAction::Save,
            "restore-mark" => self.action = ConnmarkAction::Restore,
            "left-shift-mark" => self.shift = shift(arg)?,
            "right-shift-mark" => self.shift = -shift(arg)?,
            "ctmask" => self.ct_mask = bits(arg)?,
            "nfmask" => self.nf_mask = bits(arg)?,
            _ => *self = self.mask(bits(arg)?),
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        if end.has("left-shift-mark") && end.has("right-shift-mark") {
            end.changed("of two shifts iptables keeps the last");
        }
        let set = self.action == ConnmarkAction::Set;
        if set && ["mask", "ctmask"].into_iter().any(|name| end.has(name)) {
            end.changed("where a mark is set, its mask is the last that is given, here or in another option");
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let name = match self.action {
            ConnmarkAction::Set => {
                let mark = Mark { value: self.value, mask: self.ct_mask };
                to.flag("set-xmark").with(|out| mark.push_full(out));
                return self.print_shift(to);
            }
            ConnmarkAction::Save => "save-mark",
            ConnmarkAction::Restore => "restore-mark",
        };
        to.flag(name).flag("nfmask").hex(self.nf_mask).flag("ctmask").hex(self.ct_mask);
        self.print_shift(to);
    }
}

impl TargetExtension for SetConnmark {
    fn effect(&self, _: Context) -> Effect {
        let (ct, nf) = (u128::from(self.ct_mask), u128::from(self.nf_mask));
        let (mark, connmark) = (Field::Mark, Field::ConnMark);
        let copy = |from, take, to, clear| Effect::Copy { from, take, shift: self.shift, to, clear, flip: 0 };
        match self.action {
            ConnmarkAction::Save => copy(mark, nf, connmark, ct),
            ConnmarkAction::Restore => copy(connmark, ct, mark, nf),
            ConnmarkAction::Set if self.shift == 0 => {
                Effect::Write { field: connmark, clear: ct, flip: u128::from(self.value) }
            }
            ConnmarkAction::Set => Effect::Copy {
                from: connmark,
                take: u128::from(!self.ct_mask),
                shift: self.shift,
                to: connmark,
                clear: u128::from(u32::MAX),
                flip: u128::from(self.shifted_value()),
            },
        }
    }
}

impl SetConnmark {
    fn set(&mut self, value: u32, mask: u32) {
        (self.action, self.value, self.ct_mask) = (ConnmarkAction::Set, value, mask);
    }

    fn shifted_value(&self) -> u32 {
        let places = u32::from(self.shift.unsigned_abs());
        let shifted =
            if self.shift < 0 { self.value.checked_shr(places) } else { self.value.checked_shl(places) };
        shifted.unwrap_or(0)
    }

    fn print_shift(&self, to: &mut Printer<'_>) {
        if self.shift != 0 {
            let name = if self.shift < 0 { "right-shift-mark" } else { "left-shift-mark" };
            to.flag(name).number(self.shift.unsigned_abs());
        }
    }
}

/// Places: the tools take 0 to 32, the kernel refuses 32.
fn shift(arg: &Arg<'_>) -> Result<i8, Fault> {
    let places = arg.u8(0, 32)?;
    if places == 32 {
        let fault = Fault::new(codes::PARSE_OUT_OF_RANGE, "the kernel shifts by at most 31 places");
        return Err(fault.about(Part::Value));
    }
    Ok(places as i8)
}
