//! Conditions of extensions that `!` may invert.

use super::ct_state::{CtState, CtStates};
use super::port::Ports;
use std::ops::RangeInclusive;

/// A value that something must have, or (after `!`) must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Is<T> {
    /// The value.
    pub value: T,
    /// Whether `!` stands before it.
    pub inverted: bool,
}

/// The inverted condition: `Conntrack::new().proto(not(proto::TCP))` is `! --ctproto 6`.
pub const fn not<T>(value: T) -> Is<T> {
    Is { value, inverted: true }
}

impl<T> Is<T> {
    /// A condition, inverted or not.
    pub const fn new(value: T, inverted: bool) -> Is<T> {
        Is { value, inverted }
    }

    /// The same condition on another form of the value.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Is<U> {
        Is { value: form(self.value), inverted: self.inverted }
    }
}

impl<T> From<T> for Is<T> {
    fn from(value: T) -> Is<T> {
        Is { value, inverted: false }
    }
}

/// A comparison with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare<T> {
    /// Equal, or (inverted) not equal.
    Equal(Is<T>),
    /// Less.
    Less(T),
    /// Greater.
    Greater(T),
}

impl<T: Into<u64>> Compare<T> {
    /// The same comparison of 64-bit numbers.
    pub fn wide(self) -> Compare<u64> {
        match self {
            Compare::Equal(it) => Compare::Equal(it.map(Into::into)),
            Compare::Less(it) => Compare::Less(it.into()),
            Compare::Greater(it) => Compare::Greater(it.into()),
        }
    }
}

/// Lets a condition be given in a shorter form, inverted or not.
macro_rules! short_form {
    ($from:ty, $to:ty $(, const $n:ident)?) => {
        impl $(<const $n: usize>)? From<$from> for Is<$to> {
            fn from(value: $from) -> Is<$to> {
                Is::new(value.into(), false)
            }
        }

        impl $(<const $n: usize>)? From<Is<$from>> for Is<$to> {
            fn from(condition: Is<$from>) -> Is<$to> {
                condition.map(Into::into)
            }
        }
    };
}

short_form!(u16, Ports);
short_form!(RangeInclusive<u16>, Ports);
short_form!(CtState, CtStates);
short_form!([CtState; N], CtStates, const N);
