//! `-j SECMARK`.

use crate::ext::*;
use crate::meaning::Effect;
use crate::source::Text;

/// Sets the security mark of the packet, which SELinux policies look at; the next rule follows.
///
/// Only in tables mangle and security. The context must be one of the policy that is loaded, which only that machine
/// knows. It has at most 255 bytes; iptables cuts the rest in silence, and saves it without quotes.
///
/// Source: iptables 1.8.9, its reader probed on both back ends (no policy was loaded, so the saved form is not
/// measured); `linux/netfilter/xt_SECMARK.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secmark {
    /// Security context.
    pub context: Text,
}

impl Secmark {
    /// This security context.
    pub fn new(context: impl Into<Text>) -> Secmark {
        Secmark { context: context.into() }
    }
}

impl Extension for Secmark {
    const SPEC: Spec = Spec {
        name: "SECMARK",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("selctx", "CONTEXT", "Security context of SELinux.").required()],
        groups: &[],
        places: Places::tables(&[TableName::Mangle, TableName::Security]),
        protos: None,
    };

    fn load(_: Context) -> Secmark {
        Secmark::new(Text::default())
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        if arg.value().is_empty() {
            return Err(arg.bad("a security context"));
        }
        self.context = arg.cut(255);
        arg.warn_unquoted(&self.context);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        to.flag("selctx").word(&self.context);
    }
}

impl TargetExtension for Secmark {
    fn effect(&self, _: Context) -> Effect {
        Effect::Rewrite("the security mark of the packet")
    }
}
