//! One rule.

use std::ops::{Deref, DerefMut};

use smallvec::SmallVec;

use crate::ext::{Context, Match, Target};
use crate::meaning::{Field, Pred};
use crate::origin::Origin;
use crate::source::Text;
use crate::value::addr::Net;
use crate::value::iface::Iface;
use crate::value::proto::Proto;

/// A rule of a chain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rule {
    /// Who wrote it.
    pub origin: Origin,
    /// Packets and bytes, if the text gave them (`[5:300] -A …`, `-c 5 300`).
    pub counters: Option<Box<Counters>>,
    /// What it says.
    pub body: Body,
}

/// How many packets and bytes a rule or a policy has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What a rule says: understood, or kept word for word.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Understood.
    Typed(Typed),
    /// Kept word for word.
    Opaque(Opaque),
}

/// A rule that was not understood; it prints as it was written and analyses treat it as an unknown condition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opaque {
    /// Why.
    pub kind: OpaqueKind,
    /// The rule after `-A CHAIN`, as one line.
    pub text: Text,
}

/// Why a rule is kept word for word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpaqueKind {
    /// It uses a match or target that the catalogue does not have: it may be right.
    Raw,
    /// All of it is known, but something in it is wrong.
    Invalid,
}

/// A rule that is understood, in canonical form.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Typed {
    /// `-s`.
    pub source: Net,
    /// `-d`.
    pub destination: Net,
    /// `-i`.
    pub in_iface: Iface,
    /// `-o`.
    pub out_iface: Iface,
    /// `-p`; 0 is any.
    pub proto: Proto,
    /// `-f`: second and later fragments only (IPv4).
    pub fragment: bool,
    /// Which of these are inverted.
    pub inverted: Inverted,
    /// `-m`, in the order written.
    pub matches: Matches,
    /// `-j` or `-g`.
    pub jump: Jump,
}

/// The matches of a rule. Two are held in place, because most rules have no more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matches(SmallVec<[Match; 2]>);

impl Matches {
    /// Adds one at the end.
    pub fn push(&mut self, it: impl Into<Match>) {
        self.0.push(it.into());
    }
}

impl Deref for Matches {
    type Target = [Match];
    fn deref(&self) -> &[Match] {
        &self.0
    }
}

impl DerefMut for Matches {
    fn deref_mut(&mut self) -> &mut [Match] {
        &mut self.0
    }
}

impl FromIterator<Match> for Matches {
    fn from_iter<I: IntoIterator<Item = Match>>(matches: I) -> Matches {
        Matches(matches.into_iter().collect())
    }
}

impl IntoIterator for Matches {
    type Item = Match;
    type IntoIter = smallvec::IntoIter<[Match; 2]>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Matches {
    type Item = &'a Match;
    type IntoIter = std::slice::Iter<'a, Match>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Which conditions of a [`Typed`] rule are inverted; a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inverted(u8);

impl Inverted {
    /// `! -s`.
    pub const SOURCE: Inverted = Inverted(1);
    /// `! -d`.
    pub const DESTINATION: Inverted = Inverted(2);
    /// `! -i`.
    pub const IN_IFACE: Inverted = Inverted(4);
    /// `! -o`.
    pub const OUT_IFACE: Inverted = Inverted(8);
    /// `! -p`.
    pub const PROTO: Inverted = Inverted(16);
    /// `! -f`.
    pub const FRAGMENT: Inverted = Inverted(32);

    /// Whether this condition is inverted.
    pub const fn has(self, bit: Inverted) -> bool {
        self.0 & bit.0 != 0
    }

    /// Inverts this condition, or not.
    pub fn set(&mut self, bit: Inverted, inverted: bool) {
        self.0 = if inverted { self.0 | bit.0 } else { self.0 & !bit.0 };
    }
}

/// Where a packet goes that matches.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Jump {
    /// On to the next rule: the rule only counts.
    #[default]
    None,
    /// `-j TARGET`.
    Target(Target),
    /// `-j CHAIN`: into a chain of the user, and back.
    Chain(Text),
    /// `-g CHAIN`: into a chain of the user, and back to the caller's caller.
    Goto(Text),
}

impl Jump {
    /// The chain that it leads to.
    pub fn chain(&self) -> Option<&Text> {
        match self {
            Jump::Chain(chain) | Jump::Goto(chain) => Some(chain),
            Jump::None | Jump::Target(_) => None,
        }
    }
}

impl Default for Typed {
    fn default() -> Typed {
        Typed {
            source: Net::Any,
            destination: Net::Any,
            in_iface: Iface::ANY,
            out_iface: Iface::ANY,
            proto: 0,
            fragment: false,
            inverted: Inverted::default(),
            matches: Matches::default(),
            jump: Jump::None,
        }
    }
}

impl Rule {
    /// A rule that is understood.
    pub fn typed(origin: Origin, typed: Typed) -> Rule {
        Rule { origin, counters: None, body: Body::Typed(typed) }
    }

    /// A rule kept word for word.
    pub fn opaque(origin: Origin, kind: OpaqueKind, text: Text) -> Rule {
        Rule { origin, counters: None, body: Body::Opaque(Opaque { kind, text }) }
    }

    /// What it says, if it is understood.
    pub fn as_typed(&self) -> Option<&Typed> {
        match &self.body {
            Body::Typed(typed) => Some(typed),
            Body::Opaque(_) => None,
        }
    }
}

impl Typed {
    /// The condition of the whole rule.
    pub fn meaning(&self, context: Context) -> Pred {
        let not = |bit| self.inverted.has(bit);
        let proto = if self.proto == 0 { Pred::True } else { Pred::is(Field::Proto, u128::from(self.proto)) };
        let fragment = if self.fragment { Pred::yes(Field::LaterFragment) } else { Pred::True };
        let iface =
            |iface: Iface, make: fn(Iface) -> Pred| if iface.is_any() { Pred::True } else { make(iface) };
        let fields = [
            Pred::net(Field::Source, &self.source).inverted(not(Inverted::SOURCE)),
            Pred::net(Field::Destination, &self.destination).inverted(not(Inverted::DESTINATION)),
            iface(self.in_iface, Pred::InIface).inverted(not(Inverted::IN_IFACE)),
            iface(self.out_iface, Pred::OutIface).inverted(not(Inverted::OUT_IFACE)),
            proto.inverted(not(Inverted::PROTO)),
            fragment.inverted(not(Inverted::FRAGMENT)),
        ];
        Pred::all(fields.into_iter().chain(self.matches.iter().map(|it| it.meaning(context))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_stays_small() {
        assert!(size_of::<Match>() <= 24, "{}", size_of::<Match>());
        assert!(size_of::<Target>() <= 24, "{}", size_of::<Target>());
        assert!(size_of::<Rule>() <= 184, "{}", size_of::<Rule>());
    }
}
