//! What an extension is called, which options it has and where it may stand.

use std::str::FromStr;

use super::places::{Hooks, Places, TableSet};
use crate::dialect::Family;
use crate::value::proto::{self, Proto};

/// Match or target: two name spaces (`mark` and `MARK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `-m NAME`.
    Match,
    /// `-j NAME`.
    Target,
}

/// Address families that have an extension, or that a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4 and IPv6.
    Both,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Families {
    /// One family.
    pub const fn one(family: Family) -> Families {
        match family {
            Family::V4 => Families::V4,
            Family::V6 => Families::V6,
        }
    }

    /// The only one, if it is one.
    pub const fn only(self) -> Option<Family> {
        match self {
            Families::Both => None,
            Families::V4 => Some(Family::V4),
            Families::V6 => Some(Family::V6),
        }
    }

    /// Whether this family is among them.
    pub fn has(self, family: Family) -> bool {
        match self {
            Families::Both => true,
            Families::V4 => family == Family::V4,
            Families::V6 => family == Family::V6,
        }
    }
}

/// `4`, `6`, or `both`, as [`Family`] reads them.
impl FromStr for Families {
    type Err = String;
    fn from_str(text: &str) -> Result<Families, String> {
        if text.eq_ignore_ascii_case("both") {
            return Ok(Families::Both);
        }
        let family = text.parse::<Family>();
        family.map(Families::one).map_err(|_| format!("the family is `4`, `6` or `both`, not `{text}`"))
    }
}

/// Facts about one extension.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// As `-m` or `-j` names it and iptables-save prints it.
    pub name: &'static str,
    /// Match or target.
    pub kind: Kind,
    /// Other names that load it.
    pub aliases: &'static [&'static str],
    /// Families that have it.
    pub families: Families,
    /// Its options.
    pub options: &'static [Opt],
    /// Options that exclude or need each other.
    pub groups: &'static [Group],
    /// Tables and hooks where the kernel takes it.
    pub places: Places,
    /// Protocols that the kernel demands of its rule, if any.
    pub protos: Option<Protos>,
}

impl Spec {
    /// Where it may stand, in a sentence, as far as its options do not decide.
    pub fn places_text(&self) -> String {
        let list = |names: Vec<&str>| names.join(", ");
        let mut text = match (self.places.tables == TableSet::ALL, self.places.hooks == Hooks::ALL) {
            (true, true) => "Anywhere.".to_owned(),
            (false, true) => {
                format!("In table {}.", list(self.places.tables.iter().map(|it| it.as_str()).collect()))
            }
            (true, false) => {
                format!("Reached from {}.", list(self.places.hooks.iter().map(|it| it.as_str()).collect()))
            }
            (false, false) => format!(
                "In table {}, reached from {}.",
                list(self.places.tables.iter().map(|it| it.as_str()).collect()),
                list(self.places.hooks.iter().map(|it| it.as_str()).collect())
            ),
        };
        if let Some(protos) = self.protos {
            let names: Vec<String> = protos
                .0
                .iter()
                .map(|it| {
                    proto::printed_name(*it, crate::dialect::Dialect::default())
                        .map_or_else(|| it.to_string(), str::to_owned)
                })
                .collect();
            text.push_str(&format!(" Its rule must say `-p {}`.", names.join("` or `-p ")));
        }
        text
    }
}

/// Protocols, one of which a rule must name with `-p`, not inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protos(pub &'static [Proto]);

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// One word.
    Value,
    /// Two words.
    TwoValues,
    /// One word, or nothing where the next word is an option.
    Maybe,
}

/// One option of an extension.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// Long name without dashes, as printed.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What follows.
    pub takes: Takes,
    /// What the value is, in capitals (`RATE`); empty for a flag.
    pub metavar: &'static str,
    /// One sentence for users.
    pub doc: &'static str,
    /// Whether `!` may stand before it.
    pub negatable: bool,
    /// Whether the extension is refused without it.
    pub required: bool,
    /// Whether it may be given twice.
    pub repeatable: bool,
    /// What holds without it, as printed.
    pub default: Option<&'static str>,
}

impl Opt {
    /// An option with one value.
    pub const fn value(name: &'static str, metavar: &'static str, doc: &'static str) -> Opt {
        Opt {
            name,
            aliases: &[],
            takes: Takes::Value,
            metavar,
            doc,
            negatable: false,
            required: false,
            repeatable: false,
            default: None,
        }
    }

    /// An option without a value.
    pub const fn flag(name: &'static str, doc: &'static str) -> Opt {
        Opt { takes: Takes::Nothing, ..Opt::value(name, "", doc) }
    }

    /// An option with two values.
    pub const fn two(name: &'static str, metavar: &'static str, doc: &'static str) -> Opt {
        Opt { takes: Takes::TwoValues, ..Opt::value(name, metavar, doc) }
    }

    /// An option that may have a value.
    pub const fn maybe(name: &'static str, metavar: &'static str, doc: &'static str) -> Opt {
        Opt { takes: Takes::Maybe, ..Opt::value(name, metavar, doc) }
    }

    /// With other spellings.
    pub const fn or(self, aliases: &'static [&'static str]) -> Opt {
        Opt { aliases, ..self }
    }

    /// May stand after `!`.
    pub const fn negatable(self) -> Opt {
        Opt { negatable: true, ..self }
    }

    /// Cannot be left out.
    pub const fn required(self) -> Opt {
        Opt { required: true, ..self }
    }

    /// May be given more than once.
    pub const fn repeatable(self) -> Opt {
        Opt { repeatable: true, ..self }
    }

    /// With the value that holds without it.
    pub const fn default(self, default: &'static str) -> Opt {
        Opt { default: Some(default), ..self }
    }

    /// All spellings, the printed one first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// Options that exclude or need each other, by their first names.
#[derive(Clone, Copy, Debug)]
pub enum Group {
    /// At most one of these.
    AtMostOne(&'static [&'static str]),
    /// Exactly one of these.
    ExactlyOne(&'static [&'static str]),
    /// At least one of these.
    AtLeastOne(&'static [&'static str]),
    /// The first only with the second.
    Needs(&'static str, &'static str),
    /// The first not with any of the others.
    Excludes(&'static str, &'static [&'static str]),
}
