//! Layer 3. Where a machine sends packets: its addresses, rules of routing and routes, read from what `ip` prints.
//!
//! [`Routes::parse`] reads a snapshot, [`Routes::find`] goes through the rules by their priority and through their tables by the
//! longest prefix, as the kernel does. What a snapshot does not say, and what is not modelled (routes over several
//! ways, selectors such as TOS), is an error with its reason, never a guess.
//!
//! Source: Linux 6.18 and iproute2 6.1, probed by `ip route get` (`cargo test -p xtask --test routes`).

mod find;
mod masquerade;
mod parse;
mod query;
#[cfg(test)]
mod tests;

pub use query::{Query, Refusal, Way};

use crate::dialect::Family;
use crate::source::Text;
use crate::value::iface::Iface;

/// A snapshot of the routes of a machine.
///
/// Its text is what these commands print, one after the other, in any order; a line `# ip -4 …` or `# ip -6 …` says of which family
/// the lines behind it are. Without it they are of the family of their addresses, and rules without any are of IPv4.
///
/// ```text
/// # ip -4 rule
/// # ip -4 route show table all
/// # ip -4 addr
/// # ip -6 rule
/// # ip -6 route show table all
/// # ip -6 addr
/// ```
///
/// Lines of `sysctl` tell `net.ipv4.ip_forward`, `net.ipv6.conf.all.forwarding` and `net.ipv4.conf.NAME.rp_filter`.
/// Plain text was chosen over JSON because it is what people have in front of them and send to each other, and needs no
/// other reader; it says the same.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    families: [Routing; 2],
    /// The reverse path filter of interfaces; `all` is one of the names.
    filters: Vec<(Text, u8)>,
}

/// The routes of one address family.
#[derive(Clone, Debug, Default)]
struct Routing {
    /// By priority. Empty: those that every machine begins with.
    rules: Vec<Rule>,
    routes: Vec<Route>,
    addresses: Vec<Address>,
    forwards: Option<bool>,
    /// Whether all tables were told, not `main` alone.
    is_whole: bool,
}

/// A rule of routing.
#[derive(Clone, Debug)]
struct Rule {
    priority: u32,
    inverted: bool,
    from: Prefix,
    to: Prefix,
    mark: (u32, u32),
    input: Option<Iface>,
    /// What it asks besides, and nobody knows.
    others: bool,
    action: Action,
    /// Prefixes up to this length do not count.
    suppress: Option<u8>,
}

/// What a rule of routing does.
#[derive(Clone, Debug, PartialEq)]
enum Action {
    Lookup(Text),
    Goto(u32),
    Nothing,
    Refuse(Refusal),
    /// Nobody knows.
    Other,
}

/// A route.
#[derive(Clone, Debug)]
struct Route {
    table: Text,
    kind: Kind,
    to: Prefix,
    /// Of IPv6 only.
    from: Prefix,
    gateway: Option<u128>,
    device: Option<Iface>,
    metric: u32,
    /// What is about it that nobody models: several ways, a type of service, a nexthop object.
    others: Option<&'static str>,
}

/// What becomes of packets that a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unicast,
    Local,
    Broadcast,
    Multicast,
    Refuse(Refusal),
    /// To the next rule.
    Throw,
}

/// An address of an interface.
#[derive(Clone, Debug)]
struct Address {
    device: Iface,
    address: u128,
    /// The network that it is in, or the other end.
    network: Prefix,
    /// Whether it is chosen where none is asked for: of the whole world, not secondary or deprecated.
    is_plain: bool,
    /// Valid for the link or the host only.
    is_narrow: bool,
    is_secondary: bool,
}

/// A network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Prefix {
    address: u128,
    mask: u128,
}

impl Prefix {
    fn has(self, address: u128) -> bool {
        address & self.mask == self.address
    }

    fn length(self) -> u32 {
        self.mask.count_ones()
    }
}

impl Routes {
    fn of(&self, family: Family) -> &Routing {
        let [v4, v6] = &self.families;
        if family == Family::V4 { v4 } else { v6 }
    }

    fn of_mut(&mut self, family: Family) -> &mut Routing {
        let [v4, v6] = &mut self.families;
        if family == Family::V4 { v4 } else { v6 }
    }
}
