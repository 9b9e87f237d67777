//! Chains: lists of rules.

use std::ops::{Bound, Index, IndexMut, RangeBounds};

use super::rule::Rule;
use crate::ext::Families;
use crate::model::{Counters, Policy};
use crate::origin::Origin;
use crate::source::Text;

/// A chain as it was written: a list of rules, with a policy if it is built in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Chain {
    /// Its name, at most 28 bytes (checked when it is lowered).
    pub name: Text,
    /// Who wrote it.
    pub origin: Origin,
    /// Built in, or the user's.
    pub kind: ChainKind,
    /// The families that have it, in a program for both; `None`: all.
    pub families: Option<Families>,
    /// A remark that is printed above its rules.
    pub comment: Option<Text>,
    /// What it is called there, if not `Builtin Chain` or `User Chain`.
    pub title: Option<Text>,
    /// Counters of the policy.
    pub counters: Counters,
    /// Its line of text, if the counters there are no numbers (or missing: `false`).
    pub(crate) odd_counters: Option<(Origin, bool)>,
    /// A second line of text that declares it.
    pub(crate) redeclared: Option<Origin>,
    rules: Vec<Rule>,
}

/// Which sort of chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainKind {
    /// An entry point of the kernel; the policy as written, `None` to leave it as it is.
    Builtin(Option<Text>),
    /// A chain that rules jump to.
    User,
    /// Rules of text stand in it, but no line declares it: it must be built in, or in the kernel already.
    Named,
}

impl Chain {
    /// A built-in chain; `policy` is `ACCEPT` or `DROP`.
    #[track_caller]
    pub fn builtin(name: impl Into<Text>, policy: impl Into<Text>) -> Chain {
        Chain::new(name.into(), ChainKind::Builtin(Some(policy.into())), Origin::caller())
    }

    /// A chain of the user.
    #[track_caller]
    pub fn user(name: impl Into<Text>) -> Chain {
        Chain::new(name.into(), ChainKind::User, Origin::caller())
    }

    pub(crate) fn new(name: Text, kind: ChainKind, origin: Origin) -> Chain {
        Chain {
            name,
            origin,
            kind,
            families: None,
            comment: None,
            title: None,
            counters: Counters::default(),
            odd_counters: None,
            redeclared: None,
            rules: Vec::new(),
        }
    }

    /// The chain without its rules.
    pub(crate) fn without_rules(&self) -> Chain {
        Chain {
            name: self.name.clone(),
            origin: self.origin.clone(),
            kind: self.kind.clone(),
            families: self.families,
            comment: self.comment.clone(),
            title: self.title.clone(),
            counters: self.counters,
            odd_counters: self.odd_counters.clone(),
            redeclared: self.redeclared.clone(),
            rules: Vec::new(),
        }
    }

    /// The policy as written; `None` in a user chain and where it is left as it is.
    pub fn policy(&self) -> Option<&Text> {
        match &self.kind {
            ChainKind::Builtin(policy) => policy.as_ref(),
            ChainKind::User | ChainKind::Named => None,
        }
    }

    /// Sets the policy of a built-in chain; a user chain has none and stays as it is.
    ///
    /// Returns whether there is a policy to set.
    pub fn set_policy(&mut self, policy: impl Into<Text>) -> bool {
        match &mut self.kind {
            ChainKind::Builtin(place) => {
                *place = Some(policy.into());
                true
            }
            ChainKind::User | ChainKind::Named => false,
        }
    }

    /// Leaves the policy of a built-in chain as it is in the kernel.
    pub fn leave_policy(&mut self) {
        if let ChainKind::Builtin(place) = &mut self.kind {
            *place = None;
        }
    }

    /// Adds a rule at the end.
    pub fn push(&mut self, rule: impl Into<Rule>) {
        self.rules.push(rule.into());
    }

    /// Puts a rule at a place, from 0; beyond the end it is added there.
    pub fn insert(&mut self, index: usize, rule: impl Into<Rule>) {
        let index = index.min(self.rules.len());
        self.rules.insert(index, rule.into());
    }

    /// Takes out the rule at a place, from 0.
    pub fn remove(&mut self, index: usize) -> Option<Rule> {
        (index < self.rules.len()).then(|| self.rules.remove(index))
    }

    /// Takes out the first rule that says the same; says whether there was one.
    pub fn remove_rule(&mut self, rule: &Rule) -> bool {
        let found = self.rules.iter().position(|it| it == rule);
        found.is_some_and(|index| self.remove(index).is_some())
    }

    /// Takes out a range of rules.
    pub fn drain(&mut self, range: impl RangeBounds<usize>) -> Vec<Rule> {
        let len = self.rules.len();
        let bound = |bound: Bound<&usize>, add| match bound {
            Bound::Included(at) => *at + add,
            Bound::Excluded(at) => *at + 1 - add,
            Bound::Unbounded if add == 0 => 0,
            Bound::Unbounded => len,
        };
        let end = bound(range.end_bound(), 1).min(len);
        let start = bound(range.start_bound(), 0).min(end);
        self.rules.drain(start..end).collect()
    }

    /// Takes out all rules.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// How many rules; a composite counts as one.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule at a place, from 0.
    pub fn get(&self, index: usize) -> Option<&Rule> {
        self.rules.get(index)
    }

    /// The rules.
    pub fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.rules.iter()
    }

    /// The rules, to change them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Rule> {
        self.rules.iter_mut()
    }

    /// The rules as a slice.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// # Panics
/// If there is no such place, as every list does; [`Chain::get`] does not.
impl Index<usize> for Chain {
    type Output = Rule;
    #[expect(clippy::indexing_slicing, reason = "the contract of Index")]
    fn index(&self, index: usize) -> &Rule {
        &self.rules[index]
    }
}

impl IndexMut<usize> for Chain {
    #[expect(clippy::indexing_slicing, reason = "the contract of IndexMut")]
    fn index_mut(&mut self, index: usize) -> &mut Rule {
        &mut self.rules[index]
    }
}

impl<R: Into<Rule>> Extend<R> for Chain {
    fn extend<I: IntoIterator<Item = R>>(&mut self, rules: I) {
        self.rules.extend(rules.into_iter().map(Into::into));
    }
}

impl<'a> IntoIterator for &'a Chain {
    type Item = &'a Rule;
    type IntoIter = std::slice::Iter<'a, Rule>;
    fn into_iter(self) -> Self::IntoIter {
        self.rules.iter()
    }
}

impl IntoIterator for Chain {
    type Item = Rule;
    type IntoIter = std::vec::IntoIter<Rule>;
    fn into_iter(self) -> Self::IntoIter {
        self.rules.into_iter()
    }
}

/// `chain.set_policy(Drop)`: the targets that can be policies.
impl From<crate::ext::targets::Drop> for Text {
    fn from(_: crate::ext::targets::Drop) -> Text {
        Text::from("DROP")
    }
}

impl From<crate::ext::targets::Accept> for Text {
    fn from(_: crate::ext::targets::Accept) -> Text {
        Text::from("ACCEPT")
    }
}

impl From<Policy> for Text {
    fn from(policy: Policy) -> Text {
        Text::from(policy.as_str())
    }
}
