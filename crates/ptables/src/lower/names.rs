//! Names of extensions that iptables has but the catalogue does not have yet, and names of others.

/// Matches of iptables 1.8 and of xtables-addons that are kept word for word.
const MATCHES: &[&str] = &[
    "account",
    "bpf",
    "cluster",
    "condition",
    "connlabel",
    "cpu",
    "dhcpmac",
    "dst",
    "ecn",
    "eui64",
    "frag",
    "fuzzy",
    "geoip",
    "gradm",
    "hbh",
    "iface",
    "ipcomp",
    "ipp2p",
    "ipv4options",
    "ipv6header",
    "ipvs",
    "length2",
    "lscan",
    "mh",
    "nfacct",
    "osf",
    "psd",
    "quota2",
    "rateest",
    "rt",
    "srh",
    "u32",
];

/// Targets of iptables 1.8 and of xtables-addons that are kept word for word.
const TARGETS: &[&str] = &[
    "ACCOUNT", "ASN", "CHAOS", "DELUDE", "DHCPMAC", "DNETMAP", "ECHO", "HMARK", "IPMARK", "LOGMARK",
    "MIRROR", "PROTO", "SET", "STEAL", "SYSRQ", "TARPIT",
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
