//! `-j AUDIT`.

use crate::ext::*;
use crate::meaning::Effect;

/// Writes a record to the audit system that says what becomes of the packet; the next rule follows.
///
/// It only says so: a rule that does it must follow.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_AUDIT.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// What the record says.
    pub kind: AuditType,
}

impl Audit {
    /// A record that says this.
    pub const fn new(kind: AuditType) -> Audit {
        Audit { kind }
    }
}

/// What an audit record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditType {
    /// The packet is accepted.
    Accept,
    /// The packet is dropped.
    Drop,
    /// The packet is rejected.
    Reject,
}

const KINDS: [(&str, AuditType); 3] =
    [("accept", AuditType::Accept), ("drop", AuditType::Drop), ("reject", AuditType::Reject)];

impl Extension for Audit {
    const SPEC: Spec = Spec {
        name: "AUDIT",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("type", "accept|drop|reject", "What the record says; any case.").required()],
        groups: &[],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Audit {
        Audit::new(AuditType::Accept)
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let known = |text: &[u8]| KINDS.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(text));
        let (_, kind) = known(arg.value()).ok_or_else(|| arg.bad("accept, drop or reject"))?;
        self.kind = *kind;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if let Some((name, _)) = KINDS.iter().find(|(_, kind)| *kind == self.kind) {
            to.flag("type").word(name.as_bytes());
        }
    }
}

impl TargetExtension for Audit {
    fn effect(&self, _: Context) -> Effect {
        Effect::Continue("writes an audit record")
    }
}
