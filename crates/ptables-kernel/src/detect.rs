//! Which back end holds the rules of a namespace.

use std::ffi::OsStr;
use std::fmt;

use ptables::dialect::{Backend, Dialect, Family};

use crate::error::Error;
use crate::kernel::Kernel;
use crate::tool::Task;

/// Which back end to use for a namespace, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    backend: Backend,
    reason: Reason,
    holders: Vec<(Backend, Family)>,
    legacy_hidden: bool,
}

/// Why a back end was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It alone holds rules.
    HoldsTheRules,
    /// Both or neither hold rules: it is what the plain command `iptables` uses.
    DefaultTool,
    /// There is no plain command `iptables`, and it is the one whose tools are installed; nft if both are.
    OnlyTool,
}

/// What an administrator should know about the rules of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DetectionWarning {
    /// Legacy and nft rules are both there: the kernel obeys both, each tool shows its own.
    RulesInBoth,
    /// Whether there are legacy rules can't be told: this is a user namespace whose root may not read
    /// `/proc/net/ip_tables_names` (`unshare --user --net` makes such ones).
    LegacyHidden,
}

impl fmt::Display for DetectionWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DetectionWarning::RulesInBoth => {
                "both legacy and nft rules are loaded: packets pass both, each tool shows only its own"
            }
            DetectionWarning::LegacyHidden => {
                "legacy rules can't be looked for: /proc/net/ip_tables_names is not readable here"
            }
        })
    }
}

impl Detection {
    /// The back end to use.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether a back end holds rules of a family: a rule, a user-defined chain, or a policy other than ACCEPT.
    pub fn holds(&self, backend: Backend, family: Family) -> bool {
        self.holders.contains(&(backend, family))
    }

    /// What to tell the administrator, if anything.
    pub fn warning(&self) -> Option<DetectionWarning> {
        let holds = |backend| self.holders.iter().any(|holder| holder.0 == backend);
        match Backend::ALL.into_iter().all(holds) {
            true => Some(DetectionWarning::RulesInBoth),
            false => self.legacy_hidden.then_some(DetectionWarning::LegacyHidden),
        }
    }
}

impl Kernel {
    /// Tells which back end holds the rules of the namespace, in either family.
    ///
    /// Legacy tables are looked up in `/proc/net/ip_tables_names`, and only those that are there are read: to run a
    /// legacy tool on another would load it, and with it the kernel's legacy hooks.
    ///
    /// # Errors
    ///
    /// [`Error::PermissionDenied`] if the rules can't be read, [`Error::ToolMissing`] if there is no iptables at all,
    /// and the errors of a run. A back end whose tools are missing is taken to hold nothing, unless legacy tables are
    /// loaded that nothing can read.
    pub fn detect(&self) -> Result<Detection, Error> {
        let mut holders = Vec::new();
        let mut legacy_hidden = false;
        for backend in Backend::ALL {
            for family in Family::ALL {
                match self.holds_rules(backend, family) {
                    Ok(true) => holders.push((backend, family)),
                    Ok(false) => {}
                    Err(Error::PermissionDenied { .. })
                        if backend == Backend::Legacy && self.namespace.may_administer() =>
                    {
                        legacy_hidden = true;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let alone = |backend| !holders.is_empty() && holders.iter().all(|holder| holder.0 == backend);
        let (backend, reason) = match Backend::ALL.into_iter().find(|backend| alone(*backend)) {
            Some(backend) => (backend, Reason::HoldsTheRules),
            None => self.installed()?,
        };
        Ok(Detection { backend, reason, holders, legacy_hidden })
    }

    /// The dialect of the plain command `iptables`: which back end and version an administrator gets without asking. Nothing is
    /// asked of the kernel.
    ///
    /// # Errors
    ///
    /// [`Error::ToolMissing`] if there is no such command, and the errors of a run.
    pub fn default_dialect(&self) -> Result<Dialect, Error> {
        let reported = self.reported(&self.default_tool()?)?;
        Ok(Dialect::new(reported.backend, reported.version))
    }

    fn installed(&self) -> Result<(Backend, Reason), Error> {
        match self.default_tool() {
            Ok(tool) => Ok((self.reported(&tool)?.backend, Reason::DefaultTool)),
            Err(Error::ToolMissing { .. }) => match self.tool(Family::V4, Backend::Nft, Task::Restore) {
                Err(Error::ToolMissing { .. }) => self
                    .tool(Family::V4, Backend::Legacy, Task::Restore)
                    .map(|_| (Backend::Legacy, Reason::OnlyTool)),
                found => found.map(|_| (Backend::Nft, Reason::OnlyTool)),
            },
            Err(error) => Err(error),
        }
    }

    fn holds_rules(&self, backend: Backend, family: Family) -> Result<bool, Error> {
        let tables = match backend {
            Backend::Legacy => self.legacy_tables(family)?,
            Backend::Nft => Vec::new(),
        };
        if backend == Backend::Legacy && tables.is_empty() {
            return Ok(false);
        }
        let tool = match self.tool(family, backend, Task::Save) {
            Err(Error::ToolMissing { .. }) if backend == Backend::Nft => return Ok(false),
            tool => tool?,
        };
        if backend == Backend::Nft {
            return Ok(has_rules(&self.save_with(&tool, &[])?.text));
        }
        for table in tables {
            if has_rules(&self.save_with(&tool, &[OsStr::new("-t"), OsStr::new(&table)])?.text) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether saved text holds more than built-in chains with policy ACCEPT.
fn has_rules(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| match line.first() {
        Some(b'-' | b'[') => true,
        Some(b':') => line.split(|byte| *byte == b' ').nth(1) != Some(b"ACCEPT"),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_tables_hold_nothing() {
        assert!(!has_rules(b""));
        assert!(!has_rules(b"# x\n*filter\n:INPUT ACCEPT [5:6]\nCOMMIT\n"));
        assert!(has_rules(b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n"));
        assert!(has_rules(b"*filter\n:INPUT ACCEPT [0:0]\n:own - [0:0]\nCOMMIT\n"));
        assert!(has_rules(b"*filter\n-A INPUT -j DROP\nCOMMIT\n"));
    }
}
