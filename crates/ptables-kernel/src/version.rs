//! What the tools say about themselves: `iptables v1.8.9 (nf_tables)`.

use ptables::dialect::{Backend, Family, Version};

use crate::error::Error;
use crate::kernel::Kernel;
use crate::tool::Task;

impl Kernel {
    /// The version of the tools of a back end.
    ///
    /// # Errors
    ///
    /// [`Error::ToolMissing`], [`Error::ToolUnsafe`] and the errors of a run; [`Error::UnknownVersion`] if the answer
    /// can't be read or is that of the other back end.
    pub fn version(&self, backend: Backend) -> Result<Version, Error> {
        let tool = self.tool(Family::V4, backend, Task::Restore)?;
        let reported = self.reported(&tool)?;
        match reported.backend == backend {
            true => Ok(reported.version),
            false => Err(Error::UnknownVersion {
                tool: tool.path,
                output: format!("{} of {}", reported.version, reported.backend),
            }),
        }
    }
}

/// The answer to `--version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) version: Version,
    pub(crate) backend: Backend,
}

impl Reported {
    /// Reads `NAME vMAJOR.MINOR[.PATCH][-rest] [(legacy|nf_tables)]`. Before 1.8 there was only legacy, unnamed.
    pub(crate) fn parse(text: &str) -> Option<Reported> {
        let mut words = text.split_whitespace();
        let number = words.nth(1)?.strip_prefix('v')?;
        let mut parts = number.split(['.', '-', '_']).map(|part| part.parse::<u16>().ok());
        let version = Version {
            major: parts.next()??,
            minor: parts.next()??,
            patch: parts.next().flatten().unwrap_or_default(),
        };
        let backend = match words.next() {
            None | Some("(legacy)") => Backend::Legacy,
            Some("(nf_tables)") => Backend::Nft,
            Some(_) => return None,
        };
        Some(Reported { version, backend })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_both_back_ends_and_of_old_tools_are_read() {
        let version = |major, minor, patch| Version { major, minor, patch };
        let legacy = |version| Some(Reported { version, backend: Backend::Legacy });
        let nft = |version| Some(Reported { version, backend: Backend::Nft });
        assert_eq!(Reported::parse("iptables v1.8.9 (legacy)\n"), legacy(version(1, 8, 9)));
        assert_eq!(Reported::parse("ip6tables-nft-restore v1.8.11 (nf_tables)\n"), nft(version(1, 8, 11)));
        assert_eq!(Reported::parse("iptables v1.6.1\n"), legacy(version(1, 6, 1)));
        assert_eq!(Reported::parse("iptables v1.10\n"), legacy(version(1, 10, 0)));
        assert_eq!(Reported::parse("iptables v1.8.9 (something)\n"), None);
        assert_eq!(Reported::parse("nft v1.0.6 (Lester Gooch #5)\n"), None);
        assert_eq!(Reported::parse(""), None);
    }
}
