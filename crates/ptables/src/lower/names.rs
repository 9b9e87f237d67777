//! Names of extensions that iptables 1.8 itself does not have: those of xtables-addons and of old kernels.

/// Matches that are kept word for word.
const MATCHES: &[&str] = &[
    "account",
    "condition",
    "dhcpmac",
    "fuzzy",
    "geoip",
    "gradm",
    "iface",
    "ipp2p",
    "ipv4options",
    "length2",
    "lscan",
    "psd",
    "quota2",
];

/// Targets that are kept word for word.
const TARGETS: &[&str] = &[
    "ACCOUNT", "ASN", "CHAOS", "DELUDE", "DHCPMAC", "DNETMAP", "ECHO", "IPMARK", "LOGMARK", "MIRROR",
    "PROTO", "STEAL", "SYSRQ", "TARPIT",
];

/// Whether a match of this name is known to exist.
pub(super) fn is_match(name: &[u8]) -> bool {
    MATCHES.iter().any(|known| known.as_bytes() == name)
}

/// Whether a target of this name is known to exist.
pub(super) fn is_target(name: &[u8]) -> bool {
    TARGETS.iter().any(|known| known.as_bytes() == name)
}

/// Every match name that could be meant, for suggestions.
pub(super) fn matches() -> impl Iterator<Item = &'static str> {
    MATCHES.iter().copied()
}

/// Every target name that could be meant, for suggestions.
pub(super) fn targets() -> impl Iterator<Item = &'static str> {
    TARGETS.iter().copied()
}
