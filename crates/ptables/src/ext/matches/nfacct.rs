//! `-m nfacct`.

use crate::ext::*;
use crate::meaning::{Need, Pred};
use crate::source::Text;

/// Counts the packet in an accounting object (`nfacct add NAME`); matches every packet unless the object has a quota.
///
/// The object must exist when the rule is loaded. Its name has 1 to 31 bytes; iptables cuts the rest in silence.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_nfacct.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nfacct {
    /// Name of the object.
    pub name: Text,
}

impl Nfacct {
    /// The object of this name.
    pub fn new(name: impl Into<Text>) -> Nfacct {
        Nfacct { name: name.into() }
    }
}

impl Extension for Nfacct {
    const SPEC: Spec = Spec {
        name: "nfacct",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("nfacct-name", "NAME", "Name of the object, at most 31 bytes.").required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Nfacct {
        Nfacct::new(Text::default())
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        if arg.value().is_empty() || arg.value().contains(&b'\n') {
            return Err(arg.bad("a name of 1 to 31 bytes, none of them a line break"));
        }
        self.name = arg.cut(31);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        // The tools print two blanks.
        to.flag("nfacct-name").word(b"").quoted(&self.name);
    }
}

impl MatchExtension for Nfacct {
    fn meaning(&self, _: Context) -> Pred {
        Pred::Needs(Need::Other("the quota of an accounting object"))
    }
}
