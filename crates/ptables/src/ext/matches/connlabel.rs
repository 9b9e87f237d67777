//! `-m connlabel`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::number::{prefix_base0, push};
use crate::value::{Bad, BadKind, Parsed};

/// Matches by a label of the packet's connection, or sets it.
///
/// A label is a number from 0 to 127, or a name that stands in a file of the machine. Of a number the tools keep the low 16
/// bits: 65536 is 0.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_connlabel.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connlabel {
    /// Number of the label, 0 to 127.
    pub label: Is<u8>,
    /// The label is set before it is looked at.
    pub set: bool,
}

impl Connlabel {
    /// The connection has this label, 0 to 127.
    pub fn new(label: impl Into<Is<u8>>) -> Connlabel {
        Connlabel { label: label.into(), set: false }
    }

    /// Sets the label.
    #[must_use]
    pub const fn set(mut self) -> Connlabel {
        self.set = true;
        self
    }
}

impl Extension for Connlabel {
    const SPEC: Spec = Spec {
        name: "connlabel",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("label", "LABEL", "Number of the label, 0 to 127.").negatable().required(),
            Opt::flag("set", "Sets the label."),
        ],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Connlabel {
        Connlabel::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        if name == "set" {
            self.set = true;
            return Ok(());
        }
        let (label, wrapped) = arg.parse(label)?;
        if wrapped {
            arg.changed(format!("iptables keeps the low 16 bits of a label: this is {label}"));
        }
        self.label = Is::new(label, arg.inverted);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("label", Some(self.label), |label, out| {
            out.push(b'"');
            push(out, u64::from(label));
            out.push(b'"');
        });
        if self.set {
            to.flag("set");
        }
    }
}

impl MatchExtension for Connlabel {
    fn meaning(&self, _: Context) -> Pred {
        let has = match self.set {
            true => Pred::SetLabel(self.label.value),
            false => Pred::AnyBit(Field::CtLabels, 1 << self.label.value),
        };
        has.inverted(self.label.inverted)
    }
}

/// The number, and whether high bits are lost.
fn label(text: &[u8]) -> Parsed<(u8, bool)> {
    match prefix_base0(text) {
        // The tools hold it in a signed 32-bit number first.
        Some((number, [])) if number as i32 >= 0 => match u8::try_from(number as u16) {
            Ok(label @ 0..=127) => Ok((label, number > 127)),
            _ => Err(Bad::range("a label from 0 to 127")),
        },
        Some((_, [])) => Err(Bad::range("a label from 0 to 127")),
        _ if text.is_empty() => Err(Bad::form("a label from 0 to 127")),
        _ => Err(Bad::new(BadKind::Name, "a label from 0 to 127: names are not looked up")),
    }
}
