//! `-m socket`.

use crate::ext::*;
use crate::meaning::{Field, Need, Pred};

/// Matches packets for which this machine has an open socket.
///
/// Only in PREROUTING and INPUT.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_socket.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Socket {
    /// Only sockets that are transparent (`IP_TRANSPARENT`).
    pub transparent: bool,
    /// Sockets bound to no address count too.
    pub no_wildcard: bool,
    /// The packet takes the mark of the socket.
    pub restore_mark: bool,
}

impl Socket {
    /// Any socket that is bound to an address.
    pub const fn new() -> Socket {
        Socket { transparent: false, no_wildcard: false, restore_mark: false }
    }

    /// `--transparent`.
    #[must_use]
    pub const fn transparent(mut self) -> Socket {
        self.transparent = true;
        self
    }
}

impl Extension for Socket {
    const SPEC: Spec = Spec {
        name: "socket",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::flag("transparent", "Only sockets that are transparent."),
            Opt::flag("nowildcard", "Sockets bound to no address count too."),
            Opt::flag("restore-skmark", "The packet takes the mark of the socket."),
        ],
        groups: &[],
        places: Places::hooks(Hooks::of(&[Hook::Prerouting, Hook::Input])),
        protos: None,
    };

    fn load(_: Context) -> Socket {
        Socket::new()
    }

    fn option(&mut self, name: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "transparent" => self.transparent = true,
            "nowildcard" => self.no_wildcard = true,
            _ => self.restore_mark = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let flags = [
            ("transparent", self.transparent),
            ("nowildcard", self.no_wildcard),
            ("restore-skmark", self.restore_mark),
        ];
        for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
            to.flag(name);
        }
    }
}

impl MatchExtension for Socket {
    fn meaning(&self, _: Context) -> Pred {
        let kind = (self.transparent || self.restore_mark || !self.no_wildcard)
            .then_some(Pred::Needs(Need::Other("the kind of the socket that waits for the packet")));
        Pred::all([Pred::yes(Field::SocketWaits)].into_iter().chain(kind))
    }
}
