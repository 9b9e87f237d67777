//! `-m tcpmss`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::number::push_range;
use crate::value::proto;

/// Matches by the maximum segment size that a TCP segment announces, 0 to 65535.
///
/// Only SYN segments announce one; without it only the inverted condition holds.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_tcpmss.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcpmss {
    /// First and last size.
    pub mss: Is<(u16, u16)>,
}

impl Tcpmss {
    /// A size from `low` to `high`.
    pub fn new(low: u16, high: u16) -> Tcpmss {
        Tcpmss { mss: Is::from((low, high)) }
    }

    /// The opposite condition.
    #[must_use]
    pub fn inverted(mut self) -> Tcpmss {
        self.mss.inverted = !self.mss.inverted;
        self
    }
}

impl Extension for Tcpmss {
    const SPEC: Spec = Spec {
        name: "tcpmss",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("mss", "SIZE[:SIZE]", "Maximum segment size.").negatable().required()],
        groups: &[],
        places: Places::ANY,
        protos: Some(Protos(&[proto::TCP])),
    };

    fn load(_: Context) -> Tcpmss {
        Tcpmss::new(0, 0)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let (low, high) = arg.range_u16()?;
        if low > high {
            let fault = Fault::new(codes::PARSE_OUT_OF_RANGE, "the range of `--mss` begins after its end");
            return Err(fault.about(Part::Value));
        }
        self.mss = Is::new((low, high), arg.inverted);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.is("mss", Some(self.mss), |(low, high), out| push_range(out, u64::from(low), u64::from(high)));
    }
}

impl MatchExtension for Tcpmss {
    fn meaning(&self, _: Context) -> Pred {
        let (low, high) = self.mss.value;
        Pred::Range(Field::TcpMss, u128::from(low), u128::from(high)).inverted(self.mss.inverted)
    }
}
