//! `-j ECN`.

use crate::ext::*;
use crate::meaning::{Effect, Field};
use crate::value::proto;

/// Changes the bits of explicit congestion notification; the next rule follows.
///
/// To work round machines that drop packets which have them.
/// Only in table mangle, IPv4. The bits of the TCP header need `-p tcp`. `--ecn-tcp-remove` clears both of them, and
/// is saved alone if nothing else is changed.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter_ipv4/ipt_ECN.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetEcn {
    /// `--ecn-tcp-ece`: sets the ECE bit of the TCP header to this.
    pub ece: Option<bool>,
    /// `--ecn-tcp-cwr`: sets the CWR bit of the TCP header to this.
    pub cwr: Option<bool>,
    /// `--ecn-ip-ect`: sets the two bits of the IP header to this, 0 to 3.
    pub ect: Option<u8>,
}

impl SetEcn {
    /// Clears both bits of the TCP header.
    pub const fn remove() -> SetEcn {
        SetEcn { ece: Some(false), cwr: Some(false), ect: None }
    }
}

impl Extension for SetEcn {
    const SPEC: Spec = Spec {
        name: "ECN",
        kind: Kind::Target,
        aliases: &[],
        families: Families::V4,
        options: &[
            Opt::flag("ecn-tcp-remove", "Clears both bits of the TCP header."),
            Opt::value("ecn-tcp-cwr", "0|1", "Sets the CWR bit of the TCP header to this."),
            Opt::value("ecn-tcp-ece", "0|1", "Sets the ECE bit of the TCP header to this."),
            Opt::value("ecn-ip-ect", "NUMBER", "Sets the two bits of the IP header to this, 0 to 3."),
        ],
        groups: &[
            Group::AtLeastOne(&["ecn-tcp-remove", "ecn-tcp-cwr", "ecn-tcp-ece", "ecn-ip-ect"]),
            Group::Excludes("ecn-tcp-remove", &["ecn-tcp-cwr", "ecn-tcp-ece"]),
        ],
        places: Places::tables(&[TableName::Mangle]),
        protos: None,
    };

    fn load(_: Context) -> SetEcn {
        SetEcn { ece: None, cwr: None, ect: None }
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "ecn-tcp-remove" => (self.ece, self.cwr) = (Some(false), Some(false)),
            "ecn-tcp-cwr" => self.cwr = Some(arg.u8(0, 1)? == 1),
            "ecn-tcp-ece" => self.ece = Some(arg.u8(0, 1)? == 1),
            _ => self.ect = Some(arg.u8(0, 3)?),
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if *self == SetEcn::remove() {
            to.flag("ecn-tcp-remove");
            return;
        }
        for (name, bit) in [("ecn-tcp-ece", self.ece), ("ecn-tcp-cwr", self.cwr)] {
            if let Some(bit) = bit {
                to.flag(name).number(bit);
            }
        }
        if let Some(ect) = self.ect {
            to.flag("ecn-ip-ect").number(ect);
        }
    }

    fn protos(&self) -> Option<Protos> {
        (self.ece.is_some() || self.cwr.is_some()).then_some(Protos(&[proto::TCP]))
    }
}

impl TargetExtension for SetEcn {
    fn effect(&self, _: Context) -> Effect {
        let bit = |set: Option<bool>, bit: u128| {
            let write =
                |set| Effect::Write { field: Field::TcpFlags, clear: bit, flip: if set { bit } else { 0 } };
            set.map(write)
        };
        let ect = self.ect.map(|it| Effect::Write { field: Field::Tos, clear: 3, flip: u128::from(it) });
        Effect::Sequence(ect.into_iter().chain(bit(self.ece, 64)).chain(bit(self.cwr, 128)).collect())
    }
}
