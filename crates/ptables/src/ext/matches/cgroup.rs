//! `-m cgroup`.

use crate::ext::*;
use crate::meaning::{Field, Need, Pred};
use crate::source::Text;
use crate::value::is::Is;
use crate::value::number::push;

// boxed: a path.
/// Matches packets by the control group of the process that sends or receives them.
///
/// A path (at most 511 bytes) must exist when the rule is loaded. Only in INPUT, OUTPUT and POSTROUTING.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_cgroup.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Which group.
    pub group: Is<ControlGroup>,
}

/// How a control group is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlGroup {
    /// `--cgroup`: the class of net_cls (version 1).
    Class(u32),
    /// `--path`: a path of version 2.
    Path(Text),
}

impl Cgroup {
    /// The class of net_cls.
    pub fn class(class: u32) -> Cgroup {
        Cgroup { group: Is::from(ControlGroup::Class(class)) }
    }

    /// A path of version 2.
    pub fn path(path: impl Into<Text>) -> Cgroup {
        Cgroup { group: Is::from(ControlGroup::Path(path.into())) }
    }

    /// The opposite condition.
    #[must_use]
    pub fn inverted(mut self) -> Cgroup {
        self.group.inverted = !self.group.inverted;
        self
    }
}

impl Extension for Cgroup {
    const SPEC: Spec = Spec {
        name: "cgroup",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("path", "PATH", "Path of the group, version 2.").negatable(),
            Opt::value("cgroup", "CLASS", "Class of the group, version 1.").negatable(),
        ],
        groups: &[Group::ExactlyOne(&["path", "cgroup"])],
        places: Places::hooks(Hooks::of(&[Hook::Input, Hook::Output, Hook::Postrouting])),
        protos: None,
    };

    fn load(_: Context) -> Cgroup {
        Cgroup::class(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let group = if name == "path" {
            ControlGroup::Path(arg.cut(511))
        } else {
            ControlGroup::Class(arg.u32(0, u32::MAX)?)
        };
        self.group = Is::new(group, arg.inverted);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let to = to.not(self.group.inverted);
        match &self.group.value {
            ControlGroup::Class(class) => to.flag("cgroup").with(|out| push(out, u64::from(*class))),
            ControlGroup::Path(path) => to.flag("path").quoted(path),
        };
    }
}

impl MatchExtension for Cgroup {
    fn meaning(&self, _: Context) -> Pred {
        // Without a socket there is no match, inverted or not.
        let is = match &self.group.value {
            ControlGroup::Class(class) => Pred::is(Field::ControlGroup, u128::from(*class)),
            ControlGroup::Path(_) => Pred::Needs(Need::Other("the control group of a process")),
        };
        Pred::all([Pred::present(Field::ControlGroup), is.inverted(self.group.inverted)])
    }
}
