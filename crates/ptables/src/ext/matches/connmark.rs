//! `-m connmark`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::mark;

/// Matches the connection mark, a 32-bit number that `-j CONNMARK` sets.
///
/// Only the bits of the mask are compared; a value with bits outside of its mask never matches. A packet that belongs
/// to no connection (invalid, untracked) never matches, not even inverted.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_connmark.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connmark {
    /// Value and mask.
    pub mark: mark::Mark,
    /// `! --mark`.
    pub inverted: bool,
}

impl Connmark {
    /// This mark in all bits.
    pub const fn new(value: u32) -> Connmark {
        Connmark { mark: mark::Mark::exactly(value), inverted: false }
    }

    /// Looks at the bits of `mask` only.
    #[must_use]
    pub const fn mask(mut self, mask: u32) -> Connmark {
        self.mark.mask = mask;
        self
    }
}

impl Extension for Connmark {
    const SPEC: Spec = Spec {
        name: "connmark",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("mark", "VALUE[/MASK]", "Mark of the connection, 32 bits in base 0.")
            .negatable()
            .required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Connmark {
        Connmark::new(0)
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

impl MatchExtension for Connmark {
    fn meaning(&self, _: Context) -> Pred {
        let present = if self.inverted { Pred::present(Field::ConnMark) } else { Pred::True };
        Pred::all([present, Pred::mark(Field::ConnMark, self.mark).inverted(self.inverted)])
    }
}
