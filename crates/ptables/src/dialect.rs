//! Layer 0. Which iptables a ruleset is meant for: address family, back end, version.

use std::fmt;
use std::str::FromStr;

/// The address family of a ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4: `iptables`.
    V4,
    /// IPv6: `ip6tables`.
    V6,
}

/// The part of the kernel that holds the rules. Two dialects: they accept and print differently in places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Backend {
    /// `ip_tables`: `iptables-legacy`.
    Legacy,
    /// `nf_tables`: `iptables-nft`.
    Nft,
}

/// A version of the iptables tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// `1` of 1.8.9.
    pub major: u16,
    /// `8` of 1.8.9.
    pub minor: u16,
    /// `9` of 1.8.9.
    pub patch: u16,
}

impl Version {
    /// 1.8.9, of Debian 12: the default, and the version that most facts were measured on.
    pub const V1_8_9: Version = Version { major: 1, minor: 8, patch: 9 };
    /// 1.8.11.
    pub const V1_8_11: Version = Version { major: 1, minor: 8, patch: 11 };
}

/// What a [`Config`](crate::model::Config) is lowered for. Default: nft, 1.8.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Dialect {
    /// Legacy or nft.
    pub backend: Backend,
    /// Version of the tools.
    pub version: Version,
}

impl Dialect {
    /// A dialect.
    pub const fn new(backend: Backend, version: Version) -> Dialect {
        Dialect { backend, version }
    }

    /// Whether the tools have the fixes of 1.8.11 (facts: `probes-1.8.11-differences`).
    pub fn since_1_8_11(self) -> bool {
        self.version >= Version::V1_8_11
    }

    /// Whether the back end is nft.
    pub fn is_nft(self) -> bool {
        self.backend == Backend::Nft
    }
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect::new(Backend::Nft, Version::V1_8_9)
    }
}

impl Family {
    /// Both, IPv4 first.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// Width of an address in bits.
    pub const fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }
}

impl Backend {
    /// Both.
    pub const ALL: [Backend; 2] = [Backend::Legacy, Backend::Nft];
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Backend::Legacy => "legacy",
            Backend::Nft => "nft",
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What a name was not: the message says what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseDialectError {
    expected: &'static str,
}

impl fmt::Display for ParseDialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for ParseDialectError {}

impl FromStr for Family {
    type Err = ParseDialectError;
    fn from_str(text: &str) -> Result<Family, ParseDialectError> {
        match text {
            "4" | "ipv4" | "v4" => Ok(Family::V4),
            "6" | "ipv6" | "v6" => Ok(Family::V6),
            _ => Err(ParseDialectError { expected: "`4` or `6`" }),
        }
    }
}

impl FromStr for Backend {
    type Err = ParseDialectError;
    fn from_str(text: &str) -> Result<Backend, ParseDialectError> {
        match text {
            "legacy" => Ok(Backend::Legacy),
            "nft" | "nf_tables" => Ok(Backend::Nft),
            _ => Err(ParseDialectError { expected: "`legacy` or `nft`" }),
        }
    }
}

impl FromStr for Version {
    type Err = ParseDialectError;
    fn from_str(text: &str) -> Result<Version, ParseDialectError> {
        let error = ParseDialectError { expected: "a version such as `1.8.9`" };
        let mut parts = text.trim_start_matches('v').split('.').map(|part| part.parse::<u16>());
        let mut next = || parts.next().and_then(Result::ok);
        match (next(), next(), next()) {
            (Some(major), Some(minor), Some(patch)) => Ok(Version { major, minor, patch }),
            _ => Err(error),
        }
    }
}
