//! `-m devgroup`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::mark::Mark;
use crate::value::named;

// boxed: two values with masks.
/// Matches by the groups that interfaces are in (`ip link set … group`).
///
/// The source only where a packet has an incoming interface, the destination only where it has an outgoing one. 1.8.9
/// knows the name `default` for 0; other names stand in files of the machine.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_devgroup.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Devgroup {
    /// Group of the incoming interface.
    pub source: Option<Is<Mark>>,
    /// Group of the outgoing interface.
    pub destination: Option<Is<Mark>>,
}

impl Devgroup {
    /// The incoming interface is in this group.
    pub fn source(group: impl Into<Is<Mark>>) -> Devgroup {
        Devgroup { source: Some(group.into()), destination: None }
    }

    /// The outgoing interface is in this group.
    pub fn destination(group: impl Into<Is<Mark>>) -> Devgroup {
        Devgroup { source: None, destination: Some(group.into()) }
    }
}

const ZERO: &str = "default";

impl Extension for Devgroup {
    const SPEC: Spec = Spec {
        name: "devgroup",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("src-group", "N[/MASK]|NAME", "Group of the incoming interface.").negatable(),
            Opt::value("dst-group", "N[/MASK]|NAME", "Group of the outgoing interface.").negatable(),
        ],
        groups: &[Group::AtLeastOne(&["src-group", "dst-group"])],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Devgroup {
        Devgroup::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let group = arg.is(|text| named::parse(text, ZERO, arg.context.dialect))?;
        *(if name == "src-group" { &mut self.source } else { &mut self.destination }) = Some(group);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let dialect = to.context.dialect;
        let group = |it: Mark, out: &mut Vec<u8>| named::push(out, it, ZERO, dialect);
        to.is("src-group", self.source, group).is("dst-group", self.destination, group);
    }

    fn places(&self, _: Context) -> Places {
        let source = if self.source.is_some() { Hooks::INCOMING } else { Hooks::ALL };
        let destination = if self.destination.is_some() { Hooks::OUTGOING } else { Hooks::ALL };
        Places::hooks(source.and(destination))
    }
}

impl MatchExtension for Devgroup {
    fn meaning(&self, _: Context) -> Pred {
        let group = |field, it: Option<Is<Mark>>| {
            it.map_or(Pred::True, |it| {
                let (value, mask) = (u128::from(it.value.value), u128::from(it.value.mask));
                Pred::Bits(field, mask, value & mask).inverted(it.inverted)
            })
        };
        Pred::all([group(Field::InGroup, self.source), group(Field::OutGroup, self.destination)])
    }
}
