//! What the methods of a rule take: one trait for each kind of value, for every type that is natural there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use crate::dialect::{Dialect, Family};
use crate::ext::{Context, Printer, TargetExtension};
use crate::program::Chain;
use crate::source::Text;
use crate::text::lex;
use crate::value::number;

/// A value after `!`: see [`not`].
#[derive(Clone, Copy, Debug)]
pub struct Not<T>(T);

/// Inverts a condition: `accept().source(not("10.0.0.0/8"))`.
pub fn not<T>(value: T) -> Not<T> {
    Not(value)
}

/// Says that a word never needs quotes; only this crate can.
#[derive(Clone, Copy, Debug)]
pub struct Bare(());

/// Any word; nothing in it is looked at before the rule is lowered.
pub trait Word {
    /// Numbers and addresses need not be searched for blanks and quotes. Nobody else can make the answer.
    #[doc(hidden)]
    fn bare(&self) -> Option<Bare> {
        None
    }

    /// Whether `!` stands before the option.
    fn inverted(&self) -> bool {
        false
    }

    /// Appends the word.
    fn write(&self, out: &mut Vec<u8>);
}

/// What is an address, a network, or a list of them.
pub trait Net: Word {}

/// What is a port, a range of ports, or the name of a service.
pub trait Ports: Word {}

/// What is a protocol.
pub trait Protocol: Word {}

impl<T: Word> Word for Not<T> {
    fn inverted(&self) -> bool {
        !self.0.inverted()
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn bare(&self) -> Option<Bare> {
        self.0.bare()
    }
}

impl<T: Net> Net for Not<T> {}
impl<T: Ports> Ports for Not<T> {}
impl<T: Protocol> Protocol for Not<T> {}

macro_rules! word {
    ($($type:ty: $($kind:ident)*, $bare:expr, |$value:ident, $out:ident| $write:expr;)*) => {$(
        impl Word for $type {
            fn bare(&self) -> Option<Bare> {
                $bare
            }

            fn write(&self, $out: &mut Vec<u8>) {
                let $value = self;
                $write
            }
        }
        $(impl $kind for $type {})*
    )*};
}

word! {
    &str: Net Ports Protocol, None, |value, out| out.extend_from_slice(value.as_bytes());
    String: Net Ports Protocol, None, |value, out| out.extend_from_slice(value.as_bytes());
    &String: Net Ports Protocol, None, |value, out| out.extend_from_slice(value.as_bytes());
    Text: Net Ports Protocol, None, |value, out| out.extend_from_slice(value);
    &[u8]: Net Ports Protocol, None, |value, out| out.extend_from_slice(value);
    u8: Protocol, Some(Bare(())), |value, out| number::push(out, u64::from(*value));
    u16: Ports, Some(Bare(())), |value, out| number::push(out, u64::from(*value));
    u32:, Some(Bare(())), |value, out| number::push(out, u64::from(*value));
    RangeInclusive<u16>: Ports, Some(Bare(())), |value, out| crate::value::port::Ports::from(value.clone()).push(out);
    Ipv4Addr: Net, Some(Bare(())), |value, out| crate::value::addr::push_address(out, Family::V4, u128::from(u32::from(*value)));
    Ipv6Addr: Net, Some(Bare(())), |value, out| crate::value::addr::push_address(out, Family::V6, u128::from(*value));
    (Ipv4Addr, u8): Net, Some(Bare(())), |value, out| prefix(out, &value.0, value.1);
    (Ipv6Addr, u8): Net, Some(Bare(())), |value, out| prefix(out, &value.0, value.1);
    (IpAddr, u8): Net, Some(Bare(())), |value, out| prefix(out, &value.0, value.1);
}

impl Word for IpAddr {
    fn bare(&self) -> Option<Bare> {
        Some(Bare(()))
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            IpAddr::V4(address) => address.write(out),
            IpAddr::V6(address) => address.write(out),
        }
    }
}

impl Net for IpAddr {}

fn prefix(out: &mut Vec<u8>, address: &impl Word, length: u8) {
    address.write(out);
    out.push(b'/');
    number::push(out, u64::from(length));
}

/// A protocol by its usual name; others by number (`u8`) or name (`&str`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// ICMPv6.
    Icmpv6,
    /// SCTP.
    Sctp,
    /// ESP.
    Esp,
    /// AH.
    Ah,
    /// GRE.
    Gre,
}

impl Word for Proto {
    fn bare(&self) -> Option<Bare> {
        Some(Bare(()))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self {
            Proto::Tcp => b"tcp",
            Proto::Udp => b"udp",
            Proto::Icmp => b"icmp",
            Proto::Icmpv6 => b"icmpv6",
            Proto::Sctp => b"sctp",
            Proto::Esp => b"esp",
            Proto::Ah => b"ah",
            Proto::Gre => b"gre",
        });
    }
}

impl Protocol for Proto {}

/// Where a rule jumps: a target of the catalogue, a chain, or the name of either.
pub trait JumpTo {
    /// Gives the words after `-j`.
    fn words(&self, word: &mut dyn FnMut(&[u8]));
}

impl<T: TargetExtension> JumpTo for T {
    fn words(&self, word: &mut dyn FnMut(&[u8])) {
        word(T::SPEC.name.as_bytes());
        options(|to| self.print(to), word);
    }
}

impl JumpTo for &str {
    fn words(&self, word: &mut dyn FnMut(&[u8])) {
        word(self.as_bytes());
    }
}

impl JumpTo for &Chain {
    fn words(&self, word: &mut dyn FnMut(&[u8])) {
        word(&self.name);
    }
}

/// The words of an extension's printed options.
///
/// A program belongs to no family; typed extensions whose text depends on it print their IPv4 form, and lowering for
/// IPv6 says so if it does not fit.
pub(super) fn options(print: impl FnOnce(&mut Printer<'_>), word: &mut dyn FnMut(&[u8])) {
    let mut line = Vec::new();
    print(&mut Printer::new(&mut line, Context::new(Family::V4, Dialect::default())));
    let mut words = Vec::new();
    lex::words(&line, &mut words);
    for it in &words {
        word(&it.bytes);
    }
}
