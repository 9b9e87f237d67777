//! Layer 1. Scalars of rules: one file each, with its parser, canonical printer and limits.

pub mod addr;
pub mod bpf;
pub mod chunks;
pub mod clock;
pub mod ct_state;
pub mod ct_zone;
pub mod dscp;
pub mod hash_rate;
pub mod header_options;
pub mod host;
pub mod icmp;
pub mod iface;
pub mod is;
pub mod mac;
pub mod mark;
pub mod named;
pub mod nat;
pub mod number;
pub mod pattern;
pub mod port;
pub mod proto;
pub mod quote;
pub mod range;
pub mod rate;
pub mod set_dirs;
pub mod tcp_flags;
pub mod tos;
pub mod u32_test;

use std::borrow::Cow;

use crate::dialect::Family;
use addr::Bits;

/// Looks up names that live on a machine: services, protocols, users, groups.
///
/// The library has built-in tables only ([`BuiltinNames`]); a program passes its own provider to see `/etc`.
pub trait Names {
    /// The port of a service, for the protocol called `proto` (`tcp`, `udp` …) or for any if `None`.
    fn service(&self, name: &str, proto: Option<&str>) -> Option<u16>;
    /// The number of a protocol.
    fn protocol(&self, name: &str) -> Option<u8>;
    /// The addresses of a host in a family, in the order of the answer.
    fn host(&self, name: &str, family: Family) -> Vec<Bits>;
    /// The id of a user.
    fn user(&self, name: &str) -> Option<u32>;
    /// The id of a group.
    fn group(&self, name: &str) -> Option<u32>;
}

/// Names that the library knows by itself: well-known services and IANA protocols; no users but `root`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltinNames;

impl Names for BuiltinNames {
    fn service(&self, name: &str, proto: Option<&str>) -> Option<u16> {
        // Services files name ports of TCP and UDP only.
        if matches!(proto, None | Some("tcp" | "udp")) { port::well_known(name) } else { None }
    }

    fn protocol(&self, name: &str) -> Option<u8> {
        proto::by_name(name)
    }

    fn host(&self, name: &str, family: Family) -> Vec<Bits> {
        // The tools ask the resolver; what a name means must not depend on the machine that checks it.
        if name == "localhost" && family == Family::V4 { vec![0x7f00_0001] } else { Vec::new() }
    }

    fn user(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }
}

/// Why a text is not the value that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bad {
    /// What kind of wrong.
    pub kind: BadKind,
    /// What was expected, as a phrase that follows "expected".
    pub expected: Cow<'static, str>,
}

/// The kinds of wrong values; each has its diagnostic code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadKind {
    /// Not of the form.
    Form,
    /// A number out of its range.
    Range,
    /// Not an address.
    Address,
    /// Not a port.
    Port,
    /// Not a protocol.
    Protocol,
    /// Not an interface name.
    Interface,
    /// A name that nobody knows.
    Name,
}

impl Bad {
    /// Not of the form.
    pub fn form(expected: impl Into<Cow<'static, str>>) -> Bad {
        Bad { kind: BadKind::Form, expected: expected.into() }
    }

    /// A number out of its range.
    pub fn range(expected: impl Into<Cow<'static, str>>) -> Bad {
        Bad { kind: BadKind::Range, expected: expected.into() }
    }

    /// Of another kind.
    pub fn new(kind: BadKind, expected: impl Into<Cow<'static, str>>) -> Bad {
        Bad { kind, expected: expected.into() }
    }
}

/// A value of the given form.
pub type Parsed<T> = Result<T, Bad>;
