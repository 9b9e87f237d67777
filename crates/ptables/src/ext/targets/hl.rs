//! `-j HL`.

use crate::ext::*;
use crate::meaning::{Effect, Field};

/// Changes the hop limit of the packet; the next rule follows.
///
/// Only in table mangle, IPv6. It stops at 0 and 255. Raising it can make packets go round for ever.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv6/ip6t_HL.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetHl {
    /// What is done.
    pub action: SetHlAction,
}

impl SetHl {
    /// Sets it to this value.
    pub const fn new(value: u8) -> SetHl {
        SetHl { action: SetHlAction::Set(value) }
    }

    /// Adds this much.
    pub const fn inc(amount: u8) -> SetHl {
        SetHl { action: SetHlAction::Increase(amount) }
    }

    /// Takes this much away.
    pub const fn dec(amount: u8) -> SetHl {
        SetHl { action: SetHlAction::Decrease(amount) }
    }
}

/// What `-j HL` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetHlAction {
    /// `--hl-set`.
    Set(u8),
    /// `--hl-dec`.
    Decrease(u8),
    /// `--hl-inc`.
    Increase(u8),
}

impl Extension for SetHl {
    const SPEC: Spec = Spec {
        name: "HL",
        kind: Kind::Target,
        aliases: &[],
        families: Families::V6,
        options: &[
            Opt::value("hl-set", "VALUE", "Sets it, 0 to 255."),
            Opt::value("hl-dec", "AMOUNT", "Takes away, 1 to 255."),
            Opt::value("hl-inc", "AMOUNT", "Adds, 1 to 255."),
        ],
        groups: &[Group::ExactlyOne(&["hl-set", "hl-dec", "hl-inc"])],
        places: Places::tables(&[TableName::Mangle]),
        protos: None,
    };

    fn load(_: Context) -> SetHl {
        SetHl::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.action = match name {
            "hl-set" => SetHlAction::Set(arg.u8(0, 255)?),
            "hl-dec" => SetHlAction::Decrease(arg.u8(1, 255)?),
            _ => SetHlAction::Increase(arg.u8(1, 255)?),
        };
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let (name, value) = match self.action {
            SetHlAction::Set(value) => ("hl-set", value),
            SetHlAction::Decrease(amount) => ("hl-dec", amount),
            SetHlAction::Increase(amount) => ("hl-inc", amount),
        };
        to.flag(name).number(value);
    }
}

impl TargetExtension for SetHl {
    fn effect(&self, _: Context) -> Effect {
        match self.action {
            SetHlAction::Set(value) => {
                Effect::Write { field: Field::HopLimit, clear: 255, flip: u128::from(value) }
            }
            SetHlAction::Decrease(amount) => {
                Effect::Add { field: Field::HopLimit, amount: -i16::from(amount) }
            }
            SetHlAction::Increase(amount) => {
                Effect::Add { field: Field::HopLimit, amount: i16::from(amount) }
            }
        }
    }
}
