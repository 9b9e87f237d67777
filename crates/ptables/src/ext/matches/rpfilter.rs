//! `-m rpfilter`.

use crate::ext::*;
use crate::meaning::{Field, Pred};

/// Matches packets whose answer would leave through the interface by which they came.
///
/// Only in PREROUTING of tables raw and mangle. `--invert` is an option; `!` is not taken.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_rpfilter.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rpfilter {
    /// Any interface will do, as long as there is a route.
    pub loose: bool,
    /// The packet's mark is used to find the route.
    pub valid_mark: bool,
    /// Packets with a source of this machine may match.
    pub accept_local: bool,
    /// Matches packets that fail the test.
    pub invert: bool,
}

impl Rpfilter {
    /// The strict test.
    pub const fn new() -> Rpfilter {
        Rpfilter { loose: false, valid_mark: false, accept_local: false, invert: false }
    }

    /// `--loose`.
    #[must_use]
    pub const fn loose(mut self) -> Rpfilter {
        self.loose = true;
        self
    }

    /// `--invert`: matches packets that fail the test.
    #[must_use]
    pub const fn inverted(mut self) -> Rpfilter {
        self.invert = !self.invert;
        self
    }
}

impl Extension for Rpfilter {
    const SPEC: Spec = Spec {
        name: "rpfilter",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::flag("loose", "Any interface will do."),
            Opt::flag("validmark", "The packet's mark is used to find the route."),
            Opt::flag("accept-local", "Packets with a source of this machine may match."),
            Opt::flag("invert", "Matches packets that fail the test."),
        ],
        groups: &[],
        places: Places::new(&[TableName::Mangle, TableName::Raw], &[Hook::Prerouting]),
        protos: None,
    };

    fn load(_: Context) -> Rpfilter {
        Rpfilter::new()
    }

    fn option(&mut self, name: &'static str, _: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "loose" => self.loose = true,
            "validmark" => self.valid_mark = true,
            "accept-local" => self.accept_local = true,
            _ => self.invert = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let flags = [
            ("loose", self.loose),
            ("validmark", self.valid_mark),
            ("accept-local", self.accept_local),
            ("invert", self.invert),
        ];
        for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
            to.flag(name);
        }
    }
}

impl MatchExtension for Rpfilter {
    fn meaning(&self, _: Context) -> Pred {
        Pred::yes(Field::ReversePath).inverted(self.invert)
    }
}
