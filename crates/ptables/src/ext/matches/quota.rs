//! `-m quota`.

use crate::ext::*;
use crate::meaning::{Need, Pred};
use crate::value::is::Is;
use crate::value::number::{push, u64_base0};

/// Matches until a number of bytes has passed.
///
/// The count begins anew when the rule is loaded.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_quota.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Bytes.
    pub bytes: Is<u64>,
}

impl Quota {
    /// Matches until so many bytes have passed, or (`not(…)`) from then on.
    pub fn new(bytes: impl Into<Is<u64>>) -> Quota {
        Quota { bytes: bytes.into() }
    }
}

impl Extension for Quota {
    const SPEC: Spec = Spec {
        name: "quota",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("quota", "BYTES", "How many bytes match.").negatable().required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Quota {
        Quota::new(0)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.bytes = arg.is(u64_base0)?;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("quota", Some(self.bytes), |bytes, out| push(out, bytes));
    }
}

impl MatchExtension for Quota {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Needs(Need::Quota(self.bytes.value)).inverted(self.bytes.inverted)
    }
}
