//! The options of a rule itself, and how a word finds its option, as getopt_long does it.

use crate::ext::{Kind, Opt, Spec, Takes};

/// An option that belongs to the rule and not to an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Main {
    Source,
    Destination,
    Proto,
    InIface,
    OutIface,
    Fragment,
    Match,
    Jump,
    Goto,
    Counters,
    Ipv4,
    Ipv6,
    /// `-v`: changes nothing.
    Verbose,
    /// `--modprobe`: changes nothing here.
    Modprobe,
    /// What rule lines must not hold: `-t`, `-w`, `-n`, `-x`, a second command …
    Refused,
}

/// Long names, as iptables has them. An abbreviation must fit one option only, so those that are refused count too.
const LONG: [(&str, Main); 38] = [
    ("source", Main::Source),
    ("src", Main::Source),
    ("destination", Main::Destination),
    ("dst", Main::Destination),
    ("protocol", Main::Proto),
    ("in-interface", Main::InIface),
    ("out-interface", Main::OutIface),
    ("fragment", Main::Fragment),
    ("fragments", Main::Fragment),
    ("match", Main::Match),
    ("jump", Main::Jump),
    ("goto", Main::Goto),
    ("set-counters", Main::Counters),
    ("ipv4", Main::Ipv4),
    ("ipv6", Main::Ipv6),
    ("verbose", Main::Verbose),
    ("modprobe", Main::Modprobe),
    ("append", Main::Refused),
    ("delete", Main::Refused),
    ("check", Main::Refused),
    ("insert", Main::Refused),
    ("replace", Main::Refused),
    ("list", Main::Refused),
    ("list-rules", Main::Refused),
    ("flush", Main::Refused),
    ("zero", Main::Refused),
    ("new-chain", Main::Refused),
    ("delete-chain", Main::Refused),
    ("rename-chain", Main::Refused),
    ("policy", Main::Refused),
    ("table", Main::Refused),
    ("numeric", Main::Refused),
    ("wait", Main::Refused),
    ("wait-interval", Main::Refused),
    ("exact", Main::Refused),
    ("version", Main::Refused),
    ("help", Main::Refused),
    ("line-numbers", Main::Refused),
];

impl Main {
    /// The option of a short letter.
    pub(crate) fn short(letter: u8) -> Option<Main> {
        Some(match letter {
            b's' => Main::Source,
            b'd' => Main::Destination,
            b'p' => Main::Proto,
            b'i' => Main::InIface,
            b'o' => Main::OutIface,
            b'f' => Main::Fragment,
            b'm' => Main::Match,
            b'j' => Main::Jump,
            b'g' => Main::Goto,
            b'c' => Main::Counters,
            b'4' => Main::Ipv4,
            b'6' => Main::Ipv6,
            b'v' => Main::Verbose,
            b'M' => Main::Modprobe,
            b'A' | b'C' | b'D' | b'R' | b'I' | b'L' | b'S' | b'F' | b'Z' | b'N' | b'X' | b'E' | b'P'
            | b'V' | b'h' | b'b' | b'w' | b'W' | b'n' | b't' | b'x' => Main::Refused,
            _ => return None,
        })
    }

    /// How many words follow.
    pub(crate) fn takes(self) -> Takes {
        match self {
            Main::Source
            | Main::Destination
            | Main::Proto
            | Main::InIface
            | Main::OutIface
            | Main::Match
            | Main::Jump
            | Main::Goto
            | Main::Modprobe => Takes::Value,
            Main::Counters => Takes::TwoValues,
            Main::Fragment | Main::Ipv4 | Main::Ipv6 | Main::Verbose | Main::Refused => Takes::Nothing,
        }
    }

    /// Whether `!` may stand before it.
    pub(crate) fn negatable(self) -> bool {
        matches!(
            self,
            Main::Source | Main::Destination | Main::Proto | Main::InIface | Main::OutIface | Main::Fragment
        )
    }

    fn exact(name: &[u8]) -> Option<Main> {
        LONG.iter()
            .find(|(known, _)| known.as_bytes().first() == name.first() && known.as_bytes() == name)
            .map(|(_, main)| *main)
    }
}

/// What a long word names.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// An option of the rule.
    Main(Main),
    /// An option of an extension: which of the loaded ones, and which of its options.
    Extension(usize, usize),
    /// Several options begin so.
    Ambiguous(Vec<&'static str>),
    /// None does.
    Unknown,
}

/// Finds the option that a long name (without dashes) means, spelled in full. `specs` are the loaded extensions in the order
/// loaded; later ones win.
pub(crate) fn exact<'s>(name: &[u8], specs: impl DoubleEndedIterator<Item = (usize, &'s Spec)>) -> Found {
    for (index, spec) in specs.rev() {
        if let Some(option) = option_of(spec, name) {
            // A name that the rule has itself would win, but no extension has such a name (a test walks them).
            return Found::Extension(index, option);
        }
    }
    Main::exact(name).map_or(Found::Unknown, Found::Main)
}

/// The option of an extension that has exactly this name.
pub(crate) fn option_of(spec: &Spec, name: &[u8]) -> Option<usize> {
    // Length and first byte decide nearly always; comparing the rest is a call.
    let same = |known: &str| {
        known.len() == name.len() && known.as_bytes().first() == name.first() && known.as_bytes() == name
    };
    spec.options.iter().position(|option: &Opt| same(option.name) || option.aliases.iter().any(|it| same(it)))
}

/// Whether an option of an extension begins with this name.
pub(crate) fn has_beginning_with(spec: &Spec, name: &[u8]) -> bool {
    spec.options.iter().any(|option| option.names().any(|known| known.as_bytes().starts_with(name)))
}

/// The only option that begins with this name.
pub(crate) fn abbreviated<'s>(
    name: &[u8],
    specs: impl DoubleEndedIterator<Item = (usize, &'s Spec)>,
) -> Found {
    let mut found = Found::Unknown;
    let mut names: Vec<&'static str> = Vec::new();
    for (known, main) in LONG.iter().filter(|(known, _)| known.as_bytes().starts_with(name)) {
        let same = matches!(found, Found::Main(other) if other == *main && other != Main::Refused);
        if !same {
            names.push(known);
            found = Found::Main(*main);
        }
    }
    let mut seen: Vec<(Kind, &str)> = Vec::new();
    for (index, spec) in specs.rev() {
        // Of a match that is named twice the later one takes it: that is no doubt.
        if seen.contains(&(spec.kind, spec.name)) {
            continue;
        }
        seen.push((spec.kind, spec.name));
        for (at, option) in spec.options.iter().enumerate() {
            if let Some(known) = option.names().find(|known| known.as_bytes().starts_with(name)) {
                names.push(known);
                found = Found::Extension(index, at);
            }
        }
    }
    if names.len() > 1 { Found::Ambiguous(names) } else { found }
}

/// Every long name that could be meant, for suggestions.
pub(crate) fn candidates<'s>(specs: impl Iterator<Item = &'s Spec>) -> Vec<&'static str> {
    let usable = LONG.iter().filter(|(_, main)| *main != Main::Refused).map(|(name, _)| *name);
    usable.chain(specs.flat_map(|spec| spec.options.iter().flat_map(Opt::names))).collect()
}

/// `match` or `target`.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Match => "match",
        Kind::Target => "target",
    }
}
