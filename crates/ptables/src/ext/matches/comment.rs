//! `-m comment`.

use crate::ext::*;
use crate::meaning::Pred;
use crate::source::Text;

/// Carries a remark; matches every packet.
///
/// At most 255 bytes, of any value but NUL; iptables cuts the rest in silence. A line break can be entered on a command
/// line, but the saved rule cannot be read back.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_comment.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The remark.
    pub text: Text,
}

impl Extension for Comment {
    const SPEC: Spec = Spec {
        name: "comment",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("comment", "TEXT", "The remark, at most 255 bytes.").required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Comment {
        Comment { text: Text::default() }
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.text = arg.cut(255);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("comment").quoted(&self.text);
    }
}

impl MatchExtension for Comment {
    fn meaning(&self, _: Context) -> Pred {
        Pred::True
    }
}
