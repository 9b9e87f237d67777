//! `-m helper`.

use crate::ext::*;
use crate::meaning::Pred;
use crate::source::Text;
use crate::value::is::Is;

// boxed: a name and whether it is inverted.
/// Matches packets of connections that a helper of connection tracking follows (`ftp`, `sip`, `ftp-2121`).
///
/// Names have at most 29 bytes; the rest is cut in silence. The empty name is any helper.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_helper.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// Name of the helper.
    pub helper: Is<Text>,
}

impl Helper {
    /// This helper.
    pub fn new(helper: impl Into<Text>) -> Helper {
        Helper { helper: Is::from(helper.into()) }
    }

    /// The opposite condition.
    #[must_use]
    pub fn inverted(mut self) -> Helper {
        self.helper.inverted = !self.helper.inverted;
        self
    }
}

impl Extension for Helper {
    const SPEC: Spec = Spec {
        name: "helper",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("helper", "NAME", "Name of the helper.").negatable().required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Helper {
        Helper::new(Text::default())
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.helper = Is::new(arg.cut(29), arg.inverted);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.not(self.helper.inverted).flag("helper").quoted(&self.helper.value);
    }
}

impl MatchExtension for Helper {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Helper(self.helper.value.clone()).inverted(self.helper.inverted)
    }
}
