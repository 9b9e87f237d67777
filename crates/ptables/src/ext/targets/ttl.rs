//! `-j TTL`.

use crate::ext::*;
use crate::meaning::{Effect, Field};

/// Changes the time to live of the packet; the next rule follows.
///
/// Only in table mangle, IPv4. It stops at 0 and 255. Raising it can make packets go round for ever.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv4/ipt_TTL.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetTtl {
    /// What is done.
    pub action: SetTtlAction,
}

impl SetTtl {
    /// Sets it to this value.
    pub const fn new(value: u8) -> SetTtl {
        SetTtl { action: SetTtlAction::Set(value) }
    }

    /// Adds this much.
    pub const fn inc(amount: u8) -> SetTtl {
        SetTtl { action: SetTtlAction::Increase(amount) }
    }

    /// Takes this much away.
    pub const fn dec(amount: u8) -> SetTtl {
        SetTtl { action: SetTtlAction::Decrease(amount) }
    }
}

/// What `-j TTL` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetTtlAction {
    /// `--ttl-set`.
    Set(u8),
    /// `--ttl-dec`.
    Decrease(u8),
    /// `--ttl-inc`.
    Increase(u8),
}

impl Extension for SetTtl {
    const SPEC: Spec = Spec {
        name: "TTL",
        kind: Kind::Target,
        aliases: &[],
        families: Families::V4,
        options: &[
            Opt::value("ttl-set", "VALUE", "Sets it, 0 to 255."),
            Opt::value("ttl-dec", "AMOUNT", "Takes away, 1 to 255."),
            Opt::value("ttl-inc", "AMOUNT", "Adds, 1 to 255."),
        ],
        groups: &[Group::ExactlyOne(&["ttl-set", "ttl-dec", "ttl-inc"])],
        places: Places::tables(&[TableName::Mangle]),
        protos: None,
    };

    fn load(_: Context) -> SetTtl {
        SetTtl::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.action = match name {
            "ttl-set" => SetTtlAction::Set(arg.u8(0, 255)?),
            "ttl-dec" => SetTtlAction::Decrease(arg.u8(1, 255)?),
            _ => SetTtlAction::Increase(arg.u8(1, 255)?),
        };
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let (name, value) = match self.action {
            SetTtlAction::Set(value) => ("ttl-set", value),
            SetTtlAction::Decrease(amount) => ("ttl-dec", amount),
            SetTtlAction::Increase(amount) => ("ttl-inc", amount),
        };
        to.flag(name).number(value);
    }
}

impl TargetExtension for SetTtl {
    fn effect(&self, _: Context) -> Effect {
        match self.action {
            SetTtlAction::Set(value) => {
                Effect::Write { field: Field::HopLimit, clear: 255, flip: u128::from(value) }
            }
            SetTtlAction::Decrease(amount) => {
                Effect::Add { field: Field::HopLimit, amount: -i16::from(amount) }
            }
            SetTtlAction::Increase(amount) => {
                Effect::Add { field: Field::HopLimit, amount: i16::from(amount) }
            }
        }
    }
}
