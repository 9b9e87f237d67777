//! `-m realm`.

use crate::ext::*;
use crate::meaning::{Field, Pred};
use crate::value::is::Is;
use crate::value::mark::Mark;
use crate::value::named;

/// Matches by the realm of the packet's route (IPv4 only).
///
/// Not in PREROUTING, where the route is not known yet. 1.8.9 knows the name `cosmos` for 0; other names stand in files
/// of the machine.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_realm.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Realm {
    /// The realm.
    pub realm: Is<Mark>,
}

impl Realm {
    /// This realm.
    pub fn new(realm: impl Into<Is<Mark>>) -> Realm {
        Realm { realm: realm.into() }
    }
}

const ZERO: &str = "cosmos";

impl Extension for Realm {
    const SPEC: Spec = Spec {
        name: "realm",
        kind: Kind::Match,
        aliases: &[],
        families: Families::V4,
        options: &[Opt::value("realm", "N[/MASK]|NAME", "The realm.").negatable().required()],
        groups: &[],
        places: Places::hooks(Hooks::of(&[Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting])),
        protos: None,
    };

    fn load(_: Context) -> Realm {
        Realm::new(Mark::exactly(0))
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        self.realm = arg.is(|text| named::parse(text, ZERO, arg.context.dialect))?;
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let dialect = to.context.dialect;
        to.is("realm", Some(self.realm), |it, out| named::push(out, it, ZERO, dialect));
    }
}

impl MatchExtension for Realm {
    fn meaning(&self, _: Context) -> Pred {
        Pred::mark(Field::Realm, self.realm.value).inverted(self.realm.inverted)
    }
}
