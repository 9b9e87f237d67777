//! Appends options as iptables-save prints them.

use super::Context;
use crate::value::is::{Compare, Is};
use crate::value::{number, quote};

/// Where an extension prints its options. Every method begins with a blank.
pub struct Printer<'a> {
    out: &'a mut Vec<u8>,
    /// Family and dialect.
    pub context: Context,
}

impl<'a> Printer<'a> {
    /// A printer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, context: Context) -> Printer<'a> {
        Printer { out, context }
    }

    /// ` --name`.
    pub fn flag(&mut self, name: &str) -> &mut Self {
        self.out.extend_from_slice(b" --");
        self.out.extend_from_slice(name.as_bytes());
        self
    }

    /// ` !` if inverted; the option follows.
    pub fn not(&mut self, inverted: bool) -> &mut Self {
        if inverted {
            self.out.extend_from_slice(b" !");
        }
        self
    }

    /// ` word`, as it is: for fixed words and names that iptables never quotes.
    pub fn word(&mut self, word: &[u8]) -> &mut Self {
        self.out.push(b' ');
        quote::push_raw(self.out, word);
        self
    }

    /// ` word`, quoted where iptables-save quotes it.
    pub fn quoted(&mut self, word: &[u8]) -> &mut Self {
        self.out.push(b' ');
        quote::push(self.out, word);
        self
    }

    /// ` 7`.
    pub fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        self.out.push(b' ');
        number::push(self.out, number.into());
        self
    }

    /// ` --name` with what the closure appends, ` ! --name` if inverted; nothing without a condition.
    pub fn is<T: Copy>(
        &mut self,
        name: &str,
        condition: Option<Is<T>>,
        print: impl FnOnce(T, &mut Vec<u8>),
    ) -> &mut Self {
        match condition {
            Some(it) => self.not(it.inverted).flag(name).with(|out| print(it.value, out)),
            None => self,
        }
    }

    /// ` 0x7`.
    pub fn hex(&mut self, number: u32) -> &mut Self {
        self.out.push(b' ');
        number::push_hex(self.out, u64::from(number));
        self
    }

    /// ` --eq 7`, ` ! --eq 7`, ` --lt 7` or ` --gt 7`, with these names; nothing without a comparison.
    pub fn compare<T: Into<u64>>(&mut self, names: [&str; 3], comparison: Option<Compare<T>>) -> &mut Self {
        let [equal, less, greater] = names;
        match comparison {
            Some(Compare::Equal(it)) => self.not(it.inverted).flag(equal).number(it.value),
            Some(Compare::Less(it)) => self.flag(less).number(it),
            Some(Compare::Greater(it)) => self.flag(greater).number(it),
            None => self,
        }
    }

    /// A blank and what the closure appends.
    pub fn with(&mut self, print: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.out.push(b' ');
        print(self.out);
        self
    }
}
