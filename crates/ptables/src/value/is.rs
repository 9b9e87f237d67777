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
