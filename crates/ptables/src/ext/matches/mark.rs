//! `-m mark`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::mark;

/// Matches the packet mark, a 32-bit number that other rules (`-j MARK`) and routing set.
///
/// Only the bits of the mask are compared; a value with bits outside of its mask never matches. A packet that nobody
/// marked has mark 0.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_mark.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Value and mask.
    pub mark: mark::Mark,
    /// `! --mark`.
    pub inverted: bool,
}

impl Mark {
    /// This mark in all bits.
    pub const fn new(value: u32) -> Mark {
        Mark { mark: mark::Mark::exactly(value), inverted: false }
    }

    /// Looks at the bits of `mask` only.
    #[must_use]
    pub const fn mask(mut self, mask: u32) -> Mark {
        self.mark.mask = mask;
        self
    }
}

impl Extension for Mark {
    const SPEC: Spec = Spec {
        name: "mark",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("mark", "VALUE[/MASK]", "Mark of the packet, 32 bits in base 0.")
            .negatable()
            .required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Mark {
        Mark::new(0)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.mark = arg.parse(mark::Mark::parse)?;
        self.inverted = arg.inverted;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.not(self.inverted).flag("mark").with(|out| self.mark.push(out));
    }
}

impl MatchExtension for Mark {
    fn meaning(&self, _: Context) -> Pred {
        Pred::mark(Field::Mark, self.mark).inverted(self.inverted)
    }
}
